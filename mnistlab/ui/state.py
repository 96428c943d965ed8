"""What the page shows, as data: traitlets and frozen records, no widgets, no I/O.

A tab's controller sets these, its view repaints from them, and tests read them. Values are
replaced, never edited in place, because traitlets compares before it notifies.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import traitlets
from traitlets import HasTraits

from mnistlab.images.preprocessing import Preprocessed

NOT_A_DIGIT = 10  # the outcome after the ten digits
STATUS_KINDS = ("info", "busy", "error")


@dataclass(frozen=True, eq=False)
class Sent:
    """An image (28, 28) uint8 on its way from one tab to the pad, and what it is, for people."""

    image: np.ndarray
    note: str


class AppState(HasTraits):
    """What all tabs share: the data, the status line, and one lock.

    `lock` is held while a handler runs (see `components.guard`): callbacks arrive on the main
    thread in Voilà and on a subshell's thread in JupyterLab. It is reentrant. A background thread
    takes it to change state, and never while something that holds it waits for that thread.
    """

    dataset = traitlets.Any(None, allow_none=True)
    """What is trained on and tested with; Explore opens with it."""
    explored = traitlets.Any(None, allow_none=True)
    """The `Dataset` that Explore shows, None while it is `dataset`."""
    is_training = traitlets.Bool(False)
    """Whether a training runs that ends with the page."""
    sent = traitlets.Any(None, allow_none=True)
    """The last `Sent` image; the dashboard puts it on the pad."""
    drawing = traitlets.Any(None, allow_none=True)
    """What the models see of the pad: an image (28, 28) uint8, or None."""
    front = traitlets.Unicode("explore")
    """The tab that is seen."""
    loaded = traitlets.Dict()
    """Architecture -> id of the run that the Predict tab uses in place of the pretrained model."""
    status = traitlets.Unicode("")
    status_kind = traitlets.Enum(STATUS_KINDS, default_value="info")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.lock = threading.RLock()

    def say(self, text: str, kind: str = "info") -> None:
        """Put one sentence into the status line; `kind` is one of `STATUS_KINDS`."""
        with self.hold_trait_notifications():
            self.status_kind = kind
            self.status = text


@dataclass(frozen=True, eq=False)
class Answer:
    """What one model says about the digits of one input, from left to right.

    `probabilities` are (n, 10) float32, given that there is a digit; `scores` (n,) are the
    probability that there is one, and below `threshold` the model answers `?`. A threshold of 0
    means that it has not learned what is not a digit. `kept` is the fraction of validation digits
    whose score is above the threshold, None where it is not known. `seconds` is the time of the
    model's call.
    """

    name: str
    title: str
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros((0, 10), np.float32))
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    threshold: float = 0.0
    kept: float | None = None
    seconds: float = 0.0

    @property
    def outcomes(self) -> np.ndarray:
        """Probabilities of all that the model can answer; each row sums to 1.

        `(n, 11)` float32: the ten digits, and last "not a digit", index `NOT_A_DIGIT`; `(n, 10)`
        for a model that always answers with a digit.
        """
        if not self.threshold:
            return self.probabilities
        scores = self.scores[:, None]
        return np.hstack([scores * self.probabilities, 1 - scores]).astype(np.float32)

    @property
    def digits(self) -> tuple[int, ...]:
        """The most probable digits; the nearest guess where the model does not accept it."""
        return tuple(self.probabilities.argmax(axis=1).tolist())

    @property
    def accepted(self) -> tuple[bool, ...]:
        """For each, whether the model takes it for a digit."""
        return tuple((self.scores >= self.threshold).tolist())

    @property
    def text(self) -> str:
        """What it reads: a digit each, `?` for what it does not take for one."""
        pairs = zip(self.digits, self.accepted, strict=True)
        return "".join(str(digit) if accepted else "?" for digit, accepted in pairs)


@dataclass(frozen=True, eq=False)
class Reading:
    """One input as it went through preprocessing and both models.

    `digits` are the pictures found in it, from left to right, and `boxes` where they were found
    (left, top, right, bottom in the input's units); `chosen` is the one that is shown in detail.
    `seconds` is the time of preprocessing; `number` counts the finished strokes, uploads and
    samples answered so far.
    """

    answers: tuple[Answer, ...] = ()
    digits: tuple[Preprocessed, ...] = ()
    boxes: tuple[tuple[float, float, float, float], ...] = ()
    chosen: int = 0
    seconds: float = 0.0
    note: str = ""
    number: int = 0

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to read."""
        return not self.digits

    @property
    def agree(self) -> bool:
        """Whether all models say the same."""
        return len({answer.text for answer in self.answers}) == 1


class PredictState(HasTraits):
    """What the Predict tab shows; one trait for the answer, so that one change repaints it all."""

    reading = traitlets.Instance(Reading, ())
    without = traitlets.Tuple()
    """Steps of preprocessing that are switched off."""
    single = traitlets.Bool(False)
    """Whether all ink is read as one digit."""
    files = traitlets.Tuple()
    """The pictures uploaded last, as `Upload`s of the tab."""
