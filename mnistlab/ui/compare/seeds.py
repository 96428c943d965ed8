"""What several seeds of the same settings say about two models, beside what one pair says."""

from __future__ import annotations

import json
from collections.abc import Mapping

from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.seeds import compare_seeds
from mnistlab.ui import components as ui


def settings_key(evaluation: Evaluation) -> str:
    """The same for runs that differ in nothing but their seed."""
    config = {k: v for k, v in evaluation.card.get("config", {}).items() if k != "seed"}
    return json.dumps([config, evaluation.card.get("data", {})], sort_keys=True)


def siblings(of: Evaluation, known: Mapping[str, Evaluation]) -> list[Evaluation]:
    """Models of the same settings, one for each seed, ordered by it."""
    key = settings_key(of)
    by_seed = {each.card.get("seed"): each for each in known.values() if settings_key(each) == key}
    return [by_seed[seed] for seed in sorted(by_seed, key=str)]


def seeds_html(a: Evaluation, b: Evaluation, known: Mapping[str, Evaluation]) -> str:
    """A sentence on the seeds of A's and B's settings; empty where there is one of each."""
    groups = [siblings(each, known) for each in (a, b)]
    if settings_key(a) == settings_key(b) or min(map(len, groups)) < 2:
        return ""
    accuracies = [[each.scores.accuracy for each in group] for group in groups]
    names = [each.card.get("architecture", each.title).upper() for each in (a, b)]
    if names[0] == names[1]:
        names = [f"{name} as {letter}" for name, letter in zip(names, "AB", strict=True)]
    verdict = compare_seeds(*accuracies).verdict(*names)
    return (
        f"<div class='ml-seeds-say'><p class='ml-note'>{_PAIR_QUESTION}</p>"
        f"<p class='ml-sentence'>{ui.escape(verdict)}</p>"
        f"<p class='ml-note'>{_SEEDS_QUESTION}</p></div>"
    )


_PAIR_QUESTION = (
    "The sentence above asks: do these two trained models differ on digits like the test images?"
)
_SEEDS_QUESTION = (
    "This one asks: would training again, with other seeds, give the better model again?"
)
