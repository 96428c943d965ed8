"""Whatever the bytes are, a file of one's own becomes a dataset or a DataError."""

from __future__ import annotations

import contextlib
import gzip
import io
import random
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset, load_own
from mnistlab.data.own import reader as own_module
from mnistlab.errors import DataError
from tests.data.own_files import csv, idx, npy, npz, read_own, rows_of, write

Files = dict[str, bytes]


def header(text: str, version: int = 1) -> bytes:
    """The start of a .npy file that announces what it likes."""
    content = text.encode().ljust(64) + b"\n"
    size = len(content).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + content


def stored(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def shape(text: str, dtype: str = "|u1") -> bytes:
    return header(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {text}, }}") + bytes(900)


def encrypted(content: bytes) -> bytes:
    """The same archive with the flag of encryption set on its members."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            changed[place + offset] |= 1
    return bytes(changed)


def with_method(content: bytes, method: int) -> bytes:
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = -1
        while (place := content.find(mark, place + 1)) >= 0:
            changed[place + offset] = method
    return bytes(changed)


X = np.random.default_rng(3).integers(0, 256, (24, 28, 28), np.uint8)
Y = np.arange(24, dtype=np.uint8) % 10
PLAIN = stored({"x.npy": npy(X), "y.npy": npy(Y)})
BOMB = 40 * 2**20  # bytes; ten times what the test lets be unpacked

HOSTILE: dict[str, bytes] = {
    "more memory than there is": stored({"x.npy": shape(f"({10**15}, 784)"), "y.npy": npy(Y)}),
    "a shape beyond all integers": stored({"x.npy": shape(f"({10**40}, 784)"), "y.npy": npy(Y)}),
    "a negative shape": stored({"x.npy": shape("(-1, 784)"), "y.npy": npy(Y)}),
    "a shape of text": stored({"x.npy": shape("('a', 784)"), "y.npy": npy(Y)}),
    "items of no bytes": stored({"x.npy": shape(f"({10**15}, 784)", "|V0"), "y.npy": npy(Y)}),
    "records": stored({"x.npy": npy(np.zeros((24, 784), "u1,u1")), "y.npy": npy(Y)}),
    "dates": stored({"x.npy": npy(np.zeros((24, 784), "M8[s]")), "y.npy": npy(Y)}),
    "objects": stored({"x.npy": npy(np.array([X, None], object), pickled=True), "y.npy": npy(Y)}),
    "a header of brackets": stored({"x.npy": header("(" * 9000), "y.npy": npy(Y)}),
    "a header without an end": stored({"x.npy": header("{" + " " * 90_000, 2), "y.npy": npy(Y)}),
    "a header of 4 GB": stored({"x.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "y.npy": npy(Y)}),
    "an unknown version": stored({"x.npy": b"\x93NUMPY\x09\x09aaaa", "y.npy": npy(Y)}),
    "encrypted": encrypted(PLAIN),
    "an unknown compression": with_method(PLAIN, 99),
    "deflate64": with_method(PLAIN, 9),
    "damaged lzma": with_method(PLAIN, 14),
    "damaged bzip2": with_method(PLAIN, 12),
    "a thousand arrays": stored({f"{i}.npy": npy(Y) for i in range(1000)}),
    "an array twice": stored({"x.npy": npy(X), "X.npy": npy(X), "y.npy": npy(Y)}),
    "an empty archive": b"PK\x05\x06" + bytes(18),
    "gzip in gzip in gzip": gzip.compress(gzip.compress(gzip.compress(gzip.compress(
        gzip.compress(PLAIN))))),
    "npy more than there is": shape(f"({10**9}, 784)"),
    "idx more than there is": b"\0\0\x08\x03" + b"\xff" * 12,
    "idx whose size wraps around": b"\0\0\x08\x04" + (2**16).to_bytes(4, "big") * 4,
    "idx of nothing": b"\0\0",
    "a null character": b"0," * 784 + b"\0\n",
    "surrogates": b"\xed\xa0\x80," * 785,
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", ["data.npz", "data.csv"])
def test_hostile_files_are_refused_in_one_line(kind: str, name: str) -> None:
    with pytest.raises(DataError) as error:
        read_own({name: HOSTILE[kind]})
    assert name in str(error.value)
    assert str(error.value).isprintable()


def bombs() -> dict[str, bytes]:
    zeros = bytes(BOMB)
    once = gzip.compress(zeros, 1)
    head = header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({BOMB // 784}, 784), }}")
    x = head + zeros[: BOMB // 784 * 784]
    return {
        "npz": stored({"x.npy": x, "y.npy": npy(Y)}, zipfile.ZIP_DEFLATED),
        "gzip": once,
        "gzip twice": gzip.compress(once),
        "lines": gzip.compress(zeros.replace(b"\0", b"\n"), 1),
    }


def test_bombs_unpack_to_no_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = bombs()
    monkeypatch.setattr(own_module, "MAX_UPLOAD_BYTES", 4 * 2**20)
    for kind, content in packed.items():
        tracemalloc.start()
        try:
            with pytest.raises(DataError, match="unpacks to over 4 MB"):
                read_own({f"{kind}.npz": content})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 16 * 2**20, kind


def formats(digits: Dataset) -> dict[str, Files]:
    """Small files of every format, each of which is read."""
    x, y = np.array(digits.x_test[:14]), np.array(digits.y_test[:14])
    rows = rows_of(x, y)
    names = ["label", *(f"pixel{i}" for i in range(784))]
    idx_files = {"train-images-idx3-ubyte": idx(x), "train-labels-idx1-ubyte": idx(y)}
    xz, bzip2 = zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2
    arrays = {"x.npy": npy(x), "y.npy": npy(y)}
    return {
        "npz": npz(x=x, y=y),
        "npz stored": {"a.npz": stored({"x.npy": npy(x / 255), "y.npy": npy(np.eye(10)[y])})},
        "npz lzma": {"a.npz": stored(arrays, xz)},
        "npz bzip2": {"a.npz": stored(arrays, bzip2)},
        "npy": {"images.npy": npy(x), "labels.npy": npy(y)},
        "idx": idx_files,
        "idx gz": {f"{name}.gz": gzip.compress(content) for name, content in idx_files.items()},
        "idx gz twice": {n: gzip.compress(gzip.compress(c)) for n, c in idx_files.items()},
        "csv": {"a.csv": csv(rows, names)},
        "csv without a header": {"a.csv": csv(rows)},
        "csv of floats": {"a.csv": csv((np.array(rows) / 2).tolist(), names, ";")},
        "csv gz": {"a.csv.gz": gzip.compress(csv(rows, names))},
    }


def damaged(content: bytes, dice: random.Random) -> bytes:
    """The content with random bytes changed, cut off, removed, repeated or put in."""
    changed = bytearray(content)
    kind = dice.randrange(5)
    place = dice.randrange(len(changed))
    # The start and the end have the headers, where damage does most.
    place = dice.choice([place, min(place, 200), max(place, len(changed) - 200)])
    if kind == 0:
        del changed[place:]
    elif kind == 1:
        del changed[place : place + dice.randrange(1, 50)]
    elif kind == 2:
        changed[place:place] = dice.randbytes(dice.randrange(1, 50))
    elif kind == 3:
        changed[place:place] = changed[place : place + 60]
    else:
        for _ in range(dice.randrange(1, 20)):
            changed[dice.choice([dice.randrange(len(changed)), min(place, len(changed) - 1)])] = (
                dice.randrange(256)
            )
    return bytes(changed)


FORMATS = (
    "npz", "npz stored", "npz lzma", "npz bzip2", "npy", "idx", "idx gz", "idx gz twice",
    "csv", "csv without a header", "csv of floats", "csv gz",
)  # fmt: skip


@pytest.mark.filterwarnings("ignore")  # of NumPy, on headers that make no sense
@pytest.mark.parametrize("kind", FORMATS)
def test_random_damage_gives_a_dataset_or_a_data_error(
    kind: str, digits: Dataset, tmp_path: Path
) -> None:
    files = formats(digits)[kind]
    dice = random.Random(kind)
    for _ in range(100):
        name = dice.choice(list(files))
        broken = {**files, name: damaged(files[name], dice)}
        with contextlib.suppress(DataError):
            found = read_own(broken)
            assert found.x_test.dtype == found.y_test.dtype == np.uint8
            assert found.y_test.max() <= 9
    for length in {dice.randrange(len(files[name]) - 1) for _ in range(20)}:
        path = write(tmp_path, {**files, name: files[name][:length]})
        with pytest.raises(DataError):
            load_own(path)


def test_files_of_every_format_are_read_when_they_are_whole(digits: Dataset) -> None:
    made = formats(digits)
    assert set(made) == set(FORMATS)
    for kind, files in made.items():
        if kind != "csv of floats":  # its labels are halves
            np.testing.assert_array_equal(read_own(files).x_test, digits.x_test[5:14:6], kind)


def test_the_archives_that_raise_rare_errors_are_as_they_should_be() -> None:
    """So that the tests above meet the errors that they mean."""
    for kind, wanted in (
        ("more memory than there is", MemoryError),
        ("encrypted", RuntimeError),
        ("an unknown compression", NotImplementedError),
    ):
        with pytest.raises(wanted), np.load(io.BytesIO(HOSTILE[kind])) as file:
            file["x"]
