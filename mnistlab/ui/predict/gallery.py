"""The gallery of My digits: what was kept, how both models read it, export and import."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import ipywidgets as widgets
import numpy as np

from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.metrics.scores import wilson_interval
from mnistlab.models.classifier import Classifier
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.answers import ask, sentences
from mnistlab.ui.state import AppState

COLUMNS = 6  # a phone's width
PAGE = 4 * COLUMNS  # digits shown at a time
DIRECT_BYTES = 64 * 1024  # a download up to this size stands ready, a larger one is asked for


class Gallery:
    """What was kept: pictures, both models' scores, and export and import."""

    def __init__(
        self,
        app: AppState,
        classifiers: Mapping[str, Classifier],
        collection: Collection,
        show: Callable[[Drawing], None],
        on_change: Callable[[], None],
    ) -> None:
        self._app, self._collection = app, collection
        self._show, self._on_change = show, on_change
        self.use_models(classifiers)
        self._removed: list[Callable[[], object]] = []  # each puts back what was removed
        self._painted: object = None  # the version of the file that is shown
        self._labels = np.zeros(0, "<U1")
        self.page = 0
        self._build()

    # Verbs

    def use_models(self, classifiers: Mapping[str, Classifier]) -> None:
        """Have other models, by name, read the drawings from the next `paint` on."""
        self._classifiers = classifiers
        # What each model reads in an image: its text, and a sentence.
        self._known: dict[str, dict[bytes, tuple[str, str]]] = {name: {} for name in classifiers}
        self._texts: dict[str, np.ndarray] = {}
        self._sentences: dict[str, list[str]] = {}

    def paint(self) -> None:
        """Read the file and show it, or what is wrong with it."""
        try:
            images = self._read()
        except DataError as error:
            self._score.value = f"<p class='ml-warning'>{ui.escape(str(error))}</p>"
            self._aside.layout.display = ""
            return
        self._aside.layout.display = "none"
        self._score.value = _scores_html(self._classifiers, self._texts, self._labels)
        self._paint_page(images)
        data = self._collection.to_bytes()
        ready = len(data) <= DIRECT_BYTES
        self._export.value = _download(data) if ready else ""
        self._ask.layout.display = "none" if ready else ""
        self._undo.disabled = not self._removed

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back."""
        self.page += pages
        self.paint()

    def put_on_pad(self) -> None:
        """Show the chosen drawing on the pad."""
        self._show(self._collection[self._chosen()])

    def remove(self) -> None:
        """Take the chosen drawing out."""
        index, collection = self._chosen(), self._collection
        drawing = collection.remove(index)
        label = int(drawing.label or 0)
        self._took(
            f"Number {index + 1:,}, {ui.with_article(label)}, is removed",
            lambda: collection.add(drawing, label, index),
        )

    def remove_all(self) -> None:
        """Take all drawings out."""
        collection = self._collection
        number, data = len(collection), collection.clear()
        if number:
            what = "The only drawing is" if number == 1 else f"All {number:,} drawings are"
            self._took(f"{what} removed", lambda: collection.add_from(data))

    def undo(self) -> None:
        """Bring back what was removed last."""
        if not self._removed:
            self._app.say("Nothing was removed.")
            return
        self._removed[-1]()
        self._removed.pop()
        self._on_change()
        self._app.say(f"Brought back; My digits now has {len(self._collection):,}.")

    def add_from(self, content: bytes) -> None:
        """Import JSON lines; raises `UploadError` and adds nothing where a line is bad."""
        number = self._collection.add_from(content)
        self.page = 0
        self._on_change()
        self._app.say(f"Imported: {number:,}. Drawings that were here already are left out.")

    def export(self) -> None:
        """Make the download, whatever its size."""
        self._export.value = _download(self._collection.to_bytes())
        self._ask.layout.display = "none"

    def set_aside(self) -> None:
        """Go on without the damaged lines of the file; a copy keeps them."""
        aside = self._collection.set_aside()
        self._on_change()
        self._app.say(f"The damaged file is kept as {aside}.")

    # Reading

    def _read(self) -> np.ndarray:
        """Read the file, and have both models read what is new; return (n, 28, 28) uint8."""
        self._painted = self._collection.version
        images, labels = self._collection.as_dataset()
        self._labels = labels.astype("<U1")
        keys = [image.tobytes() for image in images]
        for name, model in self._classifiers.items():
            known = self._known[name]
            new = {key: image for key, image in zip(keys, images, strict=True) if key not in known}
            if new:
                answer = ask(name, model, np.stack(list(new.values())))
                said = zip(answer.text, sentences(answer), strict=True)
                known.update(zip(new, said, strict=True))
            self._texts[name] = np.array([known[key][0] for key in keys], "<U1")
            self._sentences[name] = [known[key][1] for key in keys]
        return images

    def _chosen(self) -> int:
        """The chosen drawing's number, from 0, if the file still is what the gallery shows."""
        if self._painted != self._collection.version:
            self._on_change()
            raise DataError("Another page changed My digits; look and choose again.")
        if self._choice.value is None:
            raise DataError("There is no drawing to choose; keep one first.")
        return int(self._choice.value)

    def _took(self, text: str, put_back: Callable[[], object]) -> None:
        self._removed.append(put_back)
        self._on_change()
        self._app.say(f"{text}; Undo remove brings back what was there.")

    # View

    def _build(self) -> None:
        self._score = ui.classed(widgets.HTML(), "ml-my-score")
        self._grid = ui.classed(widgets.HTML(), "ml-my-grid")
        self._export = ui.classed(widgets.HTML(), "ml-my-export")
        self._aside = self._button("Set the damaged file aside", "ml-my-aside", self.set_aside)
        self._ask = self._button("Export", "ml-my-ask", self.export)
        clear = self._button("Remove all", "ml-my-clear", self.remove_all)
        every = [self._ask, self._export, self._build_import(), clear]
        rows = [self._build_pages(), self._build_chosen(), every]
        tools = [ui.classed(widgets.Box(row), "ml-tools") for row in rows]
        parts = [self._score, self._aside, self._grid, *tools]
        self.widget = ui.classed(widgets.VBox(parts), "ml-section", "ml-my-gallery")

    def _build_pages(self) -> list[widgets.Widget]:
        self._previous = self._button("Newer", "ml-my-previous", lambda: self.turn(-1))
        self._next = self._button("Older", "ml-my-next", lambda: self.turn(+1))
        only = widgets.Checkbox(False, description="only misread ones", indent=False)
        self._only = ui.classed(only, "ml-my-only")
        self._only.observe(ui.guard(self._app, lambda _: self.paint()), "value")
        return [self._previous, self._next, self._only]

    def _build_chosen(self) -> list[widgets.Widget]:
        self._choice = ui.classed(widgets.Dropdown(description="Number"), "ml-my-choice")
        self._choice.observe(ui.guard(self._app, lambda _: self._paint_detail()), "value")
        self._undo = self._button("Undo remove", "ml-my-undo", self.undo)
        self._detail = ui.classed(widgets.HTML(), "ml-my-detail")
        show = self._button("Show on pad", "ml-my-show", self.put_on_pad)
        remove = self._button("Remove", "ml-my-remove", self.remove)
        return [self._choice, show, remove, self._undo, self._detail]

    def _button(self, text: str, name: str, verb: Callable[[], None]) -> widgets.Button:
        made = ui.button(text, name)
        made.on_click(ui.guard(self._app, lambda _: verb()))
        return made

    def _build_import(self) -> widgets.Widget:
        return ui.file_button(
            self._app,
            "Import drawings saved as JSON lines",
            "ml-my-import",
            lambda files: self.add_from(files[0]["content"]),
            types=".jsonl",
        )

    def _paint_page(self, images: np.ndarray) -> None:
        """The newest first, so that a drawing just kept is seen at once."""
        wrong = np.zeros(len(images), bool)
        for texts in self._texts.values():
            wrong |= texts != self._labels
        order = np.flatnonzero(wrong if self._only.value else np.ones_like(wrong))[::-1]
        last = max(0, -(-len(order) // PAGE) - 1)
        self.page = min(max(self.page, 0), last)
        shown = order[self.page * PAGE : (self.page + 1) * PAGE].tolist()
        names = [f"{n + 1}: {self._labels[n]}" for n in shown]
        marked = [name + " ✗" * bool(wrong[n]) for name, n in zip(names, shown, strict=True)]
        self._grid.value = _grid_html(images[shown], marked, self.page, last) if shown else ""
        chosen = self._choice.value
        self._choice.options = list(zip(names, shown, strict=True))
        if shown:
            self._choice.value = chosen if chosen in shown else shown[0]
        self._previous.disabled, self._next.disabled = self.page == 0, self.page == last
        self._paint_detail()

    def _paint_detail(self) -> None:
        n = self._choice.value
        said = [] if n is None else [said[n] for said in self._sentences.values()]
        self._detail.value = ui.escape("; ".join(said))


def _grid_html(images: np.ndarray, captions: list[str], page: int, last: int) -> str:
    grid = ui.digit_grid(images, captions, f"My digits {', '.join(captions)}", COLUMNS)
    note = f"Newest first, page {page + 1} of {last + 1}; ✗ marks what a model misread."
    return f"{grid}<p class='ml-note'>{note}</p>"


def _download(data: bytes) -> str:
    """A link with the file in it."""
    content = base64.b64encode(data).decode("ascii")
    return (
        "<a class='ml-link' download='my-digits.jsonl' "
        f"href='data:application/x-ndjson;base64,{content}'>Save my-digits.jsonl "
        f"({max(1, len(data) // 1024):,} KB)</a>"
    )


def _scores_html(
    models: Mapping[str, Classifier], texts: Mapping[str, np.ndarray], labels: np.ndarray
) -> str:
    if not len(labels):
        return "<p class='ml-note'>Nothing is kept yet: say which digit you drew, or import.</p>"
    lines = "".join(
        f"<li class='ml-is-{ui.escape(name)}'><b>{ui.escape(model.title)}</b> "
        f"{_score(texts[name], labels)}</li>"
        for name, model in models.items()
    )
    return (
        f"<ul role='status'>{lines}</ul><p class='ml-note'>The score is fair if you keep all that "
        "you draw, not only what was misread.</p>"
    )


def _score(texts: np.ndarray, labels: np.ndarray) -> str:
    """Such as "reads 18 of 20 (90 %, 95 % interval 70 to 97 %)"; `?` is not read."""
    right, n, silent = int((texts == labels).sum()), len(labels), int((texts == "?").sum())
    places = 0 if n < 100 else 1  # tenths of a percent say nothing about fewer drawings
    low, high = (_percent(share, places) for share in wilson_interval(right, n))
    rate = _percent(right / n, places)
    answer = f"reads {right:,} of {n:,} ({rate} %, 95 % interval {low} to {high} %)"
    return answer + (f" and does not answer {silent:,}" if silent else "")


def _percent(share: float, places: int) -> str:
    """Never rounded up to a certainty that it is not."""
    text = f"{100 * share:.{places}f}"
    return f"over {100 - 10**-places:.{places}f}" if share < 1 and float(text) == 100 else text
