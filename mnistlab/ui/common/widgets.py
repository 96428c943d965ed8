"""Shared by the tabs: the guard around handlers, the base of views, and small pieces of HTML.

Every function that returns HTML escapes the text it is given.
"""

from __future__ import annotations

import base64
import functools
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray
from traitlets import HasTraits

from mnistlab.charts.plotly_charts import PLOTLY_MIME
from mnistlab.errors import MnistLabError
from mnistlab.markup import data_uri, escape, note, table
from mnistlab.ui.state import AppState

log = logging.getLogger(__name__)

POSITIVE, NEGATIVE = (255, 140, 40), (60, 150, 255)  # orange and blue, for any colour vision
TILE = 28
TILE_GAP = 4
CAPTION_HEIGHT = 14

__all__ = ["data_uri", "escape", "note", "table"]  # of another module, for `ui.note` and the like


def guard(app: AppState, handler: Callable[..., object]) -> Callable[..., None]:
    """Wrap a widget's handler: log its exceptions and show them in the status line.

    ipywidgets swallows what a handler raises. One handler runs at a time, under `app.lock`.
    """

    @functools.wraps(handler)
    def guarded(*args: Any, **kwargs: Any) -> None:
        with app.lock, reported(app):
            handler(*args, **kwargs)

    return guarded


@contextmanager
def reported(app: AppState) -> Iterator[None]:
    """Log the exceptions of a block and show them in the status line."""
    try:
        yield
    except MnistLabError as error:
        log.warning("refused: %s", error, exc_info=True)
        app.say(str(error), "error")
    except Exception as error:
        log.exception("a handler failed")
        app.say(
            f"Something went wrong ({type(error).__name__}: {error}). "
            "The page still works; the log has the details.",
            "error",
        )


def start_thread(
    work: Callable[[], object], undo: Callable[[], object] = lambda: None
) -> threading.Thread:
    """Start `work` in a thread that ends with the page.

    Where no thread can be started, `undo` resets what the page shows as under way, and
    `MnistLabError` is raised.
    """
    thread = threading.Thread(target=work, daemon=True)
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        undo()
        raise MnistLabError(
            f"The work could not be started ({error}); end other programs and try again."
        ) from error
    return thread


def style_sheet() -> widgets.HTML:
    """The dashboard's style sheet as a widget that takes no room."""
    sheets = [resources.files(f"mnistlab.{part}") / "style.css" for part in ("charts", "ui.common")]
    css = "".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return classed(widgets.HTML(f"<style>{css}</style>"), "ml-style")


def classed(widget: widgets.DOMWidget, *names: str) -> Any:
    """Add CSS classes and return the widget."""
    for name in names:
        widget.add_class(name)
    return widget


def tools(*children: widgets.Widget) -> Any:
    """A row of controls, which wraps."""
    return classed(widgets.Box(children), "ml-tools")


def file_button(
    app: AppState,
    text: str,
    name: str,
    verb: Callable[[Sequence[Mapping[str, Any]]], object],
    *,
    types: str = "",
    multiple: bool = False,
) -> Any:
    """A button to choose files with, of the CSS class `name`.

    Parameters
    ----------
    text : accessible name and tooltip; begins with the words that style.css shows on the button
    verb : called with the chosen files, each with its `name` (str) and `content` (bytes)
    types : file name extensions that are offered, separated by commas; empty for all
    """
    options = {"accept": types, "icon": "", "multiple": multiple}
    made = widgets.FileUpload(description=text, tooltip=text, **options)

    def on_files(change: Mapping[str, Any]) -> None:
        if change["new"]:
            made.value = ()  # so that the same file can be chosen again
            # The browser's files arrive as memoryviews, which have none of the methods of bytes.
            verb([{"name": str(f["name"]), "content": bytes(f["content"])} for f in change["new"]])

    made.observe(guard(app, on_files), "value")
    return classed(made, "ml-button", "ml-file", name)


def download_link(content: bytes, name: str, kind: str) -> str:
    """A link that holds a file of a MIME type."""
    data = base64.b64encode(content).decode("ascii")
    size = f"{max(1, len(content) // 1024):,} KB"
    return (
        f"<a class='ml-link' download='{escape(name)}' href='data:{kind};base64,{data}'>"
        f"Download {escape(name)} ({size})</a>"
    )


