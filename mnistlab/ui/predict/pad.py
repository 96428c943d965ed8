"""The drawing pad: strokes as data, and a canvas that shows them.

A `Drawing` holds what was drawn and the canvas is repainted from it. Nothing is read back from
the browser, and the pad's verbs (`press`, `move`, `release`, `undo`, ...) need none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ConfigError, UploadError
from mnistlab.images.drawing import Drawing, Stroke
from mnistlab.ui.common.canvas import SIZE, BoxEdges, Surface, place_box
from mnistlab.ui.common.memory import picture_text, text_picture
from mnistlab.ui.common.widgets import View
from mnistlab.ui.predict.replay import Frames, every_frame, replay_frames
from mnistlab.ui.state import AppState

MAX_UNDO = 100
PEN_WIDTHS = (6.0, 40.0)  # the thinnest and the thickest pen, in pixels
DRAW_EVERY = 1 / 40  # seconds between draw messages while a stroke grows
ANSWER_EVERY = 1 / 10  # seconds between answers while a stroke grows
ANSWER_FRACTION = 1 / 4  # of the time at most: on a slow machine the points wait for an answer


@dataclass(frozen=True, eq=False)
class Content:
    """What lies on the pad: strokes, or a picture (h, w) uint8 with bright ink on black."""

    strokes: tuple[Stroke, ...] = ()
    picture: NDArray[np.uint8] | None = None
    note: str = ""  # where the picture is from


class Pad(View):
    """What lies on the pad, with Undo and Redo; its `widget` has the class `ml-pad`.

    Parameters
    ----------
    app : the page's state
    on_change : called each time the content changes, with `final` and `counted`. `final` is False
        while a stroke grows (at most ten times a second). `counted` is True for a new input (a
        finished stroke, a picture, a loaded drawing), not for Undo, Redo or Clear.
    clock : seconds, monotonic
    run : calls its argument some dozens of times a second, until it returns False, elsewhere

    Attributes
    ----------
    drawing : the strokes, including the one that grows; blank where there is a picture
    surface : the canvas that shows the content
    """

    def __init__(
        self,
        app: AppState,
        on_change: Callable[[bool, bool], None],
        clock: Callable[[], float] = time.monotonic,
        run: Callable[[Callable[[], bool]], None] = every_frame,
    ) -> None:
        super().__init__(app)
        self._on_change, self._clock, self._run = on_change, clock, run
        self.drawing = Drawing(SIZE)
        self._contents, self._at = [Content()], 0  # for Undo and Redo, and which is present
        self._painted = 0  # points of the growing stroke that the canvas shows already
        self._painted_at = self._answer_due = float("-inf")
        self._replay: Frames | None = None
        self.surface = Surface()
        self.widget = self.surface.widget
        self.surface.canvas.on_client_ready(self._guard(self.connect))

    # The content

    @property
    def _present(self) -> Content:
        return self._contents[self._at]

    @property
    def picture(self) -> NDArray[np.uint8] | None:
        """The picture on the pad (h, w), or None when it holds strokes or nothing."""
        return None if self.drawing.is_drawing else self._present.picture

    @property
    def note(self) -> str:
        """Where the picture on the pad is from, empty when there is none."""
        return "" if self.drawing.is_drawing else self._present.note

    @property
    def is_blank(self) -> bool:
        """Whether it holds neither strokes nor a picture."""
        return self.drawing.is_blank and self.picture is None

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self._at + 1 < len(self._contents)

    def _add(self, content: Content) -> None:
        """Make this the present content. What had been undone can no longer be redone."""
        self._contents = [*self._contents[: self._at + 1], content][-MAX_UNDO - 1 :]
        self._at = len(self._contents) - 1

    # Strokes

    def press(self, x: float, y: float) -> None:
        """Begin a stroke. It replaces a picture on the pad."""
        self.release()  # a stroke whose end was lost outside the window
        repaint = self.picture is not None or self._replay is not None
        self.drawing.begin(x, y)
        self.surface.invite(False)
        self._painted = 0
        if repaint:
            self._paint()
        else:
            self._flush()

    def move(self, x: float, y: float) -> None:
        """Extend the stroke; does nothing without one, as when the pointer only hovers."""
        if not self.drawing.is_drawing:
            return
        self.drawing.extend(x, y)
        now = self._clock()
        if now - self._painted_at >= DRAW_EVERY:
            self._flush()
        if now >= self._answer_due:
            self._on_change(False, True)
            spent = self._clock() - now
            self._answer_due = now + max(ANSWER_EVERY, spent / ANSWER_FRACTION)

    def release(self, *last: float) -> None:
        """End the stroke if there is one, at a last point (x, y) where that is given."""
        if self.drawing.is_drawing:
            if last:
                self.drawing.extend(*last)
            self._end_stroke()
            self._commit(counted=True)

    def _end_stroke(self) -> None:
        self.drawing.end()
        self._add(Content(self.drawing.strokes))

    def _commit(self, counted: bool) -> None:
        """Tell that the content changed for good, then repaint it all.

        The answer comes first, because a visitor waits for it. A finished stroke is repainted
        because one drawn in pieces shows its joints.
        """
        try:
            self._on_change(True, counted)
        finally:
            self._paint()

    # Actions

    def clear(self) -> None:
        """Empty the pad; Undo brings the content back."""
        self._replace(Content(), counted=False)

    def show(self, picture: NDArray[np.uint8], note: str = "") -> None:
        """Replace the content with a picture (h, w), bright ink on black."""
        self._replace(Content(picture=picture, note=note))

    def put(self, drawing: Drawing) -> None:
        """Replace the content with a drawing, scaled to the pad."""
        scale = SIZE / drawing.size
        strokes = [[(x * scale, y * scale) for x, y in stroke] for stroke in drawing.strokes]
        self._replace(Content(Drawing.from_strokes(strokes, SIZE).strokes))

    def load(self, text: str | bytes) -> None:
        """Replace the content with the first drawing of a JSON or JSON-lines text.

        Raises `UploadError` and leaves the pad as it was where there is none.
        """
        drawing = Drawing.from_json(text)
        if drawing.is_blank:
            raise UploadError("This drawing has no strokes; choose one that shows something.")
        self.put(drawing)

    def to_json(self) -> str:
        """The drawing as a line of JSON that `load` and the command line read.

        Raises `UploadError` where there is a picture on the pad, or nothing.
        """
        if self.picture is not None:
            raise UploadError("Only a drawing can be saved, not a picture: draw a digit first.")
        if self.drawing.is_blank:
            raise UploadError("There is nothing to save: draw a digit first.")
        return json.dumps(self.drawing.to_dict())

    def to_memory(self) -> dict[str, Any]:
        """The content as values that JSON can hold."""
        if self.picture is not None:
            return {"picture": picture_text(self.picture), "note": self.note}
        return {} if self.drawing.is_blank else {"drawing": self.drawing.to_dict()}

    def from_memory(self, content: Mapping[str, Any]) -> None:
        """Replace the content with what `to_memory` gave; an empty one changes nothing."""
        if "picture" in content:
            self.show(text_picture(content["picture"]), str(content.get("note", "")))
        elif "drawing" in content:
            self.load(json.dumps(content["drawing"]))

    def undo(self) -> None:
        """Undo the last stroke, picture or Clear."""
        self._step(-1, "Nothing to undo.")

    def redo(self) -> None:
        """Redo what was undone last."""
        self._step(+1, "Nothing to redo.")

    def _replace(self, content: Content, counted: bool = True) -> None:
        if self.drawing.is_drawing:  # a stroke under way is kept for Undo
            self._end_stroke()
        if counted or not self.is_blank:  # to clear a blank pad is no step
            self._add(content)
        self._show(counted)

    def _step(self, by: int, nothing: str) -> None:
        if not 0 <= self._at + by < len(self._contents):
            self._app.say(nothing)
            return
        self._at += by
        self._show(counted=False)

    def _show(self, counted: bool) -> None:
        self.drawing = Drawing.from_strokes(self._present.strokes, SIZE)
        self._commit(counted)

    # Actions that do not change the content

    def set_pen_width(self, width: float) -> None:
        """Show the strokes so many pixels wide. What the models see does not change.

        Raises `ConfigError` for a width out of the range of `PEN_WIDTHS`.
        """
        least, most = PEN_WIDTHS
        if not least <= width <= most:
            raise ConfigError(f"A pen is {least:g} to {most:g} pixels wide, not {width:g}.")
        self.surface.set_pen_width(float(width))
        self._paint()

    def replay(self) -> None:
        """Show the strokes being drawn again, until the content changes.

        Raises `UploadError` where there are none.
        """
        self.release()
        if not self.drawing.strokes:
            raise UploadError("There are no strokes to replay: draw a digit first.")
        self._replay = frames = replay_frames(self.drawing.strokes, self._clock)
        self.surface.paint(())
        self.surface.add(next(frames))
        show = self._guard(self._show_frame)

        def step() -> bool:
            show(frames)
            return self._replay is frames

        self._run(step)

    def _show_frame(self, frames: Frames) -> None:
        if self._replay is not frames:  # ended while its thread waited for the lock
            return
        self._replay = None  # ends the replay if this frame fails
        pieces = next(frames, None)
        if pieces is None:
            self._paint()
        else:
            self.surface.add(pieces)
            self._replay = frames

    def mark(self, boxes: Sequence[BoxEdges], labels: Sequence[str]) -> None:
        """Show boxes of the content, each with a label, instead of those shown before."""
        self.surface.mark([self.place(box) for box in boxes], labels)

    def place(self, box: BoxEdges) -> BoxEdges:
        """Where the pad shows a box of the content, in pad coordinates.

        A picture's box is given in its pixels. One around strokes grows by half the pen, so that
        it lies around the ink.
        """
        if self.picture is not None:
            return place_box(box, self.picture.shape)
        half, (left, top, right, bottom) = self.surface.pen_width / 2, box
        end = float(SIZE)
        left, top = max(left - half, 0.0), max(top - half, 0.0)
        return left, top, min(right + half, end), min(bottom + half, end)

    # The canvas

    def connect(self) -> None:
        """Paint everything: a browser is ready for the first time or after a reload."""
        self.surface.connect()
        self._paint()

    def _flush(self) -> None:
        """Show the points of the growing stroke that the canvas lacks."""
        self._painted_at = self._clock()
        stroke = self.drawing.strokes[-1] if self.drawing.strokes else ()
        if self._painted < len(stroke):
            self.surface.add([stroke[max(0, self._painted - 1) :]])
            self._painted = len(stroke)

    def _paint(self) -> None:
        """Repaint the whole pad, which ends a replay."""
        self._replay = None
        strokes = self.drawing.strokes
        self.surface.paint(strokes, self.picture)
        self.surface.invite(self.is_blank)
        self._painted = len(strokes[-1]) if self.drawing.is_drawing else 0
