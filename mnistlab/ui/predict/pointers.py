"""Mouse and fingers on the canvas, turned into strokes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mnistlab.images.drawing import Point
from mnistlab.ui.common.canvas import Canvas
from mnistlab.ui.predict.keyboard import Drawable, KeyboardPen

SAME_FINGER = 40.0  # pixels within which the remaining touch is taken for the drawing finger


class Pointers:
    """Draws with the mouse or the first finger; others are ignored until all are lifted.

    A hovering pointer leaves a stroke of the keyboard alone. One that presses takes over.
    """

    def __init__(self, pad: Drawable, keys: KeyboardPen, canvas: Canvas) -> None:
        self._pad, self._keys, self._canvas = pad, keys, canvas

    def listen(self, guarded: Callable[[Callable[..., object]], Callable[..., None]]) -> None:
        """Handle the canvas's events; `guarded` wraps each handler."""
        for event, handler in (
            ("mouse_down", self.mouse_down),
            ("mouse_move", self.mouse_move),
            ("mouse_up", self.mouse_end),
            ("mouse_out", self.mouse_end),
            ("msg", self.moves),
            ("touch_start", self.touch_start),
            ("touch_move", self.touch_move),
            ("touch_end", self.touch_end),
            ("touch_cancel", self.touch_end),
        ):
            getattr(self._canvas, f"on_{event}")(guarded(handler))

    @property
    def _is_drawing(self) -> bool:
        return self._pad.drawing.is_drawing and not self._keys.is_down

    def mouse_down(self, x: float, y: float) -> None:
        """Begin a stroke."""
        self._keys.put_away()
        self._pad.press(x, y)

    def mouse_move(self, x: float, y: float) -> None:
        """Extend the stroke; hovering does nothing."""
        if self._is_drawing:
            self._pad.move(x, y)

    def moves(self, _: object, content: Mapping[str, Any], __: object) -> None:
        """Handle several moves that `mnistlab.server.messages` joined into one message."""
        for move in content.get("moves", ()):
            if move["event"] == "mouse_move":
                self.mouse_move(move["x"], move["y"])
            else:
                self.touch_move([(touch["x"], touch["y"]) for touch in move["touches"]])

    def mouse_end(self, x: float, y: float) -> None:
        """End the stroke where the button came up or the mouse left the pad."""
        if self._is_drawing:
            self._pad.release(x, y)
            # The press gave the canvas the focus, which keeps F5 and the like from the browser.
            self._canvas.blur()

    def touch_start(self, touches: Sequence[Point]) -> None:
        """Begin a stroke at the first finger."""
        self._keys.put_away()
        if len(touches) == 1 and not self._pad.drawing.is_drawing:
            self._pad.press(*touches[0])

    def touch_move(self, touches: Sequence[Point]) -> None:
        """Extend the stroke with the first finger."""
        if touches and self._is_drawing:
            self._pad.move(*touches[0])

    def touch_end(self, touches: Sequence[Point]) -> None:
        """End the stroke unless the drawing finger is among those that remain."""
        if self._is_drawing and not (touches and self._is_near(touches[0])):
            self._pad.release()

    def _is_near(self, finger: Point) -> bool:
        x, y = self._pad.drawing.strokes[-1][-1]
        return abs(finger[0] - x) + abs(finger[1] - y) <= SAME_FINGER
