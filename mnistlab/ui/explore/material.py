"""What the sections of Explore share about a dataset, each computed on first use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset, release, take
from mnistlab.data.features import Features, features
from mnistlab.data.pixel_statistics import Averages, Statistics, class_averages, statistics
from mnistlab.errors import DataError, ModelError
from mnistlab.metrics.projection import Projection, fit_projection
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.neighbours import Neighbours, load_neighbours, make_neighbours

SPLITS = {"train": "training set", "test": "test set"}
FEATURES = {
    "ink": ("ink", "fraction of full brightness"),
    "centre_x": ("centre of mass", "pixels from the left"),
    "centre_y": ("centre of mass", "pixels from the top"),
    "width": ("width", "pixels"),
    "height": ("height", "pixels"),
    "slant": ("slant", "degrees to the right"),
    "stroke_width": ("stroke width", "pixels"),
}
"""What each feature is called, and its unit."""
_MAP_IMAGES = 3000
_FIT_IMAGES = 6000  # of the training set, evenly spread, for the principal components


class Material:
    """A dataset and what is known about it; raises `DataError` without training images."""

    def __init__(self, dataset: Dataset) -> None:
        if not len(dataset.x_train):
            raise DataError(f"{dataset.title} has no training images; give at least one.")
        self.dataset = dataset
        self.maps: dict[str, NDArray[np.float32]] = {}
        """By kind, the points (n, 2) of `map_rows`: what Map has computed."""
        self.outliers: dict[str, Any] = {}
        """By kind, what Outliers has found."""

    def images(self, split: str) -> NDArray[np.uint8]:
        """`(n, 28, 28)` uint8 of `"train"` or `"test"`."""
        return self.dataset.x_train if split == "train" else self.dataset.x_test

    def take(self, split: str, rows: NDArray[np.int64] | list[int]) -> NDArray[np.uint8]:
        """Copies `(m, 28, 28)` of some images, by their rows (m,)."""
        return take(self.images(split), np.asarray(rows, np.int64))

    def labels(self, split: str) -> NDArray[np.uint8]:
        """`(n,)` uint8."""
        return np.asarray(self.dataset.y_train if split == "train" else self.dataset.y_test)

    @cached_property
    def statistics(self) -> Statistics:
        """Counts and pixel statistics."""
        return statistics(self.dataset)

    @cached_property
    def features(self) -> Mapping[str, Features]:
        """Ink, slant and size of each image, by split."""
        return dict(zip(SPLITS, features(self.dataset), strict=True))

    @cached_property
    def averages(self) -> Averages:
        """Of the training set, by digit."""
        return class_averages(self.dataset.x_train, self.dataset.y_train)

    @cached_property
    def projection(self) -> Projection:
        """The pixels' principal components."""
        x = self.dataset.x_train
        return fit_projection(x[:: max(1, len(x) // _FIT_IMAGES)], 40)

    @cached_property
    def map_rows(self) -> NDArray[np.int64]:
        """Rows of the training images on the map: evenly many of each digit, at random."""
        y, rng = self.labels("train"), np.random.default_rng(0)
        each = _MAP_IMAGES // 10
        rows = [rng.permutation(np.flatnonzero(y == digit))[:each] for digit in range(10)]
        return np.sort(np.concatenate(rows))

    @cached_property
    def classifiers(self) -> dict[str, Classifier]:
        """The pretrained pair."""
        return {name: load_classifier(name) for name in ("mlp", "cnn")}

    @cached_property
    def neighbours(self) -> Neighbours | None:
        """MNIST's training images in the CNN's last hidden layer, None for other data."""
        if self.dataset.name != "mnist":
            return None
        try:
            found = load_neighbours()
        except ModelError:
            return None  # made for other weights: the pixels are used instead
        return found if np.array_equal(found.labels, self.dataset.y_train) else None

    @cached_property
    def map_view(self) -> Neighbours:
        """The training images on the map in the CNN's last hidden layer; for MNIST, all of them."""
        if self.neighbours is not None:
            return self.neighbours
        images, labels = self.take("train", self.map_rows), self.labels("train")[self.map_rows]
        return make_neighbours(self.classifiers["cnn"], images, labels)

    @property
    def how(self) -> str:
        """What `codes` compares, in words."""
        return "their pixels" if self.neighbours is None else "the CNN's last hidden layer"

    @cached_property
    def codes(self) -> NDArray[np.float32]:
        """Points `(n, d)` of the training images; similar images are near each other."""
        if self.neighbours is not None:
            return self.neighbours.codes.astype(np.float32)
        return self.projection.transform(self.dataset.x_train)

    @cached_property
    def test_proba(self) -> NDArray[np.float32]:
        """The pretrained CNN's answers on the test set, `(n, 10)`; takes seconds."""
        proba = self.classifiers["cnn"].predict_proba(self.dataset.x_test)
        release(self.dataset.x_test)
        return proba
