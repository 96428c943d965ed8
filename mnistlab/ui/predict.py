"""The Predict tab: draw, upload or sample a digit, and see both models read it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
from PIL import Image

from mnistlab.errors import DataError, UploadError
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocess import STAGES, Preprocessed, preprocess
from mnistlab.images.upload import decode_upload
from mnistlab.models.classifier import Classifier
from mnistlab.ui import components as ui
from mnistlab.ui.pad import Pad
from mnistlab.ui.state import Answer, AppState, PredictState, Reading

UPLOAD_TYPES = ".png,.jpg,.jpeg,.webp,.bmp"
STAGE_SIZE = 84  # pixels a side of a stage's picture in the message to the browser
NO_PROBABILITIES = (0.0,) * 10


class PredictTab:
    """The tab's controller and view.

    Parameters
    ----------
    app : the page's state
    classifiers : models by name; the pretrained `mlp` and `cnn` when not given
    """

    def __init__(self, app: AppState, classifiers: Mapping[str, Classifier] | None = None) -> None:
        self._app = app
        self._classifiers = pretrained() if classifiers is None else classifiers
        self._random = random.Random()
        self.state = PredictState(reading=Reading(answers=self._no_answers()))
        self.pad = Pad(app, self.predict)
        self._build()

    # Verbs

    def predict(self, final: bool = True, *, counted: bool = True) -> None:
        """Read what lies on the pad.

        `final` is False while a stroke still grows. `counted` says whether it is a new input:
        a finished stroke, an upload or a sample, but not an Undo.
        """
        source = self.pad.drawing if self.pad.picture is None else self.pad.picture
        self._show(self._read(source), self.pad.note, counted=final and counted)
        if final and self._app.status_kind != "busy":
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

    def upload(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Read an uploaded picture.

        Parameters
        ----------
        files : as `ipywidgets.FileUpload.value` gives them, with `name` and `content`

        Raises
        ------
        UploadError
            When it is no picture of a digit; the page stays as it was.
        """
        name, content = str(files[0]["name"]), bytes(files[0]["content"])
        picture = decode_upload(content)
        if preprocess(picture).is_blank:
            raise UploadError(f"{name} shows no ink; upload a picture with a digit on it.")
        self.pad.show(picture, f"Upload: {name}")
        self.predict()

    # Reading

    def _read(self, source: Drawing | np.ndarray) -> tuple[Preprocessed, tuple[Answer, ...]]:
        prepared = preprocess(source)
        if prepared.is_blank:
            return prepared, self._no_answers()
        images = prepared.image[None]
        answers = tuple(ask(name, model, images) for name, model in self._classifiers.items())
        return prepared, answers

    def _no_answers(self) -> tuple[Answer, ...]:
        return tuple(
            Answer(name, model.title, None, NO_PROBABILITIES, 0.0)
            for name, model in self._classifiers.items()
        )

    def _show(
        self, read: tuple[Preprocessed, tuple[Answer, ...]], note: str, *, counted: bool
    ) -> None:
        prepared, answers = read
        self.state.reading = Reading(
            answers=answers,
            stages={} if prepared.is_blank else prepared.stages,
            seconds=prepared.seconds,
            note=note,
            number=self.state.reading.number + int(counted),
        )

    # View

    def _build(self) -> None:
        guard, app = ui.guard, self._app
        clear = ui.button("Clear", "ml-clear", "Empty the pad")
        undo = ui.button("Undo", "ml-undo", "Take the last step back")
        redo = ui.button("Redo", "ml-redo", "Take the last Undo back")
        sample = ui.button("Random test digit", "ml-sample", "Put an image the models never saw")
        clear.on_click(guard(app, lambda _: self.clear()))
        undo.on_click(guard(app, lambda _: self.undo()))
        redo.on_click(guard(app, lambda _: self.redo()))
        sample.on_click(guard(app, lambda _: self.sample()))
        self._upload = ui.classed(
            widgets.FileUpload(description="Upload image", accept=UPLOAD_TYPES, icon=""),
            "ml-button",
            "ml-upload",
        )
        self._upload.observe(guard(app, self._on_upload), "value")
        self._panel = ui.classed(widgets.HTML(), "ml-panel")
        self.state.observe(self._on_reading, "reading")
        self._on_reading()
        intro = widgets.HTML(ui.heading("Draw a digit", "With the mouse or a finger, any size."))
        # The canvas comes last among what takes the keyboard: ipycanvas swallows the Tab key.
        strokes = ui.classed(widgets.Box([undo, redo, clear]), "ml-tools")
        sources = ui.classed(widgets.Box([sample, self._upload]), "ml-tools")
        left = ui.classed(widgets.VBox([intro, sources, strokes, self.pad.widget]), "ml-draw")
        self.widget = ui.classed(widgets.Box([left, self._panel]), "ml-columns")

    def _on_upload(self, change: Mapping[str, Any]) -> None:
        if not change["new"]:
            return
        self._upload.value = ()  # so that the same file can be chosen again
        self.upload(change["new"])

    def _on_reading(self, _: object = None) -> None:
        self._panel.value = panel_html(self.state.reading)


