"""Which digits are taken for which, and what that says of two models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mnistlab.figures.markup import escape, table
from mnistlab.metrics.comparison import Comparison


def verdict(result: Comparison, title_a: str, title_b: str) -> str:
    """The sentence that says which is better, and how the images fall."""
    counts = table(
        ["", f"{title_b} right", f"{title_b} wrong"],
        [
            [f"{title_a} right", f"{result.both_right:,}", f"{result.only_a:,}"],
            [f"{title_a} wrong", f"{result.only_b:,}", f"{result.neither:,}"],
        ],
        "Test images by which model reads them",
    )
    return f"<p class='ml-sentence'>{escape(result.verdict(title_a, title_b))}</p>{counts}"


def confusion_table(matrix: np.ndarray, title: str) -> str:
    """A confusion matrix (10, 10) as a table: rows are true digits, columns predicted ones."""
    errors = matrix * (1 - np.eye(10, dtype=matrix.dtype))
    worst = max(1, int(errors.max()))

    def cell(true: int, predicted: int) -> str:
        count = int(matrix[true, predicted])
        if true == predicted:
            return f"<td class='ml-right'>{count}</td>"
        return (
            f"<td class='ml-wrong' style='--share:{count / worst:.2f}' "
            f"title='{count} of digit {true} read as {predicted}'>{count or ''}</td>"
        )

    return _matrix(f"{title}: true digit by row, read as by column", cell)


def difference_table(a: np.ndarray, b: np.ndarray, title_a: str, title_b: str) -> str:
    """Where A errs more often than B (+) and less often (-), in images."""
    difference = a.astype(int) - b.astype(int)
    np.fill_diagonal(difference, 0)
    most = max(1, int(np.abs(difference).max()))

    def cell(true: int, predicted: int) -> str:
        if true == predicted:
            return "<td class='ml-right'></td>"
        count = int(difference[true, predicted])
        more, text = ("ml-more-a", f"+{count}") if count > 0 else ("ml-more-b", f"−{-count}")
        return (
            f"<td class='{more if count else ''}' style='--share:{abs(count) / most:.2f}'>"
            f"{text if count else ''}</td>"
        )

    return _matrix(f"Errors of {title_a} less those of {title_b}", cell)


def _matrix(caption: str, cell: Callable[[int, int], str]) -> str:
    head = "".join(f"<th scope='col'>{digit}</th>" for digit in range(10))
    body = "".join(
        f"<tr><th scope='row'>{true}</th>{''.join(cell(true, p) for p in range(10))}</tr>"
        for true in range(10)
    )
    return (
        f"<div class='ml-scroll ml-matrix-box'><table class='ml-matrix'><caption>{escape(caption)}"
        f"</caption><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
