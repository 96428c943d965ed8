"""Ways of writing a digit that can be told from its strokes alone, and that models find hard.

Each rule looks at one feature, in fractions of the digit's own width and height, so that a reader
can check it on paper. A rule can miss a digit or take one too many: the figures compare ways of
writing, they do not count them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.raster import spaced

Path = NDArray[np.float64]
Strokes = list[list[list[float]]]

_STEP = 0.02  # of the digit's longer side, between the points that the rules look at
_MIDDLE = 0.15  # of width and height on each side of the centre: a plain zero has no ink there
_FLAG = 0.08  # of the height that the pen climbs before the stem of a one goes down
_BAR = (0.3, 0.75)  # of the height, from the top: where a seven may be barred
_BELOW = 0.3  # of the height, from the top: where an open four shows two lines, far apart
_APART = 0.5  # of the width
_SLIM, _WIDE = 0.35, 1.0  # width by height


def ways(strokes: Strokes, label: str) -> list[str]:
    """Name all ways in which this drawing of a digit is written."""
    paths = _to_unit(strokes)
    count = len(paths)
    names = [f"{min(count, 3)}{'+' if count > 2 else ''} stroke{'s' if count > 1 else ''}"]
    width, height = _size(strokes)
    if width < _SLIM * height:
        names.append("slim")
    elif width > _WIDE * height:
        names.append("wide")
    if label in _RULES:
        way, otherwise, rule = _RULES[label]
        names.append(way if rule(paths) else otherwise)
    return names


def _size(strokes: Strokes) -> tuple[float, float]:
    points = np.concatenate([np.array(stroke, float) for stroke in strokes])
    width, height = np.ptp(points, axis=0)
    return float(width), float(height)


def _to_unit(strokes: Strokes) -> list[Path]:
    """Return the strokes in fractions of the digit's width and height, with points close by."""
    paths = [np.array(stroke, float) for stroke in strokes]
    low = np.min([path.min(axis=0) for path in paths], axis=0)
    size = np.maximum(np.max([path.max(axis=0) for path in paths], axis=0) - low, 1e-9)
    return [spaced((path - low) / size, _STEP) for path in paths]


def _is_slashed(paths: list[Path]) -> bool:
    """A zero with ink in its middle."""
    return any((np.abs(path - 0.5).max(axis=1) < _MIDDLE).any() for path in paths)


def _is_flagged(paths: list[Path]) -> bool:
    """A one whose pen first climbs to the top of the stem, or with another stroke up there."""
    stem, *others = sorted(paths, key=lambda path: -float(np.ptp(path[:, 1])))
    climbs = stem[0, 1] - stem[:, 1].min() > _FLAG
    return bool(climbs or any(path[:, 1].max() < 0.5 for path in others))


def _is_barred(paths: list[Path]) -> bool:
    """A seven with a stroke of its own through the stem."""
    low, high = _BAR
    return len(paths) > 1 and any(
        np.ptp(path[:, 0]) > np.ptp(path[:, 1]) and low < path[:, 1].mean() < high for path in paths
    )


def _is_open(paths: list[Path]) -> bool:
    """A four whose two lines do not meet at the top."""
    points = np.concatenate(paths)
    across = points[np.abs(points[:, 1] - _BELOW) < 2 * _STEP, 0]
    return bool(len(across) and np.ptp(across) > _APART)


_RULES = {
    "0": ("slashed 0", "plain 0", _is_slashed),
    "1": ("flagged 1", "plain 1", _is_flagged),
    "4": ("open 4", "closed 4", _is_open),
    "7": ("barred 7", "plain 7", _is_barred),
}
