"""Two models side by side: verdict, confusion matrices, figures by digit, and robustness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlab.markup import escape, note, number, signed, table
from mnistlab.metrics.evaluation import Pair, Robustness
from mnistlab.metrics.seed_comparison import SeedComparison
from mnistlab.models.config import TITLES
from mnistlab.texts import counted, percent

Matrix = NDArray[np.int64]
"""`(n, n)`, numbers of images: rows are true digits, columns predicted ones."""


def verdict(pair: Pair) -> str:
    """The sentence that says which model is better, and the four counts behind it."""
    c, (title_a, title_b) = pair.comparison, pair.titles
    counts = table(
        ["", f"{title_b} right", f"{title_b} wrong"],
        [
            [f"{title_a} right", f"{c.both_right:,}", f"{c.only_a:,}"],
            [f"{title_a} wrong", f"{c.only_b:,}", f"{c.neither:,}"],
        ],
        "Test images by which model is right",
    )
    return f"<p class='ml-sentence'>{escape(pair.verdict)}</p>{counts}"


def seeds_verdict(seeds: SeedComparison, pair: Pair) -> str:
    """The sentence on training again with the settings of A and B, and the question it answers."""
    names = [TITLES.get(e.card.get("architecture", ""), e.title) for e in pair.evaluations]
    if names[0] == names[1]:
        names = list(pair.titles)
    question = note(
        "The verdict above is about these two trained networks. The next sentence is about their "
        "settings: would training again, with other seeds, give the better model again?"
    )
    return question + f"<p class='ml-sentence'>{escape(seeds.verdict(*names))}</p>"


def corrected_table(given: Pair, corrected: Pair) -> str:
    """Both models' figures on the labels as given and on corrected ones, and how far they move."""
    rows = []
    for a, b in zip(given.evaluations, corrected.evaluations, strict=True):
        old, new = a.scores, b.scores
        moves = f"{signed(100 * (new.accuracy - old.accuracy), '.2f')} points"
        misread = [f"{s.n - round(s.accuracy * s.n):,} of {s.n:,}" for s in (old, new)]
        macro = [number(s.f1_macro, ".4f") for s in (old, new)]
        accuracies = percent(old.accuracy), percent(new.accuracy)
        rows.append([a.title, *accuracies, moves, *misread, *macro])
    head = [
        "Model", "Accuracy as given", "corrected", "moves by", "Misread as given", "corrected",
        "F1 macro as given", "corrected",
    ]  # fmt: skip
    return table(head, rows, "Figures on the labels as given and as corrected")


def confusion_table(matrix: Matrix, title: str) -> str:
    """A model's confusion matrix as a table; `title` is the model's."""
    worst = max(1, int(matrix[~np.eye(len(matrix), dtype=bool)].max(initial=0)))

    def cell(true: int, guess: int) -> str:
        count = int(matrix[true, guess])
        if true == guess:
            return f"<td class='ml-right'>{count}</td>"
        return (
            f"<td class='ml-wrong' style='--fraction:{count / worst:.2f}' "
            f"title='{count} of digit {true} read as {guess}'>{count or ''}</td>"
        )

    return _square_table(f"{title}: true digit by row, predicted by column", len(matrix), cell)


def difference_table(matrix_a: Matrix, matrix_b: Matrix, title_a: str, title_b: str) -> str:
    """The confusion matrix of A minus that of B: signed numbers of images."""
    difference = matrix_a - matrix_b
    largest = max(1, int(np.abs(difference).max(initial=0)))
    names = escape(title_a), escape(title_b)

    def cell(true: int, guess: int) -> str:
        value = int(difference[true, guess])
        if not value:
            return "<td></td>"
        kind, (more, less) = ("more", names) if value > 0 else ("less", names[::-1])
        return (
            f"<td class='ml-{kind}' style='--fraction:{abs(value) / largest:.2f}' "
            f"title='digit {true} read as {guess}: {abs(value)} more by {more} than by {less}'>"
            f"{signed(value)}</td>"
        )

    caption = f"{title_a} minus {title_b} (images): + where {title_a} has more"
    return _square_table(caption, len(difference), cell)


