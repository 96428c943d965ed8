"""The contents of the pad in order, for Undo and Redo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.drawing import Stroke

MAX_UNDO = 100


@dataclass(frozen=True, eq=False)
class Content:
    """What lies on the pad: strokes, or a picture (h, w) uint8 with bright ink on black."""

    strokes: tuple[Stroke, ...] = ()
    picture: NDArray[np.uint8] | None = None
    note: str = ""
    """Where the picture is from."""

    @property
    def is_empty(self) -> bool:
        """Whether the pad is blank."""
        return not self.strokes and self.picture is None


class History:
    """The present content, at most `MAX_UNDO` before it, and those that Undo took back."""

    def __init__(self) -> None:
        self._contents = [Content()]
        self._at = 0

    @property
    def present(self) -> Content:
        """What lies on the pad now."""
        return self._contents[self._at]

    def add(self, content: Content) -> None:
        """Make this the present. What had been undone can no longer be redone."""
        self._contents = [*self._contents[: self._at + 1], content][-MAX_UNDO - 1 :]
        self._at = len(self._contents) - 1

    def can_step(self, by: int) -> bool:
        """Whether there is a content so many steps after (or before) the present."""
        return 0 <= self._at + by < len(self._contents)

    def step(self, by: int) -> None:
        """Make the content so many steps after (or before) the present the present."""
        self._at += by
