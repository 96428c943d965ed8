"""The networks. Keras is imported inside the functions: it costs seconds and 600 MB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnistlab.models.config import TrainingConfig


def build_model(config: TrainingConfig) -> Any:
    """Return an untrained `keras.Model`: images `(n, 28, 28)` uint8 in, logits float32 out.

    The logits are `(n, 10)`, or `(n, 11)` with non-digits in the training: the last one is for
    those. The output of the layer before the last Dense layer and its dropout is "features".
    """
    import keras

    networks = {"plain": _plain_cnn, "deep": _deep_cnn, "wide": _deep_cnn, "lean": _lean_cnn}
    body = _mlp(config) if config.model == "mlp" else networks[config.network](config)
    # Pixels stay uint8 up to the model, so that no caller can scale them twice or not at all.
    first = [
        keras.Input((28, 28), dtype="uint8", name="image"),
        keras.layers.Rescaling(1 / 255, name="scale"),
    ]
    last = [
        keras.layers.Dropout(config.dropout),
        keras.layers.Dense(config.outputs, name="logits"),
    ]
    return keras.Sequential([*first, *body, *last], name=config.model)


def _mlp(config: TrainingConfig) -> list[Any]:
    from keras import layers

    first, second = config.widths
    hidden = _dense if config.network == "plain" else _normalised_dense
    return [
        layers.Flatten(),
        *hidden(first),
        layers.Dropout(config.dropout),
        *hidden(second, name="features"),
    ]


def _dense(units: int, name: str | None = None) -> list[Any]:
    from keras import layers

    return [layers.Dense(units, activation="relu", name=name)]


def _normalised_dense(units: int, name: str | None = None) -> list[Any]:
    from keras import layers

    return [layers.Dense(units, use_bias=False), *_normalised(name)]


def _plain_cnn(config: TrainingConfig) -> list[Any]:
    first, second = config.widths
    return _cnn(128, _block(first), _block(second))


def _deep_cnn(config: TrainingConfig) -> list[Any]:
    first, *middle, last = config.widths
    blocks = [_block(first), _block(middle[0], pool=False), _block(middle[1]), _block(last)]
    return _cnn(128, *blocks)


def _lean_cnn(config: TrainingConfig) -> list[Any]:
    # Two wide kernels without padding see as much as three padded ones for a third of the work,
    # and are as accurate after two epochs (docs/training-recipe.md).
    return _cnn(64, *(_block(width, kernel=5, padding="valid") for width in config.widths))


def _cnn(units: int, *blocks: list[Any]) -> list[Any]:
    from keras import layers

    return [
        layers.Reshape((28, 28, 1)),
        *(layer for block in blocks for layer in block),
        layers.Flatten(),
        layers.Dense(units, activation="relu", name="features"),
    ]


def _block(filters: int, kernel: int = 3, padding: str = "same", pool: bool = True) -> list[Any]:
    """Return a convolution, pooling, BatchNorm and ReLU.

    Pooling before BatchNorm and ReLU leaves them a quarter of the pixels, which halves the time
    of an epoch at the same accuracy (MNIST's validation part).
    """
    from keras import layers

    # BatchNorm has an offset of its own, so the convolution needs no bias.
    convolution = layers.Conv2D(filters, kernel, padding=padding, use_bias=False)
    return [convolution, *([layers.MaxPooling2D()] if pool else []), *_normalised()]


def _normalised(name: str | None = None) -> list[Any]:
    from keras import layers

    # A momentum of 0.9 lets the moving averages settle in short runs on a part of the data.
    return [layers.BatchNormalization(momentum=0.9), layers.ReLU(name=name)]