def _square_table(caption: str, digits: int, cell: Callable[[int, int], str]) -> str:
    head = "".join(f"<th scope='col'>{digit}</th>" for digit in range(digits))
    body = "".join(
        _row(str(true), (cell(true, guess) for guess in range(digits))) for true in range(digits)
    )
    return (
        f"<div class='ml-scroll ml-matrix-box' tabindex='0' role='region' "
        f"aria-label='{escape(caption)}'><table class='ml-matrix'>"
        f"<caption>{escape(caption)}</caption>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def per_class_table(pair: Pair) -> str:
    """Precision, recall and F1 of each digit for two models; the better one of two is marked."""
    scores_a, scores_b = pair.a.scores, pair.b.scores
    names = ("precision", "recall", "f1")
    figures = [(getattr(scores_a, name), getattr(scores_b, name)) for name in names]
    rows = [
        _row(str(digit), [f"<td>{images:,}</td>", *(_two(a[digit], b[digit]) for a, b in figures)])
        for digit, images in enumerate(scores_a.confusion.sum(axis=1))
    ]
    return _grouped_table(
        "class='ml-table ml-per-class'",
        ["Digit", "Images"],
        [(title, pair.titles) for title in ("Precision", "Recall", "F1")],
        rows,
        "Precision, recall and F1 by digit",
    ) + note("▲ marks the better of two.")


def _two(a: float, b: float) -> str:
    texts = f"{a:.4f}", f"{b:.4f}"
    # Marked by what is shown: a mark between two equal numbers would only puzzle.
    return "".join(
        f"<td class='ml-better'><abbr title='better'>▲</abbr> {text}</td>"
        if text > other
        else f"<td>{text}</td>"
        for text, other in (texts, texts[::-1])
    )


def robustness_table(results: Sequence[Robustness]) -> str:
    """Accuracy by corruption (rows) and severity (columns) of each model, with the means.

    The results are of the same corruptions, severities and images; of none, the text is empty.
    """
    if not results:
        return ""
    means = [[r.title, percent(r.clean, 1), percent(r.mean, 1)] for r in results]
    rows = [
        _row(name, (_accuracies(result.accuracy[i]) for result in results))
        for i, name in enumerate(results[0].corruptions)
    ]
    return (
        table(["Model", "Unchanged images", "Mean over all corruptions"], means, "Means")
        + _grouped_table(
            "class='ml-matrix ml-robustness'",
            ["Corruption"],
            [(r.title, [*map(str, r.severities), "mean"]) for r in results],
            rows,
            "Accuracy by corruption and severity",
            "<caption>Accuracy in percent, by corruption and severity</caption>",
        )
        + note(f"{counted(results[0].n, 'image')} in each cell; darker cells have more errors.")
    )


def _accuracies(values: NDArray[np.float64]) -> str:
    """Cells of a corruption's accuracies by severity, and of their mean."""
    return "".join(
        f"<td class='{kind}ml-wrong' style='--fraction:{1 - accuracy:.2f}'>"
        f"{100 * accuracy:.1f}</td>"
        for kind, accuracy in (*(("", value) for value in values), ("ml-mean ", values.mean()))
    )


def _grouped_table(
    attributes: str,
    first: Sequence[str],
    groups: Sequence[tuple[str, Sequence[str]]],
    rows: Iterable[str],
    label: str,
    caption: str = "",
) -> str:
    """A table whose columns, after the first ones, are grouped under a title each."""
    top = "".join(f"<th scope='col' rowspan='2'>{name}</th>" for name in first) + "".join(
        f"<th scope='colgroup' colspan='{len(names)}'>{escape(title)}</th>"
        for title, names in groups
    )
    below = "".join(f"<th scope='col'>{escape(name)}</th>" for _, names in groups for name in names)
    return (
        f"<div class='ml-scroll' tabindex='0' role='region' aria-label='{label}'>"
        f"<table {attributes}>{caption}<thead><tr>{top}</tr>"
        f"<tr>{below}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _row(name: str, cells: Iterable[str]) -> str:
    return f"<tr><th scope='row'>{escape(name)}</th>{''.join(cells)}</tr>"
