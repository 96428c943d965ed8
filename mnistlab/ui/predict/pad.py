"""The drawing pad: strokes as data, and a canvas that shows them.

A `Drawing` holds what was drawn and the canvas is repainted from it; nothing is ever read back
from the browser. Its verbs (`press`, `move`, `release`, `undo`, ...) need no browser.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from mnistlab.errors import ConfigError, UploadError
from mnistlab.images.drawing import Drawing
from mnistlab.ui.common.canvas import SIZE, BoxEdges, Surface, place_box
from mnistlab.ui.common.widgets import guard
from mnistlab.ui.predict.drawing_file import read_drawing, write_drawing
from mnistlab.ui.predict.keyboard import KeyboardPen
from mnistlab.ui.predict.pointers import Pointers
from mnistlab.ui.predict.replay import Replay, every_frame
from mnistlab.ui.predict.undo import Content, History
from mnistlab.ui.state import AppState

PEN_WIDTHS = (6.0, 40.0)  # the thinnest and the thickest pen, in pixels
DRAW_EVERY = 1 / 40  # seconds between draw messages while a stroke grows
ANSWER_EVERY = 1 / 10  # seconds between answers while a stroke grows
ANSWER_SHARE = 1 / 4  # of the time at most: on a slow machine the next points wait for an answer


class Pad:
    """A canvas to draw on with mouse, finger or keys.

    Parameters
    ----------
    app : the page's state, for its lock and status line
    on_change : called with False while a stroke grows (at most ten times a second), and with
        True when the content changed for good
    clock : seconds, monotonic; tests give their own
    run : calls its argument some dozens of times a second until it returns False, without
        blocking; tests give their own

    Attributes
    ----------
    drawing : the strokes, the one that grows included; a picture takes its place where there is one
    keys : the pen that the keyboard moves
    pointers : what mouse and fingers do
    widget : the box of class `ml-pad`
    """

    def __init__(
        self,
        app: AppState,
        on_change: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], bool]], None] = every_frame,
    ) -> None:
        self._app = app
        self._on_change = on_change
        self._clock = clock
        self._run = run
        self.drawing = Drawing(SIZE)
        self._history = History()
        self._painted = 0  # points of the growing stroke that the canvas shows already
        self._painted_at = self._answer_due = float("-inf")
        self._replay: Replay | None = None
        self._surface = Surface()
        self.keys = KeyboardPen(self, self._surface, app.say)
        self.widget = self._surface.widget
        self.pointers = Pointers(self, self.keys, self._surface.canvas)
        self._listen()

    def _listen(self) -> None:
        def guarded(handler: Callable[..., object]) -> Callable[..., None]:
            return guard(self._app, handler)

        self._surface.canvas.on_client_ready(guarded(self.connect))
        self._surface.canvas.on_key_down(guarded(self.keys.key))
        self.pointers.listen(guarded)

    # What lies on the pad

    @property
    def picture(self) -> np.ndarray | None:
        """The picture on the pad (h, w) uint8, or None when it holds strokes or nothing."""
        return None if self.drawing.is_drawing else self._history.present.picture

    @property
    def note(self) -> str:
        """Where the picture on the pad is from, empty when there is none."""
        return "" if self.drawing.is_drawing else self._history.present.note

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._history.has_past

    @property
    def can_redo(self) -> bool:
        """Whether there is an Undo to take back."""
        return self._history.has_future

    # Strokes

    def press(self, x: float, y: float) -> None:
        """Begin a stroke. A picture on the pad makes way for it."""
        if self.drawing.is_drawing:  # its end was lost outside the window
            self.release()
        repaint = self.picture is not None or self._replay is not None
        self.drawing.begin(x, y)
        self._painted = 0
        if repaint:
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
        if now >= self._answer_due:
            self._on_change(False)
            spent = self._clock() - now
            self._answer_due = now + max(ANSWER_EVERY, spent / ANSWER_SHARE)

    def release(self, x: float | None = None, y: float | None = None) -> None:
        """End the stroke, at a last point where there is one."""
        if not self.drawing.is_drawing:
            return
        if x is not None and y is not None:
            self.drawing.extend(x, y)
        self.drawing.end()
        self._history.add(Content(self.drawing.strokes))
        self._on_change(True)
        # Once more in one go, after the answer that is waited for: a stroke that was drawn in
        # pieces shows its joints.
        self._paint()

    # Actions

    def clear(self) -> None:
        """Empty the pad; Undo brings the content back."""
        self._replace(Content())

    def show(self, picture: np.ndarray, note: str = "") -> None:
        """Put a picture (h, w) uint8, bright ink on black, in place of what lies on the pad."""
        self._replace(Content(picture=picture, note=note))

    def load(self, text: str | bytes | memoryview) -> None:
        """Put the first drawing of a JSON or JSON-lines text in place of what lies on the pad.

        Raises
        ------
        UploadError
            When it holds none; the pad stays as it was.
        """
        self._replace(Content(read_drawing(text, SIZE).strokes))

    def undo(self) -> None:
        """Take the last stroke, picture or Clear back."""
        if self.can_undo:
            self._history.back()
            self._show()

    def redo(self) -> None:
        """Take the last Undo back."""
        if self.can_redo:
            self._history.forward()
            self._show()

    def _replace(self, content: Content) -> None:
        if self.drawing.is_drawing:  # a stroke under way is kept for Undo
            self.drawing.end()
            self._history.add(Content(self.drawing.strokes))
        if not (content.is_empty and self._history.present.is_empty):
            self._history.add(content)
        self._show()

    def _show(self) -> None:
        """Put the present content on the pad."""
        self.drawing = Drawing.from_strokes(self._history.present.strokes, size=SIZE)
        self._paint()

    # Actions that do not change the content

    def set_pen_width(self, width: float) -> None:
        """Show the strokes this wide. What the models see does not change.

        Raises
        ------
        ConfigError
            When it is not in `PEN_WIDTHS`.
        """
        least, most = PEN_WIDTHS
        if not least <= width <= most:
            raise ConfigError(f"A pen is {least:g} to {most:g} pixels wide, not {width:g}.")
        self._surface.pen_width = float(width)
        self._paint()

    @property
    def pen_width(self) -> float:
        """How wide the strokes are shown, in pixels."""
        return self._surface.pen_width

    def replay(self) -> None:
        """Show the strokes being drawn once more. A change of the content ends it.

        Raises
        ------
        UploadError
            When there are no strokes.
        """
        if self.drawing.is_drawing:
            self.release()
        if not self.drawing.strokes:
            raise UploadError("There are no strokes to replay: draw a digit first.")
        self._replay = replay = Replay(self.drawing.strokes, self._clock)
        self._surface.paint(())
        show = guard(self._app, self._show_frame)

        def step() -> bool:
            show(replay)
            return self._replay is replay

        self._run(step)

    def _show_frame(self, replay: Replay) -> None:
        if self._replay is not replay:  # ended while its thread waited for the lock
            return
        self._replay = None  # and so it stays when the frame fails
        self._surface.add(replay.due())
        if replay.is_over:
            self._paint()
        else:
            self._replay = replay

    def to_json(self) -> str:
        """The drawing as a line of JSON that `load` and the command line read.

        Raises
        ------
        UploadError
            When there is a picture on the pad, or nothing.
        """
        if self.picture is not None:
            raise UploadError("Only a drawing can be saved, not a picture: draw a digit first.")
        return write_drawing(self.drawing)

    # Marks over the content

    def mark(self, boxes: Sequence[BoxEdges], labels: Sequence[str]) -> None:
        """Show boxes in pad coordinates with a label each; none to take them off."""
        self._surface.mark(boxes, labels)

    def place(self, box: BoxEdges) -> BoxEdges:
        """Where the pad shows a box of the content, in pad coordinates, ready for `mark`.

        A picture's is given in its pixels. One around strokes grows by half the pen, so that it
        lies around the ink.
        """
        if self.picture is not None:
            return place_box(box, self.picture.shape)
        half = self.pen_width / 2
        left, top, right, bottom = box
        return (
            max(left - half, 0.0),
            max(top - half, 0.0),
            min(right + half, float(SIZE)),
            min(bottom + half, float(SIZE)),
        )

    # The canvas

    def connect(self) -> None:
        """A browser is ready: only now may anything be drawn. Also called after a reload."""
        self._surface.connect()
        self._paint()

    def _flush(self) -> None:
        """Show the points of the growing stroke that the canvas lacks."""
        self._painted_at = self._clock()
        stroke = self.drawing.strokes[-1] if self.drawing.strokes else ()
        if self._painted < len(stroke):
            self._surface.add([stroke[max(0, self._painted - 1) :]])
            self._painted = len(stroke)

    def _paint(self) -> None:
        """Repaint the whole pad; a replay is over with that."""
        self._replay = None
        strokes = self.drawing.strokes
        self._surface.paint(strokes, self.picture)
        self._painted = len(strokes[-1]) if self.drawing.is_drawing else 0
