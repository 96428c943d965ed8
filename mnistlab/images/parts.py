"""Parts of an input: strokes of a drawing, or connected pieces of ink in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True, eq=False)
class Part:
    """Strokes or pieces of ink that belong to one digit, by number."""

    box: Box
    members: tuple[int, ...]

    @property
    def height(self) -> float:
        """In the units of the box."""
        return self.box[3] - self.box[1]

    @property
    def width(self) -> float:
        """In the units of the box."""
        return self.box[2] - self.box[0]


class Writing(Protocol):
    """An input in parts: what `grouping` has to know of strokes and of ink."""

    parts: list[Part]

    def near(self, a: Part, b: Part, distance: float) -> bool:
        """Whether the strokes of two parts come so near; ink that touches is one part anyway."""

    def cuts(self, part: Part) -> list[tuple[Part, Part]]:
        """Return ways to cut a part in two, left and right; none where it cannot be cut."""

    def image(self, part: Part) -> NDArray[np.uint8]:
        """Return the (28, 28) image that models see of a part alone."""


def around(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def join(parts: Sequence[Part]) -> Part:
    """Return parts as one."""
    members = tuple(member for part in parts for member in part.members)
    return Part(around([part.box for part in parts]), members)


def gap(a: Box, b: Box) -> float:
    """Return the gap between two boxes along x; negative where they overlap."""
    return max(a[0], b[0]) - min(a[2], b[2])
