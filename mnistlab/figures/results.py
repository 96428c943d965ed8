"""The table of all figures of all models."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence

import numpy as np

from mnistlab.figures.markup import percent, table
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import LatencyMs

UNKNOWN = "–"


def _four(value: float) -> str:
    return f"{value:.4f}"


_Read = Callable[[Evaluation], float]

# Of each column: its head, its text for one model, and for several seeds what is averaged and how
# that is written; None where an average would say nothing.
_COLUMNS: tuple[
    tuple[str, Callable[[Evaluation], str], tuple[_Read, Callable[[float], str]] | None], ...
] = (
    ("Accuracy", lambda e: percent(e.scores.accuracy), (lambda e: e.scores.accuracy, percent)),
    ("95 % interval", lambda e: "{} to {}".format(*map(percent, e.scores.accuracy_ci)), None),
    ("F1 macro", lambda e: f"{e.scores.f1_macro:.4f}", (lambda e: e.scores.f1_macro, _four)),
    ("F1 weighted", lambda e: f"{e.scores.f1_weighted:.4f}",
     (lambda e: e.scores.f1_weighted, _four)),
    ("Loss", lambda e: f"{e.scores.nll:.4f}", (lambda e: e.scores.nll, _four)),
    ("ECE", lambda e: f"{e.scores.ece:.4f}", (lambda e: e.scores.ece, _four)),
    ("Brier", lambda e: f"{e.scores.brier:.4f}", (lambda e: e.scores.brier, _four)),
    ("Latency p50 / p90 / p99", lambda e: _latency(e.latency_ms), None),
    ("Images a second", lambda e: _whole(e.images_per_second), None),
    ("Training", lambda e: duration(e.card.get("training_seconds")),
     (lambda e: e.card.get("training_seconds") or math.nan, lambda v: duration(v))),
    ("Epochs", lambda e: str(e.card.get("config", {}).get("epochs", UNKNOWN)), None),
    ("Seed", lambda e: str(e.card.get("seed", UNKNOWN)), None),
    ("Parameters", lambda e: _whole(e.card.get("parameters")), None),
    ("File", lambda e: _megabytes(e.card.get("file_size")), None),
)  # fmt: skip


def results_table(evaluations: Sequence[Evaluation]) -> str:
    """One table, a row for each model and one for each group of seeds."""
    if not evaluations:
        return "<p class='ml-note'>Measuring the pretrained models …</p>"
    rows = [[each.title, *(text(each) for _, text, _ in _COLUMNS)] for each in evaluations]
    rows += [_mean_row(group) for group in seed_groups(evaluations)]
    return table(["Model", *(head for head, _, _ in _COLUMNS)], rows, "Models and their figures")


def settings_key(evaluation: Evaluation) -> str:
    """The same for models that differ in nothing but their seed."""
    config = {k: v for k, v in evaluation.card.get("config", {}).items() if k != "seed"}
    return json.dumps([config, evaluation.card.get("data", {})], sort_keys=True)


def seed_groups(evaluations: Sequence[Evaluation]) -> list[list[Evaluation]]:
    """Models of the same settings with two seeds or more, one model for each seed."""
    groups: dict[str, dict[object, Evaluation]] = {}
    for each in evaluations:
        if "config" in each.card:
            groups.setdefault(settings_key(each), {})[each.card.get("seed")] = each
    return [list(group.values()) for group in groups.values() if len(group) > 1]


def _mean_row(group: Sequence[Evaluation]) -> list[str]:
    title = str(group[0].card.get("architecture", "model")).upper()
    row = [f"{title}, mean ± sd of {len(group)} seeds"]
    for _, _, averaged in _COLUMNS:
        if averaged is None:
            row.append("")
            continue
        read, text = averaged
        values = np.array([read(each) for each in group], float)
        row.append(f"{text(float(values.mean()))} ± {text(float(values.std(ddof=1)))}")
    return row


def duration(seconds: float | None) -> str:
    """Such as `12 s` or `25 min`."""
    if seconds is None or math.isnan(seconds):
        return UNKNOWN
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _latency(latency: LatencyMs | None) -> str:
    if latency is None:
        return UNKNOWN
    return f"{latency.p50:.2f} / {latency.p90:.2f} / {latency.p99:.2f} ms"


def _whole(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:,.0f}"


def _megabytes(size: float | None) -> str:
    return UNKNOWN if size is None else f"{size / 1e6:.1f} MB"
