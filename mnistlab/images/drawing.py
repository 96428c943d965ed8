"""A drawing is data: strokes of points on a square pad. A canvas only shows it."""

from __future__ import annotations

import json
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

MAX_JSON = 2**20
"""Bytes, or characters, of one drawing; the largest takes 840 KB."""

_SIZE_RANGE = (8.0, 100_000.0)
_MAX_LABEL = 32


class Drawing:
    """Strokes on a square pad.

    Coordinates run from 0 to `size` in both directions, x to the right and y **down**. Points
    outside are moved to the pad's edge. A live pad calls `begin`, `extend` and `end`; these never
    raise, so that a stray event cannot break the page. Points that are not finite or go beyond
    `MAX_STROKES` or `MAX_POINTS` are left out.

    Attributes
    ----------
    size : float
        Side of the pad, in pad units.
    label : str or None
        The digit that is meant, where it is known.
    """

    def __init__(self, size: float = PAD_SIZE, label: str | None = None) -> None:
        self.size = _checked_size(size)
        self.label = label
        self._finished: tuple[Stroke, ...] = ()
        self._open: list[Point] | None = None
        self._points = 0

    @classmethod
    def from_strokes(
        cls,
        strokes: Iterable[Iterable[Sequence[float]]],
        size: float = PAD_SIZE,
        label: str | None = None,
    ) -> Drawing:
        """Make a drawing of `[[[x, y], ...], ...]`; strokes without points are dropped.

        Raises `UploadError` when a point is not a pair of finite numbers, or there are too many.
        """
        drawing = cls(size, label)
        for stroke in _checked_list(strokes, "the strokes are"):
            points = [_checked_point(point) for point in _checked_list(stroke, "a stroke is")]
            drawing._points += len(points)
            if points:
                drawing._finished += (tuple(drawing._clamped(x, y) for x, y in points),)
            if len(drawing._finished) > MAX_STROKES or drawing._points > MAX_POINTS:
                raise UploadError(
                    f"The drawing has more than {MAX_STROKES} strokes or {MAX_POINTS:,} points; "
                    "draw it simpler or split it."
                )
        return drawing

    @classmethod
    def from_dict(cls, data: object) -> Drawing:
        """Make a drawing of a dictionary from `to_dict`; `size` and `label` may be missing.

        Other keys are ignored, so a line of a JSON-lines file of drawings can be passed as it is.
        Raises `UploadError` when `data` is not a drawing.
        """
        if not isinstance(data, Mapping) or "strokes" not in data:
            raise UploadError(
                'This is not a drawing: expected an object such as {"strokes": [[[10, 20], ...]]}.'
            )
        label = _checked_label(data.get("label"))
        return cls.from_strokes(data["strokes"], data.get("size", PAD_SIZE), label)

    @classmethod
    def from_json(cls, text: str | bytes) -> Drawing:
        """Make the first drawing of a JSON or JSON-lines text, at most `MAX_JSON` long.

        Raises `UploadError` when it is not JSON, not a drawing, or too large.
        """
        start = text[:MAX_JSON]
        if isinstance(start, bytes):
            # Bytes that are not UTF-8 are not JSON either: the error below says so.
            start = start.decode("utf-8-sig", "replace")
        try:
            data = json.JSONDecoder().raw_decode(start.lstrip())[0]
        except (ValueError, RecursionError) as error:
            reason = "it is not JSON"
            if len(text) > MAX_JSON:
                reason = f"its first {MAX_JSON // 2**20} MB contain no complete drawing"
            raise UploadError(
                f"The drawing cannot be read: {reason}. Choose a file that was saved here."
            ) from error
        return cls.from_dict(data)

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
    def is_blank(self) -> bool:
        """Whether nothing has been drawn."""
        return not self._finished and not self._open

    @property
    def is_drawing(self) -> bool:
        """Whether a stroke is open: begun and not ended."""
        return self._open is not None

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
        """End the open stroke, if there is one."""
        self._finished, self._open = self.strokes, None

    def __eq__(self, other: object) -> bool:
        """Compare strokes, size and label."""
        return isinstance(other, Drawing) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # a drawing changes

    def __repr__(self) -> str:
        label = "" if self.label is None else f", label={self.label!r}"
        strokes = counted(len(self.strokes), "stroke")
        return f"<Drawing of {strokes}, {counted(self._points, 'point')}{label}>"

    def _clamped(self, x: float, y: float) -> Point:
        return min(max(float(x), 0.0), self.size), min(max(float(y), 0.0), self.size)


def _checked_size(size: object) -> float:
    number = _number(size)
    if not _SIZE_RANGE[0] <= number <= _SIZE_RANGE[1]:
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
    x, y = map(_number, values)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise _bad_strokes("a coordinate is not a finite number")
    return x, y


def _number(value: object) -> float:
    """Return a number as a float, NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _bad_strokes(what: str) -> UploadError:
    return UploadError(
        f"The drawing cannot be read: {what}. Strokes are lists of points [x, y], such as "
        "[[[10, 20], [30, 40]]]."
    )


def _kind(value: object) -> str:
    return f"of type {type(value).__name__}"
