"""One table over any number of models."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from mnistlab.markup import UNKNOWN, note, number, table
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.models.card import settings_key
from mnistlab.models.config import TITLES, network_title
from mnistlab.texts import duration, percent

Column = tuple[str, Callable[[Evaluation], str], Callable[[Evaluation], float | None] | None, str]


def results_table(evaluations: Sequence[Evaluation]) -> str:
    """A row for each model, and one with mean and spread where only seeds differ.

    What a model's card does not tell, and what is not measured yet, is an en dash.

    Parameters
    ----------
    evaluations : on the same test set
    """
    rows: list[list[str]] = []
    summaries = set()
    for group in seed_groups(evaluations):
        rows += [[text(e) for _, text, _, _ in _COLUMNS] for e in group]
        seeds = one_of_each_seed(group)
        if len(seeds) > 1:
            summaries.add(len(rows))
            rows.append(_summary(seeds))
    head = [name for name, _, _, _ in _COLUMNS]
    text = table(head, rows, "Models and their figures", frozenset(summaries))
    if summaries:
        text += note(
            "± is the standard deviation (sd) of the runs above, which differ in the seed."
        )
    return text


def seed_groups(evaluations: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Evaluations that differ in nothing but the seed, together; in the order they first come."""
    groups: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        settings = settings_key(evaluation.card) or f"unknown {evaluation.model}"
        groups.setdefault(settings, []).append(evaluation)
    return list(groups.values())


def one_of_each_seed(group: Sequence[Evaluation]) -> list[Evaluation]:
    """Without repeats of a seed: the same training twice is one observation."""
    return list({_config(e, "seed"): e for e in reversed(group)}.values())[::-1]


def _summary(group: Sequence[Evaluation]) -> list[str]:
    model = TITLES.get(_config(group[0], "model"), group[0].title)
    cells = [f"{model}, mean ± sd, {len(group)} seeds"]
    for _, _, value, form in _COLUMNS[1:]:
        values = [] if value is None else [value(e) for e in group]
        known = [v for v in values if v is not None]
        # Over fewer than all seeds a mean would stand for something else than the row says.
        complete = known if len(known) == len(group) else []
        cells.append(_mean_and_spread(complete, form) if complete else "")
    return cells


def _mean_and_spread(values: Sequence[float], form: str) -> str:
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    if form.endswith("%"):
        return f"{100 * mean:{form[:-1]}f} ± {100 * spread:{form[:-1]}f} %"
    unit = " s" if form == "s" else ""
    form = ".0f" if form == "s" else form
    return f"{mean:{form}} ± {spread:{form}}{unit}"


def _config(evaluation: Evaluation, name: str) -> Any:
    return (evaluation.card.get("config") or {}).get(name)


def _latency(evaluation: Evaluation) -> str:
    latency = evaluation.latency_ms
    if latency is None:
        return UNKNOWN
    return f"{latency.p50:.2f} / {latency.p90:.2f} / {latency.p99:.2f} ms"


def _seconds(evaluation: Evaluation) -> float | None:
    return evaluation.card.get("training_seconds")


def _duration(evaluation: Evaluation) -> str:
    seconds = _seconds(evaluation)
    return UNKNOWN if seconds is None else duration(seconds)


def _file_size(evaluation: Evaluation) -> str:
    size = evaluation.card.get("file_size")
    return UNKNOWN if size is None else f"{size / 1e6:.1f} MB"


# Title, text of a model's cell, and, where seeds are summed up, its value and format.
_COLUMNS: tuple[Column, ...] = (
    ("Model", lambda e: e.title, None, ""),
    ("Accuracy", lambda e: percent(e.scores.accuracy), lambda e: e.scores.accuracy, ".2%"),
    ("95 % interval", lambda e: " to ".join(map(percent, e.scores.accuracy_ci)), None, ""),
    ("F1 macro", lambda e: f"{e.scores.f1_macro:.4f}", lambda e: e.scores.f1_macro, ".4f"),
    ("F1 weighted", lambda e: f"{e.scores.f1_weighted:.4f}", lambda e: e.scores.f1_weighted, ".4f"),
    ("Loss", lambda e: f"{e.scores.nll:.4f}", lambda e: e.scores.nll, ".4f"),
    ("ECE", lambda e: f"{e.scores.ece:.4f}", lambda e: e.scores.ece, ".4f"),
    ("Brier", lambda e: f"{e.scores.brier:.4f}", lambda e: e.scores.brier, ".4f"),
    ("Latency p50 / p90 / p99", _latency, None, ""),
    (
        "Images per second",
        lambda e: number(e.images_per_second, ",.0f"),
        None,
        "",
    ),
    ("Training", _duration, _seconds, "s"),
    ("Epochs", lambda e: number(_config(e, "epochs")), None, ""),
    ("Network", lambda e: network_title(e.card), None, ""),
    ("Parameters", lambda e: number(e.card.get("parameters")), None, ""),
    ("File", _file_size, None, ""),
    ("Seed", lambda e: number(_config(e, "seed"), "d"), None, ""),
)
