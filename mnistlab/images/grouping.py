"""Which parts of an input belong to one digit: by their places, and by a model where in doubt.

A part is a stroke or a connected piece of ink. Parts that touch or lie above each other belong to
one digit, parts with a wide gap do not. Cases in between, such as the detached cap of a 5 or a
slanted neighbour, are decided by a model: all ways to join neighbouring parts are compared by the
probability that each joined image is a digit.

The constants below were tuned on strings of the writers `tuned` in `benchmarks/strings.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
DigitScore = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

MAX_DIGITS = 20  # more parts than that are not a row of digits
_MANY = 200  # parts to examine one by one: a grid or a scribble has thousands
_TOUCHING = 0.05  # of the digits' height: strokes this near touch, given the pen's width
_ABOVE = 0.6  # of the narrower part's width lies under or over the other: one digit
_APART = 0.1  # of the height: parts with such a gap are two digits
_THIN = 0.25  # of the height: narrower parts count as this wide
_BESIDE = 0.2  # of the shorter part's height: less in common, and they stand one on the other
_SHORT = 0.3  # of a neighbour's height: a part that is not a digit by itself
_LOOSE = 0.2  # of the neighbour's height: how far off such a part may lie
_DOT = 0.2  # of the largest part: a smaller part that lies alone is not a digit
_UNEQUAL = 0.75  # the height of one half of an open 4, as a fraction of the other's
_UNDER = 0.25  # of the narrower half's width lies within the other
_OPEN = 0.1  # of the height: how far apart the halves are
_WIDEST = 1.7  # of the height: no digit is wider
_MOST_PARTS = 4  # that one digit is joined from
_GAP_SPEAKS = 4.0  # how much a gap as wide as the height counts, in log likelihood
_EVEN_SPEAKS = 3.0  # how much being of equal height counts


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


def around(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def group_parts(
    parts: list[Part],
    near: Callable[[Part, Part, float], bool],
    image_of: Callable[[Part], NDArray[np.uint8]],
    digit_score: DigitScore | None,
) -> list[Part]:
    """Join parts to digits and return them from left to right.

    Parameters
    ----------
    near : whether two parts come as near as a distance to each other
    image_of : the (28, 28) image of parts that were joined
    digit_score : images (n, 28, 28) uint8 -> (n,) in 0..1, the probability that each is a digit;
        without it, places decide alone
    """
    if len(parts) > _MANY:
        return [_join(parts)]
    parts = _joined(parts, lambda a, b: _is_above(a, b) or near(a, b, _TOUCHING * _size(a, b)))
    if len(parts) > MAX_DIGITS:
        return [_join(parts)]
    parts = _without_loose(parts)
    parts.sort(key=lambda part: part.box[0] + part.box[2])
    if digit_score is None:
        return _joined(parts, lambda a, b: _is_open(a, b) and near(a, b, _OPEN * _size(a, b)))
    groups: list[list[Part]] = []
    for part in parts:
        if groups and _gap(_join(groups[-1]).box, part.box) <= _APART * _size(*groups[-1], part):
            groups[-1].append(part)
        else:
            groups.append([part])
    return [digit for group in groups for digit in _best(group, image_of, digit_score)]


def _join(parts: list[Part]) -> Part:
    members = tuple(member for part in parts for member in part.members)
    return Part(around([part.box for part in parts]), members)


def _joined(parts: list[Part], belong: Callable[[Part, Part], bool]) -> list[Part]:
    """Join parts that certainly belong together, until none are left."""
    done: list[Part] = []
    for part in parts:
        while (other := next((o for o in done if belong(o, part)), None)) is not None:
            done.remove(other)
            part = _join([other, part])
        done.append(part)
    return done


def _size(*parts: Part) -> float:
    """Return the size of the largest digit among parts; one that lies down counts half."""
    return max(1e-6, *(max(part.height, part.width / 2) for part in parts))


def _is_above(a: Part, b: Part) -> bool:
    # The floor: a thin digit, a 1, beside a slanted neighbour lies within its width by chance.
    beside = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1]) > _BESIDE * min(a.height, b.height)
    narrower = max(min(a.width, b.width), (_THIN if beside else 0.05) * _size(a, b))
    return -_gap(a.box, b.box) > _ABOVE * narrower


def _is_open(a: Part, b: Part) -> bool:
    """Whether parts are like those of an open 4: unequal, one within the other's width."""
    narrower = max(min(a.width, b.width), _THIN * _size(a, b))
    low, high = sorted((a.height, b.height))
    return low < _UNEQUAL * high and -_gap(a.box, b.box) > _UNDER * narrower


def _without_loose(parts: list[Part]) -> list[Part]:
    """Join what is too short, a cap, bar or foot, to the part closest to it; drop lone dots."""
    digits = list(parts)
    for part in sorted(parts, key=lambda part: part.height):
        others = [o for o in digits if o is not part and part.height < _SHORT * o.height]
        others = [o for o in others if _gap(part.box, o.box) < _LOOSE * o.height]
        if others:
            closest = min(others, key=lambda o: _gap(part.box, o.box))
            digits = [o for o in digits if o is not part and o is not closest]
            digits.append(_join([closest, part]))
    largest = max((_size(part) for part in digits), default=0.0)
    return [part for part in digits if _size(part) >= _DOT * largest]


def _gap(a: Box, b: Box) -> float:
    """Return the gap between two boxes along x; negative where they overlap."""
    return max(a[0], b[0]) - min(a[2], b[2])


def _best(
    parts: list[Part],
    image_of: Callable[[Part], NDArray[np.uint8]],
    digit_score: DigitScore,
) -> list[Part]:
    """Return the likeliest way to join neighbours among parts in order (dynamic programming)."""
    if len(parts) == 1:
        return parts
    height = _size(*parts)
    runs = {
        (i, j): part
        for i in range(len(parts))
        for j in range(i, min(i + _MOST_PARTS, len(parts)))
        if (part := _join(parts[i : j + 1])).width <= _WIDEST * height or i == j
    }
    images = np.stack([image_of(part) for part in runs.values()])
    scores = np.log(np.clip(digit_score(images), 1e-3, 1.0)).tolist()
    worth = dict(zip(runs, scores, strict=True))
    best: list[tuple[float, list[Part]]] = [(0.0, [])]
    for end in range(len(parts)):
        ways = []
        for start in range(end + 1):
            if (start, end) in runs:
                value, before = best[start]
                value += worth[start, end]
                if start:
                    value += _parting(parts[start - 1], parts[start])
                ways.append((value, [*before, runs[start, end]]))
        best.append(max(ways, key=lambda way: way[0]))
    return best[-1][1]


def _parting(a: Part, b: Part) -> float:
    """Return the evidence for two digits, a gap and equal height, as a log likelihood."""
    low, high = sorted((a.height, b.height))
    even = low / high if high else 1.0  # two dots, or two level lines: both have no height
    return _GAP_SPEAKS * max(_gap(a.box, b.box) / _size(a, b), -0.25) + _EVEN_SPEAKS * even
