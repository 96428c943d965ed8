"""Mouse and fingers on the canvas, turned into the pad's verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnistlab.images.drawing import Point
from mnistlab.ui.common.canvas import Canvas
from mnistlab.ui.predict.verbs import Drawable, Keys

SAME_FINGER = 40.0  # pixels within which the remaining touch is taken for the drawing finger


class Pointers:
    """What mouse and fingers do. They leave alone what the keys draw until one is pressed.

    The first finger draws; others are ignored until all are lifted.

    Parameters
    ----------
    pad : what to draw on
    keys : the pen that is put away when a pointer draws
    canvas : gives the events, and gives up the focus
    """

    def __init__(self, pad: Drawable, keys: Keys, canvas: Canvas) -> None:
        self._pad = pad
        self._keys = keys
        self._canvas = canvas

    def listen(self, guarded: Callable[[Callable[..., object]], Callable[..., None]]) -> None:
        """Take the canvas's events; `guarded` wraps each handler."""
        canvas = self._canvas
        canvas.on_mouse_down(guarded(self.mouse_down))
        canvas.on_mouse_move(guarded(self.mouse_move))
        canvas.on_mouse_up(guarded(self.mouse_end))
        canvas.on_mouse_out(guarded(self.mouse_end))
        canvas.on_msg(guarded(self.moves))
        canvas.on_touch_start(guarded(self.touch_start))
        canvas.on_touch_move(guarded(self.touch_move))
        canvas.on_touch_end(guarded(self.touch_end))
        canvas.on_touch_cancel(guarded(self.touch_end))

    @property
    def _draw(self) -> bool:
        """Whether the stroke under way, if there is one, is theirs."""
        return self._pad.drawing.is_drawing and not self._keys.is_down

    def mouse_down(self, x: float, y: float) -> None:
        """Begin a stroke."""
        self._keys.put_away()
        self._pad.press(x, y)

    def mouse_move(self, x: float, y: float) -> None:
        """Carry the stroke on; hovering does nothing."""
        if self._draw:
            self._pad.move(x, y)

    def moves(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle moves that `mnistlab.server.moves` joined into one message."""
        for move in content.get("moves", ()):
            if move["event"] == "mouse_move":
                self.mouse_move(move["x"], move["y"])
            else:
                self.touch_move([(touch["x"], touch["y"]) for touch in move["touches"]])

    def mouse_end(self, x: float, y: float) -> None:
        """End the stroke where the button came up or the mouse left the pad."""
        if self._draw:
            self._pad.release(x, y)
            # The press gave the canvas the focus, which keeps F5 and the like from the browser.
            self._canvas.blur()

    def touch_start(self, touches: Sequence[Point]) -> None:
        """Begin a stroke at the first finger."""
        self._keys.put_away()
        if len(touches) == 1 and not self._pad.drawing.is_drawing:
            self._pad.press(*touches[0])

    def touch_move(self, touches: Sequence[Point]) -> None:
        """Carry the stroke on with the first finger."""
        if touches and self._draw:
            self._pad.move(*touches[0])

    def touch_end(self, touches: Sequence[Point]) -> None:
        """End the stroke unless the drawing finger is among those that remain."""
        if self._draw and not (touches and self._is_near(touches[0])):
            self._pad.release()

    def _is_near(self, finger: Point) -> bool:
        x, y = self._pad.drawing.strokes[-1][-1]
        return abs(finger[0] - x) + abs(finger[1] - y) <= SAME_FINGER
