"""Digit classifiers in `.tflite` files of other projects.

Such a file says little about itself: not what its numbers mean, and nothing about the data that it
was trained on. The shapes that tutorials produce are understood here, everything else is refused
with one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.metrics.scores import softmax
from mnistlab.models.classifier import Floats, Outputs
from mnistlab.models.foreign_network import MAX_BYTES, ForeignNetwork, PixelRange, probes

_DIGITS = 10
_WANTED = (
    "it needs one input of 28 x 28 pixels (n x 28 x 28, n x 28 x 28 x 1 or n x 784) and one output "
    "of 10 or 11 numbers for each image"
)
# A quantised probability may be off by half a step of 1 in 256, ten times.
_SUM_TOLERANCE = 0.05


class ForeignClassifier:
    """A digit classifier in LiteRT's format from elsewhere. Not thread-safe.

    It is read as `Classifier` is.

    Parameters
    ----------
    name : how people named it, such as the path of its file
    tflite : the contents of the file
    pixel_range : what full ink is in a float input: 1, as is usual, or 255. A quantised input says
        so itself

    Raises
    ------
    ModelError
        When it is no digit classifier of a usual shape, or LiteRT is not installed.
    """

    def __init__(self, name: str, tflite: bytes, pixel_range: PixelRange = 1) -> None:
        self.name = name
        self.title = Path(name).name or name
        self.backend = "litert"
        self.tflite = tflite
        self.card: dict[str, Any] = {}
        """What is known about it: nothing, as far as its file says."""
        try:
            self._network = ForeignNetwork(tflite, pixel_range)
            rows = self._network.run(probes())
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error
        self.gives_probabilities = _are_probabilities(rows)
        """Whether its rows sum to one; otherwise softmax makes probabilities of them."""

    @property
    def digit_threshold(self) -> float:
        """The lowest digit score that is answered with a digit.

        With eleven outputs the last one is taken for "no digit", and it wins where it is the most
        probable one. With ten, the model cannot refuse, and the threshold is 0.
        """
        return 0.5 if self._network.width > _DIGITS else 0.0

    def read(self, images: NDArray[np.uint8]) -> Outputs:
        """Return all outputs for images (n, 28, 28) uint8; it has no features.

        Raises `ModelError` when it computes something that is not a number.
        """
        try:
            rows = self._network.run(images)
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error
        if self.gives_probabilities:
            rows = np.clip(rows, 0, None)
            every = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
        else:
            every = softmax(rows)
        digits = every[:, :_DIGITS]
        total = digits.sum(axis=1, keepdims=True)
        # A row without anything for a digit says nothing of which one.
        proba = np.where(total > 0, digits / np.maximum(total, 1e-30), 1 / _DIGITS)
        highest = digits.max(axis=1)
        scores = highest
        if every.shape[1] > _DIGITS:
            both = highest + every[:, _DIGITS]
            scores = np.divide(highest, both, out=np.zeros_like(highest), where=both > 0)
        none = np.zeros((len(images), 0), np.float32)
        return Outputs(proba.astype(np.float32), scores.astype(np.float32), none)

    def __repr__(self) -> str:
        return f"ForeignClassifier({self.name!r})"

    def _refusal(self, error: Exception) -> ModelError:
        what = " ".join(str(error).split())[:300] or type(error).__name__
        return ModelError(f"{self.name} cannot be judged ({what}); {_WANTED}.")


def open_foreign(path: Path, pixel_range: PixelRange = 1) -> ForeignClassifier:
    """Open a `.tflite` file; raises `ModelError` as `ForeignClassifier` does."""
    return ForeignClassifier(str(path), read_model_file(path), pixel_range)


def read_model_file(path: Path) -> bytes:
    """Return the contents of a model's file; raises `ModelError` when it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is not a file; give a .tflite or .keras file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(
                f"{path} has {size / 1e6:,.0f} MB, more than any digit classifier; give one of at "
                f"most {MAX_BYTES >> 20} MB."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error


def _are_probabilities(rows: Floats) -> bool:
    off = np.abs(rows.sum(axis=1) - 1).max()
    return bool(rows.min() >= -_SUM_TOLERANCE / 10 and off <= _SUM_TOLERANCE)
