"""Which parts of an input belong to one digit: by their places, and by models where in doubt.

1. Strokes that touch are joined. `lines` tells which line of writing each part stands on.
2. In a line, parts above each other belong to one digit, parts with a wide gap do not.
3. Cases in between, such as the detached cap of a 5 or a slanted neighbour, are decided by models:
   all ways to join neighbouring parts are compared by the probability that each joined image is a
   digit.
4. What is wide and no digit for the models may be digits that touch: the same comparison is made
   among its fragments.

The constants below were tuned on tuning data, strings of the writers `tuned` in
`benchmarks/strings.py`; `_CUT_DIGIT` also on a picture of touching digits that was read wrongly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.lines import split_lines
from mnistlab.images.parts import Part, Writing, gap, join

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
_NARROW = 0.7  # of the height: narrower parts are not taken for digits that touch
_DOUBTFUL = 0.8  # a digit score below which a digit may be several that touch
_GAP_SPEAKS = 4.0  # how much a gap as wide as the height counts, in log likelihood
_EVEN_SPEAKS = 3.0  # how much being of equal height counts
_WIDE = 0.9  # of the height: wider digits are rarer
_WIDTH_SPEAKS = 5.0  # how much each height of width above that counts
_LOW = 0.5  # of the height of digits that touch: none is lower
_AGAIN_SPEAKS = -2.5  # the least worth of a side that is wide enough for two digits
_CUT_DIGIT = 0.1  # the lowest score of a digit that is cut off
_TRIES = 3  # cuts that are followed up, the likeliest first
_CUT_SPEAKS = -0.5  # how much it counts that two digits would have to touch


class Run(NamedTuple):
    """A way to read some of a line's parts as one digit."""

    part: Part
    worth: float
    """The log of its digit score, less what its width speaks against it."""


def group_parts(writing: Writing, digit_score: DigitScore | None) -> list[list[Part]]:
    """Join the parts of an input to digits: those of each line from left to right.

    Parameters
    ----------
    digit_score : images (n, 28, 28) uint8 -> (n,) in 0..1, the probability that each is a digit;
        without it, places decide alone, and nothing is cut
    """
    parts = writing.parts
    if len(parts) > _MANY:
        return [[join(parts)]]
    parts = _joined(parts, lambda a, b: writing.near(a, b, _TOUCHING * _size(a, b)))
    lines = [_joined(line, _is_above) for line in split_lines(parts)] if parts else []
    if sum(map(len, lines)) > MAX_DIGITS:
        return [[join(parts)]]
    return [_read_line(line, writing, digit_score) for line in lines]


def _read_line(parts: list[Part], writing: Writing, digit_score: DigitScore | None) -> list[Part]:
    parts = _without_loose(parts)
    parts.sort(key=_middle)
    if digit_score is None:
        return _joined(
            parts, lambda a, b: _is_open(a, b) and writing.near(a, b, _OPEN * _size(a, b))
        )
    found: list[Part] = []
    for group in _neighbours(parts):
        found += _likeliest(group, writing, digit_score)
    return found


def _neighbours(parts: list[Part]) -> Iterator[list[Part]]:
    """Yield parts in order, together where no clear gap tells them apart."""
    group: list[Part] = []
    for part in parts:
        if group and gap(join(group).box, part.box) > _APART * _size(*group, part):
            yield group
            group = []
        group.append(part)
    if group:
        yield group


def _joined(parts: list[Part], belong: Callable[[Part, Part], bool]) -> list[Part]:
    """Join parts that certainly belong together, until none are left."""
    done: list[Part] = []
    for part in parts:
        while (other := next((o for o in done if belong(o, part)), None)) is not None:
            done.remove(other)
            part = join([other, part])
        done.append(part)
    return done


def _size(*parts: Part) -> float:
    """Return the size of the largest digit among parts; one that lies down counts half."""
    return max(1e-6, *(max(part.height, part.width / 2) for part in parts))


def _is_above(a: Part, b: Part) -> bool:
    # The floor: a thin digit, a 1, beside a slanted neighbour lies within its width by chance.
    beside = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1]) > _BESIDE * min(a.height, b.height)
    narrower = max(min(a.width, b.width), (_THIN if beside else 0.05) * _size(a, b))
    return -gap(a.box, b.box) > _ABOVE * narrower


def _is_open(a: Part, b: Part) -> bool:
    """Whether parts are like those of an open 4: unequal, one within the other's width."""
    narrower = max(min(a.width, b.width), _THIN * _size(a, b))
    low, high = sorted((a.height, b.height))
    return low < _UNEQUAL * high and -gap(a.box, b.box) > _UNDER * narrower


