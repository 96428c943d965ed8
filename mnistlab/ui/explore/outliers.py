"""Outliers: images far from their class or doubtful, wrong labels, and duplicates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import ipywidgets as widgets
import numpy as np

from mnistlab.data.label_errors import LABEL_ERRORS, applies_to
from mnistlab.metrics.outliers import (
    exact_duplicates,
    far_from_class,
    least_confident,
    near_duplicates,
)
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.widgets import Tiles
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.section import Section

SHOWN = 20
KINDS = {
    "far": "Farthest from their class",
    "unsure": "Least confident",
    "labels": "Published label errors",
    "twins": "Duplicates across train and test",
}


@dataclass(frozen=True, eq=False)
class Found:
    """Images of a kind: a sentence about all, and where each is, with its caption."""

    text: str
    places: tuple[tuple[str, int], ...] = ()
    captions: tuple[str, ...] = ()


class Outliers(Section):
    """One kind of outlier at a time; what takes seconds is searched in a thread."""

    def _build(self) -> None:
        self._known: WeakKeyDictionary[Material, dict[str, Found]] = WeakKeyDictionary()
        kind = widgets.Dropdown(
            options=[(text, kind) for kind, text in KINDS.items()], description="Show"
        )
        self.kind = self._watch(kind, lambda _: self.paint())
        self._text = widgets.HTML()
        self._tiles = Tiles(self._app, 2 * SHOWN, self._on_tile)
        parts = [ui.tools(self.kind), self._text, self._tiles.widget]
        self.widget = ui.classed(widgets.VBox(parts), "ml-odd")

    @property
    def found(self) -> Found | None:
        """What is shown, None while the search is under way."""
        return self._known.get(self._material, {}).get(self.kind.value)

    def paint(self) -> None:
        """Show the chosen kind, or start to search for it."""
        if self.found is not None:
            self._show(self.found)
            return
        self._say("Searching …")
        search = partial(self._search, self._material, self.kind.value)
        self._start_thread(search, lambda: self._say(""))

    def _say(self, text: str) -> None:
        self._text.value = f"<p class='ml-note' role='status'>{ui.escape(text)}</p>"

    def _search(self, material: Material, kind: str) -> None:
        found = _FINDERS[kind](material)
        with self._app.lock:
            self._known.setdefault(material, {})[kind] = found
            if self._material is material and self.kind.value == kind:
                self._show(found)

    def _show(self, found: Found) -> None:
        images = [self._material.take(split, [row])[0] for split, row in found.places]
        self._say(found.text)
        self._tiles.show(
            np.array(images, np.uint8).reshape(-1, 28, 28),
            found.captions,
            [f"{split} image {row:,}" for split, row in found.places],
            f"{found.text} {', '.join(found.captions)}",
        )

    def _on_tile(self, place: int) -> None:
        if self.found is not None:
            self._tab.open(*self.found.places[place])


def _far(material: Material) -> Found:
    labels = material.labels("train")
    rows = far_from_class(material.codes, labels, SHOWN // 10)
    if not len(rows):
        return Found("No digit has training images that differ.")
    return Found(
        "For each digit, up to two training images that are farthest from the mean of all its "
        f"images, measured in {material.how}. Check whether the label below each is right.",
        tuple(("train", int(row)) for row in rows),
        tuple(str(labels[row]) for row in rows),
    )


def _unsure(material: Material) -> Found:
    labels = material.labels("test")
    if not len(labels):
        return Found("There are no test images.")
    rows = least_confident(material.test_proba, SHOWN).tolist()
    read = material.test_proba.argmax(1)
    wrong = sum(read[row] != labels[row] for row in rows)
    return Found(
        "The test images with the least confident answers of the pretrained CNN: label → answer. "
        f"It misreads {wrong} of these {len(rows)}.",
        tuple(("test", row) for row in rows),
        tuple(f"{labels[row]}→{read[row]}" for row in rows),
    )


def _labels(material: Material) -> Found:
    if not applies_to(material.dataset):
        return Found("Label errors are published for MNIST only.")
    captions = (f"{e.given}→{'?' if e.corrected is None else e.corrected}" for e in LABEL_ERRORS)
    return Found(
        "The 15 test labels that most of five raters did not confirm (Northcutt et al. 2021): "
        "label → what most raters read, ? where they did not agree or saw no digit. A model that "
        "gets all 10,000 test images “right” has memorised these errors.",
        tuple(("test", error.index) for error in LABEL_ERRORS),
        tuple(captions),
    )


def _twins(material: Material) -> Found:
    x_train, x_test = (material.images(split) for split in ("train", "test"))
    if not len(x_test):
        return Found("There are no test images that could be duplicates.")
    exact = exact_duplicates(x_train, x_test)
    near = near_duplicates(x_train, x_test, SHOWN)
    number = "No test image is"
    if len(exact):
        number = "1 test image is" if len(exact) == 1 else f"{len(exact):,} test images are"
    return Found(
        f"{number} in the training set, pixel for pixel. These are the most similar pairs: a test "
        "image, then a training image. The number is the root mean square difference of their "
        "pixels (of 255).",
        tuple(place for twin in near for place in (("test", twin.test), ("train", twin.train))),
        tuple(caption for twin in near for caption in (f"{twin.distance:.1f}", "train")),
    )


_FINDERS: dict[str, Callable[[Material], Found]] = {
    "far": _far,
    "unsure": _unsure,
    "labels": _labels,
    "twins": _twins,
}
