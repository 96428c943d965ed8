"""Outliers: images far from their class or doubtful, wrong labels, and duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

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

_SHOWN = 20


@dataclass(frozen=True, eq=False)
class Found:
    """Images of a kind: a sentence about all, and where each is, with its caption."""

    text: str
    places: Sequence[tuple[str, int]] = ()
    captions: Sequence[str] = ()


class Outliers(Section):
    """One kind of outlier at a time; what takes seconds is searched in a thread."""

    def _build(self) -> None:
        kinds = [(text, kind) for kind, (text, _) in KINDS.items()]
        choice = widgets.Dropdown(options=kinds, description="Show")
        self.kind = self._watch(choice, lambda _: self.paint())
        self._text = widgets.HTML()
        self._tiles = Tiles(self._app, 2 * _SHOWN, self._on_tile)
        parts = [ui.tools(self.kind), self._text, self._tiles.widget]
        self.widget = ui.classed(widgets.VBox(parts), "ml-odd")

    @property
    def found(self) -> Found | None:
        """What is shown, None while the search is under way."""
        return self._material.outliers.get(self.kind.value)

    def paint(self) -> None:
        """Show the chosen kind, or start to search for it."""
        if self.found is not None:
            self._show(self.found)
        else:
            self._start_thread(partial(self._search, self._material, self.kind.value))

    def _search(self, material: Material, kind: str) -> None:
        self._text.value = ui.status("Searching …")
        found = KINDS[kind][1](material)
        with self._app.lock:
            material.outliers[kind] = found
            if self._material is material and self.kind.value == kind:
                self._show(found)

    def _show(self, found: Found) -> None:
        images = [self._material.take(split, [row])[0] for split, row in found.places]
        self._text.value = ui.status(found.text)
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
    rows = far_from_class(material.codes, labels, _SHOWN // 10)
    if not len(rows):
        return Found("No digit has training images that differ.")
    return Found(
        "For each digit, up to two training images that are farthest from the mean of all its "
        f"images, measured in {material.how}. Check whether the label below each is right.",
        [("train", int(row)) for row in rows],
        [str(labels[row]) for row in rows],
    )


def _unsure(material: Material) -> Found:
    labels = material.labels("test")
    if not len(labels):
        return Found("There are no test images.")
    rows = least_confident(material.test_proba, _SHOWN).tolist()
    read = material.test_proba.argmax(1)
    wrong = sum(read[row] != labels[row] for row in rows)
    return Found(
        "The test images on which the pretrained CNN's confidence, its highest probability, is "
        f"lowest: label → answer. It misreads {wrong} of these {len(rows)}.",
        [("test", row) for row in rows],
        [f"{labels[row]}→{read[row]}" for row in rows],
    )


def _labels(material: Material) -> Found:
    if not applies_to(material.dataset):
        return Found("Label errors are published for MNIST only.")
    return Found(
        "The 15 test labels that most of five raters did not confirm (Northcutt et al. 2021): "
        "label → what most raters read, ? where they did not agree or saw no digit. A model that "
        "gets all 10,000 test images “right” has memorised these errors.",
        [("test", error.index) for error in LABEL_ERRORS],
        [f"{e.given}→{'?' if e.corrected is None else e.corrected}" for e in LABEL_ERRORS],
    )


def _twins(material: Material) -> Found:
    x_train, x_test = (material.images(split) for split in ("train", "test"))
    if not len(x_test):
        return Found("There are no test images that could be duplicates.")
    exact, near = exact_duplicates(x_train, x_test), near_duplicates(x_train, x_test, _SHOWN)
    number = f"{len(exact):,} test images are" if len(exact) > 1 else "1 test image is"
    number = number if len(exact) else "No test image is"
    return Found(
        f"{number} in the training set, pixel for pixel. These are the most similar pairs: a test "
        "image, then a training image. The number is the root mean square difference of their "
        "pixels (of 255).",
        [place for twin in near for place in (("test", twin.test), ("train", twin.train))],
        [caption for twin in near for caption in (f"{twin.distance:.1f}", "train")],
    )


KINDS = {
    "far": ("Farthest from their class", _far),
    "unsure": ("Least confident", _unsure),
    "labels": ("Published label errors", _labels),
    "twins": ("Duplicates across train and test", _twins),
}
