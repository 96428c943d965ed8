"""A dataset at a glance: its statistics, what they mean, and images per digit."""

from __future__ import annotations

import math
from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.by_digit import counts_chart
from mnistlab.data.features import Features
from mnistlab.data.pixel_statistics import SplitStatistics, Statistics
from mnistlab.markup import UNKNOWN, number
from mnistlab.texts import percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.section import Section

_CHANCE = 3  # standard errors
_NOTE = (
    "Mean and standard deviation are of pixels scaled from 0 (black) to 1 (ink). The centre of "
    "mass is the ink's average position; the range covers all images. Stroke width: the median, "
    "and in brackets the middle 90 % of the images. Images without ink have neither."
)


class Overview(Section):
    """Statistics and counts; `widgets` are the two boxes."""

    def _build(self) -> None:
        self._figures = ui.classed(widgets.HTML(), "ml-statistics", "ml-section")
        self._counts = ui.classed(widgets.HTML(), "ml-counts", "ml-section")
        self.widgets = [self._figures, self._counts]
        self._follow(self._state, self.paint, "material")

    def paint(self) -> None:
        """Show the dataset."""
        found, title = self._material.statistics, self._material.dataset.title
        self._figures.value = _statistics_html(title, found, self._material.features)
        counts = {"train": found.train.counts, "test": found.test.counts}
        rows = [[name, *(f"{n:,}" for n in row)] for name, row in counts.items()]
        head = ["digit", *map(str, range(10))]
        table = ui.table(head, rows, "Images per digit and split")
        self._counts.value = (
            ui.heading("Images per digit", balance(found.train))
            + counts_chart(*counts.values())
            + f"<details><summary>In numbers</summary>{table}</details>"
        )


def _statistics_html(title: str, found: Statistics, written: Mapping[str, Features]) -> str:
    """Both splits' figures as a table, and what they mean for a model."""
    columns = [
        _column(split, features)
        for split, features in zip((found.train, found.test), written.values(), strict=True)
    ]
    rows = [[name, *(column[name] for column in columns)] for name in columns[0]]
    table = ui.table(["", "training set", "test set"], rows, f"Statistics of {title}")
    return (
        ui.heading(f"{title} at a glance", meaning(found, written))
        + f"{table}<details><summary>What the figures mean</summary>{ui.note(_NOTE)}</details>"
    )


def _column(split: SplitStatistics, written: Features) -> dict[str, str]:
    pixels = [number(split.mean, ".4f"), number(split.std, ".4f"), percent(split.ink, 1)]
    mean, std, ink = pixels if split.images else [UNKNOWN] * 3
    column, row, stroke_width = (
        written.of(name)[written.measured(name)]
        for name in ("centre_x", "centre_y", "stroke_width")
    )
    return {
        "images": f"{split.images:,}",
        "classes": str(np.count_nonzero(split.counts)),
        "shape": " × ".join(f"{n:,}" for n in split.shape),
        "pixel type (0 to 255)": split.dtype,
        "mean of the pixels": mean,
        "standard deviation": std,
        "pixels with ink": ink,
        "centre of mass, column": _quantiles(column, "{0:.1f} to {4:.1f}"),
        "centre of mass, row": _quantiles(row, "{0:.1f} to {4:.1f}"),
        "stroke width, pixels": _quantiles(stroke_width, "{2:.1f} ({1:.1f} to {3:.1f})"),
    }


def _quantiles(values: NDArray[np.float32], form: str) -> str:
    """Some of the quantiles 0, 5, 50, 95 and 100 % of values (n,); a dash where n is 0."""
    return form.format(*np.percentile(values, [0, 5, 50, 95, 100])) if len(values) else UNKNOWN


def meaning(found: Statistics, written: Mapping[str, Features]) -> str:
    """What the statistics mean for someone who trains a model on the data."""
    return f"{_background(found.train.ink)} {_brightness(found, written)}"


def _background(ink: float) -> str:
    if ink == 0:
        return "All pixels of the training images are black: there is no ink to learn from."
    if ink == 1:
        return "No pixel of the training images is black."
    fraction = "less than 1 %" if 1 - ink < 0.005 else percent(1 - ink, 0)
    about = f"On average, {fraction} of a training image is black background"
    return f"{about}."


def _brightness(found: Statistics, written: Mapping[str, Features]) -> str:
    if not found.test.images:
        return "There are no test images to compare them with."
    drift = abs(found.train.mean - found.test.mean)
    apart = f"in brightness (means {drift:.3f} apart)"
    if drift < 0.01:
        return f"Training and test images are alike {apart}."
    if drift <= _CHANCE * _standard_error([each.ink for each in written.values()]):
        return (
            f"Training and test images differ {apart} by no more than chance explains in so few "
            "images."
        )
    return (
        f"Training and test images are not quite alike {apart}, so what a model learns on the one "
        "may not carry over to the other."
    )


def _standard_error(inks: list[NDArray[np.float32]]) -> float:
    """The standard error of the difference between the means of two sets (n,), (m,)."""
    if min(map(len, inks)) < 2:
        return math.inf  # one image does not show how images vary
    return math.sqrt(sum(float(each.var(ddof=1, dtype=np.float64)) / len(each) for each in inks))


def balance(split: SplitStatistics) -> str:
    """How even the classes are, and what that means for reading an accuracy."""
    counts = np.array(split.counts)
    common = int(counts.argmax())
    if np.count_nonzero(counts) == 1:
        what = "The only training image is" if split.images == 1 else "All training images are"
        return f"{what} labelled {common}: an accuracy on this digit alone says little."
    return (
        f"{_missing(counts)}{_evenness(counts, common)} Always answering {common} would be "
        f"right for {percent(counts[common] / split.images, 0)} of the training images."
    )


def _missing(counts: NDArray[np.int64]) -> str:
    missing = [str(digit) for digit in np.flatnonzero(counts == 0)]
    if not missing:
        return ""
    named = " or ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    return f"No training image is labelled {named}. "


def _evenness(counts: NDArray[np.int64], common: int) -> str:
    rare = min(np.flatnonzero(counts), key=lambda digit: int(counts[digit]))
    ratio = counts[common] / counts[rare]
    even = "even enough that plain accuracy is a fair score"
    if ratio == 1:
        which = "Every digit" if counts.all() else "Every other digit"
        return f"{which} has the same number of training images: {even}."
    uneven = "uneven, so look at macro F1 as well, which counts all digits equally"
    verdict = even if ratio < 1.5 else uneven
    return f"The training set has {ratio:.2f} times as many {common}s as {rare}s: {verdict}."
