"""My digits: a visitor's labelled drawings, in a file with one JSON object a line.

A line has `label`, `size` and `strokes`, as `Drawing.from_dict` reads it. Several pages may use
the same file: it is changed under a lock and replaced in one step.
"""

from __future__ import annotations

import codecs
import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import DataError, UploadError
from mnistlab.files import atomic_write
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocessing import IMAGE_SIDE, preprocess
from mnistlab.texts import counted

MAX_DRAWINGS = 2_000
MAX_BYTES = 5 * 2**20
"""Of the file, and of a file to import: an export can always be imported again."""

_LOCK_SECONDS = 5  # far longer than another page takes to write
_LIMITS = f"{MAX_DRAWINGS:,} drawings or {MAX_BYTES // 2**20} MB"

# Size and strokes as a JSON object -> label, 0 to 9. Text takes a tenth of a `Drawing`'s memory,
# and shows at once whether the same strokes are there already.
Kept = dict[str, int]


class Collection:
    """Labelled drawings in a JSON-lines file, in the order they were added, no two the same.

    Every method that reads or changes the file may raise `DataError`: it is damaged (then only
    `set_aside` changes it), it cannot be read or written, or another process keeps its lock. The
    file and its folder are made when the first drawing is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cache: tuple[object, Kept] = (None, {})
        # Those of removed drawings stay: Undo brings them back, and each has only 784 bytes.
        self._images: dict[str, NDArray[np.uint8]] = {}

    # Reading

    def __len__(self) -> int:
        return len(self._kept())

    def __getitem__(self, index: int) -> Drawing:
        """Return a drawing, made anew at each call; its label is `"0"` to `"9"`."""
        return _drawing(*list(self._kept().items())[index])

    @property
    def version(self) -> object:
        """Changes when the file does, for example by another page; None without a file."""
        with self._trouble_told("read"), suppress(FileNotFoundError):
            stat = self.path.stat()
            return stat.st_ino, stat.st_size, stat.st_mtime_ns
        return None

    def to_bytes(self) -> bytes:
        """Return the whole file, for a download; `add_from` imports it."""
        return _file(self._kept())

    def as_dataset(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return images (n, 28, 28) uint8, one digit a drawing, and labels (n,) uint8."""
        kept = self._kept()
        for text in kept.keys() - self._images.keys():
            self._images[text] = preprocess(_drawing(text, kept[text])).image
        images = np.array([self._images[text] for text in kept], np.uint8)
        return images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE), np.array(list(kept.values()), np.uint8)

    # Changing

    def add(self, drawing: Drawing, label: int, at: int | None = None) -> int | None:
        """Keep a drawing as the digit `label`, in front of number `at` or at the end.

        Strokes that are kept already stay in their place and get the new label; their old one is
        returned. Raises `UploadError` when the drawing is blank, `label` is not 0 to 9, or there is
        no room.
        """
        text, digit = _text(drawing), _digit(str(label))
        with self._editing() as kept:
            before = kept.get(text)
            behind = [] if at is None or text in kept else list(kept.items())[at:]
            for other, _ in behind:
                del kept[other]
            kept.update([(text, digit), *behind])
            return before

    def add_from(self, data: bytes) -> int:
        """Import JSON lines; return how many drawings were added, which were not there before.

        Raises `UploadError` and adds nothing when the data is too large, has no drawings, a line is
        not a drawing of a digit (the first such line is named), or there is no room.
        """
        new, problems = _parse(data)
        if problems:
            raise UploadError(f"{_first_of(problems)} Correct the file; nothing was added.")
        if not new:
            raise UploadError("The file holds no drawings; choose a .jsonl file from an export.")
        with self._editing() as kept:
            before = len(kept)
            kept.update({text: label for text, label in new.items() if text not in kept})
            return len(kept) - before

    def remove(self, index: int) -> Drawing:
        """Remove the drawing number `index`, from 0, and return it; `add` brings it back."""
        with self._editing() as kept:
            if not 0 <= index < len(kept):
                raise DataError(f"There is no drawing number {index + 1}; choose one that is kept.")
            text = list(kept)[index]
            return _drawing(text, kept.pop(text))

    def clear(self) -> bytes:
        """Remove all drawings and return them as `to_bytes` does; `add_from` brings them back."""
        with self._editing() as kept:
            data = _file(kept)
            kept.clear()
        return data

    def set_aside(self) -> Path:
        """Copy a damaged file and go on with the lines that can be read; return the copy's path."""
        with self._locked():
            copies = (self._beside(f"damaged-{number}") for number in count(1))
            aside = next(copy for copy in copies if not copy.exists())
            with self._trouble_told("set aside"):
                shutil.copy2(self.path, aside)
            self._write(self._read()[0])
        return aside

    # The file

    def _kept(self) -> Kept:
        """Return what the file holds now; not to be changed."""
        version = self.version
        if version is None:
            return {}
        if version != self._cache[0]:
            kept, problems = self._read()
            if problems:
                raise DataError(
                    f"My digits are damaged in {self.path}: {_first_of(problems)} Repair the "
                    "file, or set it aside to go on with the lines that can be read."
                )
            self._cache = (version, kept)
        return self._cache[1]

    def _read(self) -> tuple[Kept, list[str]]:
        with self._trouble_told("read"), self.path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        try:
            return _parse(data)
        except UploadError as error:  # far too large: nothing is read
            return {}, [str(error)]

    @contextmanager
    def _editing(self) -> Iterator[Kept]:
        """Read, let the caller change what was read, and write, with no other page in between."""
        with self._locked():
            before = list(self._kept().items())
            kept = dict(before)
            yield kept
            if list(kept.items()) != before:
                self._write(kept)

    def _write(self, kept: Kept) -> None:
        """Replace the file in one step; call with the lock held."""
        data = _file(kept)
        if len(kept) > MAX_DRAWINGS or len(data) > MAX_BYTES:
            raise UploadError(f"My digits are full at {_LIMITS}; export and remove some first.")
        with self._trouble_told("saved"):
            atomic_write(self.path, data)
        self._cache = (self.version, kept)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import filelock  # imported here: a page that only reads needs no lock

        with self._trouble_told("saved"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                lock = filelock.FileLock(self._beside("lock")).acquire(timeout=_LOCK_SECONDS)
            except filelock.Timeout as error:
                text = f"Another page keeps {self.path} locked; close it and try again."
                raise DataError(text) from error
        with lock:
            yield

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{ending}")

    @contextmanager
    def _trouble_told(self, what: str) -> Iterator[None]:
        """Turn the errors of a disk, perhaps one that cannot lock, into a sentence."""
        try:
            yield
        except (OSError, NotImplementedError) as error:
            raise DataError(
                f"My digits cannot be {what} in {self.path} "
                f"({getattr(error, 'strerror', None) or error}); make sure that it is writable "
                "and has space, or point MNISTLAB_HOME at another folder."
            ) from error


def _text(drawing: Drawing) -> str:
    if drawing.is_blank:
        raise UploadError("There is nothing drawn; draw a digit first.")
    # A browser's fractions of a pixel have 15 digits; a 28,000th of the pad is fine enough.
    places = max(0, 4 - math.floor(math.log10(drawing.size)))
    strokes = [[[round(x, places), round(y, places)] for x, y in s] for s in drawing.strokes]
    return json.dumps({"size": drawing.size, "strokes": strokes}, separators=(",", ":"))


def _digit(label: str | None) -> int:
    if label is None or len(label) != 1 or label not in "0123456789":
        raise UploadError(f"The label must be a digit from 0 to 9, not {label!r}.")
    return int(label)


def _file(kept: Kept) -> bytes:
    return "".join(f'{{"label":"{label}",{text[1:]}\n' for text, label in kept.items()).encode()


def _drawing(text: str, label: int) -> Drawing:
    return Drawing.from_dict({**json.loads(text), "label": label})


def _parse(data: bytes) -> tuple[Kept, list[str]]:
    """Return the drawings of JSON lines, and a sentence for each other line."""
    data = data.removeprefix(codecs.BOM_UTF8)
    lines = [(i, line) for i, line in enumerate(data.splitlines(), 1) if line.strip()]
    if len(data) > MAX_BYTES or len(lines) > MAX_DRAWINGS:
        raise UploadError(f"The file has more than {_LIMITS}; split it.")
    kept: Kept = {}
    problems = []
    for number, line in lines:
        try:
            drawing = Drawing.from_dict(json.loads(line.decode()))
            kept[_text(drawing)] = _digit(drawing.label)
        except UploadError as error:
            problems.append(f"Line {number}: {error}")
        except (ValueError, RecursionError):
            problems.append(f"Line {number}: This is not JSON.")
    return kept, problems


def _first_of(problems: list[str]) -> str:
    more = f" ({counted(len(problems) - 1, 'more line')} cannot be read.)"
    return problems[0] + more * (len(problems) > 1)
