"""What several seeds of the same settings say about two models, beside what one pair says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mnistlab.figures.results import one_of_each_seed, seed_groups
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.seeds import compare_seeds
from mnistlab.ui import components as ui


def siblings(of: Evaluation, known: Mapping[str, Evaluation]) -> list[Evaluation]:
    """Models of the same settings, one for each seed."""
    groups = seed_groups(list(known.values()))
    mine = next(group for group in groups if any(each.model == of.model for each in group))
    return one_of_each_seed(mine)


def seeds_html(a: Evaluation, b: Evaluation, known: Mapping[str, Evaluation]) -> str:
    """A sentence on the seeds of A's and B's settings; empty where there is one of each."""
    groups = [siblings(each, known) for each in (a, b)]
    same = groups[0][0].model == groups[1][0].model
    if same or min(map(len, groups)) < 2:
        return ""
    accuracies = [[each.scores.accuracy for each in group] for group in groups]
    verdict = compare_seeds(*accuracies).verdict(*_names(a, b))
    return (
        f"<div class='ml-seeds-say'><p class='ml-note'>{_PAIR_QUESTION}</p>"
        f"<p class='ml-sentence'>{ui.escape(verdict)}</p>"
        f"<p class='ml-note'>{_SEEDS_QUESTION}</p></div>"
    )


def _names(a: Evaluation, b: Evaluation) -> Sequence[str]:
    """The settings' names: the network's, or the models' own where both are of one kind."""
    names = [str(each.card.get("architecture", each.title)).upper() for each in (a, b)]
    return names if names[0] != names[1] else [a.title, b.title]


_PAIR_QUESTION = (
    "The sentence above asks: do these two trained models differ on digits like the test images?"
)
_SEEDS_QUESTION = (
    "This one asks: would training again, with other seeds, give the better model again?"
)
