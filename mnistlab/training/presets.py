"""Settings with known results, from a minute to two hours of training on two cores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mnistlab.models.config import TrainingConfig


@dataclass(frozen=True)
class Preset:
    """Settings for each model; the docs (`docs/training-recipe.md`) say how they were chosen."""

    text: str
    """Its purpose, in a sentence."""
    configs: Mapping[str, TrainingConfig]
    """By model, `"mlp"` and `"cnn"`."""


_MLP = TrainingConfig("mlp", batch_size=256, network="normalised")
_LEAN = TrainingConfig(
    "cnn",
    epochs=3,
    batch_size=192,
    learning_rate=0.015,
    dropout=0.1,
    augmentation="shift",
    label_smoothing=0.1,
    network="lean",
)
_BEST = TrainingConfig(
    "cnn",
    epochs=19,
    plain_epochs=3,
    augmentation="full",
    noise=0.2,
    label_smoothing=0.03,
    non_digits=True,
    pens=True,
    network="wide",
    seed=1,
    threads=2,
)
PRESETS: Mapping[str, Preset] = {
    "quick": Preset(
        "Small networks and a few epochs, for trying things out.",
        {
            "mlp": replace(_MLP, epochs=4, learning_rate=4e-3),
            "cnn": _LEAN,
        },
    ),
    "standard": Preset(
        "Models that read real handwriting better than quick ones.",
        {
            "mlp": replace(_MLP, epochs=20, dropout=0.1, augmentation="light"),
            "cnn": TrainingConfig("cnn", epochs=6, augmentation="light", network="deep"),
        },
    ),
    "best": Preset(
        "The recipe of the pretrained models, which read real drawings and refuse what is not a "
        "digit. With the same data, seed 1 gives the same models again.",
        {
            "mlp": replace(
                _BEST,
                model="mlp",
                epochs=75,
                plain_epochs=11,
                batch_size=256,
                dropout=0.1,
                units=768,
                printed_letters=True,
            ),
            "cnn": _BEST,
        },
    ),
}
