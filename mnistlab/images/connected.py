"""Connected pieces of ink."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


def label_components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], list[Box]]:
    """Number the 8-connected pieces of a mask.

    Rows are taken apart into runs, and runs that touch across rows are joined (two-pass labelling
    with union-find, Rosenfeld and Pfaltz, 1966): the work grows with the outline, not the area.

    Returns
    -------
    labels : array (h, w) int32
        0 outside, pieces from 1 in the order of their first pixels.
    boxes : list of tuples
        Left, top, right and bottom of each piece in pixels; right and bottom are exclusive.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    numbers = _joined_runs(rows.tolist(), starts.tolist(), stops.tolist())
    labels = np.zeros(mask.shape, np.int32)
    boxes: dict[int, Box] = {}
    for row, start, stop, number in zip(
        rows.tolist(), starts.tolist(), stops.tolist(), numbers, strict=True
    ):
        labels[row, start:stop] = number
        left, top, right, _ = boxes.get(number, (start, row, stop, row))
        boxes[number] = (min(left, start), top, max(right, stop), row + 1)
    return labels, [boxes[number] for number in range(1, len(boxes) + 1)]


def _joined_runs(rows: list[int], starts: list[int], stops: list[int]) -> list[int]:
    """Return the piece of each run, numbered from 1 in the order of their first runs."""
    parents = list(range(len(rows)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    above = 0
    for run, row in enumerate(rows):
        while above < run and (
            rows[above] < row - 1 or (rows[above] == row - 1 and stops[above] < starts[run])
        ):
            above += 1
        other = above
        while other < run and rows[other] == row - 1 and starts[other] <= stops[run]:
            a, b = root(other), root(run)
            parents[max(a, b)] = min(a, b)
            other += 1
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(run), len(numbers) + 1) for run in range(len(rows))]
