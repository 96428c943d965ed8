"""Reads the network out of a `.tflite` file: tensors, operations and names, as plain data.

The format is a FlatBuffer by the schema `tensorflow/compiler/mlir/lite/schema/schema.fbs`. The
packages for it check nothing, and a file may come from anyone. Here every offset is checked against
the file's size and every count has a limit, so that no file is read out of bounds or forever.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Tables refer to tables, so that a small file could describe endless work. Our largest network has
# 25 operations and 50 tensors.
_MOST_OPERATIONS = 100
_MOST_TENSORS = 1000
_MOST_OUTPUTS = 100
_MOST_OPERANDS = 16
_MOST_DIMENSIONS = 8
_MOST_NAME = 4000  # bytes; the converter joins the names of layers that it merges

_TYPES: dict[int, np.dtype[Any]] = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 3: np.dtype("u1")}

# Operations by their numbers, each with its options: their field, format and default in its table.
_ACTIVATION = (0, "b", 0)
_STRIDES = {"padding": (0, "b", 0), "stride_w": (1, "i", 0), "stride_h": (2, "i", 0)}
_OPERATIONS: dict[int, tuple[str, dict[str, tuple[int, str, int]]]] = {
    0: ("ADD", {"activation": _ACTIVATION}),
    3: ("CONV_2D", {
        **_STRIDES, "activation": (3, "b", 0), "dilation_w": (4, "i", 1), "dilation_h": (5, "i", 1),
    }),
    9: ("FULLY_CONNECTED", {"activation": _ACTIVATION, "format": (1, "b", 0)}),
    17: ("MAX_POOL_2D", {
        **_STRIDES, "width": (3, "i", 0), "height": (4, "i", 0), "activation": (5, "b", 0),
    }),
    18: ("MUL", {"activation": _ACTIVATION}),
    22: ("RESHAPE", {}),
    45: ("STRIDED_SLICE", {
        "begin": (0, "i", 0), "end": (1, "i", 0), "ellipsis": (2, "i", 0), "new": (3, "i", 0),
        "shrink": (4, "i", 0),
    }),
    53: ("CAST", {}),
    77: ("SHAPE", {}),
    83: ("PACK", {"axis": (1, "i", 0)}),
}  # fmt: skip
_OTHER_NAMES = {
    1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    14: "LOGISTIC", 19: "RELU", 25: "SOFTMAX", 28: "TANH", 32: "CUSTOM", 34: "PAD", 40: "MEAN",
    41: "SUB", 114: "QUANTIZE",
}  # fmt: skip


class UnsupportedError(ValueError):
    """A sound file needs an operation or a type of numbers that this reader does not have."""


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a network: weights and other constants with their values, others without."""

    dtype: np.dtype[Any] | None
    """float32, int32 or uint8; None for any other type, whose values are not read."""
    values: NDArray[Any] | None
    """In the tensor's shape, a view of the file; None for what an operation computes."""
    at: int
    """Where the values are in the file, in bytes from its start; 0 without values."""


@dataclass(frozen=True)
class Operation:
    """A step of a network."""

    name: str
    """As in the schema, such as `"CONV_2D"`."""
    inputs: tuple[int, ...]
    """Indices of tensors; -1 for an operand that is left out."""
    output: int
    options: dict[str, int]


@dataclass(frozen=True)
class Graph:
    """A network: its operations in the order of the computation."""

    tensors: tuple[Tensor, ...]
    operations: tuple[Operation, ...]
    inputs: tuple[int, ...]
    outputs: dict[str, int]
    """Name in the first signature (or else of the tensor) -> index of the tensor."""


def read_tensors(tflite: bytes) -> tuple[Tensor, ...]:
    """Return the tensors of a network, whatever its operations are; raises as `read_graph` does."""
    return _read_tensors(_Table.root(tflite))


def read_graph(tflite: bytes) -> Graph:
    """Return the network of a `.tflite` file.

    Parameters
    ----------
    tflite : the contents of the file

    Raises
    ------
    UnsupportedError
        For an operation or a type of numbers that `mnistlab.models.numpy_network` cannot compute.
    ValueError
        When the bytes are no network, or one of unusual size.
    """
    model = _Table.root(tflite)
    codes = [_code(each) for each in model.tables(1, _MOST_OPERATIONS)]
    subgraph = _subgraph(model)
    tensors = _read_tensors(model)
    operations = tuple(
        _read_operation(each, codes) for each in subgraph.tables(3, _MOST_OPERATIONS)
    )
    inputs = subgraph.numbers(1, _MOST_OPERANDS)
    outputs = _read_outputs(model, subgraph)
    operands = [i for each in operations for i in (*each.inputs, each.output) if i != -1]
    used = {*operands, *inputs, *outputs.values()}
    if any(not 0 <= i < len(tensors) for i in used):
        raise ValueError("it refers to a tensor that it does not have")
    if any(tensors[i].dtype is None for i in used):
        raise UnsupportedError("numbers of another type than float32, int32 and uint8")
    return Graph(tensors, operations, inputs, outputs)


