"""My digits: keep the drawing on the pad under its right digit, and score both models on them."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from mnistlab.errors import MnistLabError, UploadError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing, Stroke
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.predict.gallery import Gallery
from mnistlab.ui.predict.state import PredictState
from mnistlab.ui.state import AppState

NOT_KEPT = "Draw one digit to keep it. Pictures and several digits at once cannot be kept."


class MyDigits(ui.View):
    """The question under the answer, and a fold with the gallery of what was kept.

    The file of `collection` is not read before a drawing is kept or the fold opened. `show` puts a
    drawing on the pad.
    """

    def __init__(
        self,
        app: AppState,
        state: PredictState,
        collection: Collection,
        show: Callable[[Drawing], None],
    ) -> None:
        super().__init__(app)
        self._state, self._collection, self._show = state, collection, show
        self._kept: dict[tuple[Stroke, ...], int] = {}  # on this page: strokes, and as what
        self.gallery: Gallery | None = None
        self._build()
        self.refresh()
        state.observe(lambda _: self.refresh(), "reading")
        state.observe(lambda _: self._repaint(), "models")

    def _build(self) -> None:
        self._question = ui.classed(widgets.HTML(), "ml-question")
        self._keep = self._button("Yes, keep it", "ml-keep", self.keep, "Add it to My digits")
        digits = widgets.ToggleButtons(
            options=[(str(digit), digit) for digit in range(10)],
            value=None,
            tooltips=[f"Keep the drawing as {ui.with_article(digit)}" for digit in range(10)],
        )
        self._correct = self._watch(ui.classed(digits, "ml-correct"), self._on_correct)
        self._fold = self._button("Show my digits", "ml-my-fold", self.toggle, "What you kept")
        row = ui.tools(self._question, self._keep, self._correct, self._fold)
        self.widget = ui.classed(widgets.VBox([row]), "ml-my-digits")

    # Verbs

    def refresh(self) -> None:
        """Ask about the present answer. Cheap: nothing is computed, no file is read."""
        drawing, digit = self._state.reading.drawing, self._state.reading.digit
        usable = drawing is not None
        kept = None if drawing is None else self._kept.get(drawing.strokes)
        self._question.value = f"<p>{_question(digit, kept) if usable else NOT_KEPT}</p>"
        self._keep.disabled = not usable or digit is None or kept is not None
        # Hidden, because ToggleButtons do not disable buttons that are on the page already.
        self._correct.layout.visibility = "visible" if usable else "hidden"

    def keep(self, label: int | None = None) -> None:
        """Keep the drawing on the pad as `label`, or as the digit that is read.

        A drawing that is kept already only gets the label. Raises `UploadError` where there is no
        drawing to keep, or no room for it.
        """
        drawing = self._state.reading.drawing
        label = self._state.reading.digit if label is None else label
        if drawing is None or label is None:
            raise UploadError(NOT_KEPT)
        before = self._collection.add(drawing, label)
        self._kept[drawing.strokes] = label
        self.refresh()
        self._repaint()
        now = ui.with_article(label)
        if before is None:
            number = counted(len(self._collection), "drawing")
            self._app.say(f"Kept as {now}. My digits has {number}.")
        elif before == label:
            self._app.say(f"This drawing is already kept as {now}. It was not added again.")
        else:
            self._app.say(f"Changed from {ui.with_article(before)} to {now}.")

    def toggle(self) -> None:
        """Open or close the fold; the gallery is built when it is first opened."""
        if self.gallery is None:
            shared = self._app, self._state, self._collection
            self.gallery = Gallery(*shared, self._show, self._on_gallery)
            self.widget.children = (*self.widget.children, self.gallery.widget)
        else:
            self.gallery.widget.layout.display = "none" if self._is_open else ""
        self._repaint()

    def link(self) -> str:
        """A link in HTML to all that was kept; nothing where nothing was.

        Raises `DataError` if the file cannot be read.
        """
        if not len(self._collection):
            return ""
        return ui.download_link(
            self._collection.to_bytes(), "my-digits.jsonl", "application/x-ndjson"
        )

    # View

    @property
    def _is_open(self) -> bool:
        return self.gallery is not None and self.gallery.widget.layout.display != "none"

    def _on_correct(self, label: int | None) -> None:
        if label is not None:
            self._correct.value = None  # so that the same digit can be chosen again
            self.keep(label)

    def _on_gallery(self) -> None:
        self._kept.clear()  # some may have been removed
        self.refresh()
        self._repaint()

    def _repaint(self) -> None:
        if self.gallery is not None and self._is_open:
            self.gallery.paint()
        try:
            number = f" ({len(self._collection):,})"
        except MnistLabError:  # the gallery shows what is wrong with the file
            number = ""
        self._fold.description = f"{'Hide' if self._is_open else 'Show'} my digits{number}"


def _question(digit: int | None, kept: int | None) -> str:
    if kept is not None:
        return f"Kept as {ui.with_article(kept)}. If it is another digit, choose that one."
    if digit is None:
        return "Which digit is it?"
    return f"Is it {ui.with_article(digit)}? If not, choose the right digit."
