"""Drawing on the pad: keys that move a pen, the mouse, and fingers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ipywidgets import DOMWidget

from mnistlab.images.drawing import Point
from mnistlab.ui.common.canvas import SIZE
from mnistlab.ui.common.widgets import View
from mnistlab.ui.predict.pad import Pad
from mnistlab.ui.state import AppState

HELP = (
    "Arrow keys move the pen, with Shift in small steps. Space lowers and lifts it. Ctrl+Z undoes, "
    "Ctrl+Y redoes. Tab leaves the pad."
)

STEP, SMALL_STEP = 10.0, 2.0  # pixels of the pad
SAME_FINGER = 40.0  # pixels within which the remaining touch is taken for the drawing finger

# The diagonals lie where a numeric keypad has them.
_DIRECTIONS = {
    "ArrowLeft": (-1, 0),
    "ArrowRight": (1, 0),
    "ArrowUp": (0, -1),
    "ArrowDown": (0, 1),
    "Home": (-1, -1),
    "PageUp": (1, -1),
    "End": (-1, 1),
    "PageDown": (1, 1),
}


class KeyboardPen(View):
    """A pen with a place of its own, shown from its first use until a pointer draws or Tab leaves.

    ipycanvas keeps every key that is pressed on the canvas from the browser. So Tab and Escape
    are handled here: the canvas gives up the focus, and Tab passes it on to a neighbour.

    Attributes
    ----------
    before, after : the controls that Shift+Tab and Tab go to. With None, or a hidden control, the
        browser goes on from the pad's place when Tab is pressed once more.
    """

    def __init__(self, app: AppState, pad: Pad) -> None:
        super().__init__(app)
        self._pad, self._surface = pad, pad.surface
        self._at = (SIZE / 2, SIZE / 2)
        self._is_lowered = False
        self.before: DOMWidget | None = None
        self.after: DOMWidget | None = None
        pad.surface.canvas.on_key_down(self._guard(self.key))

    @property
    def is_down(self) -> bool:
        """Whether it is drawing: lowered, and nothing else has ended the stroke since."""
        return self._is_lowered and self._pad.drawing.is_drawing

    def enter(self) -> None:
        """Move the focus to the pad."""
        self._surface.canvas.focus()
        self._app.say(HELP)
        self._show()

    def key(self, key: str, shift: bool = False, ctrl: bool = False, meta: bool = False) -> None:
        """Handle a key pressed on the pad; `key` is named as in `KeyboardEvent.key`."""
        if key == "Tab":
            self._leave(self.before if shift else self.after)
        elif key == "Escape":
            self._leave(None)
        elif ctrl or meta:
            self._undo_or_redo(key.lower(), shift)
        elif key in (" ", "Enter"):
            self._toggle()
        elif key in _DIRECTIONS:
            self._move(*_DIRECTIONS[key], SMALL_STEP if shift else STEP)

    def _undo_or_redo(self, key: str, shift: bool) -> None:
        if key == "z" and not shift:
            self._pad.undo()
        elif key in ("y", "z"):
            self._pad.redo()

    def put_away(self) -> None:
        """End the stroke and hide the pen, which keeps its place."""
        self._end_stroke()
        self._surface.point(None)

    def _move(self, right: int, down: int, step: float) -> None:
        is_down, (x, y) = self.is_down, self._at
        x, y = (min(max(to, 0.0), float(SIZE)) for to in (x + right * step, y + down * step))
        self._at = x, y
        if is_down:
            self._pad.move(x, y)
        self._show()

    def _toggle(self) -> None:
        if self.is_down:
            self._end_stroke()
        else:
            self._pad.press(*self._at)
            self._is_lowered = True
            self._app.say("The pen is down: arrow keys draw, Space lifts it.")
        self._show()

    def _leave(self, neighbour: DOMWidget | None) -> None:
        self.put_away()
        self._surface.canvas.blur()
        if neighbour is not None:
            neighbour.focus()

    def _end_stroke(self) -> None:
        if self.is_down:
            self._pad.release()
        self._is_lowered = False

    def _show(self) -> None:
        self._surface.point(self._at, self.is_down)


class Pointers(View):
    """Draws with the mouse or the first finger; others are ignored until all are lifted.

    A hovering pointer leaves a stroke of the keyboard alone. One that presses takes over.
    """

    def __init__(self, app: AppState, pad: Pad, keys: KeyboardPen) -> None:
        super().__init__(app)
        self._pad, self._keys, self._canvas = pad, keys, pad.surface.canvas
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
            getattr(self._canvas, f"on_{event}")(self._guard(handler))

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
