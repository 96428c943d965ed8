"""Statistics against the published figures and against NumPy, and their stored copy."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset, load_mnist, save_folder, statistics
from mnistlab.data.folder import open_folder
from mnistlab.data.pixel_statistics import compute

PUBLISHED = {
    "train": (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949),
    "test": (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009),
}


@pytest.fixture
def cached(cached_home: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    return load_mnist()


def test_mnists_published_figures(cached: Dataset, mnist_file: Path | None) -> None:
    found = statistics(cached)
    assert found.train.shape == (60000, 28, 28)
    assert found.test.images == 10000
    if mnist_file is not None:  # a made-up stand-in has figures of its own
        assert found.train.counts == PUBLISHED["train"]
        assert found.test.counts == PUBLISHED["test"]
        assert found.train.mean == pytest.approx(0.1307, abs=5e-5)
        assert found.train.std == pytest.approx(0.3081, abs=5e-5)


def test_stored_equals_computed(cached: Dataset) -> None:
    assert statistics(cached) == compute(cached)


def test_computed_equals_numpy(digits: Dataset) -> None:
    found, scaled = compute(digits).train, digits.x_train / 255
    assert found.mean == pytest.approx(scaled.mean(), rel=1e-12)
    assert found.std == pytest.approx(scaled.std(), rel=1e-12)
    assert found.ink == pytest.approx((scaled > 0).mean(), rel=1e-12)
    assert found.counts == tuple(np.bincount(digits.y_train))
    assert found.dtype == "uint8"


@pytest.mark.parametrize("content", ["", "{}", '{"train": 3, "test": {}}'])
def test_damaged_copy_is_computed_anew(tmp_path: Path, digits: Dataset, content: str) -> None:
    save_folder(digits, tmp_path / "copy")
    (tmp_path / "copy" / "statistics.json").write_text(content)
    assert statistics(open_folder(tmp_path / "copy")) == compute(digits)


def test_json(digits: Dataset) -> None:
    plain = json.loads(json.dumps(statistics(digits).to_dict()))
    assert plain["test"]["shape"] == [360, 28, 28]
    assert sum(plain["train"]["counts"]) == 1437


def test_no_images_have_figures_that_can_be_written(digits: Dataset) -> None:
    none = replace(digits, x_test=digits.x_test[:0], y_test=digits.y_test[:0])
    found = compute(none).test
    assert (found.images, found.counts, found.mean, found.ink) == (0, (0,) * 10, 0, 0)
    json.dumps(compute(none).to_dict(), allow_nan=False)
