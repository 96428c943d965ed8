"""How far models' accuracy falls as images get worse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import MnistLabError
from mnistlab.images.corrupt import CORRUPTIONS, SEVERITIES, corrupt
from mnistlab.models import Classifier

_CHUNK = 250  # images at a time: a cancel is heard within a quarter of a second


class RobustnessStoppedError(MnistLabError):
    """Raised by `measure_robustness` when `should_stop` said so."""


@dataclass(frozen=True, eq=False)
class Robustness:
    """One model's accuracy over corruptions and severities. Rates are shares, 0 to 1."""

    model: str
    title: str
    n: int
    """Images."""
    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    accuracy: NDArray[np.float64]
    """`(corruptions, severities)`."""
    clean: float
    """On the same images as they are."""

    @property
    def mean(self) -> float:
        """Over all corruptions and severities."""
        return float(self.accuracy.mean())

    def to_dict(self) -> dict[str, Any]:
        """The same as plain lists and numbers, ready for JSON."""
        return {
            "model": self.model,
            "title": self.title,
            "n": self.n,
            "clean": self.clean,
            "mean": self.mean,
            "severities": list(self.severities),
            "accuracy": dict(zip(self.corruptions, self.accuracy.tolist(), strict=True)),
        }


def measure_robustness(
    classifiers: Sequence[Classifier],
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    on_progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    seed: int = 0,
) -> list[Robustness]:
    """Accuracy of each model on the same corrupted images.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    labels : array (n,) of digits
    on_progress : called with the share done, 0 to 1
    should_stop : asked several times a second

    Raises
    ------
    RobustnessStoppedError
        When `should_stop` returned true.
    """
    cells = [(None, 0)] + [(name, severity) for name in CORRUPTIONS for severity in SEVERITIES]
    right = np.zeros((len(classifiers), len(cells)))
    chunks = range(0, len(images), _CHUNK)
    for i, start in enumerate(chunks):
        some = np.asarray(images[start : start + _CHUNK])
        for j, (name, severity) in enumerate(cells):
            # The chunk's place is part of the seed, or each chunk would get the same noise.
            changed = some if name is None else corrupt(some, name, severity, seed + start)
            for k, classifier in enumerate(classifiers):
                if should_stop is not None and should_stop():
                    raise RobustnessStoppedError("Measuring robustness was cancelled.")
                read = classifier.predict_proba(changed).argmax(1)
                right[k, j] += int((read == labels[start : start + _CHUNK]).sum())
            if on_progress is not None:
                on_progress((i + (j + 1) / len(cells)) / len(chunks))
    rates = right / len(images)
    return [
        Robustness(
            classifier.name,
            classifier.title,
            len(images),
            CORRUPTIONS,
            SEVERITIES,
            row[1:].reshape(len(CORRUPTIONS), len(SEVERITIES)),
            float(row[0]),
        )
        for classifier, row in zip(classifiers, rates, strict=True)
    ]
