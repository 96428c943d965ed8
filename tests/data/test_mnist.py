"""Loading MNIST: where it comes from, how it is checked, and what a second process sees."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from mnistlab.data import load_mnist
from mnistlab.data import mnist as module
from mnistlab.data.dataset import ARRAYS, digest_of
from mnistlab.errors import DataError

Env = pytest.MonkeyPatch


def test_local_file_becomes_a_read_only_memory_mapped_cache(
    home: Path, monkeypatch: Env, mnist_npz: Path, real_arrays: dict[str, Any], digest: str
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    data = load_mnist()
    assert (data.name, data.title, data.notice) == ("mnist", "MNIST", "")
    assert str(mnist_npz) in data.source
    assert data.digest == digest
    assert data.folder is not None
    assert data.folder.is_relative_to(home)
    for name in ARRAYS:
        array = getattr(data, name)
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
        np.testing.assert_array_equal(array, real_arrays[name])
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0, 0, 0] = 1


def test_cache_serves_without_a_source(cached_home: Path, monkeypatch: Env, digest: str) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    assert load_mnist(verify=True).digest == digest


def test_known_local_file_is_not_read_again(
    cached_home: Path, monkeypatch: Env, mnist_npz: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    monkeypatch.setattr(module, "read_container", lambda path: pytest.fail("was read"))
    assert len(load_mnist().x_train) == 60000


@pytest.mark.parametrize("packed", [False, True])
def test_folder_of_idx_files_holds_the_same(
    home: Path, monkeypatch: Env, idx_folder: Callable[..., Path], digest: str, packed: bool
) -> None:
    folder = idx_folder()
    if packed:
        for file in list(folder.iterdir()):
            (folder / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
            file.unlink()
    else:
        (folder / "train-images-idx3-ubyte").rename(folder / "train-images.idx3-ubyte")
    monkeypatch.setenv("MNISTLAB_MNIST", str(folder))
    data = load_mnist()
    assert digest_of(getattr(data, name) for name in ARRAYS) == digest


@pytest.mark.parametrize("damage", ["missing", "truncated", "changed", "manifest"])
def test_damaged_cache_is_built_anew(
    home: Path, monkeypatch: Env, mnist_npz: Path, digest: str, damage: str
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    folder = load_mnist().folder
    assert folder is not None
    victim = folder / ("manifest.json" if damage == "manifest" else "y_train.npy")
    if damage == "missing":
        victim.unlink()
    elif damage == "changed":
        content = bytearray(victim.read_bytes())
        content[-1] ^= 1  # the same size, so only the time and the digest can tell
        victim.write_bytes(content)
    else:
        victim.write_bytes(victim.read_bytes()[:-5])
    data = load_mnist()
    assert digest_of(getattr(data, name) for name in ARRAYS) == digest
    assert [path.name for path in folder.parent.iterdir() if "-" in path.name] == []


def test_damaged_cache_without_a_source_says_so(
    home: Path, monkeypatch: Env, mnist_npz: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    folder = load_mnist().folder
    assert folder is not None
    (folder / "x_test.npy").unlink()
    monkeypatch.delenv("MNISTLAB_MNIST")
    with pytest.raises(DataError, match="damaged") as caught:
        load_mnist()
    assert str(folder) in str(caught.value)


def test_copied_cache_is_checked_once_and_then_trusted(
    home: Path, monkeypatch: Env, mnist_npz: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    folder = load_mnist().folder
    assert folder is not None
    os.utime(folder / "x_train.npy")
    digests = Mock(side_effect=digest_of)
    monkeypatch.setattr("mnistlab.data.folder.digest_of", digests)
    load_mnist()
    load_mnist()
    assert digests.call_count == 1


def test_leftovers_of_a_killed_build_are_cleared(
    home: Path, monkeypatch: Env, mnist_npz: Path
) -> None:
    left = home / "data" / "mnist.building-0123"
    left.mkdir(parents=True)
    (left / "x_train.npy").write_bytes(b"half")
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    load_mnist()
    assert not left.exists()


TWO_AT_ONCE = """
import sys
from mnistlab.data import mnist
mnist.MNIST_DIGEST = sys.argv[1]
build = mnist._build
def counted(*arguments):
    print("built")
    build(*arguments)
mnist._build = counted
print(int(mnist.load_mnist(verify=True).x_train.sum()))
"""


def test_two_processes_at_once_build_once(
    home: Path, monkeypatch: Env, mnist_npz: Path, digest: str, real_arrays: dict[str, Any]
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    command = [sys.executable, "-c", TWO_AT_ONCE, digest]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    words = " ".join(process.communicate(timeout=60)[0] for process in both).split()
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(words) == sorted(["built", *[str(int(real_arrays["x_train"].sum()))] * 2])


def test_unwritable_cache_names_the_remedy(
    monkeypatch: Env, tmp_path: Path, mnist_npz: Path
) -> None:
    (tmp_path / "file").touch()  # a folder under a file is unwritable even for root
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    with pytest.raises(DataError, match=r"cannot be written .*set MNISTLAB_HOME") as caught:
        load_mnist()
    assert "\n" not in str(caught.value)


def test_full_disk_leaves_nothing_behind(home: Path, monkeypatch: Env, mnist_npz: Path) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_npz))
    monkeypatch.setattr("mnistlab.data.folder.write_manifest", full)
    with pytest.raises(DataError, match=r"No space left.*MNISTLAB_HOME"):
        load_mnist()
    assert [path.name for path in (home / "data").iterdir()] in ([], ["mnist.lock"])


def test_offline_without_data_names_the_remedy(home: Path) -> None:
    with pytest.raises(DataError, match=r"MNISTLAB_OFFLINE.*MNISTLAB_MNIST.*mnistlab data fetch"):
        load_mnist()
