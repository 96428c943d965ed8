"""Reading many drawings and images from files with several models at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import UploadError
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocess import preprocess
from mnistlab.images.upload import decode_upload
from mnistlab.models import Classifier

_CHUNK = 250  # inputs held at once; models predict as many in one go


@dataclass(frozen=True, eq=False)
class Input:
    """One drawing or image, ready for the models."""

    source: str
    """The file's name as it was given."""
    index: int
    """Which drawing of the file it is, from 0; 0 for an image."""
    image: NDArray[np.uint8] | None
    """`(28, 28)` uint8 as `preprocess` leaves it; None where there is no ink."""
    label: str | None = None
    """What it is meant to be, where the file says so."""


@dataclass(frozen=True)
class Unreadable:
    """A file or a line that is no drawing and no image."""

    place: str
    """The file's name, with the line's number where it has one."""
    message: str


def read_inputs(names: Iterable[str]) -> Iterator[Input | Unreadable]:
    """Read files in order: drawings, one JSON object a line, from `.jsonl` files; else images.

    What cannot be read becomes an `Unreadable`, and reading goes on behind it.
    """
    for name in names:
        read = _read_drawings if Path(name).suffix.lower() == ".jsonl" else _read_image
        try:
            yield from read(name)
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
        `source`, `index`, `position` (of the digit in its input, from the left), `model`,
        `digit` (the most probable one, None without ink), `is_digit` (whether there is anything
        to read), `probabilities` (ten, None without ink), `label`. What cannot be read is passed
        on as it is.
    """
    remaining = iter(inputs)
    while chunk := list(islice(remaining, _CHUNK)):
        yield from _predict_chunk(chunk, classifiers)


def _predict_chunk(
    chunk: list[Input | Unreadable], classifiers: Sequence[Classifier]
) -> Iterator[dict[str, Any] | Unreadable]:
    images = [i.image for i in chunk if isinstance(i, Input) and i.image is not None]
    stack = np.stack(images) if images else np.zeros((0, 28, 28), np.uint8)
    answers = [iter(classifier.predict_proba(stack)) for classifier in classifiers]
    for item in chunk:
        if isinstance(item, Unreadable):
            yield item
            continue
        for classifier, rows in zip(classifiers, answers, strict=True):
            proba = None if item.image is None else next(rows)
            yield {
                "source": item.source,
                "index": item.index,
                "position": 0,
                "model": classifier.name,
                "digit": None if proba is None else int(proba.argmax()),
                "is_digit": proba is not None,
                "probabilities": None if proba is None else proba.tolist(),
                "label": item.label,
            }


def _read_image(name: str) -> Iterator[Input]:
    ready = preprocess(decode_upload(Path(name).read_bytes()))
    yield Input(name, 0, None if ready.is_blank else ready.image)


def _read_drawings(name: str) -> Iterator[Input | Unreadable]:
    index = 0
    with Path(name).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield _read_drawing(name, index, line)
            except UploadError as error:
                yield Unreadable(f"{name}, line {number}", str(error))
            index += 1


def _read_drawing(name: str, index: int, line: bytes) -> Input:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):  # the latter from thousands of nested brackets
        raise UploadError(
            'It is not JSON; write one drawing a line, such as {"strokes": [[[10, 20], [30, 40]]]}.'
        ) from None
    drawing = Drawing.from_dict(data)
    ready = preprocess(drawing)
    return Input(name, index, None if ready.is_blank else ready.image, drawing.label)
