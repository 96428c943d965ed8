"""My digits: keep the drawing on the pad under its right digit, and see how both models do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from mnistlab.errors import MnistLabError, UploadError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing, Stroke
from mnistlab.models.classifier import Classifier
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.predict.gallery import Gallery
from mnistlab.ui.state import AppState

NOT_KEPT = "Draw one digit to keep it; pictures, and several digits at once, are not kept."


class MyDigits:
    """The question under the answer, and a fold with the gallery of what was kept.

    Parameters
    ----------
    app : the page's state
    classifiers : models by name; they read the gallery
    collection : what is kept; its file is not read before a drawing is kept or the fold opened
    current : gives the drawing to keep, or None where there is none
    answer : gives the digit that is read, or None where none is
    show : puts a drawing on the pad
    """

    def __init__(
        self,
        app: AppState,
        classifiers: Mapping[str, Classifier],
        collection: Collection,
        current: Callable[[], Drawing | None],
        answer: Callable[[], int | None],
        show: Callable[[Drawing], None],
    ) -> None:
        self._app, self._collection = app, collection
        self._current, self._answer = current, answer
        self._classifiers, self._show = classifiers, show
        self._last: tuple[tuple[Stroke, ...], int] | None = None  # what was kept last, and as what
        self.gallery: Gallery | None = None
        self._build()
        self.refresh()

    # Verbs

    def refresh(self) -> None:
        """Ask about the answer that stands now. Cheap: nothing is computed, no file is read."""
        drawing, digit = self._current(), self._answer()
        usable = drawing is not None and not drawing.is_blank
        kept = None
        if drawing is not None and self._last is not None and drawing.strokes == self._last[0]:
            kept = self._last[1]
        self._question.value = f"<p>{_question(digit, kept) if usable else NOT_KEPT}</p>"
        self._keep.disabled = not usable or digit is None or kept is not None
        # Hidden, because ToggleButtons do not disable buttons that are on the page already.
        self._correct.layout.visibility = "visible" if usable else "hidden"

    def keep(self, label: int | None = None) -> None:
        """Keep the drawing on the pad as `label`, or as the digit that is read.

        One that is kept already is not added again; it gets the label.

        Raises
        ------
        UploadError
            When there is no drawing to keep, or no room for it.
        """
        drawing = self._current()
        label = self._answer() if label is None else label
        if drawing is None or drawing.is_blank or label is None:
            raise UploadError(NOT_KEPT)
        before = self._collection.label_of(drawing)
        self._collection.add(drawing, label)
        self._last = (drawing.strokes, label)
        self.refresh()
        self._repaint()
        self._app.say(_said(before, label, len(self._collection)))

    def use_models(self, classifiers: Mapping[str, Classifier]) -> None:
        """Score other models, by name."""
        self._classifiers = classifiers
        if self.gallery is not None:
            self.gallery.use_models(classifiers)
            self._repaint()

    def toggle(self) -> None:
        """Open or close the fold; the gallery is made when it is first opened."""
        if self.gallery is None:
            self.gallery = Gallery(
                self._app, self._classifiers, self._collection, self._show, self._on_gallery
            )
            self.widget.children = (*self.widget.children, self.gallery.widget)
        else:
            hidden = self.gallery.widget.layout.display == "none"
            self.gallery.widget.layout.display = "" if hidden else "none"
        self._repaint()

    # View

    def _build(self) -> None:
        guard, app = ui.guard, self._app
        self._question = ui.classed(widgets.HTML(), "ml-question")
        self._keep = ui.button("Yes, keep it", "ml-keep", "Add the drawing to My digits")
        self._keep.on_click(guard(app, lambda _: self.keep()))
        digits = widgets.ToggleButtons(
            options=[(str(digit), digit) for digit in range(10)],
            value=None,
            tooltips=[f"Keep the drawing as {ui.with_article(digit)}" for digit in range(10)],
        )
        self._correct = ui.classed(digits, "ml-correct")
        self._correct.observe(guard(app, self._on_correct), "value")
        self._fold = ui.button("Show my digits", "ml-my-fold", "The drawings that were kept")
        self._fold.on_click(guard(app, lambda _: self.toggle()))
        row = widgets.Box([self._question, self._keep, self._correct, self._fold])
        self.widget = ui.classed(widgets.VBox([ui.classed(row, "ml-tools")]), "ml-my-digits")

    def _on_correct(self, change: Mapping[str, Any]) -> None:
        if change["new"] is not None:
            self._correct.value = None  # so that the same digit can be chosen again
            self.keep(change["new"])

    def _on_gallery(self) -> None:
        self._last = None  # it may be gone
        self.refresh()
        self._repaint()

    def _repaint(self) -> None:
        is_open = self.gallery is not None and self.gallery.widget.layout.display != "none"
        if self.gallery is not None and is_open:
            self.gallery.paint()
        try:
            number = f" ({len(self._collection):,})"
        except MnistLabError:  # the gallery says what is wrong with the file
            number = ""
        self._fold.description = f"{'Hide' if is_open else 'Show'} my digits{number}"


def _question(digit: int | None, kept: int | None) -> str:
    if kept is not None:
        return f"Kept as {ui.with_article(kept)}. If it is another digit, choose that one."
    return (
        "Which digit is it?"
        if digit is None
        else f"Is it {ui.with_article(digit)}? If not, choose."
    )


def _said(before: int | None, label: int, number: int) -> str:
    if before is None:
        return f"Kept as {ui.with_article(label)}; My digits now has {number:,}."
    if before == label:
        return f"This drawing is kept already, as {ui.with_article(label)}; it was not added again."
    return f"Changed from {ui.with_article(before)} to {ui.with_article(label)}."
