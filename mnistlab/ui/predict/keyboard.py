"""Drawing with the keyboard: a pen that keys move over the pad."""

from __future__ import annotations

from collections.abc import Callable

from ipywidgets import DOMWidget

from mnistlab.ui.common.canvas import SIZE, Surface
from mnistlab.ui.predict.verbs import Drawable

HELP = "Arrows move the pen, with Shift in small steps; Space lowers and lifts it; Tab leaves."
"""What there is to say about it on the page."""

STEP, SMALL_STEP = 10.0, 2.0  # pixels of the pad

# The slanting ones lie where a numeric keypad has them.
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


class KeyboardPen:
    """A pen with a place of its own, seen from its first use until a pointer draws or Tab leaves.

    The canvas can be reached with Tab, but ipycanvas keeps every key from the browser that is
    pressed there. So Tab and Escape are answered from here: the canvas gives the focus up, and
    Tab passes it on to a neighbour.

    Parameters
    ----------
    pad : what to draw on
    surface : what shows where the pen is
    say : puts a sentence into the status line

    Attributes
    ----------
    before, after : the controls that Shift+Tab and Tab go on to. With None, or one that is
        hidden, the browser goes on from the pad's place when Tab is pressed once more.
    """

    def __init__(self, pad: Drawable, surface: Surface, say: Callable[[str], None]) -> None:
        self._pad = pad
        self._surface = surface
        self._say = say
        self._at = (SIZE / 2, SIZE / 2)
        self._is_lowered = False
        self.before: DOMWidget | None = None
        self.after: DOMWidget | None = None

    @property
    def is_down(self) -> bool:
        """Whether it is drawing: lowered, and nothing else has ended the stroke since."""
        return self._is_lowered and self._pad.drawing.is_drawing

    def enter(self) -> None:
        """Give the keyboard to the pad."""
        self._surface.canvas.focus()
        self._say(HELP)
        self._show()

    def move(self, dx: float, dy: float) -> None:
        """Move by so many pixels, not beyond the edge; when it is down it draws."""
        is_down, (x, y) = self.is_down, self._at
        self._at = min(max(x + dx, 0.0), float(SIZE)), min(max(y + dy, 0.0), float(SIZE))
        if is_down:
            self._pad.move(*self._at)
        self._show()

    def lower(self) -> None:
        """Begin a stroke here."""
        if not self.is_down:
            self._pad.press(*self._at)
            self._is_lowered = True
            self._say("The pen is down: arrows draw, Space lifts it.")
        self._show()

    def lift(self) -> None:
        """End the stroke."""
        self._end_stroke()
        self._show()

    def put_away(self) -> None:
        """Lift it and show it no more; it keeps its place."""
        self._end_stroke()
        self._surface.point(None)

    def leave(self, neighbour: DOMWidget | None = None) -> None:
        """Put it away and take the keyboard off the pad, to a neighbour where there is one."""
        self.put_away()
        self._surface.canvas.blur()
        if neighbour is not None:
            neighbour.focus()

    def key(self, key: str, shift: bool = False, ctrl: bool = False, meta: bool = False) -> None:
        """A key was pressed on the pad; `key` is named as in `KeyboardEvent.key`."""
        if key == "Tab":
            self.leave(self.before if shift else self.after)
        elif key == "Escape":
            self.leave()
        elif ctrl or meta:
            return
        elif key in (" ", "Enter"):
            (self.lift if self.is_down else self.lower)()
        elif key in _DIRECTIONS:
            x, y = _DIRECTIONS[key]
            step = SMALL_STEP if shift else STEP
            self.move(x * step, y * step)

    def _end_stroke(self) -> None:
        if self.is_down:
            self._pad.release()
        self._is_lowered = False

    def _show(self) -> None:
        self._surface.point(self._at, self.is_down)
