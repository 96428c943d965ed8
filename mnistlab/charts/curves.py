"""Training curves and reliability diagrams, as SVG that is cheap enough to redraw often."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mnistlab.markup import escape, note, number, table
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.scores import Reliability
from mnistlab.models.config import TITLES
from mnistlab.texts import counted, percent

_LEFT, _RIGHT, _TOP = 44, 8, 24  # margins of a panel, in SVG units
_MOST_POINTS = 1200  # of all training curves of a panel; more cannot be told apart
_FEWEST_POINTS = 40  # of one of them
_FAINTEST = 0.35  # opacity of the last of many runs
_MOST_KEYS = 4  # runs that a legend names one by one
_SMALLEST, _LARGEST = 1.5, 9.0  # radius of the dot of an empty bin, and of one with all images

Curve = Sequence[tuple[float, float, float]]
"""Points `(epochs done, loss, accuracy)`."""


@dataclass(frozen=True)
class Curves:
    """The curves of one run."""

    model: str
    """`"mlp"` or `"cnn"`: decides the colour."""
    training: Curve = ()
    validation: Curve = ()


@dataclass(frozen=True)
class _Panel:
    """A plot of values from `low` to `high` over 0 to `most`; sizes are of the plotted area."""

    title: str
    label: Callable[[float], str]  # the text of a value
    low: float = 0.0
    high: float = 1.0
    most: float = 1.0
    width: int = 288
    height: int = 138
    bottom: int = 28  # the margin

    def x(self, value: float) -> float:
        return _LEFT + self.width * float(value) / self.most

    def y(self, value: float) -> float:
        return _TOP + self.height * (self.high - float(value)) / (self.high - self.low)

    def axes(self, values: Iterable[float], ticks: Iterable[float]) -> str:
        """A rule at each value, and numbers along both axes."""
        right, foot = _LEFT + self.width, _TOP + self.height + 16
        rules = "".join(
            f"<line class='ml-rule' x1='{_LEFT}' x2='{right}' y1='{self.y(value):.1f}' "
            f"y2='{self.y(value):.1f}'/>"
            + _tick(_LEFT - 6, self.y(value) + 4, self.label(value), "end")
            for value in values
        )
        return rules + "".join(_tick(self.x(tick), foot, f"{tick}") for tick in ticks)

    def svg(self, summary: str, content: str) -> str:
        width, height = _LEFT + self.width + _RIGHT, _TOP + self.height + self.bottom
        return (
            f"<svg class='ml-curve' viewBox='0 0 {width} {height}' role='img' "
            f"aria-label='{escape(summary)}'><text class='ml-title' x='{_LEFT}' y='14'>"
            f"{escape(self.title)}</text>{content}</svg>"
        )


def _tick(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f"<text class='ml-tick' x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{text}</text>"


def draw_curves(series: Mapping[str, Curves], epochs: int) -> str:
    """Accuracy and loss over the epochs as two panels: training thin, validation thick.

    Parameters
    ----------
    series : title -> curves of a run; further runs of a model are drawn lighter
    epochs : of the longest run, at least 1
    """
    points = [p for run in series.values() for p in (*run.training, *run.validation)]
    losses = [loss for _, loss, _ in points if math.isfinite(loss)]
    if not losses:
        return note("Training curves grow here while a model trains.")
    # The first steps are far off and would press the rest flat: the panels follow the best value.
    low = max(0.0, math.floor((max(p[2] for p in points) - 0.12) * 20) / 20)
    high = max(0.1, math.ceil(min(max(losses), 4 * min(losses) + 0.1) * 10) / 10)
    accuracy = _Panel("Accuracy", lambda v: percent(v, 0 if v in (0, 1) else 1), low, 1.0, epochs)
    loss = _Panel("Loss", lambda v: f"{v:.2f}", 0.0, high, epochs)
    return (
        f"<div class='ml-curve-pair'>{_curves_svg(accuracy, 2, series)}"
        f"{_curves_svg(loss, 1, series)}</div><p class='ml-note ml-legend'>{_legend(series)} "
        "thin: training, thick: validation</p>"
    )


def _legend(series: Mapping[str, Curves]) -> str:
    keys = [(run.model, title) for title, run in series.items()]
    if len(keys) > _MOST_KEYS:
        runs = Counter(run.model for run in series.values())
        keys = [(m, f"{TITLES.get(m, m)}, {counted(n, 'run')}") for m, n in runs.items()]
    return "".join(
        f"<span class='ml-key ml-{escape(model)}'>{escape(text)}</span>" for model, text in keys
    )


def _curves_svg(panel: _Panel, column: int, series: Mapping[str, Curves]) -> str:
    latest = {title: run.validation[-1][column] for title, run in series.items() if run.validation}
    said = ", ".join(f"{title} {panel.label(value)}" for title, value in latest.items())
    # A long list is no gist: of many runs the range of their last values is said.
    if len(latest) > _MOST_KEYS:
        low, high = panel.label(min(latest.values())), panel.label(max(latest.values()))
        said = f"{low} to {high} in {len(latest)} runs"
    heights = [panel.low + (panel.high - panel.low) * i / 4 for i in range(5)]
    axes = panel.axes(heights, range(0, int(panel.most) + 1, math.ceil(panel.most / 6)))
    summary = f"{panel.title} by epoch. Validation: {said or 'none yet'}"
    return panel.svg(summary, axes + "".join(_lines(panel, column, series)))


def _lines(panel: _Panel, column: int, series: Mapping[str, Curves]) -> Iterator[str]:
    most = max(_FEWEST_POINTS, _MOST_POINTS // len(series))
    runs, drawn = Counter(run.model for run in series.values()), Counter[str]()
    for run in series.values():
        fade = 1 - (1 - _FAINTEST) * drawn[run.model] / max(1, runs[run.model] - 1)
        drawn[run.model] += 1
        kind = f"ml-{escape(run.model)}"
        training = _places(panel, column, _thinned(run.training, most))
        validation = _places(panel, column, run.validation)
        dots = "".join(
            f"<circle class='ml-dot {kind}' r='3' cx='{x:.1f}' cy='{y:.1f}'/>"
            for x, y in validation
        )
        yield (
            f"<g style='opacity:{fade:.2f}'>{_line(f'ml-line {kind}', training)}"
            f"{_line(f'ml-line ml-thick {kind}', validation)}{dots}</g>"
        )


def _thinned(curve: Curve, most: int) -> Curve:
    """Every second point, or third and so on, and always the last."""
    step = -(-len(curve) // most)
    return [*curve[:-1][::step], curve[-1]] if step > 1 else curve


def _places(panel: _Panel, column: int, curve: Curve) -> list[tuple[float, float]]:
    # What lies beyond the panel is left out: at its edge it would look like a plateau.
    inside = [p for p in curve if panel.low <= p[column] <= panel.high]
    return [(panel.x(p[0]), panel.y(p[column])) for p in inside]


def _line(classes: str, places: Iterable[tuple[float, float]]) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f"<polyline class='{classes}' points='{points}'/>"


def reliability_diagram(calibration: Calibration, title: str, model: str = "mlp") -> str:
    """Confidence against accuracy before and after temperature scaling, with the figures.

    `title` is the model's; `model`, `"mlp"` or `"cnn"`, decides the colour.
    """
    c = calibration
    panels = _reliability_svg(c.before, "as trained", title, model) + _reliability_svg(
        c.after, f"at temperature {c.temperature:.2f}", title, model
    )
    rows = [
        [when, *(f"{value:.4f}" for value in figures)]
        for when, *figures in (
            ("as trained", c.before.ece, c.nll_before, c.brier_before),
            (f"temperature {c.temperature:.3f}", c.after.ece, c.nll_after, c.brier_after),
        )
    ]
    figures = table(["", "ECE", "Loss", "Brier"], rows, f"{title}: calibration before and after")
    return (
        f"<figure class='ml-reliability'><figcaption>{escape(title)}</figcaption>"
        f"<div class='ml-curve-pair'>{panels}</div>{figures}"
        f"<p class='ml-note'>{escape(_sentence(c))} Each dot is a bin of confidence; larger dots "
        "hold more images. On the diagonal, confidence equals accuracy.</p>"
        f"<details><summary>The bins in numbers</summary>{_bins(c, title)}</details></figure>"
    )


def _sentence(c: Calibration) -> str:
    """What the validation images show, and whether the test images agree."""
    if abs(c.temperature - 1) < 0.02:
        return "On the validation images its confidence matches its accuracy."
    state = "overconfident" if c.temperature > 1 else "underconfident"
    change = "smaller" if c.nll_after < c.nll_before else "larger"
    return (
        f"On the validation images it is {state}; dividing its logits by {c.temperature:.2f} "
        f"corrects this best. On these test images, that makes the loss {change}."
    )


def _reliability_svg(found: Reliability, when: str, title: str, model: str) -> str:
    panel = _Panel(when.capitalize(), lambda v: f"{v:.1f}", width=200, height=200, bottom=34)
    parts = [
        panel.axes([i / 5 for i in range(6)], [i / 5 for i in range(6)]),
        f"<line class='ml-diagonal' x1='{panel.x(0)}' y1='{panel.y(0)}' x2='{panel.x(1)}' "
        f"y2='{panel.y(1)}'/>",
        _tick(panel.x(0.5), panel.y(0) + 29, "confidence (accuracy upwards)"),
        *_dots(panel, found, model),
    ]
    summary = f"Reliability of {title} {when}: calibration error {found.ece:.4f}"
    return panel.svg(summary, "".join(parts))


def _dots(panel: _Panel, found: Reliability, model: str) -> Iterator[str]:
    total = max(1, int(found.count.sum()))
    for i in np.flatnonzero(found.count):
        confidence, accuracy, count = found.confidence[i], found.accuracy[i], int(found.count[i])
        x, y = panel.x(confidence), panel.y(accuracy)
        # By the logarithm: nearly all images are in the last bin, and the others matter too.
        radius = _SMALLEST + (_LARGEST - _SMALLEST) * math.log1p(count) / math.log1p(total)
        yield (
            f"<line class='ml-gap' x1='{x:.1f}' x2='{x:.1f}' y1='{y:.1f}' "
            f"y2='{panel.y(confidence):.1f}'/>"
            f"<circle class='ml-dot ml-{escape(model)}' cx='{x:.1f}' cy='{y:.1f}' "
            f"r='{radius:.1f}'><title>{counted(count, 'image')}: confidence "
            f"{percent(confidence, 1)}, accuracy {percent(accuracy, 1)}</title></circle>"
        )


def _bins(c: Calibration, title: str) -> str:
    rows = [
        [f"{low:.3f} to {high:.3f}", *_bin(c.before, i), *_bin(c.after, i)]
        for i, (low, high) in enumerate(pairwise(c.before.edges))
        if c.before.count[i] or c.after.count[i]
    ]
    head = ["Confidence", *("Images", "mean confidence", "accuracy") * 2]
    return table(head, rows, f"{title}: bins of confidence, as trained and after scaling")


def _bin(side: Reliability, i: int) -> list[str]:
    figures = (number(value, ".4f") for value in (side.confidence[i], side.accuracy[i]))
    return [f"{side.count[i]:,}", *figures]
