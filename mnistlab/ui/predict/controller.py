"""What a visitor can do in the Predict tab."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mnistlab.errors import DataError, UploadError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.images.finding import find_digits
from mnistlab.images.preprocessing import STAGES
from mnistlab.images.upload import read_upload
from mnistlab.models.classifier import Classifier, digit_scorer
from mnistlab.models.neighbours import Neighbour, load_neighbours
from mnistlab.settings import my_digits_file
from mnistlab.ui.common.answers import ask
from mnistlab.ui.predict.my_digits import MyDigits
from mnistlab.ui.predict.pad import Pad
from mnistlab.ui.predict.why import Why
from mnistlab.ui.state import Answer, AppState, PredictState, Reading


@dataclass(frozen=True, eq=False)
class Picture:
    """An uploaded picture: its file's name, its ink (h, w) uint8, and what there is to say."""

    name: str
    ink: np.ndarray
    notes: tuple[str, ...]

    @property
    def note(self) -> str:
        """One line for the page."""
        return " · ".join((f"Upload: {self.name}", *self.notes))


class PredictController:
    """Reads what lies on the pad with all models; `state` holds what the page shows.

    Parameters
    ----------
    app : the page's state
    classifiers : models by name; the pretrained `mlp` and `cnn` when not given
    """

    def __init__(
        self,
        app: AppState,
        classifiers: Mapping[str, Classifier] | None = None,
    ) -> None:
        self._app = app
        self._classifiers = pretrained() if classifiers is None else classifiers
        self._random = random.Random()
        self.state = PredictState(reading=Reading(answers=self._no_answers()))
        self.pad = Pad(app, self.predict)
        self.why = Why(app, self._classifiers, self._current_image, self._nearest())
        self.my_digits = MyDigits(
            app,
            self._classifiers,
            Collection(my_digits_file()),
            self._current_drawing,
            self._current_digit,
            self.put_on_pad,
        )

    # Verbs

    def predict(self, final: bool = True, *, counted: bool = True) -> None:
        """Read what lies on the pad.

        `final` is False while a stroke still grows. `counted` says whether it is a new input:
        a finished stroke, an upload or a sample, but not an Undo.
        """
        source = self.pad.drawing if self.pad.picture is None else self.pad.picture
        before = self.state.reading
        reading = replace(
            self._read(source),
            note=self.pad.note,
            number=before.number + int(final and counted),
        )
        if not counted:  # the same ink once more: the digit in detail stays the same
            last = max(0, len(reading.digits) - 1)
            reading = replace(reading, chosen=min(before.chosen, last))
        self.state.reading = reading
        if final:
            current = self._current_image()
            self._app.drawing = None if current is None else current[0]
            self.my_digits.refresh()
            self.why.refresh()
            if self._app.status_kind != "busy":
                self._app.say("Ready.")

    def clear(self) -> None:
        """Empty the pad."""
        self.pad.clear()
        self.predict(counted=False)

    def undo(self) -> None:
        """Take the last stroke, picture or Clear back."""
        if not self.pad.can_undo:
            self._app.say("Nothing to undo.")
            return
        self.pad.undo()
        self.predict(counted=False)

    def redo(self) -> None:
        """Take the last Undo back."""
        if not self.pad.can_redo:
            self._app.say("Nothing to redo.")
            return
        self.pad.redo()
        self.predict(counted=False)

    def sample(self) -> None:
        """Put a random test image on the pad and read it."""
        dataset = self._app.dataset
        if dataset is None:
            raise DataError("There is no data set to take a digit from; see the message above.")
        index = self._random.randrange(len(dataset.x_test))
        label = int(dataset.y_test[index])
        # A copy: a view would keep a page of the shared cache in this kernel's memory.
        picture = np.array(dataset.x_test[index])
        self.pad.show(picture, f"Test image {index:,}: true label {label}")
        self.predict()

    def show_image(self, image: np.ndarray, note: str) -> None:
        """Put an image (28, 28) uint8 on the pad, say what it is, and read it."""
        self.pad.show(image, note)
        self.predict()

    def upload(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Read uploaded pictures and show the first one; what cannot be read is named.

        Parameters
        ----------
        files : as `ipywidgets.FileUpload.value` gives them, with `name` and `content`

        Raises
        ------
        UploadError
            When none of them is a picture of a digit; the page stays as it was.
        """
        pictures, problems = [], []
        for file in files:
            try:
                pictures.append(_picture(str(file["name"]), bytes(file["content"])))
            except UploadError as error:
                problems.append(f"{file['name']}: {error}")
        if not pictures:
            raise UploadError(" ".join(problems))
        self.state.files = tuple(pictures)
        self.show_file(0)
        if problems:
            self._app.say(" ".join(problems), "error")

    def show_file(self, index: int) -> None:
        """Put one of the uploaded pictures on the pad and read it."""
        picture = self.state.files[index]
        self.pad.show(picture.ink, picture.note)
        self.predict()

    def replay(self) -> None:
        """Show the strokes being drawn once more."""
        self.pad.replay()

    def load(self, content: bytes) -> None:
        """Put a drawing in JSON on the pad and read it; what is no drawing raises `UploadError`."""
        self.pad.load(content)
        self.predict()

    def put_on_pad(self, drawing: Drawing) -> None:
        """Put a drawing on the pad and read it."""
        self.load(json.dumps(drawing.to_dict()).encode())

    def leave_out(self, step: str, off: bool) -> None:
        """Switch a step of preprocessing off or on, and read again."""
        self.state.without = tuple(
            name for name in STAGES if (off if name == step else name in self.state.without)
        )
        self.predict(counted=False)

    def choose(self, index: int) -> None:
        """Show one of several digits in detail."""
        self.state.reading = replace(self.state.reading, chosen=index)
        self.why.refresh()

    def read_as_one(self, single: bool) -> None:
        """Read all ink as one digit, or as several from left to right."""
        self.state.single = single
        self.predict(counted=False)

    def use_models(self, classifiers: Mapping[str, Classifier]) -> None:
        """Read with other models, by name; the pad, its history and all switches stay."""
        self._classifiers = classifiers
        self.why.use_models(classifiers, self._nearest())
        self.my_digits.use_models(classifiers)
        self.predict(counted=False)

    # Reading

    def _read(self, source: Drawing | np.ndarray) -> Reading:
        start = time.perf_counter()
        found = find_digits(
            source,
            single=self.state.single,
            without=self.state.without,
            digit_score=digit_scorer(self._classifiers.values()),
        )
        seconds = time.perf_counter() - start
        if not found:
            return Reading(answers=self._no_answers(), seconds=seconds)
        images = np.stack([digit.prepared.image for digit in found])
        return Reading(
            answers=tuple(ask(name, model, images) for name, model in self._classifiers.items()),
            digits=tuple(digit.prepared for digit in found),
            boxes=tuple(digit.box for digit in found),
            seconds=seconds,
        )

    def titles(self) -> list[str]:
        """The models' names as people read them."""
        return [model.title for model in self._classifiers.values()]

    def texts(self, ink: np.ndarray) -> list[str]:
        """What each model reads in ink (h, w) uint8, without showing it."""
        return [answer.text for answer in self._read(ink).answers]

    def _current_image(self) -> tuple[np.ndarray, dict[str, int]] | None:
        reading = self.state.reading
        if reading.is_blank:
            return None
        digits = {answer.name: answer.digits[reading.chosen] for answer in reading.answers}
        return reading.digits[reading.chosen].image, digits

    def _current_drawing(self) -> Drawing | None:
        is_one = self.pad.picture is None and len(self.state.reading.digits) == 1
        return self.pad.drawing if is_one else None

    def _current_digit(self) -> int | None:
        """What the best model reads, None where that is no digit."""
        answer = self.state.reading.answers[-1]
        return answer.digits[0] if len(answer.digits) == 1 and answer.accepted[0] else None

    def _nearest(self) -> Callable[[np.ndarray], Sequence[Neighbour]] | None:
        cnn = self._classifiers.get("cnn")
        if cnn is None or "sha256" not in cnn.card:
            return None
        return lambda image: load_neighbours().nearest(cnn, image)

    def _no_answers(self) -> tuple[Answer, ...]:
        return tuple(
            Answer(name, model.title, threshold=model.digit_threshold)
            for name, model in self._classifiers.items()
        )


def pretrained() -> dict[str, Classifier]:
    """The shipped pair by name. Imports LiteRT, so only when the tab opens."""
    from mnistlab.models import load_classifier

    return {name: load_classifier(name) for name in ("mlp", "cnn")}


def _picture(name: str, content: bytes) -> Picture:
    upload = read_upload(content)
    if not upload.ink.any():
        raise UploadError("It shows no ink; upload a picture with a digit on it.")
    return Picture(name, upload.ink, upload.notes)
