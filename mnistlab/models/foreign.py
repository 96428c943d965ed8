"""Digit classifiers in `.tflite` files of other projects.

Such a file says little about itself: not what its numbers mean, and nothing about the data that it
was trained on. The shapes that tutorials produce are understood here, everything else is refused
with one sentence.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.files import silent_stderr
from mnistlab.metrics.scores import softmax
from mnistlab.models.backends import INSTALL_LITERT
from mnistlab.models.classifier import Floats, Outputs

PixelRange = Literal[1, 255]
"""What full ink is in a model's float input."""

MAX_BYTES = 256 * 2**20
"""Of a file, and of all values that a network holds for one image."""
_CHUNK = 100  # images per call
_PROBES = 8
_DIGITS = 10
_SHAPES = ((28, 28), (28, 28, 1), (1, 28, 28), (784,))
_WANTED = (
    "it needs one input of 28 x 28 pixels (n x 28 x 28, n x 28 x 28 x 1 or n x 784) and one output "
    "of 10 or 11 numbers for each image"
)
# A quantised probability may be off by half a step of 1 in 256, ten times.
_SUM_TOLERANCE = 0.05


class ForeignClassifier:
    """A digit classifier in LiteRT's format from elsewhere. Not thread-safe.

    It is read as `Classifier` is.

    Parameters
    ----------
    name : how people named it, such as the path of its file
    tflite : the contents of the file
    pixel_range : what full ink is in a float input: 1, as is usual, or 255. A quantised input says
        so itself
    card : what is known about it

    Raises
    ------
    ModelError
        When it is no digit classifier of a usual shape, or LiteRT is not installed.
    """

    def __init__(
        self,
        name: str,
        tflite: bytes,
        pixel_range: PixelRange = 1,
        card: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.title = Path(name).name or name
        self.backend = "litert"
        self.tflite = tflite
        self.card: dict[str, Any] = card or {}
        try:
            self._network = _Network(tflite, pixel_range)
            probes = self._network.run(_probes())
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error
        self.gives_probabilities = _are_probabilities(probes)
        """Whether its rows sum to one; otherwise softmax makes probabilities of them."""

    @property
    def digit_threshold(self) -> float:
        """The lowest digit score that is answered with a digit.

        With eleven outputs the last one is taken for "no digit", and it wins where it is the most
        probable one. With ten, the model cannot refuse, and the threshold is 0.
        """
        return 0.5 if self._network.width > _DIGITS else 0.0

    def read(self, images: NDArray[np.uint8]) -> Outputs:
        """Return all outputs for images (n, 28, 28) uint8; it has no features.

        Raises `ModelError` when it computes something that is not a number.
        """
        try:
            rows = self._network.run(images)
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error
        if self.gives_probabilities:
            rows = np.clip(rows, 0, None)
            every = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-12)
        else:
            every = softmax(rows)
        digits = every[:, :_DIGITS]
        total = digits.sum(axis=1, keepdims=True)
        # A row without anything for a digit says nothing of which one.
        proba = np.where(total > 0, digits / np.maximum(total, 1e-30), 1 / _DIGITS)
        highest = digits.max(axis=1)
        scores = highest
        if every.shape[1] > _DIGITS:
            both = highest + every[:, _DIGITS]
            scores = np.divide(highest, both, out=np.zeros_like(highest), where=both > 0)
        none = np.zeros((len(images), 0), np.float32)
        return Outputs(proba.astype(np.float32), scores.astype(np.float32), none)

    def __repr__(self) -> str:
        return f"ForeignClassifier({self.name!r})"

    def _refusal(self, error: Exception) -> ModelError:
        what = " ".join(str(error).split())[:300] or type(error).__name__
        return ModelError(f"{self.name} cannot be judged ({what}); {_WANTED}.")


def open_foreign(path: Path, pixel_range: PixelRange = 1) -> ForeignClassifier:
    """Open a `.tflite` file; raises `ModelError` as `ForeignClassifier` does."""
    return ForeignClassifier(str(path), read_model_file(path), pixel_range)


def read_model_file(path: Path) -> bytes:
    """Return the contents of a model's file; raises `ModelError` when it cannot be read."""
    try:
        if path.exists() and not path.is_file():
            raise ModelError(f"{path} is not a file; give a .tflite or .keras file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ModelError(
                f"{path} has {size / 1e6:,.0f} MB, more than any digit classifier; give one of at "
                f"most {MAX_BYTES >> 20} MB."
            )
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror or error}); check the path."
        ) from error


