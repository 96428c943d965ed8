"""Training curves as SVG: a plotly figure several times a second would flicker, and cost the
browser more than the training costs the worker.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mnistlab.figures.markup import escape

_WIDTH, _HEIGHT = 340, 190  # of a panel, in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 24, 28  # margins

Points = tuple[tuple[float, float, float], ...]
"""`(epochs done, loss, accuracy)`."""


@dataclass(frozen=True)
class Curves:
    """One run's story. `kind`, `"mlp"` or `"cnn"`, decides its colour."""

    title: str
    kind: str
    training: Points
    validation: Points


def curves(runs: Sequence[Curves], epochs: int) -> str:
    """Accuracy and loss over the epochs, training thin and validation thick, as two panels."""
    points = [point for run in runs for point in run.training + run.validation]
    if not points:
        return ""
    accuracies, losses = [p[2] for p in points], [p[1] for p in points]
    # The first steps are far off and would press the rest flat: the panels follow the best value.
    low = max(0.0, math.floor((max(accuracies) - 0.12) * 20) / 20)
    high = max(0.1, math.ceil(min(max(losses), 4 * min(losses) + 0.1) * 10) / 10)
    kinds = {run.kind: run.title.split()[0] for run in runs}
    legend = "".join(
        f"<span class='ml-key ml-{kind}'>{escape(title)}</span>" for kind, title in kinds.items()
    )
    best = ", ".join(
        f"{escape(run.title)} {max(p[2] for p in run.validation):.2%}".replace("%", " %")
        for run in runs
        if run.validation
    )
    best_text = f" · best validation accuracy so far: {best}" if best else ""
    return (
        f"<div class='ml-curve-pair'>"
        f"{_panel('Accuracy', runs, 2, low, 1.0, epochs, lambda v: f'{v:.0%}')}"
        f"{_panel('Loss', runs, 1, 0.0, high, epochs, lambda v: f'{v:.2f}')}</div>"
        f"<p class='ml-note ml-legend'>{legend} thin: training, thick: validation{best_text}</p>"
    )


def _panel(
    title: str,
    runs: Sequence[Curves],
    column: int,
    low: float,
    high: float,
    epochs: int,
    label: Callable[[float], str],
) -> str:
    def places(points: Points) -> list[tuple[float, float]]:
        # What lies beyond the panel is left out: at its edge it would look like a plateau.
        seen = [p for p in points if low <= p[column] <= high]
        return [(_x(p[0], epochs), _y(p[column], low, high)) for p in seen]

    lines = []
    for run in runs:
        for name, points in (("", run.training), (" ml-thick", run.validation)):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places(points))
            lines.append(f"<polyline class='ml-line{name} ml-{run.kind}' points='{path}'/>")
        lines.extend(
            f"<circle class='ml-dot ml-{run.kind}' r='3' cx='{x:.1f}' cy='{y:.1f}'/>"
            for x, y in places(run.validation)
        )
    latest = ", ".join(
        f"{run.title} {label(run.validation[-1][column])}" for run in runs if run.validation
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
