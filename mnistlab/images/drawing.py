"""A drawing is data: strokes of points on a square pad. A canvas only shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from mnistlab.errors import UploadError
from mnistlab.texts import counted

Point = tuple[float, float]
Stroke = tuple[Point, ...]

PAD_SIZE = 280.0
"""Side of the pad in its own units (CSS pixels on the page)."""

MAX_STROKES = 200
MAX_POINTS = 20_000
"""Limits of one drawing. A digit has a few hundred points; these keep files and pads bounded."""

_SIZE_RANGE = (8.0, 100_000.0)
_MAX_LABEL = 32


class Drawing:
    """Strokes on a square pad, with undo and redo.

    Coordinates run from 0 to `size` in both directions, x to the right and y **down**. Points
    outside are moved to the pad's edge. A live pad calls `begin`, `extend` and `end`; these never
    raise, so that a stray event cannot break the page. Points that are not finite or go beyond
    `MAX_STROKES` or `MAX_POINTS` are left out.

    Attributes
    ----------
    size : side of the pad, in pad units
    label : the digit that is meant, where it is known
    """

    def __init__(self, size: float = PAD_SIZE, label: str | None = None) -> None:
        self.size = _checked_size(size)
        self.label = label
        self._open: list[Point] | None = None
        self._points = 0
        # All states of the finished strokes, and the present one. States share their strokes.
        self._states: list[tuple[Stroke, ...]] = [()]
        self._present = 0

    @classmethod
    def from_strokes(
        cls,
        strokes: Iterable[Iterable[Sequence[float]]],
        size: float = PAD_SIZE,
        label: str | None = None,
    ) -> Drawing:
        """Make a drawing of `[[[x, y], ...], ...]`; strokes without points are dropped.

        Raises
        ------
        UploadError
            When a point is not a pair of finite numbers, or there are too many.
        """
        drawing = cls(size, label)
        for stroke in _checked_list(strokes, "the strokes are"):
            points = [_checked_point(point) for point in _checked_list(stroke, "a stroke is")]
            drawing._points += len(points)
            if points and (len(drawing._finished) == MAX_STROKES or drawing._points > MAX_POINTS):
                raise UploadError(
                    f"The drawing has more than {MAX_STROKES} strokes or {MAX_POINTS:,} points; "
                    "draw it simpler or split it."
                )
            if points:
                drawing._add(tuple(drawing._clamped(x, y) for x, y in points))
        return drawing

    @classmethod
    def from_dict(cls, data: object) -> Drawing:
        """Make a drawing of a dictionary from `to_dict`; `size` and `label` may be missing.

        Other keys are ignored, so a line of a JSON-lines file of drawings can be passed as it is.

        Raises
        ------
        UploadError
            When `data` is not a drawing.
        """
        if not isinstance(data, Mapping) or "strokes" not in data:
            raise UploadError(
                'This is not a drawing: expected an object such as {"strokes": [[[10, 20], ...]]}.'
            )
        return cls.from_strokes(
            data["strokes"], data.get("size", PAD_SIZE), _checked_label(data.get("label"))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the drawing as plain JSON data: `strokes`, `size`, and `label` if it has one."""
        data: dict[str, Any] = {} if self.label is None else {"label": self.label}
        data["size"] = self.size
        data["strokes"] = [[[x, y] for x, y in stroke] for stroke in self.strokes]
        return data

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """All strokes in the order drawn, including one still open."""
        return (*self._finished, tuple(self._open)) if self._open else self._finished

    @property
    def _finished(self) -> tuple[Stroke, ...]:
        return self._states[self._present]

    @property
    def is_blank(self) -> bool:
        """Whether nothing has been drawn."""
        return not self._finished and not self._open

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke is open: begun and not ended."""
        return self._open is not None

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """Left, top, right, bottom of all points in pad units, without the pen; None if blank."""
        points = [point for stroke in self.strokes for point in stroke]
        if not points:
            return None
        xs, ys = zip(*points, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    # Live drawing

    def begin(self, x: float, y: float) -> None:
        """Start a stroke at (x, y); a stroke still open is ended first."""
        self.end()
        if len(self._finished) < MAX_STROKES:
            self._open = []
            self.extend(x, y)

    def extend(self, x: float, y: float) -> None:
        """Add a point to the open stroke, in constant time; without one nothing happens."""
        if self._open is None or self._points >= MAX_POINTS:
            return
        if math.isfinite(x) and math.isfinite(y):
            self._open.append(self._clamped(x, y))
            self._points += 1

    def end(self) -> None:
        """End the open stroke, if there is one. Undone strokes can then no longer be redone."""
        stroke, self._open = self._open, None
        if stroke:
            self._add(tuple(stroke))

    def undo(self) -> bool:
        """Take back the last stroke or `clear`; return whether there was one."""
        self.end()
        return self._step(-1)

    def redo(self) -> bool:
        """Bring back what `undo` removed; return whether there was something."""
        self.end()
        return self._step(1)

    def clear(self) -> None:
        """Remove all strokes; `undo` brings them back."""
        self.end()
        if self._finished:
            self._change(())
            self._points = 0

    @property
    def can_undo(self) -> bool:
        """Whether `undo` has something to take back."""
        return bool(self._present or self._open)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` has something to bring back."""
        return self._present + 1 < len(self._states)

    def __eq__(self, other: object) -> bool:
        """Compare strokes, size and label, not the history."""
        return isinstance(other, Drawing) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # a drawing changes

    def __repr__(self) -> str:
        label = "" if self.label is None else f", label={self.label!r}"
        strokes = counted(len(self.strokes), "stroke")
        return f"<Drawing of {strokes}, {counted(self._points, 'point')}{label}>"

    def _clamped(self, x: float, y: float) -> Point:
        return min(max(float(x), 0.0), self.size), min(max(float(y), 0.0), self.size)

    def _add(self, stroke: Stroke) -> None:
        self._change((*self._finished, stroke))

    def _change(self, strokes: tuple[Stroke, ...]) -> None:
        self._present += 1
        self._states[self._present :] = [strokes]

    def _step(self, by: int) -> bool:
        if not 0 <= self._present + by < len(self._states):
            return False
        self._present += by
        self._points = sum(map(len, self._finished))
        return True


def _checked_size(size: object) -> float:
    number = _finite(size)
    if number is None or not _SIZE_RANGE[0] <= number <= _SIZE_RANGE[1]:
        raise UploadError(
            f"The pad's size must be a number from {_SIZE_RANGE[0]:g} to {_SIZE_RANGE[1]:g}, "
            f"not {str(size)[:40]!r}."
        )
    return number


def _checked_label(label: object) -> str | None:
    if label is None:
        return None
    if isinstance(label, (str, int)) and len(str(label)) <= _MAX_LABEL:
        return str(label)
    raise UploadError(f'A drawing\'s label must be a short text such as "7", not {_kind(label)}.')


def _checked_list(value: object, what: str) -> Iterable[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise _bad_strokes(f"{what} {_kind(value)}")
    return value


def _checked_point(point: object) -> Point:
    values = tuple(point) if isinstance(point, Iterable) else ()
    if len(values) != 2:
        raise _bad_strokes("a point is not a pair of numbers")
    x, y = map(_finite, values)
    if x is None or y is None:
        raise _bad_strokes("a coordinate is not a finite number")
    return x, y


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _bad_strokes(what: str) -> UploadError:
    return UploadError(
        f"The drawing cannot be read: {what}. Strokes are lists of points [x, y], such as "
        "[[[10, 20], [30, 40]]]."
    )


def _kind(value: object) -> str:
    return f"of type {type(value).__name__}"
