"""What Train & Compare shows, as HTML and SVG: numbers in, text out.

Live curves are drawn as SVG: a new plotly figure several times a second would flicker and cost
the browser more than the training costs the worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from mnistlab.metrics.comparison import Comparison
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.latency import LatencyMs
from mnistlab.models.config import TITLES
from mnistlab.ui.components import escape, table
from mnistlab.ui.state import RunState

_WIDTH, _HEIGHT = 340, 190  # of a panel, in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 24, 28  # margins

Curve = tuple[tuple[float, float, float], ...]


def problem(text: str) -> str:
    """Why the button is blocked; empty when it is not."""
    return f"<p class='ml-warning' role='alert'>{escape(text)}</p>" if text else ""


def progress(model: str, run: RunState | None) -> str:
    """A bar with its text; the text alone says it all."""
    if run is None:
        text, share, kind = f"{TITLES[model]} · not started", 0.0, ""
    else:
        text, share = f"{run.config.title} · {run.text}", run.fraction
        kind = " ml-failed" if run.failure else ""
    return (
        f"<div class='ml-progress{kind}' role='progressbar' aria-label='{TITLES[model]}' "
        f"aria-valuemin='0' aria-valuemax='100' aria-valuenow='{100 * share:.0f}'>"
        f"<div class='ml-progress-track'><div class='ml-progress-bar ml-{model}' "
        f"style='width:{100 * share:.1f}%'></div></div>"
        f"<div class='ml-progress-text'>{escape(text)}</div></div>{_last_words(run)}"
    )


def _last_words(run: RunState | None) -> str:
    if run is None or not run.failure:
        return ""
    details = ""
    if run.details:
        details = (
            f"<details><summary>Last words</summary><pre>{escape(run.details)}</pre></details>"
        )
    return problem(run.failure) + details


def curves(runs: Mapping[str, RunState]) -> str:
    """Accuracy and loss over the epochs, training thin and validation thick, as two panels."""
    if not any(run.training_curve for run in runs.values()):
        return "<p class='ml-note'>Training curves grow here while a model trains.</p>"
    epochs = max(run.config.epochs for run in runs.values())
    accuracies = [y for run in runs.values() for _, _, y in _points(run)]
    losses = [y for run in runs.values() for _, y, _ in _points(run)]
    # The first steps are far off and would press the rest flat: the panels follow the best value.
    low = max(0.0, math.floor((max(accuracies) - 0.12) * 20) / 20)
    high = max(0.1, math.ceil(min(max(losses), 4 * min(losses) + 0.1) * 10) / 10)
    legend = "".join(f"<span class='ml-key ml-{model}'>{TITLES[model]}</span>" for model in runs)
    return (
        f"<div class='ml-curve-pair'>"
        f"{_panel('Accuracy', runs, 2, low, 1.0, epochs, lambda v: f'{v:.0%}')}"
        f"{_panel('Loss', runs, 1, 0.0, high, epochs, lambda v: f'{v:.2f}')}</div>"
        f"<p class='ml-note ml-legend'>{legend} thin: training, thick: validation</p>"
    )


def _points(run: RunState) -> Curve:
    return run.training_curve + run.validation_curve


def _panel(
    title: str,
    runs: Mapping[str, RunState],
    column: int,
    low: float,
    high: float,
    epochs: int,
    label: Callable[[float], str],
) -> str:
    def places(curve: Curve) -> list[tuple[float, float]]:
        # What lies beyond the panel is left out: at its edge it would look like a plateau.
        seen = [p for p in curve if low <= p[column] <= high]
        return [(_x(p[0], epochs), _y(p[column], low, high)) for p in seen]

    lines = []
    for model, run in runs.items():
        for name, curve in (("", run.training_curve), (" ml-thick", run.validation_curve)):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places(curve))
            lines.append(f"<polyline class='ml-line{name} ml-{model}' points='{points}'/>")
        lines.extend(
            f"<circle class='ml-dot ml-{model}' r='3' cx='{x:.1f}' cy='{y:.1f}'/>"
            for x, y in places(run.validation_curve)
        )
    latest = ", ".join(
        f"{TITLES[model]} {label(run.validation_curve[-1][column])}"
        for model, run in runs.items()
        if run.validation_curve
    )
    return (
        f"<svg class='ml-curve' viewBox='0 0 {_WIDTH} {_HEIGHT}' role='img' "
        f"aria-label='{title} by epoch. Validation: {escape(latest or 'none yet')}'>"
        f"<text class='ml-title' x='{_LEFT}' y='14'>{title}</text>"
        f"{_axes(low, high, epochs, label)}{''.join(lines)}</svg>"
    )


def _x(epoch: float, epochs: int) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * epoch / epochs


def _y(value: float, low: float, high: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)


def _axes(low: float, high: float, epochs: int, label: Callable[[float], str]) -> str:
    parts = []
    for i in range(5):
        value = low + (high - low) * i / 4
        y = _y(value, low, high)
        parts.append(
            f"<line class='ml-rule' x1='{_LEFT}' x2='{_WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
            f"<text class='ml-tick' x='{_LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>"
            f"{label(value)}</text>"
        )
    step = max(1, math.ceil(epochs / 6))
    for epoch in range(0, epochs + 1, step):
        parts.append(
            f"<text class='ml-tick' x='{_x(epoch, epochs):.1f}' y='{_HEIGHT - 10}' "
            f"text-anchor='middle'>{epoch}</text>"
        )
    return "".join(parts)


_COLUMNS: tuple[tuple[str, Callable[[Evaluation], str]], ...] = (
    ("Model", lambda e: e.title),
    ("Accuracy", lambda e: f"{e.scores.accuracy:.2%}"),
    ("95 % interval", lambda e: "{:.2%} to {:.2%}".format(*e.scores.accuracy_ci)),
    ("F1 macro", lambda e: f"{e.scores.f1_macro:.4f}"),
    ("F1 weighted", lambda e: f"{e.scores.f1_weighted:.4f}"),
    ("Latency p50 / p90 / p99", lambda e: _latency(e.latency_ms)),
    ("Training", lambda e: _duration(e.card["training_seconds"])),
    ("Epochs", lambda e: str(e.card["config"]["epochs"])),
    ("Parameters", lambda e: f"{e.card['parameters']:,}"),
    ("File", lambda e: f"{e.card['file_size'] / 1e6:.1f} MB"),
)


def results(evaluations: Mapping[str, Evaluation]) -> str:
    """One table, a row for each model."""
    if not evaluations:
        return "<p class='ml-note'>Measuring the pretrained models …</p>"
    rows = [[read(e) for _, read in _COLUMNS] for e in evaluations.values()]
    return table([name for name, _ in _COLUMNS], rows, "Models and their figures")


def _latency(latency: LatencyMs) -> str:
    return f"{latency.p50:.2f} / {latency.p90:.2f} / {latency.p99:.2f} ms"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def verdict(result: Comparison, a: Evaluation, b: Evaluation) -> str:
    """The sentence that says which is better, and how the images fall."""
    counts = table(
        ["", f"{b.title} right", f"{b.title} wrong"],
        [
            [f"{a.title} right", f"{result.both_right:,}", f"{result.only_a:,}"],
            [f"{a.title} wrong", f"{result.only_b:,}", f"{result.neither:,}"],
        ],
        "Test images by which model reads them",
    )
    return f"<p class='ml-sentence'>{escape(result.verdict(a.title, b.title))}</p>{counts}"


def confusion(evaluation: Evaluation) -> str:
    """A confusion matrix as a table: rows are true digits, columns predicted ones."""
    matrix = evaluation.scores.confusion
    worst = max(1, max(_off_diagonal(matrix)))
    head = "".join(f"<th scope='col'>{digit}</th>" for digit in range(10))
    body = "".join(
        f"<tr><th scope='row'>{true}</th>"
        + "".join(_cell(true, guess, int(row[guess]), worst) for guess in range(10))
        + "</tr>"
        for true, row in enumerate(matrix)
    )
    return (
        "<div class='ml-scroll ml-matrix-box'><table class='ml-matrix'>"
        f"<caption>{escape(evaluation.title)}: true digit by row, predicted by column</caption>"
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _off_diagonal(matrix: Iterable[Iterable[int]]) -> Iterable[int]:
    return (int(n) for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j)


def _cell(true: int, guess: int, count: int, worst: int) -> str:
    if true == guess:
        return f"<td class='ml-right'>{count}</td>"
    shown = str(count) if count else ""
    return (
        f"<td class='ml-wrong' style='--share:{count / worst:.2f}' "
        f"title='{count} of digit {true} read as {guess}'>{shown}</td>"
    )
