"""MNIST Lab: look at MNIST, train an MLP and a CNN, compare them, and let them read your digits.

The names below load their modules when they are first used, so `import mnistlab` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mnistlab.version import __version__

if TYPE_CHECKING:
    from mnistlab.data import Dataset, load_default, load_digits, load_mnist, load_own
    from mnistlab.data.pixel_statistics import statistics
    from mnistlab.errors import (
        ConfigError,
        DataError,
        MnistLabError,
        ModelError,
        TrainingError,
        UploadError,
    )
    from mnistlab.images import Drawing, Preprocessed, decode_upload, find_digits, preprocess
    from mnistlab.jobs import Job, submit
    from mnistlab.metrics.comparison import compare_predictions
    from mnistlab.metrics.latency import measure_latency
    from mnistlab.metrics.scores import evaluate_probabilities
    from mnistlab.metrics.seed_comparison import compare_seeds
    from mnistlab.models import (
        Classifier,
        Run,
        TrainingConfig,
        find_run,
        list_runs,
        load_classifier,
    )
    from mnistlab.study import Study, compare, evaluate, evaluate_models
    from mnistlab.study.benchmarking import BenchmarkCard, benchmark
    from mnistlab.training import TrainedModel, train

# For type checkers these are the imports above; the lists agree, tests/test_public_api.py says.
_HOMES = {
    "data": "Dataset load_default load_digits load_mnist load_own statistics",
    "errors": "ConfigError DataError MnistLabError ModelError TrainingError UploadError",
    "images": "Drawing Preprocessed decode_upload find_digits preprocess",
    "jobs": "Job submit",
    "metrics.comparison": "compare_predictions",
    "metrics.latency": "measure_latency",
    "metrics.scores": "evaluate_probabilities",
    "metrics.seed_comparison": "compare_seeds",
    "models": "Classifier Run TrainingConfig find_run list_runs load_classifier",
    "study": "Study compare evaluate evaluate_models",
    "study.benchmarking": "BenchmarkCard benchmark",
    "training": "TrainedModel train",
}
_HOME_OF = {name: f"mnistlab.{home}" for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "BenchmarkCard", "Classifier", "ConfigError", "DataError", "Dataset", "Drawing", "Job",
    "MnistLabError", "ModelError", "Preprocessed", "Run", "Study", "TrainedModel", "TrainingConfig",
    "TrainingError", "UploadError", "__version__", "benchmark", "compare", "compare_predictions",
    "compare_seeds", "decode_upload", "evaluate", "evaluate_models", "evaluate_probabilities",
    "find_digits", "find_run", "list_runs", "load_classifier", "load_default", "load_digits",
    "load_mnist", "load_own", "measure_latency", "preprocess", "statistics", "submit", "train",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value  # looked up once
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
