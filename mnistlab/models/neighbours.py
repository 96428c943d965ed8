"""The training digits that the CNN finds most similar to an image.

Similar means near in the CNN's penultimate layer. The vectors of the training set ship with the
package, as the first principal components in a byte each, so that neither MNIST nor TensorFlow is
needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.models.classifier import Classifier

FILE = Path(__file__).parent / "pretrained" / "neighbours.npz"
_COMPONENTS = 32
_CHUNK = 5000  # codes; as float32 they take 0.6 MB
_LEVELS = 127  # of a signed byte


@dataclass(frozen=True)
class Neighbour:
    """A training image near to another image."""

    index: int
    """Its place in MNIST's training set."""
    label: int
    distance: float
    """Euclidean, in units of the median distance between two training images."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The training set in the CNN's penultimate layer."""

    model: str
    """SHA-256 of the `.tflite` file whose features these are."""
    mean: NDArray[np.float32]
    """`(m,)`, of the features."""
    axes: NDArray[np.float32]
    """`(m, 32)`: features minus mean times axes are whole steps, within a byte."""
    codes: NDArray[np.int8]
    """`(n, 32)`, a row for each training image."""
    labels: NDArray[np.uint8]
    """`(n,)`."""
    unit: float
    """The median distance between two training images, in steps."""

    def nearest(
        self, classifier: Classifier, image: NDArray[np.uint8], k: int = 5
    ) -> list[Neighbour]:
        """Return the k training images nearest to an image (28, 28) uint8, the nearest first.

        Raises `ModelError` when `classifier` is not the model that the vectors are from.
        """
        if classifier.card.get("sha256") != self.model:
            raise ModelError("The shipped training vectors belong to the pretrained CNN; ask that.")
        vector = (classifier.read(image).features[0] - self.mean) @ self.axes
        parts = (self.codes[i : i + _CHUNK] - vector for i in range(0, len(self.codes), _CHUNK))
        distances = np.concatenate([np.linalg.norm(part, axis=1) for part in parts])
        nearest = np.argpartition(distances, k)[:k]
        return [
            Neighbour(int(i), int(self.labels[i]), float(distances[i] / self.unit))
            for i in nearest[np.argsort(distances[nearest])]
        ]


def make_neighbours(
    classifier: Classifier, images: NDArray[np.uint8], labels: NDArray[np.uint8]
) -> Neighbours:
    """Return the vectors of training images (n, 28, 28) by a classifier that has features."""
    features = classifier.read(images).features
    mean = features.mean(axis=0)
    centred = features - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :_COMPONENTS]
    projected = centred @ axes
    # One scale for all axes keeps the distances. Equal images have no spread; the minimum keeps
    # rounding errors from looking like one.
    scale = _LEVELS / max(float(np.quantile(np.abs(projected), 0.9999)), 1e-3)
    codes = np.clip(np.rint(projected * scale), -_LEVELS, _LEVELS).astype(np.int8)
    pairs = np.random.default_rng(0).integers(len(codes), size=(2, 10_000))
    apart = codes[pairs[0]].astype(np.float32) - codes[pairs[1]]
    unit = float(np.median(np.linalg.norm(apart, axis=1))) or 1.0
    digest = hashlib.sha256(classifier.tflite).hexdigest()
    return Neighbours(digest, mean, (axes * scale).astype(np.float32), codes, labels, unit)


def save_neighbours(neighbours: Neighbours, path: Path = FILE) -> None:
    """Write vectors as `load_neighbours` reads them."""
    np.savez_compressed(path, **vars(neighbours))


@lru_cache(maxsize=1)
def load_neighbours(path: Path = FILE) -> Neighbours:
    """Return the shipped vectors; raises `ModelError` when the file is missing or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            fields = {name: file[name] for name in file.files}
        model, unit = str(fields.pop("model")), float(fields.pop("unit"))
        return Neighbours(model=model, unit=unit, **fields)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            "The shipped training vectors are missing or damaged; reinstall mnistlab."
        ) from error
