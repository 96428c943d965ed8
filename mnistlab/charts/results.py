"""One table over any number of models, and how its figures are computed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mnistlab.markup import UNKNOWN, escape, note, number, table
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import LatencyMs
from mnistlab.models.card import settings_key
from mnistlab.models.config import TITLES, network_title
from mnistlab.texts import duration, percent

Value = TypeVar("Value")
Column = tuple[str, Callable[[Evaluation], str], Callable[[Evaluation], float | None] | None, str]


def results_table(
    evaluations: Sequence[Evaluation], brief: bool = False, untimed: str = UNKNOWN
) -> str:
    """A row for each model on one test set, and one with mean and spread where only seeds differ.

    What a model's card does not tell is an en dash. A `brief` table has the five columns that most
    people ask for. `untimed` stands where a model's speed is not measured yet.
    """
    columns = [column for column in _COLUMNS if not brief or column[0] in _BRIEF]
    rows: list[list[str]] = []
    summaries = set()
    for group in seed_groups(evaluations):
        rows += [[_cell(column, e, untimed) for column in columns] for e in group]
        seeds = one_of_each_seed(group)
        if len(seeds) > 1:
            summaries.add(len(rows))
            rows.append(_summary(seeds, columns))
    head = [name for name, _, _, _ in columns]
    text = table(head, rows, "Models and their figures", frozenset(summaries), explained=True)
    what = "± is the standard deviation (sd) of the runs above, which differ in the seed."
    return text + (note(what) if summaries else "")


def _cell(column: Column, evaluation: Evaluation, untimed: str) -> str:
    name, text, _, _ = column
    return untimed if name in _SPEED and evaluation.latency_ms is None else text(evaluation)


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


def _summary(group: Sequence[Evaluation], columns: Sequence[Column]) -> list[str]:
    model = TITLES.get(_config(group[0], "model"), group[0].title)
    cells = [f"{model}, mean ± sd, {len(group)} seeds"]
    for _, _, value, form in columns[1:]:
        values = [] if value is None else [value(e) for e in group]
        known = [v for v in values if v is not None]
        # Over fewer than all seeds a mean would stand for something else than the row says.
        cells.append(_mean_and_spread(known, form) if len(known) == len(group) else "")
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


def _seconds(evaluation: Evaluation) -> float | None:
    return evaluation.card.get("training_seconds")


def _or_dash(value: Value | None, text: Callable[[Value], str]) -> str:
    return UNKNOWN if value is None else text(value)


def _latency(latency: LatencyMs) -> str:
    return f"{latency.p50:.2f} / {latency.p90:.2f} / {latency.p99:.2f} ms"


def _megabytes(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


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
    ("Latency p50 / p90 / p99", lambda e: _or_dash(e.latency_ms, _latency), None, ""),
    ("Images per second", lambda e: number(e.images_per_second, ",.0f"), None, ""),
    ("Training", lambda e: _or_dash(_seconds(e), duration), _seconds, "s"),
    ("Epochs", lambda e: number(_config(e, "epochs")), None, ""),
    ("Network", lambda e: network_title(e.card), None, ""),
    ("Parameters", lambda e: number(e.card.get("parameters")), None, ""),
    ("File", lambda e: _or_dash(e.card.get("file_size"), _megabytes), None, ""),
    ("Seed", lambda e: number(_config(e, "seed"), "d"), None, ""),
)

_SPEED = {"Latency p50 / p90 / p99", "Images per second"}
_BRIEF = {"Model", "Accuracy", "F1 macro", "Latency p50 / p90 / p99", "Training"}

_METHODS = (
    ("Accuracy", "Fraction of the test images whose most probable digit is their label, with "
     "Wilson's 95 % confidence interval (1927)."),
    ("Precision, recall, F1", "Precision: of the images predicted as a digit, the fraction that "
     "show it. Recall: of the images that show a digit, the fraction predicted as it. F1: the "
     "harmonic mean of the two. F1 macro is the mean over the digits; F1 weighted weights each "
     "digit by its number of images."),
    ("Loss", "Mean negative logarithm of the probability given to the label, in nats."),
    ("ECE", "Expected calibration error: mean gap between confidence and accuracy over 15 bins of "
     "equal width, weighted by their numbers of images (Guo et al. 2017)."),
    ("Brier", "Mean over the images of the summed squared errors of the ten probabilities "
     "(Brier 1950)."),
    ("Verdict", "McNemar's exact test on the images that only one of the two models gets right. "
     "The interval of the difference excludes 0 exactly when the test gives p < 0.05: exact limits "
     "of Clopper and Pearson (1934), combined by the method of Zou and Donner (2008). Both are "
     "about these two trained networks and images like these."),
    ("Seeds", "If both settings were trained with at least three seeds: Welch's test (1947) on the "
     "runs' accuracies. It is about training again, not about these two networks. ± is the sample "
     "standard deviation."),
    ("Calibration", "One temperature that divides the logits, fitted on the validation part of the "
     "training set and then applied to the test set (Guo et al. 2017). It changes no prediction."),
    ("Corrected labels", "The 15 published label errors in MNIST's test set (Northcutt, Athalye "
     "and Mueller 2021, five raters for each doubtful image): ten labels are replaced by what most "
     "raters read, five images without such a label are left out."),
    ("Robustness", "Accuracy on test images with 16 corruptions in five strengths. They resemble "
     "those of MNIST-C but are our own, so the figures do not compare with MNIST-C's."),
    ("Latency", "Percentiles of single predictions after a warm-up, on this machine, without "
     "preprocessing. The models alternate in blocks of 50 predictions, so that a busy or throttled "
     "machine slows all of them equally."),
    ("Network", "The kind of network and the widths of its layers. An MLP has Dense layers with "
     "ReLU and dropout; a normalised one adds BatchNorm, a wide one is normalised and has twice "
     "as many units. A CNN has blocks of convolution, max pooling and BatchNorm before its Dense "
     "layers: two in a plain one, four in a deep one; a wide one is deep and has twice as many "
     "filters, a lean one has two with larger kernels."),
    ("Training curves", "A twelfth of the training images is set aside for validation and decides "
     "which epoch's weights are kept. The test set is read once, at the end."),
)  # fmt: skip


def methods() -> str:
    """A list of terms and what they mean."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _METHODS)
    return f"<dl class='ml-methods'>{items}</dl>"
