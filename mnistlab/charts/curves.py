"""Training curves of any number of runs, cheap enough to redraw several times a second."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mnistlab.markup import escape, note
from mnistlab.models.config import TITLES
from mnistlab.texts import counted, percent

WIDTH, HEIGHT = 340, 190  # of a panel, in SVG units
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 24, 28  # margins
_MOST_POINTS = 1200  # of all training curves of a panel; more cannot be told apart
_FEWEST_POINTS = 40  # of one of them
_FAINTEST = 0.35  # opacity of the last of many runs
_MOST_KEYS = 4  # runs that a legend names one by one

Curve = Sequence[tuple[float, float, float]]
"""Points `(epochs done, loss, accuracy)`."""
Label = Callable[[float], str]


@dataclass(frozen=True)
class Curves:
    """The curves of one run."""

    model: str
    """`"mlp"` or `"cnn"`: decides the colour."""
    training: Curve = ()
    validation: Curve = ()


@dataclass(frozen=True)
class _Panel:
    title: str
    column: int
    low: float
    high: float
    label: Label


def draw_curves(series: Mapping[str, Curves], epochs: int) -> str:
    """Accuracy and loss over the epochs as two panels: training thin, validation thick.

    Parameters
    ----------
    series : title -> curves of a run; further runs of a model are drawn lighter
    epochs : of the longest run, at least 1
    """
    points = [p for run in series.values() for p in (*run.training, *run.validation)]
    losses = [loss for _, loss, _ in points if math.isfinite(loss)]
    if not points or not losses:
        return note("Training curves grow here while a model trains.")
    # The first steps are far off and would press the rest flat: the panels follow the best value.
    low = max(0.0, math.floor((max(p[2] for p in points) - 0.12) * 20) / 20)
    high = max(0.1, math.ceil(min(max(losses), 4 * min(losses) + 0.1) * 10) / 10)
    accuracy = _Panel("Accuracy", 2, low, 1.0, lambda v: percent(v, 0 if v in (0, 1) else 1))
    loss = _Panel("Loss", 1, 0.0, high, lambda v: f"{v:.2f}")
    return (
        f"<div class='ml-curve-pair'>{_svg(accuracy, series, epochs)}{_svg(loss, series, epochs)}"
        f"</div><p class='ml-note ml-legend'>{_legend(series)} thin: training, "
        "thick: validation</p>"
    )


def _legend(series: Mapping[str, Curves]) -> str:
    if len(series) <= _MOST_KEYS:
        keys = [(run.model, title) for title, run in series.items()]
    else:
        models = [run.model for run in series.values()]
        keys = [
            (model, f"{TITLES.get(model, model)}, {counted(models.count(model), 'run')}")
            for model in dict.fromkeys(models)
        ]
    return "".join(
        f"<span class='ml-key ml-{escape(model)}'>{escape(text)}</span>" for model, text in keys
    )


def _svg(panel: _Panel, series: Mapping[str, Curves], epochs: int) -> str:
    lines = "".join(_lines(panel, series, epochs))
    # A long list is no gist: of many runs the range of their last values is said.
    latest = {
        title: run.validation[-1][panel.column] for title, run in series.items() if run.validation
    }
    if len(latest) > _MOST_KEYS:
        low, high = panel.label(min(latest.values())), panel.label(max(latest.values()))
        said = f"{low} to {high} in {len(latest)} runs"
    else:
        said = ", ".join(f"{title} {panel.label(value)}" for title, value in latest.items())
    return (
        f"<svg class='ml-curve' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' "
        f"aria-label='{panel.title} by epoch. Validation: {escape(said or 'none yet')}'>"
        f"<text class='ml-title' x='{_LEFT}' y='14'>{panel.title}</text>"
        f"{_axes(panel, epochs)}{lines}</svg>"
    )


def _lines(panel: _Panel, series: Mapping[str, Curves], epochs: int) -> Iterator[str]:
    most = max(_FEWEST_POINTS, _MOST_POINTS // len(series))
    drawn: dict[str, int] = {}
    siblings = [run.model for run in series.values()]
    for run in series.values():
        rank = drawn[run.model] = drawn.get(run.model, -1) + 1
        fade = 1 - (1 - _FAINTEST) * rank / max(1, siblings.count(run.model) - 1)
        model = escape(run.model)
        validation = _places(panel, run.validation, epochs)
        dots = "".join(
            f"<circle class='ml-dot ml-{model}' r='3' cx='{x:.1f}' cy='{y:.1f}'/>"
            for x, y in validation
        )
        yield (
            f"<g style='opacity:{fade:.2f}'>"
            f"{_line(model, '', _places(panel, _thinned(run.training, most), epochs))}"
            f"{_line(model, ' ml-thick', validation)}{dots}</g>"
        )


def _thinned(curve: Curve, most: int) -> Curve:
    """Every second point, or third and so on, and always the last."""
    step = -(-len(curve) // most)
    return [*curve[:-1][::step], curve[-1]] if step > 1 else curve


def _line(model: str, kind: str, places: Sequence[tuple[float, float]]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f"<polyline class='ml-line{kind} ml-{model}' points='{points}'/>"


def _places(panel: _Panel, curve: Curve, epochs: int) -> list[tuple[float, float]]:
    # What lies beyond the panel is left out: at its edge it would look like a plateau.
    return [
        (_x(p[0], epochs), _y(p[panel.column], panel))
        for p in curve
        if panel.low <= p[panel.column] <= panel.high
    ]


def _x(epoch: float, epochs: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * epoch / epochs


def _y(value: float, panel: _Panel) -> float:
    fraction = (value - panel.low) / (panel.high - panel.low)
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * fraction


def _axes(panel: _Panel, epochs: int) -> str:
    parts = []
    for i in range(5):
        value = panel.low + (panel.high - panel.low) * i / 4
        y = _y(value, panel)
        parts.append(
            f"<line class='ml-rule' x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}'/>"
            f"<text class='ml-tick' x='{_LEFT - 6}' y='{y + 4:.1f}' text-anchor='end'>"
            f"{panel.label(value)}</text>"
        )
    step = max(1, math.ceil(epochs / 6))
    for epoch in range(0, epochs + 1, step):
        parts.append(
            f"<text class='ml-tick' x='{_x(epoch, epochs):.1f}' y='{HEIGHT - 10}' "
            f"text-anchor='middle'>{epoch}</text>"
        )
    return "".join(parts)
