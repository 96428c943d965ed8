"""What lies on the pad, and what lay there before: Undo and Redo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mnistlab.images.drawing import Stroke

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


class History:
    """The present content, with at most `MAX_UNDO` before it and those that Undo took."""

    def __init__(self) -> None:
        self.present = Content()
        self._past: list[Content] = []
        self._future: list[Content] = []

    @property
    def has_past(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._past)

    @property
    def has_future(self) -> bool:
        """Whether there is a step back to take back."""
        return bool(self._future)

    def add(self, content: Content) -> None:
        """Make this the present. What had been undone can no longer be redone."""
        self._past = [*self._past, self.present][-MAX_UNDO:]
        self._future = []
        self.present = content

    def back(self) -> None:
        """Make the last past the present."""
        self._future.append(self.present)
        self.present = self._past.pop()

    def forward(self) -> None:
        """Take a step back back."""
        self._past.append(self.present)
        self.present = self._future.pop()