class View:
    """The base of a tab's views: makes widgets whose handlers run under `guard`."""

    widget: widgets.DOMWidget
    """All of the view."""
    _thread: threading.Thread | None = None
    _is_painting = False

    def __init__(self, app: AppState) -> None:
        self._app = app

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return guard(self._app, handler)

    def _button(
        self, text: str, name: str, verb: Callable[[], object], tooltip: str = ""
    ) -> widgets.Button:
        """A button with text: Voilà's icon font comes from a CDN that may be out of reach."""
        made = widgets.Button(description=text, tooltip=tooltip or text)
        made.on_click(self._guard(lambda _: verb()))
        return classed(made, "ml-button", name)

    def _foldable(
        self, title: str, name: str, content: widgets.Widget, is_open: bool = False
    ) -> Any:
        """A button that shows and hides `content`, and the content below it."""
        toggle = widgets.ToggleButton(is_open, description=title, tooltip=title)
        toggle = classed(toggle, "ml-button", "ml-toggle", name)

        def show(is_open: bool) -> None:
            content.layout.display = "" if is_open else "none"

        show(is_open)
        self._watch(toggle, show)
        return classed(widgets.VBox([toggle, content]), "ml-fold")

    def _watch(self, owner: HasTraits, verb: Callable[[Any], object], *traits: str) -> Any:
        """Call `verb` with each new value of a trait (default `value`), and return `owner`."""
        owner.observe(self._guard(lambda change: verb(change["new"])), traits or "value")
        return owner

    def _on_input(self, verb: Callable[[Any], object], *inputs: widgets.Widget) -> None:
        """Call `verb` with each new value that the user gives one of the inputs."""
        for item in inputs:
            self._watch(item, lambda value: None if self._is_painting else verb(value))

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """Set inputs from the state without calling the verbs of `_on_input`."""
        self._is_painting = True
        try:
            yield
        finally:
            self._is_painting = False

    def _follow(self, state: HasTraits, paint: Callable[[], object], *traits: str) -> None:
        """Call `paint` after a change of these traits, and now."""
        self._watch(state, lambda _: paint(), *traits)
        paint()

    def _start_thread(
        self, work: Callable[[], object], after: Callable[[], object] = lambda: None
    ) -> None:
        """Run `work` in a thread without the lock; its errors are shown as a handler's are.

        `after` resets what the page shows as under way, also where the thread cannot start.
        """

        def run() -> None:
            with reported(self._app):
                try:
                    work()
                finally:
                    after()

        self._thread = start_thread(run, after)

    @property
    def _is_working(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def wait(self, timeout: float = 120.0) -> None:
        """Block until the thread is done."""
        if self._thread is not None:
            self._thread.join(timeout)


def show_chart(output: widgets.Output, figure: Mapping[str, Any], text: str) -> None:
    """Show a plotly figure, given as a dictionary, in an `Output`; `text` where it cannot be drawn.

    Not a `FigureWidget`, which sends 5 MB of JavaScript with each figure.
    """
    data = {PLOTLY_MIME: figure, "text/plain": text}
    output.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)


def heading(text: str, below: str = "", *terms: str) -> str:
    """A section's heading; under it, an optional note with an (i) for each term of the glossary."""
    return f"<h2 class='ml-heading'>{escape(text)}</h2>{note(below, *terms) if below else ''}"


def banner(notice: str) -> str:
    """A notice about the data; empty where there is none."""
    return f"<div class='ml-banner' role='note'>{escape(notice)}</div>" if notice else ""


def status(text: str) -> str:
    """A paragraph in small print whose changes screen readers announce."""
    return f"<p class='ml-note' role='status'>{escape(text)}</p>"


def subheading(text: str) -> str:
    """The heading of a part of a section."""
    return f"<h3 class='ml-subheading'>{escape(text)}</h3>"


def with_article(digit: int) -> str:
    """A digit as it stands in a sentence, such as `a 7`."""
    return f"an {digit}" if digit == 8 else f"a {digit}"


