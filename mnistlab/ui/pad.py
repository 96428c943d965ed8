"""The drawing pad: strokes as data, and a canvas that shows them.

A `Drawing` holds what was drawn and the canvas is repainted from it; nothing is ever read back
from the browser. Its verbs (`press`, `move`, `release`, `undo`, ...) need no browser.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from ipycanvas import Canvas, hold_canvas
from ipywidgets import Box, Layout
from PIL import Image

from mnistlab.images.drawing import Drawing, Point, Stroke
from mnistlab.ui.components import classed, guard
from mnistlab.ui.state import AppState

SIZE = 280  # side of the pad in CSS pixels and in the drawing's coordinates
PEN_WIDTH = 18.0  # for the eye only: preprocessing rasterises at a width of its own
INK = "#ffffff"  # the paper's colour stands in style.css
DRAW_EVERY = 1 / 40  # seconds between draw messages while a stroke grows
ANSWER_EVERY = 1 / 10  # seconds between answers while a stroke grows
SAME_FINGER = 40.0  # pixels within which the remaining touch is taken for the drawing finger
MAX_UNDO = 100


@dataclass(frozen=True, eq=False)
class Content:
    """What lies on the pad: strokes, or a picture (h, w) uint8 with bright ink on black.

    `note` says where a picture is from.
    """

    strokes: tuple[Stroke, ...] = ()
    picture: np.ndarray | None = None
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the pad is blank."""
        return not self.strokes and self.picture is None


