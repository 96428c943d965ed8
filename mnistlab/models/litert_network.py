"""Runs the networks of `.tflite` files in LiteRT, which is fast."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.files import silent_stderr
from mnistlab.models.tflite_file import read_tensors


class LitertNetwork:
    """A network for images `(n, 28, 28)` uint8, n being any number from 1. Thread-safe.

    Parameters
    ----------
    tflite : the contents of the file

    Raises
    ------
    ValueError, RuntimeError
        When it is no network for such images.
    """

    def __init__(self, tflite: bytes) -> None:
        self._tflite = tflite
        self._lock = threading.Lock()
        self._single = _Interpreter(tflite, 1)
        self._many: _Interpreter | None = None
        self.widths = self._single.widths
        """Name of each output -> its length."""

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return each output `(n, width)` float32 by its name, for images `(n, 28, 28)` uint8.

        Raises `ValueError` or `RuntimeError` when the network takes no such number of images.
        """
        with self._lock:
            return self._interpreter_for(len(images)).run(images)

    def _interpreter_for(self, n: int) -> _Interpreter:
        if n == 1:
            return self._single
        if self._many is None or self._many.n != n:
            self._many = _Interpreter(self._tflite, n)
        return self._many


class _Interpreter:
    """LiteRT's own object, which computes batches of n images."""

    def __init__(self, tflite: bytes, n: int) -> None:
        # Imported here: 33 MB that a page without the Predict tab open does not need.
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.n = n
        # XNNPACK keeps a second copy of all weights: 10 MB of the pretrained MLP, where it takes
        # 0.05 ms off one image. Convolutions take a third of the time with it.
        plain = n == 1 and not _has_convolutions(tflite)
        kind = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else OpResolverType.AUTO
        self._interpreter = Interpreter(
            model_content=tflite, num_threads=1, experimental_op_resolver_type=kind
        )
        inputs = self._interpreter.get_input_details()
        if [each["dtype"] for each in inputs] != [np.uint8]:
            raise ValueError("it does not take one uint8 image")
        self._input = inputs[0]["index"]
        outputs = named_outputs(self._interpreter)
        self.widths = {name: int(each["shape"][-1]) for name, each in outputs.items()}
        self._outputs = {name: int(each["index"]) for name, each in outputs.items()}
        self._interpreter.resize_tensor_input(self._input, (n, 28, 28))
        with silent_stderr():
            self._interpreter.allocate_tensors()

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(i) for name, i in self._outputs.items()}


def _has_convolutions(tflite: bytes) -> bool:
    try:
        constants = [tensor.values for tensor in read_tensors(tflite)]
    except ValueError:
        return True  # LiteRT, which knows more, opens it or says what is wrong
    return any(values is not None and values.ndim == 4 for values in constants)


def named_outputs(interpreter: Any) -> dict[str, dict[str, Any]]:
    """Return the details of each output by its name in the signature.

    The outputs come in any order and may be of equal width.
    """
    signatures = list(interpreter.get_signature_list())
    if signatures:
        details: dict[str, dict[str, Any]] = interpreter.get_signature_runner(
            signatures[0]
        ).get_output_details()
        return details
    return {output["name"]: output for output in interpreter.get_output_details()}
