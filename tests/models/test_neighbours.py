"""The training digits nearest to an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.neighbours import (
    Neighbours,
    load_neighbours,
    make_neighbours,
    save_neighbours,
)


@pytest.fixture(scope="module")
def cnn() -> Classifier:
    return load_classifier("cnn")


@pytest.fixture(scope="module")
def own(cnn: Classifier, digits: Dataset) -> Neighbours:
    return make_neighbours(cnn, digits.x_train, digits.y_train)


def test_an_image_is_its_own_nearest(own: Neighbours, cnn: Classifier, digits: Dataset) -> None:
    for index in (0, 17, 900):
        first, *others = own.nearest(cnn, digits.x_train[index])
        assert first.label == digits.y_train[index]
        assert first.distance < 0.05
        assert [n.distance for n in others] == sorted(n.distance for n in others)
        assert len(others) == 4


def test_vectors_survive_the_disk(
    own: Neighbours, cnn: Classifier, digits: Dataset, tmp_path: Path
) -> None:
    save_neighbours(own, tmp_path / "n.npz")
    again = load_neighbours(tmp_path / "n.npz")
    image = digits.x_test[3]
    assert again.nearest(cnn, image) == own.nearest(cnn, image)


def test_a_damaged_file_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "n.npz").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="reinstall"):
        load_neighbours(tmp_path / "n.npz")
    with pytest.raises(ModelError, match="reinstall"):
        load_neighbours(tmp_path / "missing.npz")


@pytest.mark.mnist
def test_the_shipped_vectors_belong_to_the_pretrained_cnn(cnn: Classifier, mnist: Dataset) -> None:
    shipped = load_neighbours()
    assert shipped.codes.shape[0] == 60_000
    nearest = [shipped.nearest(cnn, image)[0].label for image in mnist.x_test[:200]]
    assert np.mean(nearest == mnist.y_test[:200]) > 0.95
    with pytest.raises(ModelError, match="pretrained CNN"):
        shipped.nearest(load_classifier("mlp"), mnist.x_test[0])
