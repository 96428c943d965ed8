"""The gallery of My digits: what was kept, how both models read it, export and import."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.metrics.scores import wilson_interval
from mnistlab.models.classifier import Classifier
from mnistlab.texts import counted, percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import ask, sentences
from mnistlab.ui.predict.state import PredictState
from mnistlab.ui.state import AppState

Texts = dict[str, NDArray[np.str_]]
"""What each model reads in each drawing: a digit or `?`."""

COLUMNS = 6  # a phone's width
PAGE = 4 * COLUMNS  # digits shown at a time
DIRECT_BYTES = 64 * 1024  # a larger download is made only on request
FAIR = (
    "The score is fair only if you keep every drawing, not just the misread ones. The 95 % "
    "interval shows how uncertain it is: it gets narrower with more drawings."
)


class Gallery(ui.View):
    """What was kept: pictures, both models' scores, and export and import.

    `show` puts a drawing on the pad. `on_change` is called after the collection changed, and leads
    to `paint`.
    """

    def __init__(
        self,
        app: AppState,
        state: PredictState,
        collection: Collection,
        show: Callable[[Drawing], None],
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(app)
        self._state, self._collection = state, collection
        self._show, self._on_change = show, on_change
        self._undos: list[Callable[[], object]] = []  # each puts back what was removed
        self._painted: object = None  # the version of the file that is shown
        self._page = 0
        # What a model reads in an image, and as a sentence, by model and the image's bytes.
        self._known: WeakKeyDictionary[Classifier, dict[bytes, tuple[str, str]]]
        self._known = WeakKeyDictionary()
        self._details: list[str] = []  # what the models read in each drawing, in sentences
        self._build()

    def _build(self) -> None:
        self._score = ui.classed(widgets.HTML(), "ml-my-score")
        self._grid = ui.classed(widgets.HTML(), "ml-my-grid")
        self._export = ui.classed(widgets.HTML(), "ml-my-export")
        self._detail = ui.classed(widgets.HTML(), "ml-my-detail")
        only = widgets.Checkbox(False, description="only misread ones", indent=False)
        self._only = self._watch(ui.classed(only, "ml-my-only"), lambda _: self.paint())
        choice = ui.classed(widgets.Dropdown(description="Number"), "ml-my-choice")
        self._choice = self._watch(choice, lambda _: self._paint_detail())
        button = self._button
        self._aside = button("Set the damaged file aside", "ml-my-aside", self.set_aside)
        self._previous = button("Newer", "ml-my-previous", lambda: self.turn(-1))
        self._next = button("Older", "ml-my-next", lambda: self.turn(+1))
        self._undo = button("Undo remove", "ml-my-undo", self.undo)
        self._ask = button("Export", "ml-my-ask", self.export)
        show = button("Show on pad", "ml-my-show", self.put_on_pad)
        remove = button("Remove", "ml-my-remove", self.remove)
        clear = button("Remove all", "ml-my-clear", self.remove_all)
        load = ui.file_button(
            self._app,
            "Import drawings saved as JSON lines",
            "ml-my-import",
            lambda files: self.add_from(files[0]["content"]),
            types=".jsonl",
        )
        turn = ui.tools(self._previous, self._next, self._only)
        one = ui.tools(self._choice, show, remove, self._undo, self._detail)
        whole = ui.tools(self._ask, self._export, load, clear)
        parts = [self._score, self._aside, self._grid, turn, one, whole]
        self.widget = ui.classed(widgets.VBox(parts), "ml-section", "ml-my-gallery")

    # Verbs

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back."""
        self._page += pages
        self.paint()

    def put_on_pad(self) -> None:
        """Show the chosen drawing on the pad."""
        self._show(self._collection[self._chosen()])

    def remove(self) -> None:
        """Remove the chosen drawing."""
        index, collection = self._chosen(), self._collection
        drawing = collection.remove(index)
        label = int(drawing.label or 0)
        what = f"Number {index + 1:,} ({ui.with_article(label)})"
        self._removed(what, lambda: collection.add(drawing, label, index))

    def remove_all(self) -> None:
        """Remove all drawings."""
        collection = self._collection
        number, data = len(collection), collection.clear()
        if data:
            self._removed(counted(number, "drawing"), lambda: collection.add_from(data))

    def undo(self) -> None:
        """Bring back what was removed last."""
        if not self._undos:
            self._app.say("There is nothing to bring back.")
            return
        self._undos[-1]()
        self._undos.pop()
        self._changed(f"Brought back. My digits has {counted(len(self._collection), 'drawing')}.")

    def add_from(self, content: bytes) -> None:
        """Import JSON lines; raises `UploadError` and adds nothing where a line is bad."""
        number = self._collection.add_from(content)
        self._page = 0
        self._changed(f"Imported {counted(number, 'drawing')}. Duplicates were skipped.")

    def export(self) -> None:
        """Make the download, whatever its size."""
        self._show_export(self._collection.to_bytes())

    def set_aside(self) -> None:
        """Go on without the damaged lines of the file; a copy keeps them."""
        self._changed(f"The damaged file is kept as {self._collection.set_aside()}.")

    def _chosen(self) -> int:
        """The chosen drawing's number, from 0, if the file still is what the gallery shows."""
        if self._painted != self._collection.version:
            self._on_change()
            raise DataError("Another page changed My digits; look and choose again.")
        if self._choice.value is None:
            raise DataError("There is no drawing to choose; keep one first.")
        return int(self._choice.value)

    def _removed(self, what: str, put_back: Callable[[], object]) -> None:
        self._undos.append(put_back)
        self._changed(f"Removed: {what}. Undo remove brings it back.")

    def _changed(self, text: str) -> None:
        self._on_change()
        self._app.say(text)

    # Painting

    def paint(self) -> None:
        """Read the file and show it, or what is wrong with it."""
        try:
            self._painted = self._collection.version
            images, labels = self._collection.as_dataset()
        except DataError as error:
            self._score.value = f"<p class='ml-warning'>{ui.escape(str(error))}</p>"
            self._aside.layout.display = ""
            return
        self._aside.layout.display = "none"
        texts = self._read(images)
        self._paint_scores(texts, labels)
        self._paint_page(texts, images, labels)
        data = self._collection.to_bytes()
        self._show_export(data if len(data) <= DIRECT_BYTES else None)
        self._undo.disabled = not self._undos

    def _show_export(self, data: bytes | None) -> None:
        """Show a link with the file in it, or the button that makes one."""
        link = ui.download_link(data or b"", "my-digits.jsonl", "application/x-ndjson")
        self._export.value = "" if data is None else link
        self._ask.layout.display = "" if data is None else "none"

    def _read(self, images: NDArray[np.uint8]) -> Texts:
        """Let each model read the images that it has not read yet."""
        keys = [image.tobytes() for image in images]
        texts, details = {}, []
        for name, model in self._state.models.items():
            known = self._known.setdefault(model, {})
            new = {key: image for key, image in zip(keys, images, strict=True) if key not in known}
            if new:
                answer = ask(name, model, np.stack(list(new.values())))
                read = zip(answer.text, sentences(answer), strict=True)
                known.update(zip(new, read, strict=True))
            texts[name] = np.array([known[key][0] for key in keys], "<U1")
            details.append([known[key][1] for key in keys])
        self._details = ["; ".join(each) for each in zip(*details, strict=True)]
        return texts

    def _paint_scores(self, texts: Texts, labels: NDArray[np.uint8]) -> None:
        if not len(labels):
            self._score.value = ui.note("Nothing is kept yet. Confirm a digit above, or import.")
            return
        lines = "".join(
            f"<li class='ml-is-{ui.escape(name)}'><b>{ui.escape(model.title)}</b> "
            f"{_score(texts[name], labels)}</li>"
            for name, model in self._state.models.items()
        )
        self._score.value = f"<ul role='status'>{lines}</ul>{ui.note(FAIR)}"

    def _paint_page(
        self, texts: Texts, images: NDArray[np.uint8], labels: NDArray[np.uint8]
    ) -> None:
        """Show a page, the newest drawings first."""
        is_wrong = np.any([read != labels.astype("<U1") for read in texts.values()], axis=0)
        order = np.flatnonzero(is_wrong | (not self._only.value))[::-1]
        last = max(0, -(-len(order) // PAGE) - 1)
        self._page = min(max(self._page, 0), last)
        shown = order[self._page * PAGE : (self._page + 1) * PAGE].tolist()
        names = [f"{n + 1}: {labels[n]}" for n in shown]
        captions = [name + " ✗" * int(is_wrong[n]) for name, n in zip(names, shown, strict=True)]
        note = f"Newest first, page {self._page + 1} of {last + 1}. ✗: misread by a model."
        grid = ui.digit_grid(images[shown], captions, f"My digits {', '.join(captions)}", COLUMNS)
        self._grid.value = f"{grid}{ui.note(note)}" if shown else ""
        chosen = self._choice.value
        self._choice.options = list(zip(names, shown, strict=True))
        if shown:
            self._choice.value = chosen if chosen in shown else shown[0]
        self._previous.disabled, self._next.disabled = self._page == 0, self._page == last
        self._paint_detail()

    def _paint_detail(self) -> None:
        n = self._choice.value
        self._detail.value = "" if n is None else ui.escape(self._details[n])


def _score(texts: NDArray[np.str_], labels: NDArray[np.uint8]) -> str:
    """Such as "reads 18 of 20 (90 %, 95 % interval 70 to 97 %)"; `?` is not read."""
    right, n = int((texts == labels.astype("<U1")).sum()), len(labels)
    refused = int((texts == "?").sum())
    places = 0 if n < 100 else 1  # tenths of a percent mean nothing for fewer drawings
    low, high = (percent(limit, places) for limit in wilson_interval(right, n))
    rate = percent(right / n, places)
    interval = f"95 % interval {low.removesuffix(' %')} to {high}"
    return f"reads {right:,} of {n:,} ({rate}, {interval})" + (
        f" and answers ? for {refused:,}" if refused else ""
    )
