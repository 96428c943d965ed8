"""Why: what both models' answers rest on, and the training digits most like the drawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import numpy as np

from mnistlab.models.classifier import Classifier
from mnistlab.models.neighbours import Neighbour
from mnistlab.models.untrained import randomised
from mnistlab.study.explanation import PATCH, Change, Occlusion, map_similarity, occlude
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState

RANDOM_NETWORKS = 3  # one alone is alike or unlike by chance
LEARNED, INK = 0.4, 0.6  # rank correlations below and above which a map's reading is clear
FOR, AGAINST = (255, 140, 40), (60, 150, 255)  # orange and blue, told apart by nearly everyone
LEGEND = (
    f"The models are asked again with each patch of {PATCH} × {PATCH} pixels blacked out. Orange: "
    "ink that speaks for the digit. Blue: ink that speaks against it. Uncoloured ink hardly "
    "matters. What empty places say for a digit such a map does not show."
)
BLANK = "Draw, upload or sample a digit, and the maps of what the answers rest on appear here."
NO_PICTURES = "The pictures of the training digits show where MNIST is at hand."
VECTORS = "By the layer of the CNN before its last; a distance of 1 is usual for two digits."

_PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)

Input = tuple[np.ndarray, Mapping[str, int]]


class Why:
    """A fold under the answer. Nothing is computed while it is closed.

    Parameters
    ----------
    app : the page's state
    classifiers : models by name
    current : gives the image (28, 28) uint8 that the models saw and each model's digit by its
        name, or None where there is no ink
    nearest : gives the training images nearest to an image, the nearest first
    """

    def __init__(
        self,
        app: AppState,
        classifiers: Mapping[str, Classifier],
        current: Callable[[], Input | None],
        nearest: Callable[[np.ndarray], Sequence[Neighbour]] | None = None,
    ) -> None:
        self._app, self._classifiers = app, classifiers
        self._current, self._nearest = current, nearest
        self._random: dict[str, list[Classifier]] = {}
        self._build()

    def use_models(
        self,
        classifiers: Mapping[str, Classifier],
        nearest: Callable[[np.ndarray], Sequence[Neighbour]] | None,
    ) -> None:
        """Explain other models from the next `refresh` on; the arguments are the class's."""
        self._classifiers, self._nearest = classifiers, nearest
        self._random = {}

    def refresh(self) -> None:
        """Explain the answer that stands now, where the fold is open."""
        if not self.toggle.value:
            return
        given = self._current()
        note = f"<p class='ml-note'>{BLANK}</p>"
        self._panel.value = note if given is None else self._explain(*given)

    def open(self, is_open: bool) -> None:
        """Open or close the fold."""
        self._fold.layout.display = "" if is_open else "none"
        self.refresh()

    # View

    def _build(self) -> None:
        self.toggle = ui.classed(
            widgets.ToggleButton(description="Why?", tooltip="What the answers rest on"),
            "ml-button",
            "ml-why-toggle",
        )
        self.toggle.observe(ui.guard(self._app, lambda change: self.open(change["new"])), "value")
        self.compare = ui.classed(
            widgets.Checkbox(description="Compare with random weights", indent=False),
            "ml-why-random",
        )
        self.compare.observe(ui.guard(self._app, lambda _: self.refresh()), "value")
        self._panel = widgets.HTML()
        self._fold = widgets.VBox([self.compare, self._panel], layout={"display": "none"})
        self.widget = ui.classed(widgets.VBox([self.toggle, self._fold]), "ml-why")

    def _explain(self, image: np.ndarray, digits: Mapping[str, int]) -> str:
        found = {name: occlude(self._classifiers[name], image, n) for name, n in digits.items()}
        cards = "".join(self._card(name, image, one) for name, one in found.items())
        return (
            f"<div class='ml-why-models'>{cards}</div><p class='ml-note'>{LEGEND}</p>"
            f"{self._neighbours(image, found)}"
        )

    def _card(self, name: str, image: np.ndarray, found: Occlusion) -> str:
        title, digit = ui.escape(self._classifiers[name].title), found.digit
        what = digit if found.answer is not None else f"its nearest guess, {digit}"
        pictures = _figure(image, found.heat, f"{title}, what speaks for {what}")
        compared = ""
        if self.compare.value:
            maps = [occlude(other, image, digit).heat for other in self._random_networks(name)]
            pictures += _figure(image, maps[0], f"{title} with random weights")
            alike = float(np.mean([map_similarity(found.heat, other) for other in maps]))
            compared = f"<p>{_similarity(alike)}</p>"
        return (
            f"<section class='ml-is-{ui.escape(name)}'><h4>{title}</h4>"
            f"<div class='ml-why-maps'>{pictures}</div><p>{_sentence(found, title)}</p>"
            f"{compared}</section>"
        )

    def _random_networks(self, name: str) -> list[Classifier]:
        if name not in self._random:
            model = self._classifiers[name]
            self._random[name] = [randomised(model, seed) for seed in range(RANDOM_NETWORKS)]
        return self._random[name]

    def _neighbours(self, image: np.ndarray, occlusions: Mapping[str, Occlusion]) -> str:
        if self._nearest is None:
            return ""
        found = self._nearest(image)
        dataset = self._app.dataset
        is_mnist = dataset is not None and dataset.name == "mnist"
        said = list(occlusions.values())[-1]  # by the CNN
        agree = sum(neighbour.label == said.digit for neighbour in found)
        what = "answer" if said.answer is not None else "nearest guess"
        figures = "".join(
            _neighbour_html(n, dataset.x_train[n.index] if is_mnist else None) for n in found
        )
        note = VECTORS if is_mnist else f"{VECTORS} {NO_PICTURES}"
        return (
            f"<h3 class='ml-subheading'>Nearest training digits</h3>"
            f"<p>{agree} of {len(found)} carry the label of the CNN's {what}, {said.digit}.</p>"
            f"<div class='ml-neighbours'>{figures}</div><p class='ml-note'>{note}</p>"
        )


