"""What a visitor can do in the Predict tab."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mnistlab.errors import DataError, UploadError
from mnistlab.images.finding import Piece, find_digits
from mnistlab.images.preprocessing import IMAGE_SIDE, STAGES
from mnistlab.images.upload import read_upload
from mnistlab.models.classifier import Classifier, digit_scorer
from mnistlab.ui.common.answers import ask
from mnistlab.ui.predict.pad import Pad
from mnistlab.ui.predict.state import Picture, PredictState, Reading, Source
from mnistlab.ui.state import AppState


class PredictController:
    """Reads what lies on `pad` with all models; `state` is what the page shows.

    Every change of the pad leads to `predict`, whatever caused it.
    """

    def __init__(self, app: AppState, classifiers: Mapping[str, Classifier] | None = None) -> None:
        self._app = app
        self._found: dict[int, tuple[list[Piece], float]] = {}  # by the id of an uploaded ink
        self.state = PredictState(models=pretrained() if classifiers is None else classifiers)
        self.pad = Pad(app, self.predict)
        self.state.reading = self._read(self.pad.drawing)

    def predict(self, final: bool = True, counted: bool = True) -> None:
        """Read what lies on the pad.

        Parameters
        ----------
        final : False while a stroke still grows
        counted : whether it is a new input (a finished stroke, an upload or a sample) and not an
            Undo or another way to read the same ink
        """
        picture, before = self.pad.picture, self.state.reading
        reading = self._read(self.pad.drawing if picture is None else picture)
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
            if self._app.status_kind != "busy":
                self._app.say("Ready.")

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
        self._read_files()
        self.show_file(0)
        if problems:
            self._app.say(" ".join(problems), "error")

    def show_file(self, index: int) -> None:
        """Put one of the uploaded pictures on the pad."""
        picture = self.state.files[index]
        self.pad.show(picture.ink, picture.note)

    def choose(self, index: int) -> None:
        """Show one of several digits in detail."""
        self.state.reading = replace(self.state.reading, chosen=index)

    # How digits are read

    def leave_out(self, step: str, off: bool) -> None:
        """Switch a step of preprocessing off or on."""
        self.state.without = tuple(
            name for name in STAGES if (off if name == step else name in self.state.without)
        )
        self._read_again()

    def read_as_one(self, single: bool) -> None:
        """Read all ink as one digit, or as several from left to right."""
        self.state.single = single
        self._read_again()

    def use_models(self, classifiers: Mapping[str, Classifier]) -> None:
        """Read with other models, by name; the pad, its history and all switches stay."""
        self.state.models = dict(classifiers)
        self._read_again()

    def _read_again(self) -> None:
        self._read_files()
        self.predict(counted=False)

    def _read_files(self) -> None:
        self._found.clear()
        readings = [self._read(file.ink) for file in self.state.files]
        self.state.file_texts = tuple(
            tuple(answer.text for answer in reading.answers) for reading in readings
        )

    def _read(self, source: Source) -> Reading:
        found, seconds = self._find(source)
        digits = tuple(digit.prepared for digit in found)
        images = np.array([digit.image for digit in digits], np.uint8)
        images = images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
        return Reading(
            source,
            tuple(ask(name, model, images) for name, model in self.state.models.items()),
            digits,
            tuple(digit.box for digit in found),
            seconds,
        )

    def _find(self, source: Source) -> tuple[list[Piece], float]:
        """The digits, and the seconds it took; an uploaded picture is preprocessed only once."""
        if id(source) not in self._found:
            start = time.perf_counter()
            found = find_digits(
                source,
                single=self.state.single,
                without=self.state.without,
                digit_score=digit_scorer(self.state.models.values()),
            )
            result = found, time.perf_counter() - start
            if not any(file.ink is source for file in self.state.files):
                return result
            self._found[id(source)] = result
        return self._found[id(source)]


def pretrained() -> dict[str, Classifier]:
    """The shipped pair by name. Imports LiteRT, so only when the tab opens."""
    from mnistlab.models import load_classifier

    return {name: load_classifier(name) for name in ("mlp", "cnn")}


def _picture(name: str, content: bytes) -> Picture:
    upload = read_upload(content)
    if not upload.ink.any():
        raise UploadError("It shows no ink; upload a picture with a digit on it.")
    return Picture(name, upload.ink, upload.notes)