def pretrained() -> dict[str, Classifier]:
    """The shipped pair by name. Imports LiteRT, so only when the tab opens."""
    from mnistlab.models import load_classifier

    return {name: load_classifier(name) for name in ("mlp", "cnn")}


def ask(name: str, model: Classifier, images: np.ndarray) -> Answer:
    """One model's answer for images (1, 28, 28) uint8, and how long the model took."""
    start = time.perf_counter()
    probabilities = model.predict_proba(images)[0]
    seconds = time.perf_counter() - start
    digit = int(probabilities.argmax())
    return Answer(name, model.title, digit, tuple(map(float, probabilities)), seconds)


def shrink(image: np.ndarray, side: int) -> np.ndarray:
    """An image (h, w) uint8 made to fit a square of `side` pixels by averaging areas."""
    longest = max(image.shape)
    if longest <= side:
        return image
    height, width = (max(1, round(length * side / longest)) for length in image.shape)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BOX))


# The panel: one piece of HTML, so that one message puts both models' answers on the page


def panel_html(reading: Reading) -> str:
    """All that the tab says about a reading."""
    cards = "".join(_card_html(answer, reading.seconds) for answer in reading.answers)
    note = f"<span class='ml-chip'>{ui.escape(reading.note)}</span>" if reading.note else ""
    return (
        f"<div class='ml-says'><span role='status' aria-live='polite'>{_sentence(reading)}</span>"
        f"{note}</div><div class='ml-cards'>{cards}</div>"
        f"{_stages_html(reading)}<div class='ml-answer'>answer {reading.number}</div>"
    )


def _sentence(reading: Reading) -> str:
    if reading.is_blank:
        return "Nothing drawn yet."
    if reading.agree:
        return f"Both models read <b>{reading.answers[0].digit}</b>."
    said = ", ".join(f"{ui.escape(a.title)} <b>{a.digit}</b>" for a in reading.answers)
    return f"The models disagree: {said}."


def _card_html(answer: Answer, preparing: float) -> str:
    digit = "" if answer.digit is None else str(answer.digit)
    latency = ""
    if answer.digit is not None:
        latency = f"{1e3 * answer.seconds:.2f} ms model + {1e3 * preparing:.2f} ms preprocessing"
    name = ui.escape(answer.name)
    return (
        f"<section class='ml-card ml-is-{name}'><h3>{ui.escape(answer.title)}</h3>"
        f"<div class='ml-digit ml-digit-{name}'>{digit}</div>"
        f"{ui.probability_bars(answer.probabilities, answer.digit)}"
        f"<div class='ml-latency ml-latency-{name}'>{latency}</div></section>"
    )


def _stages_html(reading: Reading) -> str:
    figures = "".join(
        f"<figure title='{ui.escape(STAGES[name])}'>"
        f"<img src='{ui.data_uri(shrink(image, STAGE_SIZE))}' alt='{ui.escape(STAGES[name])}'>"
        f"<figcaption>{ui.escape(name)}</figcaption></figure>"
        for name, image in reading.stages.items()
    )
    hint = "<p class='ml-note'>The steps from your ink to the 28 × 28 pixels appear here.</p>"
    return (
        "<h3 class='ml-subheading'>What the models see</h3>"
        f"<div class='ml-stages'>{figures or hint}</div>"
    )
