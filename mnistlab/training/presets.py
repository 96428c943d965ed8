"""Settings that are known to be good, from a minute to an hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mnistlab.models.config import TrainingConfig


@dataclass(frozen=True)
class Preset:
    """One setting for each model."""

    name: str
    title: str
    text: str
    """What it is good for, in a sentence."""
    configs: Mapping[str, TrainingConfig]
    """By model, `"mlp"` and `"cnn"`."""


def _preset(name: str, title: str, text: str, *configs: TrainingConfig) -> Preset:
    return Preset(name, title, text, {config.model: config for config in configs})


_ALL = (
    _preset(
        "quick",
        "Quick",
        "Both models in about a minute on two cores; good for trying things out.",
        TrainingConfig("mlp", epochs=4, batch_size=256, learning_rate=4e-3, network="normalised"),
        TrainingConfig(
            "cnn",
            epochs=3,
            batch_size=192,
            learning_rate=5e-3,
            schedule="cosine",
            dropout=0.1,
            network="lean",
            filters=12,
        ),
    ),
    _preset(
        "standard",
        "Standard",
        "A few minutes for models that read real handwriting better than quick ones.",
        TrainingConfig(
            "mlp",
            epochs=20,
            batch_size=256,
            dropout=0.1,
            augmentation="light",
            network="normalised",
        ),
        TrainingConfig("cnn", epochs=6, augmentation="light", network="deep"),
    ),
    _preset(
        "best",
        "Best",
        "The recipe of the pretrained pair, which reads real drawings and knows what is no digit; "
        "seed 1 makes the very same models again.",
        TrainingConfig(
            "mlp",
            epochs=60,
            batch_size=256,
            dropout=0.0,
            augmentation="full",
            non_digits=True,
            network="wide",
            seed=1,
            threads=2,
        ),
        TrainingConfig(
            "cnn",
            epochs=24,
            dropout=0.2,
            augmentation="full",
            non_digits=True,
            network="wide",
            seed=1,
            threads=2,
        ),
    ),
)
PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
