"""Training curves and reliability diagrams, as SVG that is cheap enough to redraw often."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np

from mnistlab.charts.plot import Axis, Plot, Point, key, round_ticks
from mnistlab.markup import escape, note, number, table
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.scores import Reliability
from mnistlab.models.config import TITLES
from mnistlab.texts import counted, percent

_LEFT, _RIGHT, _TOP = 44, 8, 24  # margins of a panel, in SVG units
_MOST_POINTS = 1200  # of all training curves of a panel; more cannot be told apart
_FEWEST_POINTS = 40  # of one of them
_SMOOTHED = 0.015  # fraction of all epochs over which the moving mean forgets
_MOST_DOTS = 12  # epochs of a run that are marked
_FAINTEST = 0.35  # opacity of the last of many runs
_MOST_KEYS = 4  # runs that a legend names one by one
_SMALLEST, _LARGEST = 1.5, 9.0  # radius of the dot of an empty bin, and of one with all images

T = TypeVar("T")
Curve = Sequence[tuple[float, float, float]]
"""Points `(epochs done, loss, accuracy)`."""


@dataclass(frozen=True)
class Curves:
    """The curves of one run."""

    model: str
    """`"mlp"` or `"cnn"`: decides the colour."""
    training: Curve = ()
    validation: Curve = ()
    test_accuracy: float | None = None
    """Of the model that was kept, once it is known."""


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
    """Accuracy and loss over the epochs as two plots: training thin, validation thick.

    Parameters
    ----------
    series : title -> curves of a run; further runs of a model are drawn lighter
    epochs : of the longest run, at least 1
    """
    points = [p for run in series.values() for p in (*run.training, *run.validation)]
    losses = [loss for _, loss, _ in points if math.isfinite(loss)]
    if not losses:
        return note("Training curves grow here while a model trains.")
    # The first steps are far off and would press the rest flat: the plots follow the best value.
    # Where a run ends is always seen.
    ends = [run.validation[-1] for run in series.values() if run.validation]
    least = min([max(p[2] for p in points) - 0.12, *(end[2] - 0.03 for end in ends)])
    most = max([4 * min(losses) + 0.1, *(1.1 * end[1] for end in ends if math.isfinite(end[1]))])
    low = max(0.0, math.floor(least * 20) / 20)
    high = max(0.1, math.ceil(min(max(losses), most) * 10) / 10)
    accuracies = Axis(low, 1.0, "accuracy", round_ticks(low, 1.0), lambda v: percent(v, 0))
    rest = Axis(0.0, high, "loss", round_ticks(0.0, high), lambda v: f"{v:.2g}")
    plots = _plot("Accuracy", accuracies, 2, series, epochs) + _plot(
        "Loss", rest, 1, series, epochs
    )
    return f"{_legend(series)}<div class='ml-curve-pair'>{plots}</div>" + note(
        "Thin: training, smoothed. Thick: validation, after each epoch. Ring: the test set. Of "
        "several seeds, later ones are paler. The first steps may lie outside."
    )


def _legend(series: Mapping[str, Curves]) -> str:
    keys = [(run.model, title) for title, run in series.items()]
    if len(keys) > _MOST_KEYS:
        runs = Counter(run.model for run in series.values())
        keys = [(m, f"{TITLES.get(m, m)}, {counted(n, 'run')}") for m, n in runs.items()]
    return key([(text, f"ml-{escape(model)}") for model, text in keys])


def _plot(title: str, y: Axis, column: int, series: Mapping[str, Curves], epochs: int) -> str:
    label = (lambda v: f"{v:.3f}") if column == 1 else percent
    latest = {title: run.validation[-1][column] for title, run in series.items() if run.validation}
    said = ", ".join(f"{title} {label(value)}" for title, value in latest.items())
    # A long list is no gist: of many runs the range of their last values is said.
    if len(latest) > _MOST_KEYS:
        said = f"{label(min(latest.values()))} to {label(max(latest.values()))}"
        said += f" in {len(latest)} runs"
    x = Axis(0.0, float(epochs), "epoch", round_ticks(0, epochs, 7, whole=True))
    plot = Plot(x, y, f"{title} by epoch. Validation: {said or 'none yet'}")
    runs, drawn = Counter(run.model for run in series.values()), Counter[str]()
    for name, run in series.items():
        fade = 1 - (1 - _FAINTEST) * drawn[run.model] / max(1, runs[run.model] - 1)
        drawn[run.model] += 1
        _draw_run(
            plot, column, run, name, label, max(_FEWEST_POINTS, _MOST_POINTS // len(series)), fade
        )
    return plot.html(title)


def _draw_run(
    plot: Plot,
    column: int,
    run: Curves,
    name: str,
    label: Callable[[float], str],
    most: int,
    fade: float,
) -> None:
    kind, place = f"ml-{escape(run.model)}", plot.y
    training = _inside(
        _smoothed(_thinned(run.training, most), column, _SMOOTHED * plot.x.high), place
    )
    validation = _inside([(p[0], p[column]) for p in run.validation], place)
    plot.line(training, f"ml-line {kind}", fade)
    plot.line(validation, f"ml-line ml-thick {kind}", fade)
    # The dots of many runs cannot be told apart: of each, only where it ends is marked.
    is_one_of_many = most < _MOST_POINTS // _MOST_KEYS
    for epoch, value in validation[-1:] if is_one_of_many else _thinned(validation, _MOST_DOTS):
        plot.dot(epoch, value, f"{name}, epoch {epoch:.0f}: {label(value)} on validation", kind)
    if column == 2 and run.test_accuracy is not None and place.low <= run.test_accuracy:
        text = f"{name}: {percent(run.test_accuracy)} on the test set"
        end = run.validation[-1][0] if run.validation else plot.x.high
        plot.dot(end, run.test_accuracy, text, f"{kind} ml-ring", 5)


def _smoothed(curve: Curve, column: int, epochs: float) -> list[Point]:
    """A moving mean that forgets over so many epochs, as points (epochs done, value).

    A point counts by the steps it stands for: the few at the start of an epoch would make a jump.
    """
    found, mean, before = [], math.nan, 0.0
    for point in curve:
        value = point[column]
        if math.isfinite(value):
            weight = 1 - math.exp((before - point[0]) / epochs)
            mean = value if math.isnan(mean) else mean + weight * (value - mean)
            before = point[0]
            found.append((point[0], mean))
    return found


def _thinned(curve: Sequence[T], most: int) -> Sequence[T]:
    """Every second point, or third and so on, and always the last."""
    step = -(-len(curve) // most)
    return [*curve[:-1][::step], curve[-1]] if step > 1 else curve


def _inside(points: Iterable[Point], axis: Axis) -> list[Point]:
    # What lies beyond the plot is left out: at its edge it would look like a plateau.
    return [(x, y) for x, y in points if axis.low <= y <= axis.high]


def calibration_figures(calibration: Calibration, title: str) -> str:
    """Error, loss and Brier score before and after temperature scaling, and what they say."""
    c = calibration
    rows = [
        [when, *(f"{value:.4f}" for value in figures)]
        for when, *figures in (
            ("as trained", c.before.ece, c.nll_before, c.brier_before),
            (f"temperature {c.temperature:.2f}", c.after.ece, c.nll_after, c.brier_after),
        )
    ]
    figures = table(
        ["", "ECE", "Loss", "Brier"],
        rows,
        f"{title}: calibration before and after",
        explained=True,
    )
    return (
        f"<figcaption>{escape(title)}</figcaption>{figures}"
        f"<p class='ml-note'>{escape(_sentence(c))}</p>"
        f"<details><summary>The bins in numbers</summary>{_bins(c, title)}</details>"
    )


def reliability_diagram(calibration: Calibration, title: str, model: str = "mlp") -> str:
    """Confidence against accuracy before and after temperature scaling, with the figures.

    `title` is the model's; `model`, `"mlp"` or `"cnn"`, decides the colour.
    """
    c = calibration
    panels = _reliability_svg(c.before, "as trained", title, model) + _reliability_svg(
        c.after, f"at temperature {c.temperature:.2f}", title, model
    )
    return (
        f"<figure class='ml-reliability'><div class='ml-curve-pair'>{panels}</div>"
        "<p class='ml-note'>Each dot is a bin of confidence; larger dots hold more images. On the "
        f"diagonal, confidence equals accuracy.</p>{calibration_figures(c, title)}</figure>"
    )


def _sentence(c: Calibration) -> str:
    """What the validation images show, and whether the test images agree."""
    if abs(c.temperature - 1) < 0.02:
        return "On the validation images its confidence matches its accuracy."
    state = "overconfident" if c.temperature > 1 else "underconfident"
    change = "smaller" if c.nll_after < c.nll_before else "larger"
    return (
        f"On the validation images it is {state}; dividing its logits by {c.temperature:.2f} "
        f"gives the smallest loss there. On these test images, that makes the loss {change}."
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
    label = f"{title}: bins of confidence, as trained and after scaling"
    return table(head, rows, label, explained=True)


def _bin(side: Reliability, i: int) -> list[str]:
    figures = (number(value, ".4f") for value in (side.confidence[i], side.accuracy[i]))
    return [f"{side.count[i]:,}", *figures]
