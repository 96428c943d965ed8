"""The two networks. Keras is imported inside the functions: it costs seconds and 600 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlab.models.config import TrainingConfig


def build_model(config: TrainingConfig) -> Any:
    """An untrained `keras.Model`: images `(n, 28, 28)` uint8 in, logits float32 out.

    The logits are `(n, 10)`, or `(n, 11)` where the training has outliers: the last one is for
    what is no digit. The layer before them is called "features".
    """
    import keras

    cnn = {"deep": _deep_layers, "lean": _lean_layers}[config.network]
    body = _mlp_layers(config) if config.model == "mlp" else cnn(config)
    # Pixels stay uint8 up to the model, so that no caller can scale them twice or not at all.
    first = [
        keras.Input((28, 28), dtype="uint8", name="image"),
        keras.layers.Rescaling(1 / 255, name="scale"),
    ]
    return keras.Sequential([*first, *body], name=config.model)


def _mlp_layers(config: TrainingConfig) -> list[Any]:
    from keras import layers

    return [
        layers.Flatten(),
        *_hidden(config.units),
        layers.Dropout(config.dropout),
        *_hidden(config.units // 2, name="features"),
        layers.Dropout(config.dropout),
        layers.Dense(config.outputs, name="logits"),
    ]


def _hidden(units: int, name: str | None = None) -> list[Any]:
    from keras import layers

    return [
        layers.Dense(units, use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(name=name),
    ]


def _lean_layers(config: TrainingConfig) -> list[Any]:
    from keras import layers

    # Two wide kernels without padding see as much as three padded ones and have a third to do;
    # as well read after two epochs (docs/training-recipe.md).
    return [
        layers.Reshape((28, 28, 1)),
        layers.Conv2D(config.filters, 5, use_bias=False),
        layers.MaxPooling2D(),
        *_normalised(),
        layers.Conv2D(2 * config.filters, 5, use_bias=False),
        layers.MaxPooling2D(),
        *_normalised(),
        layers.Flatten(),
        layers.Dense(64, activation="relu", name="features"),
        layers.Dropout(config.dropout),
        layers.Dense(config.outputs, name="logits"),
    ]


def _normalised() -> list[Any]:
    from keras import layers

    # A momentum of 0.9 lets the moving averages settle in short runs on a share of the data.
    return [layers.BatchNormalization(momentum=0.9), layers.ReLU()]


def _deep_layers(config: TrainingConfig) -> list[Any]:
    from keras import layers

    narrow, wide = config.filters, 2 * config.filters
    # Pooling comes before BatchNorm and ReLU: both are monotonous enough for the result to be
    # as good, and they then work on a quarter of the pixels (measured: half the time an epoch).
    return [
        layers.Reshape((28, 28, 1)),
        _convolution(narrow),
        layers.MaxPooling2D(),
        *_normalised(),
        _convolution(wide),
        *_normalised(),
        _convolution(wide),
        layers.MaxPooling2D(),
        *_normalised(),
        _convolution(2 * wide),
        layers.MaxPooling2D(),
        *_normalised(),
        layers.Flatten(),
        layers.Dense(128, activation="relu", name="features"),
        layers.Dropout(config.dropout),
        layers.Dense(config.outputs, name="logits"),
    ]


def _convolution(filters: int) -> Any:
    from keras import layers

    # BatchNorm follows each convolution and has an offset of its own.
    return layers.Conv2D(filters, 3, padding="same", use_bias=False)
