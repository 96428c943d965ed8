"""A dataset at a glance: its statistics, what they mean, and images per digit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np

from mnistlab.charts.plotly_charts import PLOTLY_MIME, counts_figure
from mnistlab.data.features import Features
from mnistlab.data.statistics import SplitStatistics, Statistics
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState


class Overview:
    """Statistics and counts; `widgets` are the two boxes."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        self._state = state
        self._figures = widgets.HTML()
        self._head, self._numbers = widgets.HTML(), widgets.HTML()
        # An Output's `outputs` and not a FigureWidget, which ships 5 MB a piece in its state.
        self._chart = ui.classed(widgets.Output(), "ml-chart")
        counts = widgets.VBox([self._head, self._chart, self._numbers])
        self.widgets = [
            ui.classed(self._figures, "ml-statistics", "ml-section"),
            ui.classed(counts, "ml-counts", "ml-section"),
        ]
        state.observe(ui.guard(app, lambda _: self.paint()), ["material"])
        self.paint()

    def paint(self) -> None:
        """Show the dataset."""
        material: Material = self._state.material
        title, found = material.dataset.title, material.statistics
        self._figures.value = statistics_html(title, found, material.features)
        train, test = found.train.counts, found.test.counts
        self._head.value = ui.heading("Images per digit", balance(found.train))
        figure = counts_figure(train, test)
        self._chart.outputs = (
            {
                "output_type": "display_data",
                "data": {PLOTLY_MIME: figure, "text/plain": "Images per digit"},
                "metadata": {},
            },
        )
        self._numbers.value = ui.table(
            ["digit", *map(str, range(10))],
            [[name, *(f"{n:,}" for n in row)] for name, row in (("train", train), ("test", test))],
            "Images per digit and split",
        )


def statistics_html(title: str, figures: Statistics, written: Mapping[str, Features]) -> str:
    """Both splits' figures as a table, and what they mean for a model."""
    columns = [figures.train, figures.test]
    features = list(written.values())
    classes = [sum(count > 0 for count in split.counts) for split in columns]
    rows = [
        ["images", *(f"{split.images:,}" for split in columns)],
        ["classes", *map(str, classes)],
        ["shape", *(" × ".join(f"{n:,}" for n in split.shape) for split in columns)],
        ["pixel type (0 to 255)", *(split.dtype for split in columns)],
        ["mean of the pixels", *(_of_images(split, f"{split.mean:.4f}") for split in columns)],
        ["standard deviation", *(_of_images(split, f"{split.std:.4f}") for split in columns)],
        ["pixels with ink", *(_of_images(split, _percent(split.ink, 1)) for split in columns)],
        ["centre of mass, column", *(_range(each, "centre_x") for each in features)],
        ["centre of mass, row", *(_range(each, "centre_y") for each in features)],
        ["stroke width, pixels", *(_quantiles(each, "stroke_width") for each in features)],
    ]
    return (
        ui.heading(f"{title} at a glance", meaning(figures, written))
        + ui.table(["", "training set", "test set"], rows, f"Statistics of {title}")
        + "<p class='ml-note'>Mean and deviation are of pixels scaled to 0 (black) to 1 (ink). "
        "Stroke width: median, and the middle 90 % of the images. Images without ink count in "
        "neither the centres of mass nor the stroke width.</p>"
    )


def meaning(figures: Statistics, written: Mapping[str, Features]) -> str:
    """What the statistics tell someone who trains a model on the data."""
    error = _error_of_drift([each.ink for each in written.values()])
    return f"{_background(figures.train)} {_brightness(figures, error)}"


def _background(train: SplitStatistics) -> str:
    black = 1 - train.ink
    if train.ink == 0:
        return "All pixels of the training images are black: there is no ink to learn from."
    if black == 0:
        return "No pixel of the training images is black."
    about = f"About {_percent(black)} of a training image is black background"
    if black < 0.005:
        about = "Less than 1 % of a training image is black background"
    return f"{about}, so a model learns from few pixels." if black >= 0.5 else f"{about}."


def _error_of_drift(means: Sequence[np.ndarray]) -> float:
    """The standard error of the difference between two sets' means of images (n,), (m,)."""
    if min(map(len, means)) < 2:
        return math.inf  # one image says nothing of how images vary
    return math.sqrt(sum(float(each.var(ddof=1, dtype=np.float64)) / len(each) for each in means))


def _brightness(figures: Statistics, error: float) -> str:
    train, test = figures.train, figures.test
    if not test.images:
        return "There are no test images to compare them with."
    drift = abs(train.mean - test.mean)
    apart = f"in brightness (means {drift:.3f} apart)"
    if drift < 0.01:
        return f"Training and test images are alike {apart}."
    if drift <= _CHANCE * error:
        return (
            f"Training and test images differ {apart} by no more than chance explains in so few "
            "images."
        )
    return (
        f"Training and test images are not quite alike {apart}, so what is learned on the one may "
        "not carry over to the other."
    )


def balance(split: SplitStatistics) -> str:
    """How even the classes are, and what that means for reading an accuracy."""
    counts = np.array(split.counts)
    there = np.flatnonzero(counts)
    common = int(counts.argmax())
    rare = int(there[counts[there].argmin()])
    if len(there) == 1:
        what = "The only training image is" if split.images == 1 else "All training images are"
        return f"{what} labelled {common}: an accuracy on this digit alone says little."
    always = (
        f"Always answering {common} would be right for "
        f"{_percent(counts[common] / split.images)} of the training images."
    )
    return f"{_missing(counts)}{_evenness(counts, rare, common)} {always}"


def _missing(counts: np.ndarray) -> str:
    missing = [str(digit) for digit in np.flatnonzero(counts == 0)]
    if not missing:
        return ""
    named = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} or {missing[-1]}"
    return f"No training image is labelled {named}. "


def _evenness(counts: np.ndarray, rare: int, common: int) -> str:
    ratio = counts[common] / counts[rare]
    even = "even enough that plain accuracy is a fair score"
    if ratio == 1:
        which = "Every digit" if counts.all() else "Every other digit"
        return f"{which} has the same number of training images: {even}."
    verdict = even if ratio < 1.5 else "uneven, so look at macro F1 beside accuracy"
    return f"The training set has {ratio:.2f} times as many {common}s as {rare}s: {verdict}."


def _percent(fraction: float, decimals: int = 0) -> str:
    return f"{100 * fraction:.{decimals}f} %"


def _of_images(split: SplitStatistics, figure: str) -> str:
    """A figure, or a dash where there are no images that could have one."""
    return figure if split.images else _NONE


def _range(written: Features, name: str) -> str:
    values = written.of(name)[written.measured(name)]
    return f"{values.min():.1f} to {values.max():.1f}" if len(values) else _NONE


def _quantiles(written: Features, name: str) -> str:
    values = written.of(name)[written.measured(name)]
    if not len(values):
        return _NONE
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"


_NONE = "–"
_CHANCE = 3  # standard errors
