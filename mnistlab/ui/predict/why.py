"""Why: what both models' answers are based on, and the training digits most like the drawing."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier, randomised
from mnistlab.models.neighbours import Neighbour, load_neighbours
from mnistlab.study.explanation import PATCH, Change, Occlusion, map_similarity, occlude
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.predict.state import PredictState
from mnistlab.ui.state import AppState

RANDOM_NETWORKS = 3  # a single one is like or unlike by chance
LEARNED, INK = 0.4, 0.6  # rank correlations below and above which the meaning of a map is clear
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
LEGEND = (
    f"Each patch of {PATCH} × {PATCH} pixels is blacked out in turn, and the models read the rest. "
    "Orange ink is evidence for the digit, blue ink is evidence against it, and ink without colour "
    "hardly matters. Such a map cannot show the evidence of empty places."
)
CORRELATION = (
    "Rank correlation: 1 if both maps order the pixels alike, 0 if they have nothing in common."
)
BLANK = "Draw, upload or sample a digit to see what the answers are based on."
NO_PICTURES = "Their pictures are shown where MNIST is available."
VECTORS = "Compared in the CNN's last hidden layer. Two random digits have a distance of about 1."

_PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)


class Why(ui.View):
    """A fold under the answer. Nothing is computed while it is closed or a stroke grows."""

    def __init__(self, app: AppState, state: PredictState) -> None:
        super().__init__(app)
        self._state = state
        self._random: WeakKeyDictionary[Classifier, list[Classifier]] = WeakKeyDictionary()
        toggle = widgets.ToggleButton(description="Why?", tooltip="What the answers are based on")
        self.toggle = self._watch(ui.classed(toggle, "ml-button", "ml-why-toggle"), self.open)
        compare = widgets.Checkbox(
            description="Compare with random weights", indent=False, tooltip=CORRELATION
        )
        self.compare = self._watch(ui.classed(compare, "ml-why-random"), lambda _: self.refresh())
        self._panel = widgets.HTML()
        self._fold = widgets.VBox([self.compare, self._panel], layout={"display": "none"})
        self.widget = ui.classed(widgets.VBox([self.toggle, self._fold]), "ml-why")
        state.observe(lambda _: self.refresh(), "reading")

    def refresh(self) -> None:
        """Explain the present answer, where the fold is open."""
        reading = self._state.reading
        if not self.toggle.value or not reading.is_final:
            return
        if reading.image is None:
            self._panel.value = ui.note(BLANK)
            return
        digits = {answer.name: answer.digits[reading.chosen] for answer in reading.answers}
        self._panel.value = self._explain(reading.image, digits)

    def open(self, is_open: bool) -> None:
        """Open or close the fold."""
        self._fold.layout.display = "" if is_open else "none"
        self.refresh()

    def _explain(self, image: NDArray[np.uint8], digits: Mapping[str, int]) -> str:
        models = self._state.models
        found = {name: occlude(models[name], image, digit) for name, digit in digits.items()}
        cards = "".join(self._card(name, image, one) for name, one in found.items())
        legend = f"{LEGEND} {CORRELATION}" if self.compare.value else LEGEND
        near = ""
        if "cnn" in found and "sha256" in models["cnn"].card:
            near = self._neighbours(image, found["cnn"])
        return f"<div class='ml-why-models'>{cards}</div>{ui.note(legend)}{near}"

    def _card(self, name: str, image: NDArray[np.uint8], found: Occlusion) -> str:
        model, digit = self._state.models[name], found.digit
        title = ui.escape(model.title)
        guess = "" if found.answer is not None else ", its nearest guess"
        pictures = _figure(image, found.heat, f"{title}: evidence for {digit}{guess}")
        compared = ""
        if self.compare.value:
            maps = [occlude(other, image, digit).heat for other in self._untrained(model)]
            pictures += _figure(image, maps[0], f"{title} with random weights")
            alike = float(np.mean([map_similarity(found.heat, other) for other in maps]))
            compared = f"<p>{_similarity(alike)}</p>"
        return (
            f"<section class='ml-is-{ui.escape(name)}'><h4>{title}</h4>"
            f"<div class='ml-why-maps'>{pictures}</div><p>{_sentence(found, title)}</p>"
            f"{compared}</section>"
        )

    def _untrained(self, model: Classifier) -> list[Classifier]:
        if model not in self._random:
            self._random[model] = [randomised(model, seed) for seed in range(RANDOM_NETWORKS)]
        return self._random[model]

    def _neighbours(self, image: NDArray[np.uint8], cnn: Occlusion) -> str:
        found = load_neighbours().nearest(self._state.models["cnn"], image)
        dataset = self._app.dataset
        x_train = dataset.x_train if dataset is not None and dataset.name == "mnist" else None
        agree = sum(neighbour.label == cnn.digit for neighbour in found)
        what = "answer" if cnn.answer is not None else "nearest guess"
        figures = "".join(
            _neighbour_html(n, None if x_train is None else x_train[n.index]) for n in found
        )
        text = VECTORS if x_train is not None else f"{VECTORS} {NO_PICTURES}"
        return (
            f"{ui.subheading('Nearest training digits')}"
            f"<p>{agree} of {len(found)} have the label {cnn.digit}, the CNN's {what}.</p>"
            f"<div class='ml-neighbours'>{figures}</div>"
            f"{ui.note(text, 'Last hidden layer')}"
        )


def _figure(image: NDArray[np.uint8], heat: NDArray[np.float32], text: str) -> str:
    return (
        f"<figure class='ml-why-map'><img src='{ui.data_uri(coloured(image, heat))}' alt=''>"
        f"<figcaption>{text}</figcaption></figure>"
    )


def _neighbour_html(neighbour: Neighbour, picture: NDArray[np.uint8] | None) -> str:
    shown = "" if picture is None else f"<img src='{ui.data_uri(np.array(picture))}' alt=''>"
    return (
        f"<figure>{shown}<figcaption><b>{neighbour.label}</b> no. {neighbour.index:,}<br>"
        f"distance {neighbour.distance:.2f}</figcaption></figure>"
    )


def coloured(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """An image (28, 28) tinted by its map (28, 28): (28, 28, 3) uint8.

    Each pixel keeps the brightness of its ink. Its colour goes from white to that of the map.
    """
    ink = image[..., None] / 255
    # A little of the colour on the background as well: the map is about patches, not pixels.
    tinted = ink * ui.diverging(heat, WHITE) + 0.22 * (1 - ink) * ui.diverging(heat, BLACK)
    return np.rint(tinted).astype(np.uint8)


def _sentence(found: Occlusion, title: str) -> str:
    refused = "" if found.answer is not None else f"{title} does not recognise a digit. "
    if found.change is None:
        return f"{refused}No single patch changes the answer of {title}."
    now = "?" if found.change.answer is None else str(found.change.answer)
    return f"{refused}Without the patch at the {_place(found.change)}, {title} would answer {now}."


def _place(change: Change) -> str:
    """Where on a digit a patch lies, in words."""
    row, column = (min(2, int(3 * (edge + PATCH / 2) / 28)) for edge in (change.top, change.left))
    return _PLACES[row][column]


def _similarity(alike: float) -> str:
    meaning = "the map shows partly what was learned, partly where the ink is"
    if alike < LEARNED:
        meaning = "the map shows what the network has learned"
    elif alike > INK:
        meaning = "the map mostly shows where the ink is"
    return f"Rank correlation with random weights {alike:.2f}: {meaning}."
