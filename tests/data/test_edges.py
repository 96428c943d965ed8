"""Rarer trouble: what libraries word badly, what sizes and times hide, what others do meanwhile."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import (
    Dataset,
    load_default,
    load_digits,
    load_mnist,
    open_folder,
    save_folder,
    statistics,
)
from mnistlab.data import digits as digits_module
from mnistlab.data.dataset import ARRAYS, digest_of
from mnistlab.data.folder import replace_folder
from mnistlab.errors import DataError

Env = pytest.MonkeyPatch


def complaint() -> str:
    """What load_mnist says, held to one line with a remedy."""
    with pytest.raises(DataError) as caught:
        load_mnist()
    text = str(caught.value)
    assert "\n" not in text
    assert "MNISTLAB_MNIST names it" in text
    return text


@pytest.fixture
def built(home: Path, mnist_npz: Path, monkeypatch: Env) -> Path:
    """The folder of a cache that a test may damage."""
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    folder = load_mnist().folder
    assert folder is not None
    return folder


def test_a_header_that_numpy_refuses_in_several_lines(
    cached_home: Path, tmp_path: Path, monkeypatch: Env
) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (9,), }".ljust(20000) + b"\n"
    path = tmp_path / "endless.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ARRAYS:
            start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
            archive.writestr(f"{name}.npy", start + header)
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.setenv("MNISTLAB_MNIST", str(path))
    files = [f for f in (cached_home / "data" / "mnist").iterdir() if f.is_file()]
    before = {file: file.read_bytes() for file in files}
    assert f"{path} cannot be read" in complaint()
    assert {file: file.read_bytes() for file in files} == before


def test_a_path_too_long_for_any_file(home: Path, monkeypatch: Env) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", f"/{'x' * 300}.npz")
    assert "cannot be read" in complaint()


def test_a_truncated_gz_is_named(
    home: Path, idx_folder: Callable[..., Path], monkeypatch: Env
) -> None:
    folder = idx_folder()
    file = folder / "t10k-labels-idx1-ubyte"
    file.write_bytes(gzip.compress(file.read_bytes())[:-20])
    monkeypatch.setenv("MNISTLAB_MNIST", str(folder))
    assert f"{file} cannot be read and may be truncated" in complaint()


def test_a_good_file_spoilt_in_place_is_noticed(
    home: Path, mnist_npz: Path, tmp_path: Path, monkeypatch: Env
) -> None:
    local, content = tmp_path / "mine.npz", mnist_npz.read_bytes()
    local.write_bytes(content)
    monkeypatch.setenv("MNISTLAB_MNIST", str(local))
    load_mnist()
    local.write_bytes(content[:-3000])
    assert "truncated" in complaint()
    monkeypatch.delenv("MNISTLAB_MNIST")  # the remedy that the message names
    assert len(load_mnist(verify=True).x_train) == 60000


def test_fetch_finds_damage_that_times_and_sizes_hide(built: Path, digest: str) -> None:
    file = built / "y_test.npy"
    stat, content = file.stat(), bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    fetched = load_mnist(progress=False, verify=True)
    assert digest_of(getattr(fetched, name) for name in ARRAYS) == digest


def test_a_manifest_without_its_origin_costs_one_check(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text())
    origin = manifest.pop("origin")
    (built / "manifest.json").write_text(json.dumps(manifest))
    load_mnist()
    assert json.loads((built / "manifest.json").read_text())["origin"] == origin


def test_default_is_mapped_and_reopens_by_its_folder(mnist: Dataset) -> None:
    assert mnist.folder is not None
    again = open_folder(mnist.folder)
    for name in ARRAYS:
        assert isinstance(getattr(again, name), np.memmap)
        assert not getattr(again, name).flags.writeable
    assert (again.name, again.title, again.digest) == (mnist.name, mnist.title, mnist.digest)


def test_a_folder_reopens_as_it_was_saved(digits: Dataset, tmp_path: Path) -> None:
    save_folder(digits, tmp_path / "saved")
    again = open_folder(tmp_path / "saved", verify=True)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(digits, name))
    assert statistics(again) == statistics(digits)


def test_digits_are_the_same_each_time_they_are_built(home: Path, digits: Dataset) -> None:
    anew = load_digits()
    assert anew.folder is not None
    assert anew.folder != digits.folder
    assert anew.digest == digits.digest
    (anew.folder / "x_train.npy").write_bytes(b"nothing")
    repaired = load_digits()
    assert digest_of(getattr(repaired, name) for name in ARRAYS) == digits.digest


def test_digits_that_another_process_cached_meanwhile_are_used(
    home: Path, monkeypatch: Env
) -> None:
    def overtaken(dataset: Dataset, folder: Path) -> None:
        replace_folder(dataset, folder)
        raise DataError("the folder is there already")

    monkeypatch.setattr(digits_module, "replace_folder", overtaken)
    digits = load_digits()
    assert digits.folder == home / "data" / "digits-1"
    assert isinstance(digits.x_train, np.memmap)


def test_digits_from_a_truncated_file(home: Path, tmp_path: Path, monkeypatch: Env) -> None:
    whole = digits_module._data_file().read_bytes()
    cut = tmp_path / "digits.csv.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    monkeypatch.setattr(digits_module, "_data_file", lambda: cut)
    with pytest.raises(DataError, match="pip install --force-reinstall scikit-learn") as caught:
        load_digits()
    assert "\n" not in str(caught.value)


def test_loading_brings_in_no_heavy_package(home: Path) -> None:
    code = (
        "import json, sys; from mnistlab.data import load_default, statistics\n"
        "for _ in range(2): statistics(load_default())\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(run.stdout)}
    assert not loaded & {"sklearn", "scipy", "tensorflow", "keras", "pandas", "pooch", "requests"}


def test_the_notice_says_what_to_do_in_one_line(home: Path) -> None:
    notice = load_default().notice
    assert notice.startswith("These are scikit-learn's 1,797 small digits, not MNIST.")
    assert "set MNISTLAB_MNIST to a local mnist.npz" in notice
    assert "`mnistlab data fetch`" in notice
    assert "\n" not in notice


def test_additional_images_travel_with_the_folder(digits: Dataset, tmp_path: Path) -> None:
    more = digits.with_extra(digits.x_test[:3], digits.y_test[:3])
    assert (more.digest, more.folder) == (digits.digest, None)
    assert more.fingerprint != digits.fingerprint == digits.digest
    save_folder(more, tmp_path / "data")
    again = open_folder(tmp_path / "data")
    np.testing.assert_array_equal(again.extra_images, digits.x_test[:3])
    np.testing.assert_array_equal(again.extra_labels, digits.y_test[:3])
    assert again.fingerprint == more.fingerprint


def test_additional_images_must_fit(digits: Dataset) -> None:
    with pytest.raises(DataError, match="nothing to add"):
        digits.with_extra(digits.x_test[:0], digits.y_test[:0])
    with pytest.raises(DataError, match="cannot be added"):
        digits.with_extra(digits.x_test[:3], digits.y_test[:2])
