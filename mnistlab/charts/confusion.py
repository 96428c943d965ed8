"""Confusion matrices, and the difference of two."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnistlab.markup import escape, signed

Matrix = NDArray[np.int64]


def confusion_table(matrix: Matrix, title: str) -> str:
    """A confusion matrix as a table: rows are true digits, columns predicted ones.

    Parameters
    ----------
    matrix : array (n, n) of numbers of images
    title : the model's
    """
    off_diagonal = matrix[~np.eye(len(matrix), dtype=bool)]
    worst = max(1, int(off_diagonal.max(initial=0)))

    def cell(true: int, guess: int) -> str:
        count = int(matrix[true, guess])
        if true == guess:
            return f"<td class='ml-right'>{count}</td>"
        return (
            f"<td class='ml-wrong' style='--fraction:{count / worst:.2f}' "
            f"title='{count} of digit {true} read as {guess}'>{count or ''}</td>"
        )

    return _matrix(f"{title}: true digit by row, predicted by column", len(matrix), cell)


def difference_table(matrix_a: Matrix, matrix_b: Matrix, title_a: str, title_b: str) -> str:
    """The confusion matrix of A minus that of B: signed numbers of images."""
    difference = np.asarray(matrix_a, np.int64) - np.asarray(matrix_b, np.int64)
    largest = max(1, int(np.abs(difference).max(initial=0)))
    names = escape(title_a), escape(title_b)

    def cell(true: int, guess: int) -> str:
        value = int(difference[true, guess])
        if not value:
            return "<td></td>"
        more, less = names if value > 0 else names[::-1]
        kind = "more" if value > 0 else "less"
        return (
            f"<td class='ml-{kind}' style='--fraction:{abs(value) / largest:.2f}' "
            f"title='digit {true} read as {guess}: {abs(value)} more by {more} than by {less}'>"
            f"{signed(value)}</td>"
        )

    caption = f"{title_a} minus {title_b} (images): + where {title_a} has more"
    return _matrix(caption, len(difference), cell)


def _matrix(caption: str, digits: int, cell: Callable[[int, int], str]) -> str:
    head = "".join(f"<th scope='col'>{digit}</th>" for digit in range(digits))
    body = "".join(
        f"<tr><th scope='row'>{true}</th>"
        + "".join(cell(true, guess) for guess in range(digits))
        + "</tr>"
        for true in range(digits)
    )
    return (
        "<div class='ml-scroll ml-matrix-box'><table class='ml-matrix'>"
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
