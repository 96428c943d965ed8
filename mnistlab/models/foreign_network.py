"""Runs networks in `.tflite` files of other projects, whatever their inputs and outputs are like.

What their outputs mean is up to `mnistlab.models.foreign`.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.files import silent_stderr
from mnistlab.models.backends import INSTALL_LITERT
from mnistlab.models.classifier import Floats
from mnistlab.models.litert_network import named_outputs

PixelRange = Literal[1, 255]
"""What full ink is in a model's float input."""

MAX_BYTES = 256 * 2**20
"""Of a file, and of all values that a network holds for one image."""
_CHUNK = 100  # images per call
_PROBES = 8
_SHAPES = ((28, 28), (28, 28, 1), (1, 28, 28), (784,))
_WIDTHS = (10, 11)


class ForeignNetwork:
    """A network for images `(n, 28, 28)` uint8 that gives 10 or 11 numbers for each.

    Not thread-safe.

    Parameters
    ----------
    tflite : the contents of the file
    pixel_range : what full ink is in a float input

    Raises
    ------
    ModelError
        When LiteRT is not installed.
    ValueError, RuntimeError
        When it is no such network.
    """

    def __init__(self, tflite: bytes, pixel_range: PixelRange) -> None:
        if tflite[4:8] != b"TFL3":
            raise ValueError("it is not a .tflite file")
        self._tflite = tflite
        self._single = self._open()
        self._many: Any = None
        self._input = _Tensor(_only(self._single.get_input_details(), "inputs"))
        self._shape = self._input.image_shape()
        self._full = self._input.full_ink(pixel_range)
        self._output = _Tensor(_find_output(self._single))
        self.width = self._output.shape[-1]
        """Numbers for each image, 10 or 11."""
        self._chunk = _CHUNK if self._can_batch() else 1

    def run(self, images: NDArray[np.uint8]) -> Floats:
        """Return the outputs `(n, width)` float32; raises `ValueError` or `RuntimeError`."""
        if not len(images):
            return np.zeros((0, self.width), np.float32)
        starts = range(0, len(images), self._chunk)
        rows = np.concatenate([self._compute(images[i : i + self._chunk]) for i in starts])
        if not np.isfinite(rows).all():
            raise ValueError("some of its outputs are not finite numbers")
        return rows

    def _open(self) -> Any:
        try:
            # Imported here: 33 MB that most commands do not need.
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise ModelError(
                "Files of other projects need LiteRT, which is not installed here; install it "
                f"with: {INSTALL_LITERT}"
            ) from error
        with silent_stderr():
            interpreter = Interpreter(model_content=self._tflite, num_threads=1)
            _check_size(interpreter)
            interpreter.allocate_tensors()
        return interpreter

    def _can_batch(self) -> bool:
        """Find out whether it gives the same for several images at once as one by one."""
        images = probes()
        one_by_one = np.concatenate([self._compute(image[None]) for image in images])
        try:
            together = self._compute(images)
        except (ValueError, RuntimeError):
            return False  # its shape is fixed, or written into one of its operations
        return np.allclose(together, one_by_one, rtol=1e-3, atol=1e-3)

    def _interpreter_for(self, n: int) -> Any:
        """Return the interpreter for single images or the other one, for batches of n images."""
        if n > 1 and self._many is None:
            self._many = self._open()
        interpreter = self._single if n == 1 else self._many
        shape = (n, *self._shape)
        if tuple(interpreter.get_input_details()[0]["shape"]) != shape:
            with silent_stderr():
                interpreter.resize_tensor_input(self._input.index, shape)
                interpreter.allocate_tensors()
        return interpreter

    def _compute(self, images: NDArray[np.uint8]) -> Floats:
        interpreter = self._interpreter_for(len(images))
        values = self._input.encoded(images.reshape(len(images), *self._shape), self._full)
        interpreter.set_tensor(self._input.index, values)
        with silent_stderr():
            interpreter.invoke()
        rows = self._output.decoded(interpreter.get_tensor(self._output.index))
        if rows.size != len(images) * self.width:
            raise ValueError(f"it gives {rows.size} numbers for {len(images)} images")
        return rows.reshape(len(images), self.width)


