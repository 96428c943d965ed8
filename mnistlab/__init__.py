"""MNIST Lab: look at MNIST, train an MLP and a CNN, compare them, and let them read your digits.

The names below load their modules when they are first used, so `import mnistlab` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mnistlab.data import (
        Dataset,
        load_default,
        load_digits,
        load_mnist,
        statistics,
    )
    from mnistlab.errors import (
        ConfigError,
        DataError,
        MnistLabError,
        ModelError,
        TrainingError,
        UploadError,
    )
    from mnistlab.metrics.comparison import compare_predictions
    from mnistlab.metrics.latency import measure_latency
    from mnistlab.metrics.scores import evaluate_probabilities

_HOMES = {
    "mnistlab.data": ("Dataset", "load_default", "load_digits", "load_mnist", "statistics"),
    "mnistlab.errors": (
        "ConfigError",
        "DataError",
        "MnistLabError",
        "ModelError",
        "TrainingError",
        "UploadError",
    ),
    "mnistlab.metrics.comparison": ("compare_predictions",),
    "mnistlab.metrics.latency": ("measure_latency",),
    "mnistlab.metrics.scores": ("evaluate_probabilities",),
}
