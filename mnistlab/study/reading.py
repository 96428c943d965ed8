"""Reading many drawings and images from files with several models at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import UploadError
from mnistlab.images.drawing import Drawing
from mnistlab.images.finding import find_digits
from mnistlab.images.grouping import DigitScore
from mnistlab.images.upload import decode_upload
from mnistlab.models.classifier import Classifier, Outputs

_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and spaces
_CHUNK = 250  # inputs held at once; models predict as many in one go


@dataclass(frozen=True, eq=False)
class Input:
    """One drawing or image, ready for the models."""

    source: str
    """The file's name as it was given."""
    index: int
    """Which drawing of the file it is, from 0; 0 for an image."""
    images: tuple[NDArray[np.uint8], ...]
    """Its digits in reading order, each `(28, 28)` uint8; none where there is no ink."""
    label: str | None = None
    """What it is meant to be, where the file says so."""


@dataclass(frozen=True)
class Unreadable:
    """A file or a line that is no drawing and no image."""

    place: str
    """The file's name, with the line's number where it has one."""
    message: str


Find = Callable[[Drawing | NDArray[np.uint8]], tuple[NDArray[np.uint8], ...]]


def read_inputs(
    names: Iterable[str], *, single: bool = False, digit_score: DigitScore | None = None
) -> Iterator[Input | Unreadable]:
    """Read files in order: drawings from `.jsonl` files and others of JSON; else images.

    A `.jsonl` file has one JSON object a line. Any other file of JSON, told by its contents, has
    the same or one object in all. `single` and `digit_score` are those of `find_digits`. What
    cannot be read becomes an `Unreadable`, and reading goes on behind it.
    """

    def find(source: Drawing | NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
        found = find_digits(source, single=single, digit_score=digit_score)
        return tuple(digit.prepared.image for digit in found)

    for name in names:
        try:
            with Path(name).open("rb") as file:
                yield from _read_file(name, file, find)
        except OSError as error:
            yield Unreadable(name, f"{error.strerror or error}; check the path.")
        except UploadError as error:
            yield Unreadable(name, str(error))


def predict_inputs(
    inputs: Iterable[Input | Unreadable], classifiers: Sequence[Classifier]
) -> Iterator[dict[str, Any] | Unreadable]:
    """Answers for each input and model, in the order of the inputs, then of the models.

    Yields
    ------
    dict
        `source`, `index`, `position` (of the digit in its input, in reading order), `model`,
        `digit` (the most probable one, None without ink), `is_digit` (whether the model takes it
        for a digit), `probabilities` (ten, None without ink), `label`. What cannot be read is
        passed on as it is.
    """
    remaining = iter(inputs)
    while chunk := list(islice(remaining, _CHUNK)):
        yield from _predict_chunk(chunk, classifiers)


def _predict_chunk(
    chunk: list[Input | Unreadable], classifiers: Sequence[Classifier]
) -> Iterator[dict[str, Any] | Unreadable]:
    images = [image for item in chunk if isinstance(item, Input) for image in item.images]
    stack = np.array(images, np.uint8).reshape(-1, 28, 28)  # also where there is none
    answers = [(classifier, classifier.read(stack)) for classifier in classifiers]
    row = 0
    for item in chunk:
        if isinstance(item, Unreadable):
            yield item
            continue
        for position in range(max(1, len(item.images))):
            for classifier, outputs in answers:
                yield {
                    "source": item.source,
                    "index": item.index,
                    "position": position,
                    "model": classifier.name,
                    **_answer(classifier, outputs, row + position if item.images else None),
                    "label": item.label,
                }
        row += len(item.images)


def _answer(classifier: Classifier, outputs: Outputs, row: int | None) -> dict[str, Any]:
    if row is None:
        return {"digit": None, "is_digit": False, "probabilities": None}
    proba = outputs.probabilities[row]
    return {
        "digit": int(proba.argmax()),
        "is_digit": bool(outputs.digit_scores[row] >= classifier.digit_threshold),
        "probabilities": proba.tolist(),
    }


def _read_file(name: str, file: BufferedReader, find: Find) -> Iterator[Input | Unreadable]:
    if Path(name).suffix.lower() == ".jsonl":
        yield from _read_lines(name, file, find)
        return
    text = file.read()
    start = text.lstrip(_BLANK)
    if not start.startswith((b"{", b"[")):
        yield Input(name, 0, find(decode_upload(text)))
        return
    try:
        _parse(start.splitlines()[0])
    except UploadError:  # an object that goes over several lines, or no JSON
        yield _read_drawing(name, 0, text, find)
    else:
        yield from _read_lines(name, text.splitlines(), find)


def _read_lines(name: str, lines: Iterable[bytes], find: Find) -> Iterator[Input | Unreadable]:
    index = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _read_drawing(name, index, line, find)
        except UploadError as error:
            yield Unreadable(f"{name}, line {number}", str(error))
        index += 1


def _read_drawing(name: str, index: int, text: bytes, find: Find) -> Input:
    drawing = Drawing.from_dict(_parse(text))
    return Input(name, index, find(drawing), drawing.label)


def _parse(text: bytes) -> object:
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError):  # the latter from thousands of nested brackets
        raise UploadError(
            'It is not JSON; write one drawing a line, such as {"strokes": [[[10, 20], [30, 40]]]}.'
        ) from None
    return data