def digit_grid(
    images: NDArray[np.uint8],
    captions: Sequence[str],
    description: str,
    columns: int = 10,
    zoom: int = 3,
) -> str:
    """Images (n, 28, 28) as one PNG with a caption under each, at most `zoom` times as large.

    One picture for the whole grid: each message costs a round trip. The captions are text over
    transparent gaps in the picture, so they follow the theme.
    """
    rows = max(1, -(-len(images) // columns))
    width, height = TILE + TILE_GAP, TILE + CAPTION_HEIGHT
    sheet = np.zeros((rows * height, columns * width, 2), np.uint8)
    for place, image in enumerate(images):
        top, left = (place // columns) * height, (place % columns) * width + TILE_GAP // 2
        sheet[top : top + TILE, left : left + TILE, 0] = image
        sheet[top : top + TILE, left : left + TILE, 1] = 255
    texts = "".join(f"<span>{escape(caption)}</span>" for caption in captions)
    return (
        f"<div class='ml-grid' style='--columns:{columns};--rows:{rows};"
        f"max-width:{columns * width * zoom}px'>"
        f"<img src='{data_uri(sheet)}' alt='{escape(description)}'>"
        f"<div class='ml-grid-captions' aria-hidden='true'>{texts}</div></div>"
    )


class Tiles(View):
    """At most `most` digits in one picture, with a clear button over each.

    `on_click` gets the place of a clicked digit, from 0. In the web app the buttons are one stop of
    Tab with arrow keys (page.js); in JupyterLab they are left out of the order of Tab.
    """

    def __init__(self, app: AppState, most: int, on_click: Callable[[int], None]) -> None:
        super().__init__(app)
        layout, style = widgets.Layout(), widgets.ButtonStyle()  # shared by all buttons
        self._picture = widgets.HTML()
        self.buttons = [
            widgets.Button(layout=layout, style=style, tabbable=False) for _ in range(most)
        ]
        for place, item in enumerate(self.buttons):
            item._dom_classes = ("ml-tile", "ml-none")  # until it has a digit and a name
            item.on_click(self._guard(lambda _, place=place: on_click(place)))
        self._over = classed(widgets.Box(self.buttons), "ml-tiles-over")
        self.widget = classed(widgets.Box([self._picture, self._over]), "ml-tiles")

    def show(
        self,
        images: NDArray[np.uint8],
        captions: Sequence[str],
        titles: Sequence[str],
        description: str,
        columns: int = 10,
        zoom: int = 3,
    ) -> None:
        """Show images (n, 28, 28), each with a caption below and a title for the pointer."""
        self._over._dom_classes = ("ml-tiles-over", f"ml-columns-{columns}")
        self.widget.layout.max_width = f"{columns * zoom * (TILE + TILE_GAP)}px"
        self._picture.value = digit_grid(images, captions, description, columns, zoom)
        for place, item in enumerate(self.buttons):
            # A button is never shown without its name.
            if place < len(images):
                item.tooltip = titles[place]
                item._dom_classes = ("ml-tile",)
            else:
                item._dom_classes = ("ml-tile", "ml-none")
                item.tooltip = ""

    def mark(self, chosen: int | None) -> None:
        """Mark the digit at a place, from 0, in place of the one that is marked."""
        for place, item in enumerate(self.buttons):
            (item.add_class if place == chosen else item.remove_class)("ml-chosen")


def diverging(values: NDArray[np.floating], zero: Sequence[int]) -> NDArray[np.float64]:
    """Signed values (h, w) as colours (h, w, 3), 0 to 255.

    They go from `zero` to `POSITIVE` and to `NEGATIVE`, fully at the largest magnitude.
    """
    strength = np.abs(values)[..., None] / max(float(np.abs(values).max()), 1e-9)
    colours = np.where(values[..., None] >= 0, np.array(POSITIVE), np.array(NEGATIVE))
    return np.asarray(zero + strength * (colours - np.array(zero)))


def probability_bars(outcomes: Sequence[float], best: int | None) -> str:
    """Probabilities of the digits 0 to 9 as bars with numbers.

    An eleventh number is the probability of "not a digit" and gets a bar of its own below them.
    `best` is the outcome to mark, None where there is no ink.
    """
    bars = []
    for outcome, probability in enumerate(outcomes):
        mark = " class='ml-best'" if outcome == best else ""
        number = "" if best is None else f"{100 * probability:.1f}&thinsp;%"
        tag, name = ("li", outcome) if outcome < 10 else ("p", "?")
        bar = f"<b>{name}</b><i style='--p:{probability:.3f}'></i><span>{number}</span>"
        bars.append(f"<{tag}{mark}>{bar}</{tag}>")
    other = "".join(
        f"<div class='ml-not-digit'>{b}<small>not a digit</small></div>" for b in bars[10:]
    )
    return f"<ol class='ml-bars'>{''.join(bars[:10])}</ol>{other}"
