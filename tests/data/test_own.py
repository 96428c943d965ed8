"""Files of one's own, good and bad."""

from __future__ import annotations

import gzip
import io
import struct

import numpy as np
import pytest

from mnistlab.data.own import read_own
from mnistlab.errors import DataError

RNG = np.random.default_rng(5)
X = RNG.integers(0, 256, (36, 28, 28), dtype=np.uint8)
Y = np.arange(36, dtype=np.uint8) % 10


def npz(**arrays: np.ndarray) -> dict[str, bytes]:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return {"data.npz": buffer.getvalue()}


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def test_the_four_arrays_are_taken_as_they_are() -> None:
    found = read_own(npz(x_train=X[:24], y_train=Y[:24], x_test=X[24:], y_test=Y[24:]))
    np.testing.assert_array_equal(found.x_train, X[:24])
    np.testing.assert_array_equal(found.y_test, Y[24:])
    assert found.title == "data.npz"
    with pytest.raises(ValueError, match="read-only"):
        found.x_train[0, 0, 0] = 1


@pytest.mark.parametrize("shape", [(36, 784), (36, 28, 28, 1), (36, 28, 28)])
def test_usual_shapes_and_whole_floats_are_taken(shape: tuple[int, ...]) -> None:
    found = read_own(npz(x=X.reshape(shape).astype(np.float64), y=Y.astype(np.int64)))
    assert (len(found.x_train), len(found.x_test)) == (30, 6)
    np.testing.assert_array_equal(found.x_test, X[5::6])


def test_idx_files_packed_or_not() -> None:
    files = {"train-images-idx3-ubyte.gz": gzip.compress(idx(X)), "train-labels.idx1-ubyte": idx(Y)}
    np.testing.assert_array_equal(read_own(files).x_test, X[5::6])


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "There is no file"),
        (npz(x=X[:, :20, :20], y=Y), "images 36 x 20 x 20; give n x 28 x 28"),
        (npz(x=X, y=Y[:5]), r"36 images but labels of shape \(5,\)"),
        (npz(x=X.astype(np.int32) * 2, y=Y), "pixels from 0 to 510; give 0 to 255"),
        (npz(x=X.astype(np.int32) - 1, y=Y), "pixels from -1 to"),
        (npz(x=X / 255, y=Y), "no whole numbers; multiply by 255 and round"),
        (npz(x=X, y=Y + 1), "labels from 1 to 10; give 0 to 9"),
        (npz(x=X, y=np.array(["a"] * 36)), "labels of type <U1"),
        (npz(x=X[:6], y=Y[:6]), "too few images; give at least 12"),
        (npz(images=X), "holds images; give an .npz file"),
        ({"data.npz": b"no archive"}, "cannot be read"),
        ({"data.npz": npz(x=X, y=Y)["data.npz"][:900]}, "cannot be read"),
        ({"notes.txt": b"hello"}, "notes.txt is not known"),
        ({"train-images": idx(X)}, "y_train missing"),
        ({"train-images": idx(X)[:500], "train-labels": idx(Y)}, "may be truncated"),
        ({"train-images": b"abcdefghijkl", "train-labels": idx(Y)}, "no IDX file"),
    ],
)
def test_what_is_unfit_is_told_with_what_was_found(files: dict[str, bytes], found: str) -> None:
    with pytest.raises(DataError, match=found):
        read_own(files)


def test_objects_are_never_unpickled() -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_own(npz(x=np.array([object()] * 36), y=Y))
