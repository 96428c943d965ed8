"""A model's accuracy on images that are noisy, blurred, bent or covered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Robustness:
    """A model's accuracy by corruption and severity; accuracies are fractions, 0 to 1."""

    model: str
    title: str
    n: int
    """Images in each cell."""
    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    accuracy: NDArray[np.float64]
    """`(corruptions, severities)`."""
    clean: float
    """Accuracy on the same images as they are."""

    @property
    def mean(self) -> float:
        """Over all corruptions and severities, each counting the same."""
        return float(self.accuracy.mean())

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, with the mean, ready for JSON."""
        return {
            "model": self.model,
            "title": self.title,
            "n": self.n,
            "corruptions": list(self.corruptions),
            "severities": list(self.severities),
            "accuracy": self.accuracy.tolist(),
            "clean": self.clean,
            "mean": self.mean,
        }
