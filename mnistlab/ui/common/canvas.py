"""The pad's canvas with a layer of marks, and all private names of ipycanvas in use.

Nothing is read back from either. A canvas may be drawn on only when a browser has announced it;
until then nothing is sent. `tests/ui/test_canvas.py` lists the private names.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from ipycanvas import Canvas as Canvas  # other modules import it from here
from ipycanvas import hold_canvas
from ipywidgets import HTML, Box, Layout
from PIL import Image

from mnistlab.images.drawing import Point, Stroke
from mnistlab.ui.common.widgets import classed

SIZE = 280  # side of the pad in CSS pixels and in the drawing's coordinates
PEN_WIDTH = 18.0  # for the eye only: preprocessing rasterises at a width of its own
INK = "#ffffff"  # the paper's colour stands in style.css
MARK = "#56b4e9"  # seen on the dark paper in every theme, and unlike the ink

_TEXT = 15  # pixels that a label over a box takes
_LAYER = "<svg class='ml-marks' viewBox='0 0 {0} {0}' aria-hidden='true'>{1}</svg>"

BoxEdges = tuple[float, float, float, float]
"""Left, top, right, bottom."""


class Surface:
    """The canvas and its marks, as the widget of class `ml-pad`.

    Attributes
    ----------
    widget : the box around both
    canvas : the only canvas element in it; events come from here
    pen_width : of the ink, in pixels
    """

    def __init__(self) -> None:
        # The style sheet scales it; ipycanvas gives coordinates in pixels of its own.
        self.canvas = Canvas(width=SIZE, height=SIZE, layout=Layout(width="100%", height="100%"))
        open_manager(self.canvas)
        self._layer = classed(HTML(), "ml-layer")
        self._boxes = self._cursor = ""
        # The border sits on this box: on the canvas it would shift the coordinates.
        self.widget = classed(Box([self._layer, self.canvas]), "ml-pad")
        self.pen_width = PEN_WIDTH
        self._client_ready = False
        self.invite(True)

    def invite(self, is_empty: bool) -> None:
        """Say "Draw a digit here" on an empty pad."""
        (self.widget.add_class if is_empty else self.widget.remove_class)("ml-empty")

    # Ink

    def connect(self) -> None:
        """Take note of a new browser, in which nothing has been drawn yet."""
        forget_browser(self.canvas)
        self._client_ready = True
        with held(self.canvas):
            self.canvas.stroke_style = self.canvas.fill_style = INK
            self.canvas.line_width = self.pen_width
            self.canvas.line_cap = self.canvas.line_join = "round"

    def set_pen_width(self, width: float) -> None:
        """Make the ink so many pixels wide that is painted from now on."""
        self.pen_width = width
        if self._client_ready:
            with held(self.canvas):
                self.canvas.line_width = width

    def paint(self, strokes: Sequence[Stroke], picture: np.ndarray | None = None) -> None:
        """Show these strokes, or a picture (h, w) uint8, in place of everything, in one message."""
        if not self._client_ready:
            return
        with held(self.canvas):
            self.canvas.clear()
            if picture is not None:
                self.canvas.put_image_data(_fit(picture))
            for stroke in strokes:
                self._line(stroke)

    def add(self, pieces: Sequence[Sequence[Point]]) -> None:
        """Draw pieces of strokes over what is there, in one message."""
        if not self._client_ready or not pieces:
            return
        with held(self.canvas):
            for piece in pieces:
                self._line(piece)

    def _line(self, points: Sequence[Point]) -> None:
        if len(points) == 1:
            self.canvas.fill_circle(*points[0], self.pen_width / 2)
        else:
            self.canvas.stroke_lines(np.asarray(points, np.float32))

    # Marks. A message goes out only when the layer's text changes: traitlets compares

    def mark(self, boxes: Sequence[BoxEdges], labels: Sequence[str]) -> None:
        """Show boxes in pad coordinates, each with its label, in place of those there are."""
        pairs = zip(boxes, labels, strict=True)
        self._boxes = "".join(_box_svg(box, label) for box, label in pairs)
        self._show_marks()

    def point(self, at: Point | None, is_down: bool = False) -> None:
        """Show where the keyboard's pen is, or nothing."""
        self._cursor = "" if at is None else _cursor_svg(at, self.pen_width / 2, is_down)
        self._show_marks()

    def _show_marks(self) -> None:
        marks = self._boxes + self._cursor
        self._layer.value = _LAYER.format(SIZE, marks) if marks else ""