class Pad:
    """A canvas to draw on with mouse or finger.

    Parameters
    ----------
    app : the page's state, for its lock and status line
    on_change : called with False while a stroke grows (at most ten times a second), and with
        True when the content changed for good
    clock : seconds, monotonic; tests give their own
    """

    def __init__(
        self,
        app: AppState,
        on_change: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_change = on_change
        self._clock = clock
        self.drawing = Drawing(SIZE)  # a picture takes its place while there is one
        self._content = Content()
        self._past: list[Content] = []
        self._future: list[Content] = []
        self._painted = 0  # points of the growing stroke that the canvas shows already
        self._painted_at = self._answered_at = float("-inf")
        self._client_ready = False
        self.canvas = Canvas(
            width=SIZE, height=SIZE, layout=Layout(width=f"{SIZE}px", height=f"{SIZE}px")
        )
        # The border sits on this box: on the canvas it would shift the coordinates.
        self.widget = classed(Box([self.canvas]), "ml-pad")
        self._listen(app)

    def _listen(self, app: AppState) -> None:
        canvas = self.canvas
        canvas.on_client_ready(guard(app, self.connect))
        canvas.on_mouse_down(guard(app, self.press))
        canvas.on_mouse_move(guard(app, self.move))
        canvas.on_mouse_up(guard(app, self.release))
        canvas.on_mouse_out(guard(app, self.release))
        canvas.on_touch_start(guard(app, self.touch))
        canvas.on_touch_move(guard(app, self.touch_move))
        canvas.on_touch_end(guard(app, self.touch_end))
        canvas.on_touch_cancel(guard(app, self.touch_end))

    # What lies on the pad

    @property
    def picture(self) -> np.ndarray | None:
        """The picture on the pad (h, w) uint8, or None when it holds strokes or nothing."""
        return None if self.drawing.is_drawing else self._content.picture

    @property
    def note(self) -> str:
        """Where the picture on the pad is from, empty when there is none."""
        return "" if self.drawing.is_drawing else self._content.note

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an Undo to take back."""
        return bool(self._future)

    # Strokes

    def press(self, x: float, y: float) -> None:
        """Begin a stroke. A picture on the pad makes way for it."""
        if self.drawing.is_drawing:  # its end was lost outside the window
            self.release()
        replaces = self.picture is not None
        self.drawing.begin(x, y)
        self._painted = 0
        if replaces:
            self._paint()
        else:
            self._flush()

    def move(self, x: float, y: float) -> None:
        """Carry the stroke on. Without one (the pointer only hovers) nothing happens."""
        if not self.drawing.is_drawing:
            return
        self.drawing.extend(x, y)
        now = self._clock()
        if now - self._painted_at >= DRAW_EVERY:
            self._flush()
        if now - self._answered_at >= ANSWER_EVERY:
            self._answered_at = now
            self._on_change(False)

    def release(self, x: float | None = None, y: float | None = None) -> None:
        """End the stroke, at a last point where there is one."""
        if not self.drawing.is_drawing:
            return
        if x is not None and y is not None:
            self.drawing.extend(x, y)
        self.drawing.end()
        self._keep(Content(self.drawing.strokes))
        self._on_change(True)
        # Once more in one go, after the answer that is waited for: a stroke that was drawn in
        # pieces shows its joints.
        self._paint()

    # Fingers: the first one draws, others are ignored until all are lifted

    def touch(self, touches: Sequence[Point]) -> None:
        """Begin a stroke at the first finger."""
        if not self.drawing.is_drawing and len(touches) == 1:
            self.press(*touches[0])

    def touch_move(self, touches: Sequence[Point]) -> None:
        """Carry the stroke on with the first finger."""
        if touches:
            self.move(*touches[0])

    def touch_end(self, touches: Sequence[Point]) -> None:
        """End the stroke unless the drawing finger is among those that remain."""
        if self.drawing.is_drawing and touches:
            (x, y), (last_x, last_y) = touches[0], self.drawing.strokes[-1][-1]
            if abs(x - last_x) + abs(y - last_y) <= SAME_FINGER:
                return
        self.release()

    # Actions

    def clear(self) -> None:
        """Empty the pad; Undo brings the content back."""
        self._replace(Content())

    def show(self, picture: np.ndarray, note: str = "") -> None:
        """Put a picture (h, w) uint8, bright ink on black, in place of what lies on the pad."""
        self._replace(Content(picture=picture, note=note))

    def undo(self) -> None:
        """Take the last stroke, picture or Clear back."""
        if self._past:
            self._future.append(self._content)
            self._set(self._past.pop())

    def redo(self) -> None:
        """Take the last Undo back."""
        if self._future:
            self._past.append(self._content)
            self._set(self._future.pop())

    def _replace(self, content: Content) -> None:
        if self.drawing.is_drawing:  # a stroke under way is kept for Undo
            self.drawing.end()
            self._keep(Content(self.drawing.strokes))
        if not (content.is_empty and self._content.is_empty):
            self._keep(content)
        self._set(content)

    def _keep(self, content: Content) -> None:
        self._past = [*self._past, self._content][-MAX_UNDO:]
        self._future = []
        self._content = content

    def _set(self, content: Content) -> None:
        self._content = content
        self.drawing = Drawing.from_strokes(content.strokes, size=SIZE)
        self._paint()

    # The canvas

    def connect(self) -> None:
        """A browser is ready: only now may anything be drawn. Also called after a reload."""
        # The new page has not seen which canvas was switched to last (ipycanvas #322).
        self.canvas._canvas_manager._current_canvas = None
        self._client_ready = True
        with _held(self.canvas):
            self.canvas.stroke_style = self.canvas.fill_style = INK
            self.canvas.line_width = PEN_WIDTH
            self.canvas.line_cap = self.canvas.line_join = "round"
        self._paint()

    def _flush(self) -> None:
        """Show the points of the growing stroke that the canvas lacks."""
        self._painted_at = self._clock()
        stroke = self.drawing.strokes[-1] if self.drawing.strokes else ()
        if not self._client_ready or self._painted >= len(stroke):
            return
        with _held(self.canvas):
            self._line(stroke[max(0, self._painted - 1) :])
        self._painted = len(stroke)

    def _paint(self) -> None:
        """Repaint the whole pad."""
        if not self._client_ready:
            return
        strokes = self.drawing.strokes
        with _held(self.canvas):
            self.canvas.clear()
            if self.picture is not None:
                self.canvas.put_image_data(_fit(self.picture))
            for stroke in strokes:
                self._line(stroke)
        self._painted = len(strokes[-1]) if self.drawing.is_drawing else 0

    def _line(self, points: Sequence[Point]) -> None:
        if len(points) == 1:
            self.canvas.fill_circle(*points[0], PEN_WIDTH / 2)
        else:
            self.canvas.stroke_lines(np.asarray(points, np.float32))


@contextmanager
def _held(canvas: Canvas) -> Iterator[None]:
    """`hold_canvas` that an exception cannot leave on: it has no `finally` of its own."""
    manager = canvas._canvas_manager
    try:
        with hold_canvas():
            yield
    except BaseException:
        manager._caching = False
        manager._commands_cache, manager._buffers_cache = [], []
        manager._current_canvas = None
        raise


def _fit(picture: np.ndarray) -> np.ndarray:
    """A picture as (280, 280, 4) uint8, centred, as large as fits: ink white, paper clear."""
    height, width = picture.shape
    scale = SIZE / max(height, width)
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    # Enlarged without smoothing: a sample shows the very pixels that the models see.
    method = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
    shown = np.asarray(Image.fromarray(picture).resize((columns, rows), method))
    top, left = (SIZE - rows) // 2, (SIZE - columns) // 2
    fitted = np.zeros((SIZE, SIZE, 4), np.uint8)
    fitted[..., :3] = 255
    fitted[top : top + rows, left : left + columns, 3] = shown
    return fitted
