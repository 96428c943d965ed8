"""Drawings made with a pen, in JSON lines and in UNIPEN's text format, to train on.

Two collections are open to everyone. UCI's "Pen-Based Recognition of Handwritten Digits" (Alpaydin
and Alimoglu, 1998; CC BY 4.0) has `pendigits-orig.tra.Z`, UNIPEN text packed by `compress`. Zenodo
1195803 has UNIPEN's train_r01_v07 (Guyon et al., ICPR 1994; CC BY 4.0), a folder of such texts.
Put either or both into one folder, and name it by `MNISTLAB_PENS`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab import settings
from mnistlab.errors import DataError
from mnistlab.texts import SITE

Stroke = NDArray[np.float64]

LIKE_DIGITS = frozenset("BIOQSZbgijloqsz")
"""Letters that a person may read as a digit when they stand alone; nothing is trained on them."""
_DIGITS = frozenset("0123456789")
_FILES = ("pen-digits-train.jsonl", "pen-letters-train.jsonl")
_UCI = ("pendigits-orig.tra", "pendigits-orig.tra.Z")  # unpacked or not, but not twice
# Of UNIPEN some donors only: others' drawings are tuning data and test data of this project.
_UNIPEN = {
    "1a": ("ibm", "lou"),  # digits
    "1b": ("ibm", "kai", "pri"),  # upper case
    "1c": ("ibm", "kai", "lav", "mot", "pri", "sie"),  # lower case
}
_MISLABELLED = frozenset(("pri", "tos"))  # donors of digits of which most have a wrong label
_COMPRESSED = b"\x1f\x9d"
_SEGMENT = re.compile(r'^\.SEGMENT\s+(?:DIGIT|CHARACTER)\s+(\S+)\s+\S+\s+"(.)"', re.MULTILINE)
_RANGE = re.compile(r"(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?")
_NUMBERS = re.compile(r"[\s\d.+-]+")


@dataclass(frozen=True, eq=False)
class PenDrawing:
    """A character, drawn with a pen."""

    label: str
    """What the writer was asked for, mostly one character."""
    strokes: tuple[Stroke, ...]
    """Each `(n, 2)` float64: x to the right and y down, in the units of the writing tablet."""
    donor: str = ""
    """Who collected it, where the file says so."""

    @property
    def digit(self) -> int | None:
        """The digit that it is, 0 to 9; None for a letter."""
        return int(self.label) if self.label in _DIGITS else None


def training_drawings(folder: Path | None = None) -> list[PenDrawing]:
    """Return the drawings that may be trained on, from a folder or `MNISTLAB_PENS`.

    They are digits, and letters that are not shaped like digits, in the order of files and lines.
    Files of other names and UNIPEN's other donors are left alone. Where there is nothing the list
    is empty; a damaged file raises `DataError`.
    """
    drawings = (drawing for path in training_files(folder) for drawing in read_drawings(path))
    return [drawing for drawing in drawings if _is_clear(drawing)]


def _is_clear(drawing: PenDrawing) -> bool:
    is_wrong = drawing.digit is not None and drawing.donor in _MISLABELLED
    return drawing.label not in LIKE_DIGITS and not is_wrong


def training_files(folder: Path | None = None) -> list[Path]:
    """Return the files that `training_drawings` reads."""
    folder = folder or settings.pens_folder()
    files = [path for name in _FILES if (path := folder / name).is_file()]
    files += [path for name in _UCI if (path := folder / name).is_file()][:1]
    roots = [folder, *sorted(path.parent for path in folder.glob("*/data"))]
    for kind, donors in _UNIPEN.items():
        for place in (root / "data" / kind / donor for root in roots for donor in donors):
            files += sorted(place.rglob("*.dat"))
    return files


def read_drawings(path: Path) -> list[PenDrawing]:
    """Return the drawings of a file of JSON lines or of UNIPEN text, told apart by its contents.

    It may be packed by `compress` (`.Z`). Raises `DataError` when it cannot be read.
    """
    try:
        return parse_drawings(path.read_bytes(), path)
    except OSError as error:
        raise _unreadable(path, error) from error


def parse_drawings(raw: bytes, path: Path) -> list[PenDrawing]:
    """Return the drawings in the contents of a file, as `read_drawings` does.

    `path` is where the file is, or is said to be: other files that it includes lie near it.
    """
    try:
        raw = _unpacked(raw).removeprefix(codecs.BOM_UTF8)
        if raw.lstrip().startswith(b"{"):
            return [_from_json(line) for line in raw.splitlines() if line.strip()]
        return list(_from_unipen(raw.decode("latin-1"), path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(
        f"The drawings in {path} cannot be read ({reason}); fetch the file again, as "
        f"{SITE}training-recipe.html says."
    )


def _unpacked(raw: bytes) -> bytes:
    if not raw.startswith(_COMPRESSED):
        return raw
    try:
        from unlzw3 import unlzw  # imported here: only training on pen drawings needs it
    except ImportError as error:
        raise DataError(
            "Files packed by compress (.Z) need unlzw3, which is not installed here; "
            'install it with: pip install "mnistlab[train]"'
        ) from error
    return bytes(unlzw(raw))


def _from_json(line: bytes) -> PenDrawing:
    row = json.loads(line)
    strokes = [np.array(stroke, np.float64).reshape(-1, 2) for stroke in row["strokes"]]
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise ValueError("a coordinate is not a finite number")
    drawn = tuple(stroke for stroke in strokes if len(stroke))
    return PenDrawing(str(row["label"]), drawn, str(row.get("donor", "")))


# UNIPEN (Guyon et al., "UNIPEN project of on-line data exchange and recognizer benchmarks",
# ICPR 1994)


def _from_unipen(text: str, path: Path) -> Iterator[PenDrawing]:
    """Yield the characters of a text; their points are in it, or in files that it includes."""
    names = re.findall(r"^\.INCLUDE\s+(\S+)", text, re.MULTILINE)
    files = [_included(name, path) for name in names]
    texts = [file.read_text("latin-1") for file in files if file is not None]
    components = _components("\n".join([*texts, text]))
    for where, label in _SEGMENT.findall(text):
        strokes = tuple(_strokes(components, where))
        if strokes:
            yield PenDrawing(label, strokes)


def _included(name: str, path: Path) -> Path | None:
    """Return an included file: UNIPEN keeps them in a folder `include` above `data`."""
    places = (parent / "include" / name for parent in path.parents)
    return next((place for place in places if place.is_file()), None)


def _components(text: str) -> list[tuple[bool, Stroke]]:
    """Return the runs of points in order, (n, 2) each, and whether the pen was down.

    Segments refer to them by number; a run without points has none.
    """
    found: list[tuple[bool, list[tuple[float, float]]]] = []
    x, y = 0, 1
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == ".COORD":
            x, y = words.index("X") - 1, words.index("Y") - 1
        elif words[0] in (".PEN_DOWN", ".PEN_UP"):
            found.append((words[0] == ".PEN_DOWN", []))
        elif found and len(words) > max(x, y) and _NUMBERS.fullmatch(line):
            found[-1][1].append((float(words[x]), -float(words[y])))  # y grows upwards
    return [(is_down, np.array(points)) for is_down, points in found if points]


def _strokes(components: list[tuple[bool, Stroke]], where: str) -> Iterator[Stroke]:
    """Yield the strokes that a segment names: `4-6`, `4,6`, or with points, `4:10-6:25`."""
    for part in where.split(","):
        numbers = _RANGE.fullmatch(part)
        if numbers is None:
            raise ValueError(f"a segment is {part[:40]!r}")
        first, first_point, last, last_point = numbers.groups()
        begin, end = int(first), int(last or first)
        for number in range(begin, min(end + 1, len(components))):
            is_down, points = components[number]
            stop = int(last_point) + 1 if last_point and number == end else len(points)
            start = int(first_point) if first_point and number == begin else 0
            if is_down and start < stop:
                yield points[start:stop]
