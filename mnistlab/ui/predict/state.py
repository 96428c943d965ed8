"""What the Predict tab shows, as data: no widgets, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ipywidgets import TypedTuple
from numpy.typing import NDArray
from traitlets import Bool, Dict, HasTraits, Instance, Unicode

from mnistlab.images.drawing import Drawing
from mnistlab.images.parts import Box
from mnistlab.images.preprocessing import Preprocessed
from mnistlab.ui.common.answers import Answer

Source = Drawing | NDArray[np.uint8]
"""What is read: a drawing, or the ink (h, w) of a picture."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The digits found in one input, in reading order, and what the models answer."""

    source: Source | None = None
    answers: tuple[Answer, ...] = ()
    digits: tuple[Preprocessed, ...] = ()  # none where there is no ink
    boxes: tuple[Box, ...] = ()  # left, top, right, bottom of each digit in the source's units
    lines: tuple[int, ...] = ()  # the line of writing that each digit stands on, from 0
    seconds: float = 0.0  # that finding and preprocessing the digits took
    chosen: int = 0  # the digit that is shown in detail
    note: str = ""
    number: int = 0  # of finished strokes, uploads and samples that were answered so far
    is_final: bool = True  # not while a stroke still grows

    @property
    def image(self) -> NDArray[np.uint8] | None:
        """What the models see of the chosen digit, (28, 28), None where there is no ink."""
        return self.digits[self.chosen].image if self.digits else None

    @property
    def drawing(self) -> Drawing | None:
        """The drawing that was read, if it is one of a single digit."""
        is_one = len(self.digits) == 1
        return self.source if is_one and isinstance(self.source, Drawing) else None

    @property
    def digit(self) -> int | None:
        """What the last model reads, None where it is not a single digit."""
        answer = self.answers[-1]
        return answer.digits[0] if answer.accepted == (True,) else None


@dataclass(frozen=True, eq=False)
class Picture:
    """An uploaded picture: its file's name, its ink (h, w), where it is from, and its reading.

    The ink of a turned picture is a view of the pixels that were uploaded.
    """

    name: str
    ink: NDArray[np.uint8]
    note: str
    reading: Reading


class PredictState(HasTraits):
    """What the Predict tab shows; one trait for the answer, so that one change repaints it all."""

    models = Dict(key_trait=Unicode())  # the classifiers that read, by name
    reading = Instance(Reading, ())
    without = TypedTuple(Unicode())  # steps of preprocessing that are switched off
    single = Bool(False)  # whether all ink is read as one digit
    files = TypedTuple(Instance(Picture))  # uploaded last

    def uploaded(self, picture: NDArray[np.uint8] | None) -> int | None:
        """Which of `files` a picture shows, turned or not; None where it is no upload."""
        if picture is None:
            return None
        shown = (i for i, f in enumerate(self.files) if np.may_share_memory(f.ink, picture))
        return next(shown, None)
