"""What a training run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mnistlab.errors import ConfigError

MODELS = ("mlp", "cnn")
AUGMENTATIONS = ("none", "light", "full")
SCHEDULES = ("one cycle", "cosine", "constant")
NETWORKS = ("deep", "lean")
TITLES = {"mlp": "MLP", "cnn": "CNN"}


@dataclass(frozen=True)
class TrainingConfig:
    """The settings of one training run; out-of-range values raise `ConfigError`.

    In "one cycle" the learning rate reaches its peak after a warm-up over the first 30 % of the
    steps and then falls to nearly zero along a cosine (Smith and Topin 2017, arXiv:1708.07120).
    """

    model: str = "cnn"
    """`"mlp"` or `"cnn"`."""
    epochs: int = 3
    """Passes over the training part, 1 to 200."""
    batch_size: int = 128
    """Images per step, 8 to 4096."""
    learning_rate: float = 3e-3
    """Peak learning rate of Adam, 1e-6 to 1."""
    schedule: str = "one cycle"
    """`"one cycle"`, `"cosine"` (from the peak down) or `"constant"`."""
    dropout: float = 0.2
    """Share of units dropped before each following Dense layer, 0 to 0.9."""
    share: float = 1.0
    """Share of the training set that is used, 0.01 to 1."""
    seed: int = 0
    """Decides the initial weights, the order of the images and their augmentation."""
    augmentation: str = "none"
    """`"none"`, `"light"` (see `mnistlab.training.augmentation`), or `"full"`, which adds the ways
    of writing of `mnistlab.training.handwriting`."""
    outliers: bool = False
    """Whether to train an eleventh output, "no digit", on `mnistlab.training.non_digits`."""
    filters: int = 16
    """Width of the CNN's first block, half that of its second, 4 to 128; the MLP has none."""
    network: str = "deep"
    """The CNN's layers: `"deep"`, or `"lean"`, which learns faster and ends a little lower."""
    units: int = 512
    """Width of the MLP's first hidden layer, twice that of its second, 16 to 4096."""
    threads: int = 0
    """CPU threads TensorFlow may use; 0 means all. A seed repeats exactly for one thread count."""

    def __post_init__(self) -> None:
        _check_choice("model", self.model, MODELS)
        _check_choice("augmentation", self.augmentation, AUGMENTATIONS)
        _check_choice("schedule", self.schedule, SCHEDULES)
        _check_choice("network", self.network, NETWORKS)
        _check_range("epochs", self.epochs, 1, 200, whole=True)
        _check_range("batch_size", self.batch_size, 8, 4096, whole=True)
        _check_range("learning_rate", self.learning_rate, 1e-6, 1.0)
        _check_range("dropout", self.dropout, 0.0, 0.9)
        _check_range("share", self.share, 0.01, 1.0)
        _check_range("seed", self.seed, 0, 2**31 - 1, whole=True)
        _check_range("filters", self.filters, 4, 128, whole=True)
        _check_range("units", self.units, 16, 4096, whole=True)
        _check_range("threads", self.threads, 0, 256, whole=True)
        if not isinstance(self.outliers, bool):
            raise ConfigError(f"outliers is {self.outliers!r}; give True or False.")

    @property
    def outputs(self) -> int:
        """Number of logits: ten, and one more for "no digit" where there are outliers."""
        return 10 + int(self.outliers)

    @property
    def title(self) -> str:
        """The model's name as people read it, `"MLP"` or `"CNN"`."""
        return TITLES[self.model]

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """The reverse of `to_dict`; an unknown setting raises `ConfigError`."""
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"Unknown training setting {', '.join(unknown)}; "
                f"choose among {', '.join(sorted(known))}."
            )
        return cls(**values)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{_words(name)} is {value!r}; choose one of {', '.join(choices)}.")


def _check_range(name: str, value: object, low: float, high: float, whole: bool = False) -> None:
    kind = int if whole else (int, float)
    if not isinstance(value, kind) or isinstance(value, bool) or not low <= value <= high:
        number = "a whole number" if whole else "a number"
        limits = f"{low:.10g} to {high:.10g}"
        raise ConfigError(f"{_words(name)} is {value!r}; give {number} from {limits}.")


def _words(name: str) -> str:
    return name.replace("_", " ")
