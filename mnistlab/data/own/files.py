"""Arrays of images and labels from files, recognised by their contents and not by their names."""

from __future__ import annotations

import gzip
import io
import math
import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mnistlab.data.own.source import HOW_TO_SAVE, Source, printable
from mnistlab.data.own.table import PIXELS, read_table
from mnistlab.errors import DataError

WANTED = Source.wanted
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")  # names' endings
FROM_PICTURES = (
    "read the pictures into an array n x 28 x 28 and their digits into another, and save both "
    f"with {HOW_TO_SAVE}"
)

_GZIP, _ZIP, _NPY = b"\x1f\x8b", b"PK", b"\x93NUMPY"
_MAX_LAYERS = 4  # of gzip
_MAX_MEMBERS = 100  # arrays in an npz file
_HEAD = 512  # bytes that show the kind of a file
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_UNPACK = "unpack it and give what is inside"
_CONVERT = f"load it with its own library and save the arrays with {HOW_TO_SAVE}"
_PYTORCH = (
    "is a PyTorch file; load it with torch.load and save the arrays with "
    'numpy.savez("digits.npz", x=images.numpy(), y=labels.numpy())'
)
# Files that people give by mistake: how they begin, white space aside and in either case, what they
# are, and the remedy.
_REFUSED = {
    rb"\x80\x02\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19": _PYTORCH,  # before 1.6
    rb"<!doctype|<html|<head|<\?xml": (
        "is a web page, not data: its address led to a page instead of the file. Download the file "
        "itself, in a browser if it asks for a login"
    ),
    rb"[{[]": f"is JSON; drawings are read by `mnistlab predict`. For a dataset {WANTED}",
    rb"version https://git-lfs": (
        "is a Git LFS pointer, not the data itself; run `git lfs pull` in its repository and give "
        "the file again"
    ),
    rb"\x89HDF\r\n\x1a\n": f"is an HDF5 file; {_CONVERT}",
    rb"MATLAB": f"is a MATLAB file; {_CONVERT}",
    rb"PAR1": f"is a Parquet file; {_CONVERT}",
    rb"SQLite format": f"is an SQLite database; {_CONVERT}",
    rb"\x80[\x02-\x05]": (
        "is a pickle, which could run any code; load it in a Python that you trust it to and save "
        f"the arrays with {HOW_TO_SAVE}"
    ),
    rb"BZh": f"is compressed with bzip2; {_UNPACK}",
    rb"\xfd7zXZ": f"is compressed with xz; {_UNPACK}",
    rb"\x28\xb5\x2f\xfd": f"is compressed with Zstandard; {_UNPACK}",
    rb"\x1f\x9d": f"is compressed with compress; {_UNPACK}",
    rb"7z\xbc\xaf\x27\x1c": f"is a 7-Zip archive; {_UNPACK}",
    rb"Rar!": f"is a RAR archive; {_UNPACK}",
    rb".{257}ustar": f"is a tar archive; {_UNPACK}",
    rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF": (
        "is a picture, not a dataset; read pictures with `mnistlab predict` or in Predict"
    ),
    rb"%PDF": f"is a PDF file; {WANTED}",
    rb"\xff\xfe|\xfe\xff": "is text in UTF-16; save it as UTF-8, in Excel as CSV UTF-8",
}
_SPLITS = {"train": "train", "test": "test", "t10k": "test"}
_VALIDATION = re.compile(r"(?<![a-z])val(id|idation)?(?![a-z])")
_KINDS = {
    **dict.fromkeys(("x", "image", "images", "data", "features", "pixels", "input", "inputs"), "x"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets", "class", "classes"), "y"),
}


class Piece(NamedTuple):
    """An array and its role in a dataset."""

    source: Source
    """The file, and which array of it where it has several."""
    kind: str
    """`"x"` for images, `"y"` for labels."""
    split: str
    """`"train"`, `"test"`, `"validation"`, or `""` where the name does not say."""
    values: NDArray[np.generic]


def read_file(file: BinaryIO, source: Source) -> list[Piece]:
    """Read the arrays of one npz, npy, IDX or CSV file, binary and seekable, gzipped or not.

    The name of the source distinguishes training and test data.

    Raises
    ------
    DataError
        Naming the file, what it is, and the remedy. No other exception, whatever the bytes are.
    """
    with reading(source):
        unpacked, head = _unpacked(file, source)
        check_kind(head, source)
        return _read(unpacked, head, source)


def read_array(file: BinaryIO, source: Source) -> NDArray[np.generic]:
    """Read the array of one IDX or npy file, gzipped or not, whatever its shape.

    Errors are those of `read_file`.
    """
    with reading(source):
        unpacked, head = _unpacked(file, source)
        check_kind(head, source)
        if not head.startswith((_NPY, b"\0\0")):
            raise source.unfit(f"is not an IDX or npy file; {source.wanted}")
        data = _in_memory(unpacked, source)
        return _read_npy(data, source) if head.startswith(_NPY) else _read_idx(data, source)


@contextmanager
def reading(source: Source) -> Iterator[None]:
    """Turn whatever a damaged file raises into a `DataError` that names it."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:
        # Damaged files raise a dozen types, MemoryError, struct.error, RuntimeError (encrypted),
        # NotImplementedError (a rare compression) and lzma's own among them.
        what = " ".join(str(error).split()) or type(error).__name__
        what = f"cannot be read and may be truncated ({what}); {source.wanted}"
        raise source.unfit(what) from error


def split_of(name: str) -> str:
    """Return the set that a name mentions: `"train"`, `"test"`, `"validation"` or `""`."""
    if _VALIDATION.search(name.lower()):
        return "validation"
    found = {split for word, split in _SPLITS.items() if word in name.lower()}
    return found.pop() if len(found) == 1 else ""


def axes_hint(shape: tuple[int, ...]) -> str:
    """Return how to put the images first where they are last, to end a sentence with; else `""`."""
    if len(shape) == 2 and shape[0] == PIXELS:
        return ", such as x.T: the images are in the columns"
    if len(shape) in (3, 4) and shape[:2] == (28, 28):
        return ", such as np.moveaxis(x, -1, 0): the images are along the last axis"
    return ""


def _unpacked(file: BinaryIO, source: Source) -> tuple[BinaryIO, bytes]:
    """Return a file without its layers of gzip, and how it begins."""
    layers = 0
    while (head := _peek(file)).startswith(_GZIP):
        if layers == _MAX_LAYERS:
            raise source.unfit(f"is compressed over {layers} times; unpack it first")
        # Each layer is unpacked into memory, with a limit: the next one may be a bomb.
        file, layers = _in_memory(gzip.GzipFile(fileobj=file), source), layers + 1
    if layers > 1:
        done = f"was compressed {layers} times and was unpacked {layers} times"
        source.remark(f"{source.name} {done}.")
    return file, head


def _peek(file: BinaryIO) -> bytes:
    head = file.read(_HEAD)
    file.seek(0)
    return head


def check_kind(head: bytes, source: Source) -> None:
    """Refuse a file by how it begins: an empty one, a web page, or another kind of file."""
    if not head:
        raise source.unfit(f"is empty; {source.wanted}")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for start, what in _REFUSED.items():
        if re.match(start, text, re.IGNORECASE | re.DOTALL):
            raise source.unfit(what)


def _read(file: BinaryIO, head: bytes, source: Source) -> list[Piece]:
    split = split_of(PurePath(source.name).name)
    if head.startswith(_ZIP):
        return _read_npz(_in_memory(file, source), source)
    if not head.startswith((_NPY, b"\0\0")):
        x, y = read_table(file, source)
        return [Piece(source, "x", split, x), Piece(source, "y", split, y)]
    data = _in_memory(file, source)
    values = _read_npy(data, source) if head.startswith(_NPY) else _read_idx(data, source)
    kind = _kind_of_shape(values.shape)
    if not kind:
        size = " x ".join(map(str, values.shape)) or "of one number"
        raise source.unfit(f"has an array {size}; give images n x 28 x 28 or n labels")
    return [Piece(source, kind, split, values)]


def _in_memory(file: BinaryIO | gzip.GzipFile, source: Source) -> io.BytesIO:
    content = file.read(source.max_bytes + 1)
    _check_size(len(content), source)
    return io.BytesIO(content)


def _check_size(size: int, source: Source) -> None:
    if size > source.max_bytes:
        limit = f"{source.max_bytes >> 20} MB"
        raise source.unfit(f"unpacks to over {limit}; give a part of it, or pixels as uint8")


def _kind_of_shape(shape: tuple[int, ...]) -> str:
    """Return `"x"` where a shape is that of images, `"y"` for labels, `""` for neither."""
    if len(shape) >= 2 and math.prod(shape[1:]) == PIXELS:
        return "x"
    if len(shape) == 1 or (len(shape) == 2 and (shape[1] in (1, 10) or shape[0] in (1, 10))):
        return "y"
    return "x" if axes_hint(shape) else ""


def _kind_of_name(key: str) -> str:
    """Return the kind of an array by its name, `""` where that says nothing."""
    word = _VALIDATION.sub("", key.lower())
    for split in _SPLITS:
        word = word.replace(f"{split}ing", "").replace(split, "")
    return _KINDS.get(re.sub(r"[^a-z]", "", word), "")


# npz


class _Member(NamedTuple):
    """An array of an npz file, before its values are read."""

    info: zipfile.ZipInfo
    key: str
    kind: str
    split: str
    is_named: bool
    """Whether its name, and not only its shape, shows its kind."""


def _read_npz(file: io.BytesIO, source: Source) -> list[Piece]:
    with zipfile.ZipFile(file) as archive:
        members = [_member(archive, info, source) for info in _arrays(archive, source)]
        chosen = _chosen(members)
        _check_size(sum(member.info.file_size for member in chosen), source)
        pieces = []
        for member in chosen:
            array = source.named(f"{source.name}, {member.key}")
            with archive.open(member.info) as part:
                values = _read_npy(cast("BinaryIO", part), array)
                part.read(1)  # the end of the member, where zipfile compares its checksum
            pieces.append(Piece(array, member.kind, member.split, values))
    left_out = [member.key for member in members if member not in chosen]
    if not pieces:
        raise source.unfit(f"holds {', '.join(sorted(left_out)[:6])}; {WANTED}")
    if left_out:
        source.remark(f"Left out: {', '.join(left_out)}.")
    return pieces


def _arrays(archive: zipfile.ZipFile, source: Source) -> list[zipfile.ZipInfo]:
    """Return the arrays of an npz file; refuse other archives by what they hold."""
    found = [info for info in archive.infolist() if not info.is_dir()]
    members = [info for info in found if info.filename.endswith(".npy")]
    if len(members) > _MAX_MEMBERS:
        raise source.unfit(f"holds {len(members):,} arrays; {WANTED}")
    if members:
        return members
    names = [info.filename for info in found]
    picture = next((each for each in names if each.lower().endswith(PICTURES)), None)
    if "[Content_Types].xml" in names:
        what = "is an Excel or Office file; save the table as CSV and give that"
    elif any(PurePath(each).name == "data.pkl" for each in names):
        what = _PYTORCH
    elif picture is not None:
        what = f"is a zip archive of pictures such as {printable(picture)}; {FROM_PICTURES}"
    else:
        what = f"is a zip archive with {', '.join(names[:4]) or 'nothing'}; {_UNPACK}"
    raise source.unfit(what)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, source: Source) -> _Member:
    _check_size(info.file_size, source)
    with archive.open(info) as part:
        shape, _ = _npy_header(part)
    key = printable(info.filename.removesuffix(".npy"))
    named = _kind_of_name(key)
    return _Member(info, key, named or _kind_of_shape(shape), split_of(key), bool(named))


def _chosen(members: list[_Member]) -> list[_Member]:
    """Return the arrays of images and labels: a usual name wins over a guess by the shape."""
    named = {(member.kind, member.split) for member in members if member.is_named}
    kinds = {kind for kind, _ in named}

    def is_wanted(member: _Member) -> bool:
        if member.is_named or not member.kind:
            return member.is_named
        if (member.kind, member.split) in named:
            return False
        return bool(member.split) or member.kind not in kinds

    return [member for member in members if is_wanted(member)]


def _read_npy(file: BinaryIO, source: Source) -> NDArray[np.generic]:
    if _npy_header(file)[1].hasobject:
        raise source.unfit(
            "has Python objects, which could run any code when they are read; save plain numbers, "
            f"such as y.astype(int), with {HOW_TO_SAVE}"
        )
    file.seek(0)
    return np.asarray(npy.read_array(file, allow_pickle=False), order="C")


def _npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def _read_idx(file: io.BytesIO, source: Source) -> NDArray[np.generic]:
    content = file.getbuffer()
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    if zeros or kind not in _IDX_TYPES or not 1 <= dimensions <= 4:
        raise source.unfit(f"cannot be read: it is not an IDX file; {source.wanted}")
    start = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    dtype = np.dtype(_IDX_TYPES[kind])
    announced, size = math.prod(shape) * dtype.itemsize, len(content) - start
    if size != announced:
        what = f"is truncated: {size:,} bytes where {announced:,} should follow"
        what = what if size < announced else "goes on after its last image or label"
        raise source.unfit(f"{what}; download it again")
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
