"""What files hold, told by their contents and not by their names: arrays of images and labels."""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnistlab.data.containers import npy_header
from mnistlab.data.own.table import PIXELS, read_table
from mnistlab.errors import DataError

# Bytes of all arrays of a file, unpacked: EMNIST's 280,000 digits have 220 MB, MNIST 55. An upload
# may come from a visitor among many, whose kernels share the server's memory.
MAX_BYTES = 256 * 2**20
MAX_UPLOAD_BYTES = 100 * 2**20
WANTED = (
    "give a .npz file with x_train, y_train, x_test and y_test (or x and y), IDX files of images "
    "and labels, or a .csv file with label and pixel0 to pixel783"
)
HOW_TO_SAVE = 'numpy.savez("digits.npz", x=images, y=labels)'
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")  # names' endings
FROM_PICTURES = (
    "read the pictures into an array n x 28 x 28 and their digits into another, and save both "
    f"with {HOW_TO_SAVE}"
)

_GZIP, _ZIP, _NPY = b"\x1f\x8b", b"PK", b"\x93NUMPY"
_MAX_LAYERS = 4  # of gzip
_MAX_MEMBERS = 100  # arrays in an npz file
_HEAD = 512  # bytes that tell the kind of a file
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_UNPACK = "unpack it and give what is inside"
_CONVERT = f"load it with its own library and save the arrays with {HOW_TO_SAVE}"
_PYTORCH = (
    "is a PyTorch file",
    'load it with torch.load and save the arrays with numpy.savez("digits.npz", '
    "x=images.numpy(), y=labels.numpy())",
)
_PICTURE = "is a picture, not a dataset", "read pictures with `mnistlab predict` or in Predict"
_UNICODE = "is text in UTF-16", "save it as UTF-8, in Excel as CSV UTF-8"
# The first bytes of what people give by mistake, what it is, and the remedy.
_REFUSED: dict[bytes, tuple[str, str]] = {
    b"\x80\x02\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19": _PYTORCH,  # before version 1.6
    b"version https://git-lfs": (
        "is a Git LFS pointer, not the data itself",
        "run `git lfs pull` in its repository and give the file again",
    ),
    b"\x89HDF\r\n\x1a\n": ("is an HDF5 file", _CONVERT),
    b"MATLAB": ("is a MATLAB file", _CONVERT),
    b"PAR1": ("is a Parquet file", _CONVERT),
    b"SQLite format": ("is an SQLite database", _CONVERT),
    **{
        bytes([0x80, protocol]): (
            "is a pickle, which could run any code",
            f"load it in a Python that you trust it to and save the arrays with {HOW_TO_SAVE}",
        )
        for protocol in (2, 3, 4, 5)
    },
    b"BZh": ("is compressed with bzip2", _UNPACK),
    b"\xfd7zXZ": ("is compressed with xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("is compressed with Zstandard", _UNPACK),
    b"\x1f\x9d": ("is compressed with compress", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("is a 7-Zip archive", _UNPACK),
    b"Rar!": ("is a RAR archive", _UNPACK),
    b"\x89PNG": _PICTURE,
    b"\xff\xd8\xff": _PICTURE,
    b"GIF8": _PICTURE,
    b"RIFF": _PICTURE,
    b"%PDF": ("is a PDF file", WANTED),
    b"\xff\xfe": _UNICODE,
    b"\xfe\xff": _UNICODE,
}
_WEB_PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml")
_SPLITS = {"train": "train", "test": "test", "t10k": "test"}
_VALIDATION = re.compile(r"(?<![a-z])val(id|idation)?(?![a-z])")
_KINDS = {
    **dict.fromkeys(("x", "image", "images", "data", "features", "pixels", "input", "inputs"), "x"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets", "class", "classes"), "y"),
}


@dataclass(frozen=True, eq=False)
class Piece:
    """An array and what it is for."""

    name: str
    """For people: the file, and where that has several arrays, which one."""
    kind: str
    """`"x"` for images, `"y"` for labels."""
    split: str
    """`"train"`, `"test"`, `"validation"`, or `""` where the name does not say."""
    values: NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Contents:
    """What a file holds, and what was done to read it."""

    pieces: tuple[Piece, ...]
    remarks: tuple[str, ...] = ()


def read_file(file: BinaryIO, name: str, most: int = MAX_BYTES) -> Contents:
    """The arrays of one npz, npy, IDX or CSV file, gzipped or not.

    Parameters
    ----------
    file : binary and seekable, at its start
    name : the file's name, which tells training from test data
    most : bytes that its arrays may have, unpacked

    Raises
    ------
    DataError
        Naming the file, what it is, and the remedy. Nothing else, whatever the bytes are.
    """
    try:
        file, layers = _unpacked(file, name, most)
        found = _read(file, name, most)
    except DataError:
        raise
    except Exception as error:
        # Damaged files raise a dozen types, MemoryError, struct.error, RuntimeError (encrypted),
        # NotImplementedError (a rare compression) and lzma's own among them. To the person who
        # gave the file they all mean the same.
        what = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{name} cannot be read and may be truncated ({what}); {WANTED}."
        ) from error
    if layers > 1:
        remark = f"{name} was compressed {layers} times and was unpacked {layers} times."
        return Contents(found.pieces, (remark, *found.remarks))
    return found


def split_of(name: str) -> str:
    """The set that a name speaks of: `"train"`, `"test"`, `"validation"` or `""`."""
    if _VALIDATION.search(name.lower()):
        return "validation"
    found = {split for word, split in _SPLITS.items() if word in name.lower()}
    return found.pop() if len(found) == 1 else ""


def kind_of_shape(shape: tuple[int, ...]) -> str:
    """`"x"` where a shape is that of images, `"y"` for labels, `""` for neither."""
    if len(shape) >= 2 and math.prod(shape[1:]) == PIXELS:
        return "x"
    if len(shape) == 1 or (len(shape) == 2 and (shape[1] in (1, 10) or shape[0] in (1, 10))):
        return "y"
    return "x" if axes_hint(shape) else ""


def axes_hint(shape: tuple[int, ...]) -> str:
    """How to put the images first where they are last, to end a sentence with; else `""`."""
    if len(shape) == 2 and shape[0] == PIXELS:
        return ", such as x.T: the images are in the columns"
    if len(shape) in (3, 4) and shape[:2] == (28, 28):
        return ", such as np.moveaxis(x, -1, 0): the images are along the last axis"
    return ""


def printable(name: str) -> str:
    """A file's name with the characters that a terminal would obey replaced."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in name)


# Kinds of files


def _unpacked(file: BinaryIO, name: str, most: int) -> tuple[BinaryIO, int]:
    """The file below its layers of gzip, and how many there were.

    Each layer is unpacked into memory, where its size is limited: the next one may be a bomb.
    """
    layers = 0
    while _head(file).startswith(_GZIP):
        if layers == _MAX_LAYERS:
            raise DataError(f"{name} is compressed over {layers} times; unpack it first.")
        file, layers = _in_memory(gzip.GzipFile(fileobj=file), name, most), layers + 1
    return file, layers


def _head(file: BinaryIO) -> bytes:
    head = file.read(_HEAD)
    file.seek(0)
    return head


def _read(file: BinaryIO, name: str, most: int) -> Contents:
    head = _head(file)
    _check_kind(head, name)
    if head.startswith(_ZIP):
        return _read_npz(_in_memory(file, name, most), name, most)
    if head.startswith(_NPY):
        return _piece(_read_npy(_in_memory(file, name, most), name, most), name)
    if head[:2] == b"\0\0":
        return _piece(_read_idx(_in_memory(file, name, most), name), name)
    table = read_table(file, name, 2 * most)
    split = split_of(PurePath(name).name)
    pieces = (Piece(name, "x", split, table.x), Piece(name, "y", split, table.y))
    return Contents(pieces, table.remarks)


def _check_kind(head: bytes, name: str) -> None:
    if not head:
        raise DataError(f"{name} is empty; {WANTED}.")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(_WEB_PAGE):
        raise DataError(
            f"{name} is a web page, not data: its address led to a page instead of the file. "
            "Download the file itself, in a browser if it asks for a login."
        )
    if text.startswith((b"{", b"[")):
        raise DataError(
            f"{name} is JSON; drawings are read by `mnistlab predict`. For a dataset {WANTED}."
        )
    if head[257:262] == b"ustar":
        raise DataError(f"{name} is a tar archive; {_UNPACK}.")
    for start, (what, remedy) in _REFUSED.items():
        if head.startswith(start):
            raise DataError(f"{name} {what}; {remedy}.")


def _in_memory(file: BinaryIO | gzip.GzipFile, name: str, most: int) -> io.BytesIO:
    content = file.read(most + 1)
    if len(content) > most:
        raise _too_large(name, most)
    return io.BytesIO(content)


def _too_large(name: str, most: int) -> DataError:
    return DataError(
        f"{name} unpacks to over {most >> 20} MB; give a part of it, or pixels as uint8."
    )


def _piece(values: NDArray[np.generic], name: str) -> Contents:
    """The contents of a file with one array, which its shape tells."""
    kind = kind_of_shape(values.shape)
    if not kind:
        raise DataError(
            f"{name} has an array {_size(values.shape)}; give images n x 28 x 28 or n labels."
        )
    return Contents((Piece(name, kind, split_of(PurePath(name).name), values),))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "of one number"


@dataclass(frozen=True)
class _Member:
    """An array of an npz file, before its values are read."""

    info: zipfile.ZipInfo
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]

    @property
    def split(self) -> str:
        return split_of(self.key)

    @property
    def is_named(self) -> bool:
        """Whether its name, and not only its shape, tells what it is for."""
        return bool(_kind_of_name(self.key))

    @property
    def kind(self) -> str:
        return _kind_of_name(self.key) or kind_of_shape(self.shape)


def _read_npz(file: io.BytesIO, name: str, most: int) -> Contents:
    pieces: list[Piece] = []
    with zipfile.ZipFile(file) as archive:
        members = _members(archive, name, most)
        read = _meant(members)
        total = 0
        for member in read:
            total += max(member.info.file_size, math.prod(member.shape) * member.dtype.itemsize)
            if total > most:
                raise _too_large(name, most)
            called = f"{name}, {member.key}"
            with archive.open(member.info) as part:
                values = _array(cast("BinaryIO", part), called, member.dtype)
                part.read(1)  # the end of the member, where zipfile compares its checksum
            pieces.append(Piece(called, member.kind, member.split, values))
    left_out = [member.key for member in members if member not in read]
    if not pieces:
        names = ", ".join(sorted(left_out)[:6]) or "nothing"
        raise DataError(f"{name} holds {names}; {WANTED}.")
    remarks = (f"Left out: {', '.join(left_out)}.",) if left_out else ()
    return Contents(tuple(pieces), remarks)


def _meant(members: list[_Member]) -> list[_Member]:
    """The arrays of images and labels: a usual name wins over a guess by the shape."""
    named = {(member.kind, member.split) for member in members if member.is_named}
    kinds = {kind for kind, _ in named}
    return [
        member
        for member in members
        if member.is_named
        or (
            member.kind
            and (member.kind, member.split) not in named
            and (member.split or member.kind not in kinds)
        )
    ]


def _members(archive: zipfile.ZipFile, name: str, most: int) -> list[_Member]:
    members = []
    for info in _arrays(archive, name):
        if info.file_size > most:
            raise _too_large(name, most)
        with archive.open(info) as part:
            shape, dtype = npy_header(part)
        members.append(_Member(info, printable(info.filename.removesuffix(".npy")), shape, dtype))
    return members


def _arrays(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The arrays of an npz file; an archive without any is told by what it holds."""
    found = [info for info in archive.infolist() if not info.is_dir()]
    members = [info for info in found if info.filename.endswith(".npy")]
    if len(members) > _MAX_MEMBERS:
        raise DataError(f"{name} holds {len(members):,} arrays; {WANTED}.")
    if members:
        return members
    names = [info.filename for info in found]
    if "[Content_Types].xml" in names:
        raise DataError(f"{name} is an Excel or Office file; save the table as CSV and give that.")
    if any(each == "data.pkl" or each.endswith("/data.pkl") for each in names):
        raise DataError(f"{name} {_PYTORCH[0]}; {_PYTORCH[1]}.")
    picture = next((each for each in names if each.lower().endswith(PICTURES)), None)
    if picture is not None:
        raise DataError(
            f"{name} is a zip archive of pictures such as {printable(picture)}; {FROM_PICTURES}."
        )
    inside = ", ".join(names[:4]) or "nothing"
    raise DataError(f"{name} is a zip archive with {inside}; {_UNPACK}.")


def _kind_of_name(key: str) -> str:
    """What an array is by its name, `""` where that says nothing."""
    word = _VALIDATION.sub("", key.lower())
    for split in _SPLITS:
        word = word.replace(f"{split}ing", "").replace(split, "")
    return _KINDS.get(re.sub(r"[^a-z]", "", word), "")


def _read_npy(file: io.BytesIO, name: str, most: int) -> NDArray[np.generic]:
    shape, dtype = npy_header(file)
    file.seek(0)
    if math.prod(shape) * dtype.itemsize > most:
        raise _too_large(name, most)
    return _array(file, name, dtype)


def _array(file: BinaryIO, name: str, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if dtype.hasobject:
        raise DataError(
            f"{name} has Python objects, which could run any code when they are read; save plain "
            f"numbers, such as y.astype(int), with {HOW_TO_SAVE}."
        )
    values: NDArray[np.generic] = npy.read_array(file, allow_pickle=False)
    return values


def _read_idx(file: io.BytesIO, name: str) -> NDArray[np.generic]:
    content = file.getbuffer()
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros or kind not in _IDX_TYPES or not 1 <= dimensions <= 4:
        raise DataError(f"{name} cannot be read: it is not an IDX file; {WANTED}.")
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    dtype = np.dtype(_IDX_TYPES[kind])
    announced, size = math.prod(shape) * dtype.itemsize, len(content) - start
    if size != announced:
        raise DataError(
            f"{name} has {size:,} bytes of data where its head announces {announced:,}; it may be "
            "truncated. Download it again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
