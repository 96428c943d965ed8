"""A dataset at a glance: its statistics, what they mean, and images per digit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.plotly_charts import counts_figure
from mnistlab.data.features import Features
from mnistlab.data.pixel_statistics import SplitStatistics, Statistics
from mnistlab.markup import UNKNOWN, number
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.section import Section

_CHANCE = 3  # standard errors


class Overview(Section):
    """Statistics and counts; `widgets` are the two boxes."""

    def _build(self) -> None:
        self._figures, self._head, self._numbers = (widgets.HTML() for _ in range(3))
        self._chart = ui.classed(widgets.Output(), "ml-chart")
        counts = widgets.VBox([self._head, self._chart, self._numbers])
        self.widgets = [
            ui.classed(self._figures, "ml-statistics", "ml-section"),
            ui.classed(counts, "ml-counts", "ml-section"),
        ]
        self._watch(self._state, lambda _: self.paint(), "material")
        self.paint()

    def paint(self) -> None:
        """Show the dataset."""
        found = self._material.statistics
        title = self._material.dataset.title
        self._figures.value = statistics_html(title, found, self._material.features)
        self._head.value = ui.heading("Images per digit", balance(found.train))
        counts = {"train": found.train.counts, "test": found.test.counts}
        ui.show_chart(self._chart, counts_figure(*counts.values()), "Images per digit")
        rows = [[name, *(f"{n:,}" for n in row)] for name, row in counts.items()]
        head = ["digit", *map(str, range(10))]
        self._numbers.value = ui.table(head, rows, "Images per digit and split")


def statistics_html(title: str, found: Statistics, written: Mapping[str, Features]) -> str:
    """Both splits' figures as a table, and what they mean for a model."""
    splits, features = [found.train, found.test], list(written.values())
    classes = [sum(count > 0 for count in split.counts) for split in splits]
    rows = [
        ["images", *(f"{split.images:,}" for split in splits)],
        ["classes", *map(str, classes)],
        ["shape", *(" × ".join(f"{n:,}" for n in split.shape) for split in splits)],
        ["pixel type (0 to 255)", *(split.dtype for split in splits)],
        ["mean of the pixels", *(_of_images(s, number(s.mean, ".4f")) for s in splits)],
        ["standard deviation", *(_of_images(s, number(s.std, ".4f")) for s in splits)],
        ["pixels with ink", *(_of_images(s, ui.percent(s.ink)) for s in splits)],
        ["centre of mass, column", *(_range(each, "centre_x") for each in features)],
        ["centre of mass, row", *(_range(each, "centre_y") for each in features)],
        ["stroke width, pixels", *(_quantiles(each, "stroke_width") for each in features)],
    ]
    note = (
        "Mean and standard deviation are of pixels scaled from 0 (black) to 1 (ink). The centre of "
        "mass is the ink's average position; the range covers all images. Stroke width: the "
        "median, and in brackets the middle 90 % of the images. Images without ink have neither."
    )
    return (
        ui.heading(f"{title} at a glance", meaning(found, written))
        + ui.table(["", "training set", "test set"], rows, f"Statistics of {title}")
        + ui.note(note)
    )


def meaning(found: Statistics, written: Mapping[str, Features]) -> str:
    """What the statistics mean for someone who trains a model on the data."""
    error = _standard_error([each.ink for each in written.values()])
    return f"{_background(found.train)} {_brightness(found, error)}"


def _background(train: SplitStatistics) -> str:
    black = 1 - train.ink
    if train.ink == 0:
        return "All pixels of the training images are black: there is no ink to learn from."
    if black == 0:
        return "No pixel of the training images is black."
    fraction = "less than 1 %" if black < 0.005 else ui.percent(black, 0)
    about = f"On average, {fraction} of a training image is black background"
    return f"{about}, so a model learns from few pixels." if black >= 0.5 else f"{about}."


def _standard_error(means: Sequence[NDArray[np.float32]]) -> float:
    """The standard error of the difference between two sets' means of images (n,), (m,)."""
    if min(map(len, means)) < 2:
        return math.inf  # one image does not show how images vary
    return math.sqrt(sum(float(each.var(ddof=1, dtype=np.float64)) / len(each) for each in means))


def _brightness(found: Statistics, error: float) -> str:
    if not found.test.images:
        return "There are no test images to compare them with."
    drift = abs(found.train.mean - found.test.mean)
    apart = f"in brightness (means {drift:.3f} apart)"
    if drift < 0.01:
        return f"Training and test images are alike {apart}."
    if drift <= _CHANCE * error:
        return (
            f"Training and test images differ {apart} by no more than chance explains in so few "
            "images."
        )
    return (
        f"Training and test images are not quite alike {apart}, so what a model learns on the one "
        "may not carry over to the other."
    )


def balance(split: SplitStatistics) -> str:
    """How even the classes are, and what that means for reading an accuracy."""
    counts = np.array(split.counts)
    present = np.flatnonzero(counts)
    common = int(counts.argmax())
    rare = int(present[counts[present].argmin()])
    if len(present) == 1:
        what = "The only training image is" if split.images == 1 else "All training images are"
        return f"{what} labelled {common}: an accuracy on this digit alone says little."
    return (
        f"{_missing(counts)}{_evenness(counts, rare, common)} Always answering {common} would be "
        f"right for {ui.percent(counts[common] / split.images, 0)} of the training images."
    )


def _missing(counts: NDArray[np.int64]) -> str:
    missing = [str(digit) for digit in np.flatnonzero(counts == 0)]
    if not missing:
        return ""
    named = " or ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    return f"No training image is labelled {named}. "


def _evenness(counts: NDArray[np.int64], rare: int, common: int) -> str:
    ratio = counts[common] / counts[rare]
    even = "even enough that plain accuracy is a fair score"
    if ratio == 1:
        which = "Every digit" if counts.all() else "Every other digit"
        return f"{which} has the same number of training images: {even}."
    uneven = "uneven, so look at macro F1 as well, which counts all digits equally"
    verdict = even if ratio < 1.5 else uneven
    return f"The training set has {ratio:.2f} times as many {common}s as {rare}s: {verdict}."


def _of_images(split: SplitStatistics, figure: str) -> str:
    """A figure, or a dash where there are no images."""
    return figure if split.images else UNKNOWN


def _range(written: Features, name: str) -> str:
    values = written.of(name)[written.measured(name)]
    return f"{values.min():.1f} to {values.max():.1f}" if len(values) else UNKNOWN


def _quantiles(written: Features, name: str) -> str:
    values = written.of(name)[written.measured(name)]
    if not len(values):
        return UNKNOWN
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"
