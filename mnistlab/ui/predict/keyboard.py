"""Drawing with the keyboard: keys move a pen over the pad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ipywidgets import DOMWidget

from mnistlab.images.drawing import Drawing
from mnistlab.ui.common.canvas import SIZE, Surface

HELP = (
    "Arrow keys move the pen, with Shift in small steps. Space lowers and lifts it. Tab leaves "
    "the pad."
)

STEP, SMALL_STEP = 10.0, 2.0  # pixels of the pad

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


class Drawable(Protocol):
    """What keys and pointers need of the pad."""

    drawing: Drawing

    def press(self, x: float, y: float) -> None:
        """Begin a stroke."""

    def move(self, x: float, y: float) -> None:
        """Extend the stroke."""

    def release(self, x: float | None = None, y: float | None = None) -> None:
        """End the stroke, at a last point where there is one."""


class KeyboardPen:
    """A pen with a place of its own, shown from its first use until a pointer draws or Tab leaves.

    ipycanvas keeps every key that is pressed on the canvas from the browser. So Tab and Escape
    are handled here: the canvas gives up the focus, and Tab passes it on to a neighbour.

    Parameters
    ----------
    pad : what to draw on
    surface : shows where the pen is
    say : puts a sentence into the status line

    Attributes
    ----------
    before, after : the controls that Shift+Tab and Tab go to. With None, or a hidden control, the
        browser goes on from the pad's place when Tab is pressed once more.
    """

    def __init__(self, pad: Drawable, surface: Surface, say: Callable[[str], None]) -> None:
        self._pad, self._surface, self._say = pad, surface, say
        self._at = (SIZE / 2, SIZE / 2)
        self._is_lowered = False
        self.before: DOMWidget | None = None
        self.after: DOMWidget | None = None

    @property
    def is_down(self) -> bool:
        """Whether it is drawing: lowered, and nothing else has ended the stroke since."""
        return self._is_lowered and self._pad.drawing.is_drawing

    def enter(self) -> None:
        """Move the focus to the pad."""
        self._surface.canvas.focus()
        self._say(HELP)
        self._show()

    def key(self, key: str, shift: bool = False, ctrl: bool = False, meta: bool = False) -> None:
        """Handle a key pressed on the pad; `key` is named as in `KeyboardEvent.key`."""
        if key == "Tab":
            self._leave(self.before if shift else self.after)
        elif key == "Escape":
            self._leave(None)
        elif ctrl or meta:
            return
        elif key in (" ", "Enter"):
            self._toggle()
        elif key in _DIRECTIONS:
            self._move(*_DIRECTIONS[key], SMALL_STEP if shift else STEP)

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
            self._say("The pen is down: arrow keys draw, Space lifts it.")
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
