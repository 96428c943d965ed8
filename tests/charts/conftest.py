"""Evaluations made of answers that the tests choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import LatencyMs
from mnistlab.metrics.scores import evaluate_probabilities

Make = Callable[..., Evaluation]


def answers(labels: NDArray[np.uint8], wrong: int, confidence: float = 0.9) -> NDArray[np.float32]:
    """Probabilities of a model that reads the first `wrong` labels as the next digit."""
    guesses = labels.astype(int).copy()
    guesses[:wrong] = (guesses[:wrong] + 1) % 10
    proba = np.full((len(labels), 10), (1 - confidence) / 9, np.float32)
    proba[np.arange(len(labels)), guesses] = confidence
    return proba


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    return (np.arange(200) % 10).astype(np.uint8)


@pytest.fixture
def make(labels: NDArray[np.uint8]) -> Make:
    def make(name: str, wrong: int, card: dict[str, Any] | None = None, **more: Any) -> Evaluation:
        proba = answers(labels, wrong)
        values: dict[str, Any] = {
            "model": name,
            "title": name.upper(),
            "scores": evaluate_probabilities(labels, proba),
            "latency_ms": LatencyMs(0.1, 0.2, 0.3),
            "card": card or {},
            "y_proba": proba,
        }
        known = Evaluation.__dataclass_fields__
        if "images_per_second" in known:
            values["images_per_second"] = None
        return Evaluation(**values | more)

    return make
