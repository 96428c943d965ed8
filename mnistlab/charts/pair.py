"""Two models side by side: the verdict, and figures by digit."""

from __future__ import annotations

from mnistlab.markup import escape, note, number, signed, table
from mnistlab.metrics.evaluation import Pair
from mnistlab.metrics.seed_comparison import SeedComparison
from mnistlab.models.config import TITLES
from mnistlab.texts import percent


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


def per_class_table(pair: Pair) -> str:
    """Precision, recall and F1 of each digit for two models; the better one of two is marked."""
    scores_a, scores_b = pair.a.scores, pair.b.scores
    figures = ("precision", "recall", "f1")
    groups = "".join(
        f"<th scope='colgroup' colspan='2'>{name}</th>" for name in ("Precision", "Recall", "F1")
    )
    names = "".join(f"<th scope='col'>{escape(title)}</th>" for title in pair.titles)
    support = scores_a.confusion.sum(axis=1)
    body = "".join(
        f"<tr><th scope='row'>{digit}</th><td>{int(support[digit]):,}</td>"
        + "".join(
            _two(float(getattr(scores_a, name)[digit]), float(getattr(scores_b, name)[digit]))
            for name in figures
        )
        + "</tr>"
        for digit in range(len(support))
    )
    return (
        "<div class='ml-scroll'><table class='ml-table ml-per-class' "
        "aria-label='Precision, recall and F1 by digit'>"
        "<thead><tr><th scope='col' rowspan='2'>Digit</th><th scope='col' rowspan='2'>Images</th>"
        f"{groups}</tr><tr>{names * len(figures)}</tr></thead><tbody>{body}</tbody></table></div>"
        + note("▲ marks the better of two.")
    )


def _two(a: float, b: float) -> str:
    texts = f"{a:.4f}", f"{b:.4f}"
    # Marked by what is shown: a mark between two equal numbers would only puzzle.
    better = (texts[0] > texts[1], texts[1] > texts[0])
    return "".join(
        f"<td class='ml-better'><abbr title='better'>▲</abbr> {text}</td>"
        if is_better
        else f"<td>{text}</td>"
        for text, is_better in zip(texts, better, strict=True)
    )


def corrected_table(given: Pair, corrected: Pair) -> str:
    """Both models' figures on the labels as given and on corrected ones, and how far they move."""
    rows = []
    for a, b in zip(given.evaluations, corrected.evaluations, strict=True):
        old, new = a.scores, b.scores
        wrong = [s.n - round(s.accuracy * s.n) for s in (old, new)]
        rows.append([
            a.title,
            percent(old.accuracy),
            percent(new.accuracy),
            f"{signed(100 * (new.accuracy - old.accuracy), '.2f')} points",
            f"{wrong[0]:,} of {old.n:,}",
            f"{wrong[1]:,} of {new.n:,}",
            number(old.f1_macro, ".4f"),
            number(new.f1_macro, ".4f"),
        ])  # fmt: skip
    head = [
        "Model", "Accuracy as given", "corrected", "moves by", "Misread as given", "corrected",
        "F1 macro as given", "corrected",
    ]  # fmt: skip
    return table(head, rows, "Figures on the labels as given and as corrected")
