"""How far the figures move when wrong test labels are put right."""

from __future__ import annotations

from collections.abc import Sequence

from mnistlab.figures.markup import percent, table
from mnistlab.metrics.evaluation import Evaluation


def corrected_table(published: Sequence[Evaluation], corrected: Sequence[Evaluation]) -> str:
    """The same models' figures on both sets of labels, and the difference."""
    rows = []
    for before, after in zip(published, corrected, strict=True):
        a, b = before.scores, after.scores
        rows.append(
            [
                before.title,
                f"{percent(a.accuracy)} of {a.n:,}",
                f"{percent(b.accuracy)} of {b.n:,}",
                f"{100 * (b.accuracy - a.accuracy):+.2f} points",
                f"{b.f1_macro - a.f1_macro:+.4f}",
                f"{b.nll - a.nll:+.4f}",
            ]
        )
    head = ["Model", "labels as published", "corrected", "accuracy", "F1 macro", "loss"]
    left_out = published[0].scores.n - corrected[0].scores.n
    return (
        table(head, rows, "Figures on published and on corrected labels")
        + "<p class='ml-note'>Ten labels corrected after the published study of label errors, "
        f"{left_out} images left out that are no digit or on which no two people agree.</p>"
    )