def _figure(image: np.ndarray, heat: np.ndarray, text: str) -> str:
    return (
        f"<figure class='ml-why-map'><img src='{ui.data_uri(coloured(image, heat))}' alt=''>"
        f"<figcaption>{text}</figcaption></figure>"
    )


def _neighbour_html(neighbour: Neighbour, picture: np.ndarray | None) -> str:
    shown = "" if picture is None else f"<img src='{ui.data_uri(np.array(picture))}' alt=''>"
    return (
        f"<figure>{shown}<figcaption><b>{neighbour.label}</b> no. {neighbour.index:,}<br>"
        f"distance {neighbour.distance:.2f}</figcaption></figure>"
    )


def coloured(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """An image (28, 28) uint8 tinted by its map (28, 28): (28, 28, 3) uint8.

    Each pixel keeps the brightness of its ink; its colour goes from white to `FOR` where the map
    is positive and to `AGAINST` where it is negative, fully at the map's largest value.
    """
    strength = np.clip(np.abs(heat) / max(float(np.abs(heat).max()), 1e-9), 0, 1)[..., None]
    target = np.where(heat[..., None] >= 0, np.array(FOR), np.array(AGAINST))
    colour = 255 + (target - 255) * strength
    # A little of the colour on empty ground as well: the map is about patches, not about pixels.
    ground = 0.22 * strength * target
    ink = image[..., None] / 255
    tinted: np.ndarray = np.rint(ink * colour + (1 - ink) * ground).astype(np.uint8)
    return tinted


def _sentence(found: Occlusion, title: str) -> str:
    refused = "" if found.answer is not None else f"{title} does not recognise a digit. "
    if found.change is None:
        return f"{refused}No single patch changes what {title} answers."
    now = "?" if found.change.answer is None else str(found.change.answer)
    return f"{refused}Without the patch at the {_place(found.change)} {title} would answer {now}."


def _place(change: Change) -> str:
    """Where on a digit a patch lies, in words."""
    row, column = (
        min(2, int(3 * (edge + change.size / 2) / 28)) for edge in (change.top, change.left)
    )
    return _PLACES[row][column]


def _similarity(alike: float) -> str:
    if alike < LEARNED:
        meaning = "the map tells what the network has learned"
    elif alike > INK:
        meaning = "the map mostly shows where the ink is"
    else:
        meaning = "the map tells partly what was learned, partly where the ink is"
    return f"Rank correlation with random weights {alike:.2f}: {meaning}."
