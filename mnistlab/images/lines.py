"""Which line of writing each part of an input stands on.

There are several lines only where one digit stands above another. Otherwise the digits of a row
may rise, fall or lie at uneven heights as they like: reading from left to right is right anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mnistlab.images.parts import Part, gap

_TALL = 0.5  # of the tallest part: shorter ones are caps, bars and specks
_THIN = 0.25  # of a digit's height: narrower digits count as this wide
_SUNK = 0.25  # of a digit's height: how far digits of two lines may reach into each other's
_STACKED = 1.4  # of a digit's height: two digits above each other are at least so high
_BROKEN = 0.35  # of the height of two parts alone: nearer ones are the halves of one digit
_LEANING = np.linspace(-0.3, 0.3, 13)  # slopes of lines that are tried
_LEVEL = 0.3  # of a gap for each unit of slope: a level line is likelier


def split_lines(parts: list[Part]) -> list[list[Part]]:
    """Return the parts of each line, from the top line to the lowest."""
    tall = [part for part in parts if part.height >= _TALL * max(p.height for p in parts)]
    size = float(np.median([part.height for part in tall])) if tall else 0.0
    stacked = [pair for pair in combinations(tall, 2) if _is_stacked(*pair, size)]
    if len(tall) == 2 and _distance(*tall) < _BROKEN * size:
        return [parts]
    split = _widest_split(tall, stacked, size) if stacked else None
    if split is None:
        return [parts]
    upper = [part for part in parts if _nearest(part, tall) in split]
    lower = [part for part in parts if _nearest(part, tall) not in split]
    return split_lines(upper) + split_lines(lower)


def _is_stacked(a: Part, b: Part, size: float) -> bool:
    """Whether two tall parts are digits that stand above each other."""
    upper, lower = sorted((a, b), key=lambda part: part.box[1] + part.box[3])
    if lower.box[1] - upper.box[3] < -_SUNK * size or lower.box[3] - upper.box[1] < _STACKED * size:
        return False
    narrow, wide = sorted((a, b), key=lambda part: part.width)
    middle = (narrow.box[0] + narrow.box[2]) / 2
    reach = max(0.0, _THIN * size - wide.width) / 2
    return wide.box[0] - reach <= middle <= wide.box[2] + reach


def _widest_split(
    tall: Sequence[Part], stacked: Sequence[tuple[Part, Part]], size: float
) -> set[Part] | None:
    """Return the parts above the widest gap, level or leaning, that parts a stacked pair."""
    x, top, bottom = np.array([((p.box[0] + p.box[2]) / 2, p.box[1], p.box[3]) for p in tall]).T
    best, chosen = -_SUNK * size, None
    for slope in _LEANING:
        order = np.argsort(top + bottom - 2 * slope * x)
        high, low = (top - slope * x)[order], (bottom - slope * x)[order]
        gaps = np.minimum.accumulate(high[::-1])[::-1][1:] - np.maximum.accumulate(low)[:-1]
        gaps -= _LEVEL * abs(slope) * size
        for at in np.flatnonzero(gaps > best):
            upper = {tall[i] for i in order[: at + 1]}
            if gaps[at] > best and any((a in upper) != (b in upper) for a, b in stacked):
                best, chosen = gaps[at], upper
    return chosen


def _nearest(part: Part, tall: Sequence[Part]) -> Part:
    """Return the tall part that a part, perhaps a cap or a bar, lies closest to: itself if tall."""
    return part if part in tall else min(tall, key=lambda other: _distance(part, other))


def _distance(a: Part, b: Part) -> float:
    across = max(0.0, gap(a.box, b.box))
    down = max(0.0, max(a.box[1], b.box[1]) - min(a.box[3], b.box[3]))
    return float(np.hypot(across, down))
