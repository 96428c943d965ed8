"""Writes small `.tflite` files, sound and hostile ones, without TensorFlow."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ADD, CONV_2D, FULLY_CONNECTED, MAX_POOL_2D, MUL, RESHAPE = 0, 3, 9, 17, 18, 22
SOFTMAX, STRIDED_SLICE, CAST, SHAPE, PACK = 25, 45, 53, 77, 83
DEQUANTIZE = 6
SAME, VALID = 0, 1
RELU = 1
# The schema's numbers for the tables of options.
_OPTIONS = {
    ADD: 11, CONV_2D: 1, FULLY_CONNECTED: 8, MAX_POOL_2D: 5, MUL: 21, RESHAPE: 17, SOFTMAX: 9,
    STRIDED_SLICE: 32, CAST: 37, SHAPE: 55, PACK: 59, DEQUANTIZE: 26,
}  # fmt: skip
_TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int8": 9}


class Vector:
    """A vector of scalars of a format, such as `"f"` or `"q"`."""

    def __init__(self, kind: str, *values: float) -> None:
        self.kind, self.values = kind, values


class Network:
    """A network from an image to what its last operation gives, named by `add` one by one."""

    def __init__(self, shape: Sequence[int] = (1, 28, 28), dtype: str = "uint8") -> None:
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [{}]
        self._codes: list[int] = []
        self._operations: list[Any] = []
        self.image = self.tensor(shape, dtype)

    def tensor(self, shape: Sequence[int], dtype: str = "float32", buffer: int = 0) -> int:
        fields = {0: list(shape), 1: ("b", _TYPES[dtype]), 2: ("I", buffer)}
        self._tensors.append(fields)
        return len(self._tensors) - 1

    def quantise(self, tensor: int, scale: float, zero: int) -> None:
        """Say what a tensor's whole numbers stand for: scale * (number - zero)."""
        self._tensors[tensor][4] = {2: Vector("f", scale), 3: Vector("q", zero)}

    def constant(self, values: NDArray[Any]) -> int:
        self._buffers.append({0: values.tobytes()})
        return self.tensor(values.shape, str(values.dtype), len(self._buffers) - 1)

    def add(
        self,
        code: int,
        inputs: Sequence[int],
        shape: Sequence[int] = (1,),
        options: dict[int, tuple[str, int]] | None = None,
        dtype: str = "float32",
    ) -> int:
        """Add an operation; return the index of its result, of the shape for one image."""
        if code not in self._codes:
            self._codes.append(code)
        result = self.tensor(shape, dtype)
        index = ("I", self._codes.index(code))
        kind = ("B", _OPTIONS.get(code, 0))
        fields = {0: index, 1: list(inputs), 2: [result], 3: kind, 4: options or {}}
        self._operations.append(fields)
        return result

    def file(self, *outputs: int) -> bytes:
        """Return the file; without a signature, the outputs have the names of their tensors."""
        codes = [{0: ("b", code), 3: ("i", code)} for code in self._codes]
        graph = {0: self._tensors, 1: [self.image], 2: list(outputs), 3: self._operations}
        return write({0: ("I", 3), 1: codes, 2: [graph], 4: self._buffers})

    def scaled(self) -> int:
        """Return the image as numbers from 0 to 1, (n, 28, 28, 1)."""
        scale = self.constant(np.array(1 / 255, np.float32))
        numbers = self.add(CAST, [self.image], (1, 28, 28))
        shape = self.constant(np.array([-1, 28, 28, 1], np.int32))
        return self.add(
            RESHAPE, [self.add(MUL, [numbers, scale], (1, 28, 28)), shape], (1, 28, 28, 1)
        )

    def logits(self, x: int, width: int, outputs: int = 10) -> int:
        """Return logits from a layer over all `width` values of x."""
        flat = self.add(RESHAPE, [x, self.constant(np.array([-1, width], np.int32))], (1, width))
        weights = self.constant(random_weights((outputs, width)) / np.float32(np.sqrt(width)))
        return self.add(FULLY_CONNECTED, [flat, weights, -1], (1, outputs))


def random_weights(shape: Sequence[int]) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def convolution(
    size: int, padding: int, stride: int, pool_padding: int, pool_stride: int, out: int
) -> bytes:
    """A network with one convolution and one maximum; its second result is `out` wide and high."""
    network = Network()
    kernel = network.constant(random_weights((4, size, size, 1)) / np.float32(size))
    bias = network.constant(random_weights((4,)))
    height = -(-28 // stride) if padding == SAME else (28 - size) // stride + 1
    strides = {0: ("b", padding), 1: ("i", stride), 2: ("i", stride)}
    found = network.add(
        CONV_2D, [network.scaled(), kernel, bias], (1, height, height, 4),
        {**strides, 3: ("b", RELU), 4: ("i", 1), 5: ("i", 1)},
    )  # fmt: skip
    strides = {0: ("b", pool_padding), 1: ("i", pool_stride), 2: ("i", pool_stride)}
    found = network.add(
        MAX_POOL_2D, [found], (1, out, out, 4), {**strides, 3: ("i", 2), 4: ("i", 2)}
    )
    return network.file(network.logits(found, out * out * 4))


def write(root: dict[int, Any]) -> bytes:
    """Return a FlatBuffer: tables are dictionaries by field, scalars a format and a number."""
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _put(out, root))
    return bytes(out)


def _put(out: bytearray, node: Any) -> int:
    """Append a table, a vector or bytes; return where it starts."""
    if isinstance(node, bytes):
        out += bytes(-(len(out) + 4) % 16)
        out += struct.pack("<I", len(node)) + node
        return len(out) - len(node) - 4
    if isinstance(node, Vector):
        out += bytes(-(len(out) + 4) % 8)
        data = struct.pack(f"<{len(node.values)}{node.kind}", *node.values)
        out += struct.pack("<I", len(node.values)) + data
        return len(out) - len(data) - 4
    out += bytes(-len(out) % 4)
    if isinstance(node, list):
        start = len(out)
        out += struct.pack("<I", len(node))
        if all(isinstance(each, int) for each in node):
            out += struct.pack(f"<{len(node)}i", *node)
        else:
            _put_children(out, node)
        return start
    fields = [node.get(field) for field in range(max(node, default=-1) + 1)]
    entries = [0 if value is None else 4 + 4 * i for i, value in enumerate(fields)]
    vtable = struct.pack(f"<{2 + len(fields)}H", 4 + 2 * len(fields), 4 + 4 * len(fields), *entries)
    vtable += bytes(-len(vtable) % 4)
    out += vtable
    start = len(out)
    out += struct.pack("<i", len(vtable))
    _put_children(out, fields)
    return start


def _put_children(out: bytearray, nodes: Sequence[Any]) -> None:
    start = len(out)
    out += bytes(4 * len(nodes))
    for i, node in enumerate(nodes):
        at = start + 4 * i
        if isinstance(node, tuple):
            struct.pack_into("<" + node[0], out, at, node[1])
        elif node is not None:
            struct.pack_into("<I", out, at, _put(out, node) - at)
