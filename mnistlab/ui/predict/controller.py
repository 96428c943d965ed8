"""What a visitor can do in the Predict tab."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mnistlab.errors import DataError, UploadError
from mnistlab.images.finding import find_digits
from mnistlab.images.preprocessing import IMAGE_SIDE, STAGES
from mnistlab.images.upload import read_upload
from mnistlab.models.classifier import Classifier, digit_scorer
from mnistlab.ui.common.answers import ask
from mnistlab.ui.predict.pad import Pad
from mnistlab.ui.predict.state import Picture, PredictState, Reading, Source
from mnistlab.ui.state import AppState

_NAMED = 3  # files with the same problem


class PredictController:
    """Reads what lies on `pad` with all models; `state` is what the page shows.

    Every change of the pad leads to `predict`, whatever caused it.
    """

    def __init__(self, app: AppState, classifiers: Mapping[str, Classifier] | None = None) -> None:
        self._app = app
        self.state = PredictState(models=pretrained() if classifiers is None else classifiers)
        self.pad = Pad(app, self.predict)
        self.state.reading = self._read()

    def predict(self, final: bool = True, counted: bool = True) -> None:
        """Read what lies on the pad.

        It is not `final` while a stroke still grows. A new input (a finished stroke, an upload or a
        sample) is `counted`, but not an Undo or another way to read the same ink.
        """
        reading, before = self._read(), self.state.reading
        last = max(0, len(reading.digits) - 1)
        self.state.reading = reading = replace(
            reading,
            note=self.pad.note,
            chosen=0 if counted else min(before.chosen, last),
            number=before.number + int(final and counted),
            is_final=final,
        )
        if final:
            self._app.drawing = reading.image
            self._app.remember("pad", self.pad.to_memory())
            if self._app.status_kind != "busy":
                self._app.say("Ready.")

    def recall(self) -> None:
        """Put on the pad what lay there before a reload."""
        self.pad.from_memory(self._app.recalled.get("pad") or {})

    def sample(self) -> None:
        """Put a random test image on the pad."""
        dataset = self._app.dataset
        if dataset is None:
            raise DataError("There is no data set to take a digit from; see the message above.")
        index = random.randrange(len(dataset.x_test))
        # A copy: a view would keep a page of the shared cache in this kernel's memory.
        image = np.array(dataset.x_test[index])
        self.pad.show(image, f"Test image {index:,}: true label {dataset.y_test[index]}")

    def upload(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Read uploaded pictures and show the first one; the others can be chosen.

        Each of `files` has a `name` and `content`. Raises `UploadError` and leaves the page as it
        was where none of them is a picture of a digit.
        """
        pictures: list[Picture] = []
        problems: dict[str, list[str]] = {}  # what is wrong, and the names of those files
        for file in files:
            name = str(file["name"])
            try:
                pictures.append(self._picture(name, bytes(file["content"])))
            except UploadError as error:
                problems.setdefault(str(error), []).append(name)
        text = " ".join(f"{_listed(names)}: {problem}" for problem, names in problems.items())
        if not pictures:
            raise UploadError(text)
        self.state.files = tuple(pictures)
        self.show_file(0)
        if problems:
            self._app.say(text, "error")

    def show_file(self, index: int) -> None:
        """Put one of the uploaded pictures on the pad."""
        picture = self.state.files[index]
        self.pad.show(picture.ink, picture.note)

    def turn(self) -> None:
        """Turn the uploaded picture on the pad by 90 degrees, clockwise, and read it again.

        Raises `UploadError` where there is none.
        """
        picture = self.pad.picture
        index = self.state.uploaded(picture)
        if picture is None or index is None:
            raise UploadError("There is no uploaded picture on the pad to turn: upload one first.")
        files = list(self.state.files)
        ink = np.rot90(picture, -1)
        files[index] = replace(files[index], ink=ink, reading=self._read_source(ink))
        self.state.files = tuple(files)
        self.show_file(index)

    def choose(self, index: int) -> None:
        """Show one of several digits in detail."""
        self.state.reading = replace(self.state.reading, chosen=index)

    # How digits are read

    def leave_out(self, step: str, off: bool) -> None:
        """Switch a step of preprocessing off or on."""
        without = {*self.state.without, step} if off else {*self.state.without} - {step}
        self.state.without = tuple(name for name in STAGES if name in without)
        self._read_again()

    def read_as_one(self, single: bool) -> None:
        """Read all ink as one digit, or as several in reading order."""
        self.state.single = single
        self._read_again()

    def use_models(self, classifiers: Mapping[str, Classifier]) -> None:
        """Read with other models, by name; the pad, its history and all switches stay."""
        self.state.models = dict(classifiers)
        self._read_again()

    def _read_again(self) -> None:
        self.state.files = tuple(
            replace(file, reading=self._read_source(file.ink)) for file in self.state.files
        )
        self.predict(counted=False)

    def _picture(self, name: str, content: bytes) -> Picture:
        ink, remark = read_upload(content)
        if not ink.any():
            raise UploadError("It shows no ink; upload a picture with a digit on it.")
        note = " · ".join(filter(None, (f"Upload: {name}", remark)))
        return Picture(name, ink, note, self._read_source(ink))

    def _read(self) -> Reading:
        """What is read in the content of the pad; an uploaded picture has been read before."""
        picture = self.pad.picture
        if picture is None:
            return self._read_source(self.pad.drawing)
        uploaded = (file.reading for file in self.state.files if file.ink is picture)
        return next(uploaded, None) or self._read_source(picture)

    def _read_source(self, source: Source) -> Reading:
        models, start = self.state.models, time.perf_counter()
        found = find_digits(
            source,
            single=self.state.single,
            without=self.state.without,
            digit_score=digit_scorer(models.values()),
        )
        digits = tuple(digit.prepared for digit in found)
        seconds = time.perf_counter() - start
        images = np.array([digit.image for digit in digits], np.uint8)
        images = images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
        answers = tuple(ask(name, model, images) for name, model in models.items())
        boxes, lines = tuple(one.box for one in found), tuple(one.line for one in found)
        return Reading(source, answers, digits, boxes, lines, seconds)


def _listed(names: Sequence[str]) -> str:
    """Name the first files of many: a phone offers all photos of a day at once."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def pretrained() -> dict[str, Classifier]:
    """The shipped pair by name. Imports LiteRT or NumPy's networks, so only when the tab opens."""
    from mnistlab.models import load_classifier

    return {name: load_classifier(name) for name in ("mlp", "cnn")}
