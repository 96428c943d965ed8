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

    # The order in which layers are made decides their random weights.
    body = _mlp(config) if config.model == "mlp" else _cnn(config)
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
    return [
        layers.Flatten(),
        *_dense(config, first),
        layers.Dropout(config.dropout),
        *_dense(config, second, "features"),
    ]


def _dense(config: TrainingConfig, units: int, name: str | None = None) -> list[Any]:
    from keras import layers

    if config.network == "plain":
        return [layers.Dense(units, activation="relu", name=name)]
    return [layers.Dense(units, use_bias=False), *_normalised(name)]


def _cnn(config: TrainingConfig) -> list[Any]:
    from keras import layers

    if config.network == "lean":
        return _lean(config)
    body: list[Any] = [layers.Reshape((28, 28, 1))]
    for i, filters in enumerate(config.widths):
        # BatchNorm has an offset of its own, so the convolution needs no bias.
        body.append(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        # Pooling before BatchNorm and ReLU leaves them a quarter of the pixels, which halves the
        # time of an epoch at the same accuracy (MNIST's validation part). Of the deep networks'
        # four convolutions the second has none.
        if i != 1 or len(config.widths) == 2:
            body.append(layers.MaxPooling2D())
        body += _normalised()
    return [*body, layers.Flatten(), layers.Dense(128, activation="relu", name="features")]


def _lean(config: TrainingConfig) -> list[Any]:
    """Two convolutions, with what costs time but no accuracy left out.

    docs/training-recipe.md says what each choice gains.
    """
    from keras import layers

    first, second = config.widths
    return [
        layers.Reshape((28, 28, 1)),
        layers.Cropping2D(2),  # MNIST's recipe leaves hardly any ink there
        layers.Conv2D(first, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(second, 3, use_bias=False),
        layers.MaxPooling2D(),
        *_normalised(),
        layers.Flatten(),
        layers.Dense(64, activation="relu", name="features"),
    ]


def _normalised(name: str | None = None) -> list[Any]:
    from keras import layers

    # A momentum of 0.9 lets the moving averages settle in short runs on a part of the data.
    return [layers.BatchNormalization(momentum=0.9), layers.ReLU(name=name)]