class _Table:
    """A table of a FlatBuffer: numbered fields, each of which may be left out."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self._at = data, at
        self._fields = at - self._number("i", at)
        self._size = self._number("H", self._fields)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        if data[4:8] != b"TFL3":
            raise ValueError("it is not a LiteRT file")
        return cls(data, int.from_bytes(data[:4], "little"))

    def number(self, field: int, kind: str, default: int) -> int:
        """Return a scalar; `kind` is its format as in `struct`."""
        at = self._position(field)
        return default if at is None else self._number(kind, at)

    def table(self, field: int) -> _Table | None:
        at = self._position(field)
        return None if at is None else self._follow(at)

    def tables(self, field: int, most: int) -> list[_Table]:
        start, count = self._vector(field, 4, most)
        return [self._follow(start + 4 * i) for i in range(count)]

    def numbers(self, field: int, most: int) -> tuple[int, ...]:
        start, count = self._vector(field, 4, most)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def text(self, field: int) -> str:
        start, count = self._vector(field, 1, _MOST_NAME)
        return self.data[start : start + count].decode("utf-8", "replace")

    def span(self, field: int) -> tuple[int, int]:
        """Return where a vector of bytes starts, and how many there are."""
        return self._vector(field, 1, len(self.data))

    def _vector(self, field: int, size: int, most: int) -> tuple[int, int]:
        """Return where the elements of a vector start, and how many there are, 0 without it."""
        at = self._position(field)
        if at is None:
            return 0, 0
        start = at + self._number("I", at)
        count = self._number("I", start)
        if count > most or start + 4 + size * count > len(self.data):
            raise ValueError("it is cut off, or larger than any digit classifier")
        return start + 4, count

    def _follow(self, at: int) -> _Table:
        return _Table(self.data, at + self._number("I", at))

    def _position(self, field: int) -> int | None:
        entry = 4 + 2 * field
        offset = self._number("H", self._fields + entry) if entry + 2 <= self._size else 0
        return self._at + offset if offset else None

    def _number(self, kind: str, at: int) -> int:
        if not 0 <= at <= len(self.data) - struct.calcsize(kind):
            raise ValueError("it is cut off or damaged")
        return int(struct.unpack_from("<" + kind, self.data, at)[0])


def _code(table: _Table) -> int:
    """Return an operation's number; old files have it in a byte of its own."""
    return max(table.number(0, "b", 0), table.number(3, "i", 0))


def _subgraph(model: _Table) -> _Table:
    subgraphs = model.tables(2, _MOST_OPERANDS)
    if not subgraphs:
        raise ValueError("it holds no network")
    return subgraphs[0]


def _read_tensors(model: _Table) -> tuple[Tensor, ...]:
    buffers = model.tables(4, 2 * _MOST_TENSORS)
    tables = _subgraph(model).tables(0, _MOST_TENSORS)
    return tuple(_read_tensor(model, each, buffers) for each in tables)


def _read_tensor(model: _Table, table: _Table, buffers: list[_Table]) -> Tensor:
    dtype, buffer = _TYPES.get(table.number(1, "b", 0)), table.number(2, "I", 0)
    if buffer >= len(buffers):
        raise ValueError("it refers to values that it does not have")
    start, size = buffers[buffer].span(0)
    if not size or dtype is None:
        return Tensor(dtype, None, 0)
    shape = table.numbers(0, _MOST_DIMENSIONS)
    if any(length < 0 for length in shape) or size != dtype.itemsize * _product(shape):
        raise ValueError("the values of a tensor do not fit its shape")
    values = np.frombuffer(model.data, dtype, _product(shape), start).reshape(shape)
    return Tensor(dtype, values, start)


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product


def _read_operation(table: _Table, codes: list[int]) -> Operation:
    index = table.number(0, "I", 0)
    if index >= len(codes):
        raise ValueError("it refers to an operation that it does not have")
    code = codes[index]
    if code not in _OPERATIONS:
        raise UnsupportedError(f"the operation {_OTHER_NAMES.get(code, f'number {code}')}")
    name, fields = _OPERATIONS[code]
    outputs = table.numbers(2, _MOST_OPERANDS)
    if len(outputs) != 1:
        raise ValueError("an operation has not exactly one output")
    found = table.table(4)
    options = {
        option: default if found is None else found.number(field, kind, default)
        for option, (field, kind, default) in fields.items()
    }
    return Operation(name, table.numbers(1, _MOST_OPERANDS), outputs[0], options)


def _read_outputs(model: _Table, subgraph: _Table) -> dict[str, int]:
    signatures = model.tables(7, _MOST_OUTPUTS)
    if signatures:
        outputs = signatures[0].tables(1, _MOST_OUTPUTS)
        return {each.text(0): each.number(1, "I", 0) for each in outputs}
    tensors = subgraph.tables(0, _MOST_TENSORS)
    outputs_of_graph = subgraph.numbers(2, _MOST_OUTPUTS)
    if any(not 0 <= i < len(tensors) for i in outputs_of_graph):
        raise ValueError("it refers to a tensor that it does not have")
    return {tensors[i].text(3): i for i in outputs_of_graph}