class _Network:
    """An interpreter for images (n, 28, 28) uint8, whatever its own input is like."""

    def __init__(self, tflite: bytes, pixel_range: PixelRange) -> None:
        if tflite[4:8] != b"TFL3":
            raise ValueError("it is not a .tflite file")
        self._tflite = tflite
        self._single = self._open()
        self._input = _Tensor(_only(self._single.get_input_details(), "inputs"))
        self._shape = self._input.image_shape()
        self._full = self._input.full_ink(pixel_range)
        self._output = _Tensor(_find_output(self._single))
        self.width = self._output.shape[-1]
        """Numbers for each image, 10 or 11."""
        self._many: Any = None
        self._n = 0
        self._can_batch = True
        self._try_batches()

    def run(self, images: NDArray[np.uint8]) -> Floats:
        """Return the outputs (n, 10) or (n, 11) as float32; raises ValueError or RuntimeError."""
        if not len(images):
            return np.zeros((0, self.width), np.float32)
        parts = []
        size = _CHUNK if self._can_batch else 1
        for start in range(0, len(images), size):
            part = images[start : start + size]
            parts.append(self._compute(self._interpreter(len(part)), part))
        rows = np.concatenate(parts)
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

    def _try_batches(self) -> None:
        """Find out whether it gives the same for several images at once as one by one."""
        probes = _probes()
        one_by_one = [self._compute(self._fitted(1), probe[None]) for probe in probes]
        try:
            together = self._compute(self._interpreter(len(probes)), probes)
            same = np.allclose(together, np.concatenate(one_by_one), rtol=1e-3, atol=1e-3)
        except (ValueError, RuntimeError):
            same = False  # its shape is fixed, or written into one of its operations
        self._can_batch = same

    def _interpreter(self, n: int) -> Any:
        return self._fitted(1) if n == 1 else self._batched(n)

    def _fitted(self, n: int) -> Any:
        """Return the interpreter for single images, resized where its number of images is open."""
        shape = (n, *self._shape)
        if tuple(self._single.get_input_details()[0]["shape"]) != shape:
            self._resize(self._single, shape)
        return self._single

    def _batched(self, n: int) -> Any:
        if self._many is None or self._n != n:
            self._many = self._many or self._open()
            self._resize(self._many, (n, *self._shape))
            self._n = n
        return self._many

    def _resize(self, interpreter: Any, shape: tuple[int, ...]) -> None:
        with silent_stderr():
            interpreter.resize_tensor_input(self._input.index, shape)
            interpreter.allocate_tensors()

    def _compute(self, interpreter: Any, images: NDArray[np.uint8]) -> Floats:
        values = self._input.encoded(images.reshape(len(images), *self._shape), self._full)
        interpreter.set_tensor(self._input.index, values)
        with silent_stderr():
            interpreter.invoke()
        rows = self._output.decoded(interpreter.get_tensor(self._output.index))
        if rows.size != len(images) * self.width:
            raise ValueError(f"it gives {rows.size} numbers for {len(images)} images")
        return rows.reshape(len(images), self.width)


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
        named = _named(interpreter, "logits")
        fitting = [each for each in fitting if each["index"] == named] or fitting
    if len(fitting) != 1:
        shapes = " and ".join(_times(each["shape"]) for each in outputs[:4])
        raise ValueError(f"its {'output is' if len(outputs) == 1 else 'outputs are'} {shapes}")
    found: dict[str, Any] = fitting[0]
    return found


def _is_answer(details: dict[str, Any]) -> bool:
    shape, tensor = details["shape"], _Tensor(details)
    is_number = tensor.dtype == np.float32 or tensor.is_quantised
    wide = len(shape) >= 1 and int(shape[-1]) in (_DIGITS, _DIGITS + 1)
    return is_number and wide and math.prod(int(length) for length in shape[:-1]) == 1


def _named(interpreter: Any, name: str) -> int | None:
    """Return the index of an output of the first signature by its name."""
    signatures = list(interpreter.get_signature_list())
    if not signatures:
        return None
    details = interpreter.get_signature_runner(signatures[0]).get_output_details()
    return int(details[name]["index"]) if name in details else None


def _only(details: list[dict[str, Any]], what: str) -> dict[str, Any]:
    if len(details) != 1:
        raise ValueError(f"it has {len(details)} {what}")
    return details[0]


def _times(shape: Any) -> str:
    return " x ".join(str(int(length)) for length in shape) or "one number"


def _probes() -> NDArray[np.uint8]:
    """Return a few images, for which a model says something about everything."""
    images = np.random.default_rng(0).integers(0, 256, (_PROBES, 28, 28), np.uint8)
    images[0] = 0
    images[1] = 255
    return images


def _are_probabilities(rows: Floats) -> bool:
    off = np.abs(rows.sum(axis=1) - 1).max()
    return bool(rows.min() >= -_SUM_TOLERANCE / 10 and off <= _SUM_TOLERANCE)
