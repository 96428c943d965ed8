"""Predictions with LiteRT: a tenth of a millisecond an image, and no TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError

_CHUNK = 250  # images per call when there are many; more only costs memory


class Classifier:
    """A trained model that gives probabilities for 28x28 images. Safe to use from threads.

    Parameters
    ----------
    name : what the model is called: `"mlp"`, `"cnn"` or a run's id
    tflite : the model in LiteRT's format: `(n, 28, 28)` uint8 in, `(n, 10)` logits out
    card : what is known about it (architecture, config, data, scores, ...)

    Raises
    ------
    ModelError
        When `tflite` is no such model.
    """

    def __init__(self, name: str, tflite: bytes, card: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.card = dict(card or {})
        self._tflite = tflite
        self._lock = threading.Lock()
        self._single = self._open(1)
        self._many: tuple[int, Any] | None = None

    @property
    def title(self) -> str:
        """The name as people read it."""
        return str(self.card.get("title", self.name.upper()))

    def __repr__(self) -> str:
        return f"Classifier({self.name!r})"

    def predict_proba(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of the ten digits.

        Parameters
        ----------
        images : array (n, 28, 28) uint8
            Bright ink on black, as MNIST's recipe leaves it; a single `(28, 28)` image is read
            as `(1, 28, 28)`.

        Returns
        -------
        array (n, 10) float32, rows summing to 1

        Raises
        ------
        ValueError
            For another shape or dtype.
        """
        images = np.asarray(images)
        if images.ndim == 2:
            images = images[None]
        if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
            raise ValueError(
                f"Give images as (n, 28, 28) uint8, not {images.shape} {images.dtype}; "
                "mnistlab.preprocess makes them."
            )
        with self._lock:
            if len(images) == 1:
                return softmax(_invoke(self._single, images))
            chunks = [images[i : i + _CHUNK] for i in range(0, len(images), _CHUNK)]
            logits = [_invoke(self._interpreter_for(len(chunk)), chunk) for chunk in chunks]
        return softmax(np.concatenate(logits) if logits else np.zeros((0, 10), np.float32))

    def _interpreter_for(self, n: int) -> Any:
        if self._many is None or self._many[0] != n:
            self._many = (n, self._open(n))
        return self._many[1]

    def _open(self, n: int) -> Any:
        # Imported here: 33 MB that a page without the Predict tab open does not need.
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=self._tflite, num_threads=1)
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
            if len(inputs) != 1 or inputs[0]["dtype"] is not np.uint8 or len(outputs) != 1:
                raise ValueError("it does not take one uint8 image and give one answer")
            interpreter.resize_tensor_input(inputs[0]["index"], (n, 28, 28))
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"Model {self.name!r} cannot be read as a digit classifier ({error}); "
                "train it again, or reinstall mnistlab if it is a pretrained one."
            ) from error
        return interpreter


def _invoke(interpreter: Any, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    logits: NDArray[np.float32] = interpreter.get_tensor(
        interpreter.get_output_details()[0]["index"]
    )
    return logits


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities along the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: NDArray[np.float32] = powers / powers.sum(axis=-1, keepdims=True)
    return result
