"""scikit-learn's digits in MNIST's format, and when they stand in for MNIST."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits as sklearn_digits

from mnistlab.data import Dataset, info, load_default, load_digits, open_folder, statistics
from mnistlab.data.dataset import ARRAYS, digest_of
from mnistlab.errors import DataError
from mnistlab.models import load_classifier


def test_shapes_split_and_labels(digits: Dataset) -> None:
    assert digits.x_train.shape == (1437, 28, 28)
    assert digits.x_test.shape == (360, 28, 28)
    assert {getattr(digits, name).dtype for name in ARRAYS} == {np.dtype(np.uint8)}
    labels = np.concatenate([digits.y_train, digits.y_test])
    truth = np.bincount(sklearn_digits().target)
    np.testing.assert_array_equal(np.bincount(labels), truth)
    np.testing.assert_allclose(np.bincount(digits.y_test), truth / 5, atol=1)
    assert not digits.x_train.flags.writeable


def test_images_follow_mnists_recipe(digits: Dataset) -> None:
    for image in np.concatenate([digits.x_train, digits.x_test]):
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        sides = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert max(sides) <= 20
        assert max(sides) >= 18  # faint ink at the rim may round to black
        assert image.max() == 255
        for axis in (0, 1):
            centre = np.average(np.arange(28), weights=image.sum(axis=1 - axis))
            assert 13.4 <= centre < 14.6


def test_images_stand_upright_with_their_own_labels(digits: Dataset) -> None:
    """A model trained on MNIST alone reads them; turned or mirrored, it reads far fewer."""

    def accuracy(images: NDArray[np.uint8]) -> float:
        answers = load_classifier("cnn").predict_proba(images).argmax(axis=1)
        return float((answers == digits.y_test).mean())

    upright = accuracy(digits.x_test)
    assert upright > 0.8
    changed = (
        digits.x_test.transpose(0, 2, 1),
        digits.x_test[:, ::-1],
        digits.x_test[:, :, ::-1],
    )
    assert upright > 1.5 * max(accuracy(np.ascontiguousarray(images)) for images in changed)


def test_scikit_learn_is_not_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from mnistlab.data import load_default; d = load_default();"
        "print(d.name, [m for m in sys.modules if m.split('.')[0] in ('sklearn', 'scipy')])"
    )
    environment = {"MNISTLAB_HOME": str(tmp_path), "MNISTLAB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "digits []"


def test_cache_is_used_and_holds_the_same(home: Path) -> None:
    first, second = load_digits(), load_digits()
    assert first.folder == second.folder
    assert first.folder is not None
    assert first.folder.is_relative_to(home)
    assert isinstance(second.x_train, np.memmap)
    assert second.digest == digest_of(getattr(second, name) for name in ARRAYS)
    assert open_folder(first.folder).title == "scikit-learn digits"


def test_unwritable_home_keeps_them_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digits: Dataset
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "file" / "home"))
    data = load_digits()
    assert data.folder is None
    assert data.digest == digits.digest
    assert not data.x_train.flags.writeable
    assert statistics(data).test.images == 360


def test_missing_scikit_learn_names_the_remedy(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install scikit-learn"):
        load_digits()


def test_default_is_mnist_where_it_is_cached(
    cached_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    data = load_default()
    assert (data.name, data.notice) == ("mnist", "")


def test_default_never_swaps_silently(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load_default()
    assert (data.name, data.title) == ("digits", "scikit-learn digits")
    assert "not MNIST" in data.notice
    assert "MNISTLAB_MNIST" in data.notice
    monkeypatch.setenv("MNISTLAB_MNIST", str(home / "nowhere.npz"))
    assert "nowhere.npz" in load_default().notice


def test_info_is_plain_and_downloads_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNISTLAB_OFFLINE")
    monkeypatch.setattr("socket.create_connection", lambda *a, **k: pytest.fail("connected"))
    facts = json.loads(json.dumps(info()))
    assert facts["name"] == "digits"
    assert facts["images"] == {"train": 1437, "test": 360}
    assert facts["cached_bytes"] > 1797 * 785
    assert "mnistlab data fetch" in facts["notice"]