def probes() -> NDArray[np.uint8]:
    """Return a few images, for which a model says something about everything."""
    images = np.random.default_rng(0).integers(0, 256, (_PROBES, 28, 28), np.uint8)
    images[0] = 0
    images[1] = 255
    return images


def _check_size(interpreter: Any) -> None:
    """Refuse a network that would take all memory, before it does: a file may come from anyone."""
    total = 0
    for each in interpreter.get_tensor_details():
        length = math.prod(max(1, int(length)) for length in each["shape"])
        total += length * np.dtype(each["dtype"]).itemsize
    if total > MAX_BYTES:
        raise ValueError("it is larger than any digit classifier")


class _Tensor:
    """The details of an input or output, as LiteRT gives them."""

    def __init__(self, details: dict[str, Any]) -> None:
        self.index = int(details["index"])
        self.shape = tuple(int(length) for length in details["shape"])
        self.dtype = np.dtype(details["dtype"])
        scale, zero = details.get("quantization") or (0.0, 0)
        self.scale, self.zero = float(scale), int(zero)

    @property
    def is_quantised(self) -> bool:
        return self.dtype in (np.uint8, np.int8) and self.scale > 0

    def image_shape(self) -> tuple[int, ...]:
        """Return the shape of one image, without the number of images."""
        if self.shape[1:] not in _SHAPES:
            raise ValueError(f"its input is {_times(self.shape)}")
        if not (self.dtype in (np.float32, np.uint8) or self.is_quantised):
            raise ValueError(f"its input is of type {self.dtype}")
        return self.shape[1:]

    def full_ink(self, pixel_range: PixelRange) -> int:
        """Return what full ink is: of a quantised input its scale says so."""
        if self.is_quantised:
            return 255 if self.scale * 255 > 2 else 1
        return 255 if self.dtype == np.uint8 else pixel_range

    def encoded(self, images: NDArray[np.uint8], full: int) -> NDArray[Any]:
        if self.is_quantised:
            limits = np.iinfo(self.dtype)
            steps = np.rint(images.astype(np.float64) * (full / 255) / self.scale) + self.zero
            return np.asarray(np.clip(steps, limits.min, limits.max), self.dtype)
        if self.dtype == np.uint8:
            return images
        return images.astype(np.float32) * np.float32(full / 255)

    def decoded(self, values: NDArray[Any]) -> Floats:
        if self.is_quantised:
            return np.asarray((values.astype(np.float32) - self.zero) * self.scale, np.float32)
        return np.asarray(values, np.float32)


def _find_output(interpreter: Any) -> dict[str, Any]:
    """Return the output with a number for each class; of several, the one named logits."""
    outputs = interpreter.get_output_details()
    fitting = [each for each in outputs if _is_answer(each)]
    if len(fitting) > 1:
        named = named_outputs(interpreter).get("logits", {}).get("index")
        fitting = [each for each in fitting if each["index"] == named] or fitting
    if len(fitting) != 1:
        shapes = " and ".join(_times(each["shape"]) for each in outputs[:4])
        raise ValueError(f"its {'output is' if len(outputs) == 1 else 'outputs are'} {shapes}")
    found: dict[str, Any] = fitting[0]
    return found


def _is_answer(details: dict[str, Any]) -> bool:
    shape, tensor = details["shape"], _Tensor(details)
    is_number = tensor.dtype == np.float32 or tensor.is_quantised
    wide = len(shape) >= 1 and int(shape[-1]) in _WIDTHS
    return is_number and wide and math.prod(int(length) for length in shape[:-1]) == 1


def _only(details: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(details) != 1:
        raise ValueError(f"it has {len(details)} {what}")
    return details[0]


def _times(shape: Any) -> str:
    return " x ".join(str(int(length)) for length in shape) or "one number"
