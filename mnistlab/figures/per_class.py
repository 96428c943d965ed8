"""How well each digit is read, by two models."""

from __future__ import annotations

from mnistlab.figures.markup import escape, table
from mnistlab.metrics.scores import Scores


def per_class_table(a: Scores, b: Scores, title_a: str, title_b: str) -> str:
    """Precision, recall and F1 by digit for both; the better F1 carries a mark."""
    head = ["digit", "images"]
    for title in (title_a, title_b):
        head += [f"{title} precision", "recall", "F1"]
    rows = []
    for digit in range(10):
        row = [str(digit), f"{int(a.confusion[digit].sum()):,}"]
        for mine, other in ((a, b), (b, a)):
            mark = " ▲" if mine.f1[digit] > other.f1[digit] else ""
            row += [
                f"{mine.precision[digit]:.4f}",
                f"{mine.recall[digit]:.4f}",
                f"{mine.f1[digit]:.4f}{mark}",
            ]
        rows.append(row)
    note = "▲ marks the higher F1. One digit's difference is rarely more than chance."
    label = f"Precision, recall and F1 of {title_a} and {title_b} by digit"
    return f"{table(head, rows, label)}<p class='ml-note'>{escape(note)}</p>"
