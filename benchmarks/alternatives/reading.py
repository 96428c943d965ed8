"""What both apps share: the Keras models, and how a drawing becomes their input."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PAD = 280  # pixels
PEN = 20  # pixels
TITLES = {"mlp": "MLP", "cnn": "CNN"}

Read = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""An image (1, 28, 28) in, probabilities (1, 10) out."""


def load_models() -> dict[str, Read]:
    """Return both models of the folder `MNIST_MODELS`, which are called as `MNIST_CALL` says.

    `predict` is `model.predict`, as in tutorials; `call` is `model(x)`, which Keras's documentation
    recommends for single images; `function` is that, compiled with `tf.function`.
    """
    # Imported here, because TensorFlow takes seconds in which the Streamlit page shows its pad.
    import keras

    folder, how = Path(os.environ["MNIST_MODELS"]), os.environ.get("MNIST_CALL", "predict")
    models = {name: keras.saving.load_model(folder / f"{name}.keras") for name in TITLES}
    calls = {name: CALLS[how](model) for name, model in models.items()}
    for call in calls.values():  # so that no visitor waits while TensorFlow prepares the first one
        call(np.zeros((1, 28, 28), np.uint8))
    return calls


def prepare(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image (1, 28, 28) of white ink (height, width) on black, as most demos do."""
    return np.asarray(Image.fromarray(pixels).resize((28, 28)))[None]


def read(call: Read, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Return the ten probabilities and the latency in milliseconds."""
    begun = time.perf_counter()
    probabilities = call(image)[0]
    return probabilities, (time.perf_counter() - begun) * 1000


def _predict(model: Any) -> Read:
    return lambda image: np.asarray(model.predict(image, verbose=0))


def _call(model: Any) -> Read:
    return lambda image: np.asarray(model(image, training=False))


def _function(model: Any) -> Read:
    import tensorflow as tf

    compiled = tf.function(
        lambda image: model(image, training=False),
        input_signature=[tf.TensorSpec((1, 28, 28), tf.uint8)],
    )
    return lambda image: np.asarray(compiled(image))


CALLS: dict[str, Callable[[Any], Read]] = {
    "predict": _predict,
    "call": _call,
    "function": _function,
}
