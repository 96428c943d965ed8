"""Runs the networks of `.tflite` files in NumPy, where LiteRT has no package.

It computes the operations that our networks consist of (`mnistlab.models.networks`), in float32 and
images before channels, `(n, height, width, channels)`, as LiteRT does. Sums are taken in another
order, so that probabilities differ by about 1e-6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from mnistlab.models.tflite_file import Operation, UnsupportedError, read_graph

# Of one image in one step: values that are held, and products that are added up. The widest network
# of `TrainingConfig` has 903,168 and 4.6e8. A file from elsewhere must not take all memory or time.
_MOST_VALUES = 2**20
_MOST_PRODUCTS = 2**29
_PATCH_BYTES = 2**19  # of a convolution at once: what stays in a processor's cache
# Of products that BLAS adds up at once. OpenBLAS gives more of them to several threads, which wait
# for each other without end on a busy machine: one image then takes 20 ms, and in tiles always one.
_TILE = 2**18
_TILE_ROWS = 4
_NO_ACTIVATION, _RELU = 0, 1
_NO_MASKS = {"begin": 0, "end": 0, "ellipsis": 0, "new": 0, "shrink": 0}
_OF_IMAGES = ("CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D")

Array = NDArray[Any]
Options = dict[str, int]


class NumpyNetwork:
    """A network for images `(n, 28, 28)` uint8, n being any number from 1. Thread-safe.

    Parameters
    ----------
    tflite : the contents of the file

    Raises
    ------
    UnsupportedError
        When it needs an operation that is not computed here.
    ValueError
        When it is no network for such images, or larger than any of ours.
    """

    def __init__(self, tflite: bytes) -> None:
        graph = read_graph(tflite)
        self._operations, self._outputs = graph.operations, graph.outputs
        self._constants = {
            i: _aligned(tensor.values)
            for i, tensor in enumerate(graph.tensors)
            if tensor.values is not None
        }
        if [graph.tensors[i].dtype for i in graph.inputs] != [np.dtype(np.uint8)]:
            raise ValueError("it does not take one uint8 image")
        self._input = graph.inputs[0]
        self._finished = self._find_finished()
        # Two images show at once whether all operations fit together, for any number of images.
        found = self.run(np.zeros((2, 28, 28), np.uint8))
        self.widths = {name: values.shape[1] for name, values in found.items()}
        """Name of each output -> its length."""

    def run(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """Return each output `(n, width)` float32 by its name, for images `(n, 28, 28)` uint8.

        Raises `ValueError` when the operations do not fit together.
        """
        values: dict[int, Array | None] = {**self._constants, self._input: images, -1: None}
        with np.errstate(all="ignore"):  # weights from elsewhere may overflow
            for each, finished in zip(self._operations, self._finished, strict=True):
                values[each.output] = _compute(each, values, len(images))
                for i in finished:
                    del values[i]
        outputs = {name: values.get(i) for name, i in self._outputs.items()}
        for found in outputs.values():
            if (
                found is None
                or found.dtype != np.float32
                or found.ndim != 2
                or len(found) != len(images)
            ):
                raise ValueError("its outputs are not numbers for each image")
        return outputs  # type: ignore[return-value]  # none is None

    def _find_finished(self) -> list[list[int]]:
        """Return for each operation the results that no later one needs: they take most memory."""
        kept = {*self._constants, *self._outputs.values(), -1}
        finished: list[list[int]] = []
        for each in reversed(self._operations):
            finished.append([i for i in {*each.inputs, each.output} if i not in kept])
            kept.update(finished[-1])
        return finished[::-1]


def _compute(operation: Operation, values: dict[int, Array | None], n: int) -> Array:
    """Return the result of an operation on n images; raises `ValueError` when it does not fit."""
    try:
        operands = [values[i] for i in operation.inputs]
        if operation.name in _OF_IMAGES and len(operands[0]) != n:  # type: ignore[arg-type]
            raise ValueError("images")
        return _OPERATIONS[operation.name](operation.options, *operands)
    except UnsupportedError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"its operation {operation.name} does not fit") from error


def _aligned(values: Array) -> Array:
    """Return values that BLAS takes as they are: a view of the file, unless that is odd."""
    return values if values.flags.aligned else values.copy()


def _check(values: int, products: int = 0) -> None:
    """Refuse a step that would take too much memory or time, before it does."""
    if values > _MOST_VALUES or products > _MOST_PRODUCTS:
        raise ValueError("it is larger than any digit classifier")


def _activate(values: Array, options: Options) -> Array:
    """Apply the activation that is fused into an operation; `values` are new and overwritten."""
    activation = options["activation"]
    if activation not in (_NO_ACTIVATION, _RELU):
        raise UnsupportedError(f"the activation number {activation}")
    return np.maximum(values, 0, out=values) if activation == _RELU else values


def _cast(_: Options, x: Array) -> Array:
    return x.astype(np.float32)


def _multiply(options: Options, x: Array, y: Array) -> Array:
    _check_pair(x, y)
    return _activate(np.multiply(x, y), options)


def _add(options: Options, x: Array, y: Array) -> Array:
    _check_pair(x, y)
    return _activate(np.add(x, y), options)


def _check_pair(x: Array, y: Array) -> None:
    """Refuse a pair that would give more values than either has."""
    if np.broadcast_shapes(x.shape, y.shape) not in (x.shape, y.shape):
        raise ValueError("shapes")


def _shape(_: Options, x: Array) -> Array:
    return np.array(x.shape, np.int32)


def _strided_slice(options: Options, x: Array, begin: Array, end: Array, step: Array) -> Array:
    """Return one part of a shape, or the middle of images: our networks use it for nothing else."""
    if options["ellipsis"] or options["new"] or len(begin) != x.ndim:
        raise UnsupportedError("a STRIDED_SLICE that changes the number of axes")
    if x.ndim == 1 and options == {**_NO_MASKS, "shrink": 1}:
        return np.array(x[int(begin[0])])
    if options["shrink"] or (step != 1).any() or not options["begin"] & options["end"] & 1:
        raise UnsupportedError("a STRIDED_SLICE of some of the images")
    ends = zip(_ends(begin, options["begin"]), _ends(end, options["end"]), strict=True)
    return x[tuple(slice(first, last) for first, last in ends)]


def _ends(given: Array, mask: int) -> list[int | None]:
    """Return the ends of a slice along each axis; None where a bit of the mask is set."""
    return [None if mask >> axis & 1 else int(end) for axis, end in enumerate(given)]


def _pack(options: Options, *parts: Array) -> Array:
    if any(part.ndim for part in parts):
        raise UnsupportedError("a PACK of more than single values")
    return np.stack(parts, options["axis"])


def _reshape(_: Options, x: Array, shape: Array) -> Array:
    return x.reshape([int(length) for length in shape])


def _fully_connected(
    options: Options, x: Array, weights: Array, bias: Array | None = None
) -> Array:
    if options["format"] != 0:
        raise UnsupportedError("a FULLY_CONNECTED with shuffled weights")
    x = x.reshape(len(x), weights.shape[1])
    _check(len(weights), weights.size)
    y = np.empty((len(x), len(weights)), np.float32)
    _multiply_matrices(x, weights, y)
    return _activate(y if bias is None else np.add(y, bias, out=y), options)


def _convolve(options: Options, x: Array, kernel: Array, bias: Array | None = None) -> Array:
    if (options["dilation_h"], options["dilation_w"]) != (1, 1):
        raise UnsupportedError("a CONV_2D with dilation")
    filters, *size, channels = kernel.shape
    x = _padded(x, options, size, 0)
    height, width = _fitting(x, options, size)
    depth = size[0] * size[1] * channels
    _check(height * width * max(filters, depth), height * width * filters * depth)
    if x.shape[3] != channels:
        raise ValueError("channels")
    windows, weights = _windows(x, options, size), kernel.reshape(filters, depth)
    y = np.empty((len(x), height, width, filters), np.float32)
    step = max(1, _PATCH_BYTES // (4 * height * width * depth))
    for i in range(0, len(x), step):
        # A matrix of patches, so that one product of matrices gives all filters at all places.
        patches = windows[i : i + step].reshape(-1, depth)
        _multiply_matrices(patches, weights, y[i : i + step].reshape(-1, filters))
    return _activate(y if bias is None else np.add(y, bias, out=y), options)


def _multiply_matrices(x: Array, weights: Array, y: Array) -> None:
    """Write x `(n, k)` times the transposed weights `(m, k)` into y `(n, m)`, in tiles."""
    if len(x) == 1:
        np.vecdot(weights, x, out=y[0])  # never in threads either
        return
    for rows in _parts(len(x), max(_TILE_ROWS, _TILE // weights.size)):
        part = x[rows]
        for columns in _parts(len(weights), _TILE // part.size):
            np.matmul(part, weights[columns].T, out=y[rows, columns])


def _parts(n: int, most: int) -> list[slice]:
    """Return slices of at most `most` (or one) that cover n, as equal as can be."""
    count = -(-n // max(1, most))
    return [slice(n * i // count, n * (i + 1) // count) for i in range(count)]


def _max_pool(options: Options, x: Array) -> Array:
    size = [options["height"], options["width"]]
    x = _padded(x, options, size, -np.inf)
    height, width = _fitting(x, options, size)
    values = height * width * x.shape[3]
    _check(values, values * size[0] * size[1])
    found: Array | None = None
    for i in range(size[0]):
        for j in range(size[1]):
            rows = slice(i, i + options["stride_h"] * height, options["stride_h"])
            columns = slice(j, j + options["stride_w"] * width, options["stride_w"])
            at = x[:, rows, columns]
            found = at.copy() if found is None else np.maximum(found, at, out=found)
    assert found is not None  # a window has at least one place
    return _activate(found, options)


def _padded(x: Array, options: Options, size: list[int], value: float) -> Array:
    """Return images with the border that "same" padding adds, or as they are."""
    strides = options["stride_h"], options["stride_w"]
    if x.ndim != 4 or min(*size, *strides) < 1:
        raise ValueError("windows")
    if options["padding"] == 1:  # "valid"
        return x
    border = [(0, 0), (0, 0), (0, 0), (0, 0)]
    for axis, (length, stride) in enumerate(zip(size, strides, strict=True), 1):
        more = max((-(-x.shape[axis] // stride) - 1) * stride + length - x.shape[axis], 0)
        border[axis] = more // 2, more - more // 2
    (top, bottom), (left, right) = border[1:3]
    height, width = x.shape[1] + top + bottom, x.shape[2] + left + right
    _check(height * width * x.shape[3])
    padded = np.full((len(x), height, width, x.shape[3]), value, np.float32)
    padded[:, top : height - bottom, left : width - right] = x
    return padded


def _fitting(x: Array, options: Options, size: list[int]) -> tuple[int, int]:
    """Return how many windows fit into images, down and across."""
    height = (x.shape[1] - size[0]) // options["stride_h"] + 1
    width = (x.shape[2] - size[1]) // options["stride_w"] + 1
    if min(height, width) < 1:
        raise ValueError("windows")
    return height, width


def _windows(x: Array, options: Options, size: list[int]) -> Array:
    """Return a view of all windows, (n, down, across, height, width, channels)."""
    windows = sliding_window_view(x, (size[0], size[1]), axis=(1, 2))
    windows = windows[:, :: options["stride_h"], :: options["stride_w"]]
    # Channels last, as they lie in memory, so that whole rows of a window are copied at once.
    return windows.transpose(0, 1, 2, 4, 5, 3)


_OPERATIONS: dict[str, Callable[..., Array]] = {
    "ADD": _add,
    "CAST": _cast,
    "CONV_2D": _convolve,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _max_pool,
    "MUL": _multiply,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "SHAPE": _shape,
    "STRIDED_SLICE": _strided_slice,
}
