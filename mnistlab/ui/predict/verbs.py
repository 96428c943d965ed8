"""What mouse, fingers and keys need of the pad."""

from __future__ import annotations

from typing import Protocol

from mnistlab.images.drawing import Drawing


class Keys(Protocol):
    """The pen that keys move, as pointers see it."""

    @property
    def is_down(self) -> bool:
        """Whether it is drawing."""

    def put_away(self) -> None:
        """Lift it and show it no more."""


class Drawable(Protocol):
    """Strokes can be drawn on it."""

    drawing: Drawing

    def press(self, x: float, y: float) -> None:
        """Begin a stroke."""

    def move(self, x: float, y: float) -> None:
        """Carry the stroke on."""

    def release(self, x: float | None = None, y: float | None = None) -> None:
        """End the stroke, at a last point where there is one."""
