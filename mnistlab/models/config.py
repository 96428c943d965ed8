"""The settings of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mnistlab.errors import ConfigError
from mnistlab.markup import UNKNOWN

MODELS = ("mlp", "cnn")
AUGMENTATIONS = ("none", "shift", "light", "full")
SCHEDULES = ("one cycle", "cosine", "constant")
NETWORKS = {"mlp": ("plain", "normalised", "wide"), "cnn": ("plain", "deep", "wide", "lean")}
TITLES = {"mlp": "MLP", "cnn": "CNN"}
_CHOICES = {"model": MODELS, "augmentation": AUGMENTATIONS, "schedule": SCHEDULES}
_RANGES: dict[str, tuple[float, float]] = {  # of whole numbers where the limits are
    "epochs": (1, 200),
    "batch_size": (8, 4096),
    "learning_rate": (1e-6, 1.0),
    "dropout": (0.0, 0.9),
    "noise": (0.0, 1.0),
    "plain_epochs": (0, 200),
    "label_smoothing": (0.0, 0.5),
    "fraction": (0.01, 1.0),
    "seed": (0, 2**31 - 1),
    "filters": (4, 128),
    "units": (16, 4096),
    "threads": (0, 256),
}
_RENAMED = {"share": "fraction", "outliers": "non_digits"}
"""Old names of settings, in cards of earlier runs -> their present names."""


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
    """Fraction of units dropped before each following Dense layer, 0 to 0.9."""
    fraction: float = 1.0
    """Fraction of the training set that is used, 0.01 to 1."""
    seed: int = 0
    """Decides the initial weights, the order of the images and their augmentation."""
    augmentation: str = "none"
    """`"none"`; `"shift"` or `"light"` (see `mnistlab.training.augmentation`); or `"full"`, which
    adds the ways of writing of `mnistlab.training.handwriting`."""
    noise: float = 0.0
    """Fraction of the images that get Gaussian noise, 0 to 1."""
    plain_epochs: int = 0
    """Last epochs, in which images are not augmented, 0 to 200."""
    non_digits: bool = False
    """Whether to train an eleventh output, "no digit", on `mnistlab.training.non_digits`."""
    printed_letters: bool = False
    """Whether letters of a font are among the non-digits; without those it changes nothing."""
    pens: bool = False
    """Whether to train on pen drawings too, where there are any (`mnistlab.data.pens`)."""
    label_smoothing: float = 0.0
    """Probability that is spread evenly over all outputs of a label, 0 to 0.5 (Szegedy et al.
    2016, arXiv:1512.00567)."""
    network: str = "plain"
    """The layers (`mnistlab.models.networks`). MLP: `"plain"`; `"normalised"`, with BatchNorm; or
    `"wide"`, normalised and twice as wide. CNN: `"plain"`, two blocks of convolution; `"deep"`,
    four convolutions; `"wide"`, deep and twice as wide; or `"lean"`, fast to train."""
    filters: int = 16
    """Filters of the CNN's first convolution, 4 to 128; the next ones have two or four times as
    many. The MLP has none."""
    units: int = 512
    """Units of the MLP's first hidden layer, 16 to 4096; the second has half as many."""
    threads: int = 0
    """CPU threads TensorFlow may use; 0 means all. A seed repeats exactly for one thread count."""

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        _check_choice("network", self.network, NETWORKS[self.model])
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        for name in ("non_digits", "printed_letters", "pens"):
            if not isinstance(value := getattr(self, name), bool):
                raise ConfigError(f"{words(name)} is {value!r}; give True or False.")

    @property
    def outputs(self) -> int:
        """Number of logits: ten, and one more for "no digit" with non-digits in the training."""
        return 10 + int(self.non_digits)

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of the MLP's hidden layers, or filters of the CNN's convolutions."""
        first = self.units if self.model == "mlp" else self.filters
        if self.network == "wide":
            first *= 2
        if self.model == "mlp":
            return first, first // 2
        is_deep = self.network in ("deep", "wide")
        return (first, 2 * first, 2 * first, 4 * first) if is_deep else (first, 2 * first)

    @property
    def network_title(self) -> str:
        """Name and widths of the network, such as `"plain 512-256"`."""
        return f"{self.network} {'-'.join(map(str, self.widths))}"

    @property
    def title(self) -> str:
        """The model's display name, `"MLP"` or `"CNN"`."""
        return TITLES[self.model]

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingConfig:
        """Return the reverse of `to_dict`; an unknown setting raises `ConfigError`."""
        values = upgrade_settings(values)
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ConfigError(
                f"Unknown training setting {', '.join(unknown)}; "
                f"choose among {', '.join(sorted(known))}."
            )
        return cls(**values)


def upgrade_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of any version's card under the names of this version.

    Before there were plain networks every MLP was normalised, a CNN without a name was deep, and
    the wide networks were written as 1,024 units and 32 filters.
    """
    settings = {_RENAMED.get(name, name): value for name, value in values.items()}
    if settings.keys() == values.keys():
        return settings
    is_mlp = settings.get("model") == "mlp"
    settings["network"] = "normalised" if is_mlp else settings.get("network", "deep")
    width, doubled = ("units", 1024) if is_mlp else ("filters", 32)
    if settings["network"] != "lean" and settings.get(width) == doubled:
        settings |= {"network": "wide", width: doubled // 2}
    return settings


def network_title(card: Mapping[str, Any]) -> str:
    """Return the name and widths of the network that a run's card describes, or an en dash."""
    settings = card.get("config") or {}
    given = {n: settings[n] for n in ("model", "network", "units", "filters") if n in settings}
    return TrainingConfig(**given).network_title if "network" in given else UNKNOWN


def words(name: str) -> str:
    """Return the name of a setting or of an entry as people read it."""
    return name.replace("_", " ")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{words(name)} is {value!r}; choose one of {', '.join(choices)}.")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    kinds, number = (int, "a whole number") if isinstance(low, int) else (int | float, "a number")
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    if not (is_number and low <= value <= high):
        limits = f"{low:.10g} to {high:.10g}"
        raise ConfigError(f"{words(name)} is {value!r}; give {number} from {limits}.")