def _without_loose(parts: list[Part]) -> list[Part]:
    """Join what is too short, a cap, bar or foot, to the part closest to it; drop lone dots."""
    digits = list(parts)
    for part in sorted(parts, key=lambda part: part.height):
        others = [o for o in digits if o is not part and part.height < _SHORT * o.height]
        others = [o for o in others if gap(part.box, o.box) < _LOOSE * o.height]
        if others:
            closest = min(others, key=lambda o: gap(part.box, o.box))
            digits = [o for o in digits if o is not part and o is not closest]
            digits.append(join([closest, part]))
    largest = max((_size(part) for part in digits), default=0.0)
    return [part for part in digits if _size(part) >= _DOT * largest]


def _likeliest(parts: list[Part], writing: Writing, digit_score: DigitScore) -> list[Part]:
    """Return the digits of neighbouring parts, in order."""
    if len(parts) == 1 and parts[0].width < _NARROW * parts[0].height:
        return parts  # most digits: they need no score
    runs = _best_runs(parts, writing, digit_score)
    return [
        digit.part
        for run in runs
        for digit in _cut(run, writing, digit_score, _LOW * run.part.height)
    ]


def _cut(whole: Run, writing: Writing, digit_score: DigitScore, lowest: float) -> list[Run]:
    """Return the digits that a part is cut into, or the part alone where it is better whole.

    None is lower than `lowest`, in the units of the boxes.
    """
    is_wide = whole.part.width >= _NARROW * whole.part.height
    cuts = writing.cuts(whole.part) if is_wide and whole.worth < np.log(_DOUBTFUL) else []
    cuts = [cut for cut in cuts if min(p.height for p in cut) >= lowest]
    if not cuts:
        return [whole]
    runs = _weighed([side for cut in cuts for side in cut], writing, digit_score)
    ways = sorted(zip(runs[::2], runs[1::2], strict=True), key=_sum_worth, reverse=True)
    for way in ways[:_TRIES]:
        if _sum_worth(way) + _CUT_SPEAKS <= whole.worth:
            break
        digits = [digit for side in way for digit in _cut(side, writing, digit_score, lowest)]
        if min(digit.worth for digit in digits) >= np.log(_CUT_DIGIT):
            return digits
    return [whole]


def _sum_worth(pair: tuple[Run, Run]) -> float:
    """Return the worth of two sides of a cut; a wide one may be several digits itself."""
    return sum(
        max(run.worth, _AGAIN_SPEAKS) if run.part.width > run.part.height else run.worth
        for run in pair
    )


def _weighed(parts: Sequence[Part], writing: Writing, digit_score: DigitScore) -> list[Run]:
    """Return parts with what they are worth as one digit each."""
    images = np.stack([writing.image(part) for part in parts])
    scores = np.log(np.clip(digit_score(images), 1e-3, 1.0)).tolist()
    return [Run(p, score + _width_speaks(p)) for p, score in zip(parts, scores, strict=True)]


def _best_runs(parts: list[Part], writing: Writing, digit_score: DigitScore) -> list[Run]:
    """Return the likeliest way to join neighbours among parts in order (dynamic programming)."""
    widest, n = _WIDEST * _size(*parts), len(parts)
    ends = [(i, j) for i in range(n) for j in range(i, min(i + _MOST_PARTS, n))]
    joined = {(i, j): join(parts[i : j + 1]) for i, j in ends}
    joined = {(i, j): part for (i, j), part in joined.items() if part.width <= widest or i == j}
    runs = dict(zip(joined, _weighed(list(joined.values()), writing, digit_score), strict=True))
    best: list[tuple[float, list[Run]]] = [(0.0, [])]
    for end in range(n):
        ways = []
        for start in range(end + 1):
            if (start, end) in runs:
                value, before = best[start]
                value += runs[start, end].worth
                value += _parting(parts[start - 1], parts[start]) if start else 0.0
                ways.append((value, [*before, runs[start, end]]))
        best.append(max(ways, key=lambda way: way[0]))
    return best[-1][1]


def _width_speaks(part: Part) -> float:
    """Return the evidence against a digit so wide, as a log likelihood."""
    return -_WIDTH_SPEAKS * max(0.0, part.width / max(part.height, 1e-6) - _WIDE)


def _parting(a: Part, b: Part) -> float:
    """Return the evidence for two digits, a gap and equal height, as a log likelihood."""
    low, high = sorted((a.height, b.height))
    even = low / high if high else 1.0  # two dots, or two level lines: both have no height
    return _GAP_SPEAKS * max(gap(a.box, b.box) / _size(a, b), -0.25) + _EVEN_SPEAKS * even


def _middle(part: Part) -> float:
    return part.box[0] + part.box[2]