def open_manager(canvas: Canvas) -> None:
    """Connect the widget that sends the commands of all canvases, if that has not been done.

    ipycanvas makes it on import. A forked kernel imports before it is there, and then it sends
    nothing.
    """
    manager = canvas._canvas_manager
    if getattr(manager.comm, "kernel", manager) is None:
        manager.comm = None
        manager.open()  # with the same id


def place_box(box: BoxEdges, shape: tuple[int, int]) -> BoxEdges:
    """A box in the pixels of a picture of `shape` (h, w), where the pad shows that picture."""
    top, left, rows, columns = _placed(shape)
    across, down = columns / shape[1], rows / shape[0]
    x1, y1, x2, y2 = box
    return left + x1 * across, top + y1 * down, left + x2 * across, top + y2 * down


def _placed(shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """Top, left, rows and columns of a picture (h, w) on the pad: centred, as large as fits."""
    scale = SIZE / max(shape)
    rows, columns = (max(1, round(length * scale)) for length in shape)
    return (SIZE - rows) // 2, (SIZE - columns) // 2, rows, columns


def _fit(picture: np.ndarray) -> np.ndarray:
    """A picture as (280, 280, 4) uint8, centred, as large as fits: ink white, paper clear."""
    top, left, rows, columns = _placed(picture.shape)
    # Enlarged without smoothing: a sample shows the very pixels that the models see.
    enlarged = max(picture.shape) < SIZE
    method = Image.Resampling.NEAREST if enlarged else Image.Resampling.BOX
    shown = np.asarray(Image.fromarray(picture).resize((columns, rows), method))
    fitted = np.zeros((SIZE, SIZE, 4), np.uint8)
    fitted[..., :3] = 255
    fitted[top : top + rows, left : left + columns, 3] = shown
    return fitted


def _box_svg(box: BoxEdges, label: str) -> str:
    left, top, right, bottom = box
    # Above the box, or beside its top: below it is where the next line's labels stand.
    has_room = top - 4 >= _TEXT - 4
    base = top - 4 if has_room else top + _TEXT - 4
    x = left if has_room else left - 12 if left >= 14 else min(right + 4, SIZE - 12)
    return (
        f"<rect x='{left:.1f}' y='{top:.1f}' width='{right - left:.1f}' "
        f"height='{bottom - top:.1f}' rx='3' fill='none' stroke='{MARK}' stroke-width='1.5'/>"
        f"<text x='{max(x, 2):.1f}' y='{base:.1f}' fill='{MARK}' font-size='14' "
        f"font-weight='600'>{html.escape(label)}</text>"
    )


def _cursor_svg(at: Point, radius: float, is_down: bool) -> str:
    dashes = "" if is_down else " stroke-dasharray='3 3'"
    dot = MARK if is_down else "none"
    return (
        f"<circle cx='{at[0]:.1f}' cy='{at[1]:.1f}' r='{radius:.1f}' fill='none' "
        f"stroke='{MARK}' stroke-width='2'{dashes}/>"
        f"<circle cx='{at[0]:.1f}' cy='{at[1]:.1f}' r='2.5' fill='{dot}' stroke='{MARK}'/>"
    )


def forget_browser(canvas: Canvas) -> None:
    """Let the next command name its canvas, which a new browser does not know (ipycanvas #322)."""
    canvas._canvas_manager._current_canvas = None


@contextmanager
def held(canvas: Canvas) -> Iterator[None]:
    """Send all commands in one message; none if an exception comes, which `hold_canvas` lacks."""
    manager = canvas._canvas_manager
    try:
        with hold_canvas():
            yield
    except BaseException:
        manager._caching = False
        manager._commands_cache, manager._buffers_cache = [], []
        forget_browser(canvas)
        raise
