"""How the digits are written: their mean and deviation images, and their ink, slant and size."""

from __future__ import annotations

from itertools import combinations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.by_digit import distribution_chart
from mnistlab.data.features import by_digit
from mnistlab.data.pixel_statistics import Averages, average
from mnistlab.errors import DataError
from mnistlab.markup import number
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import FEATURES, Material
from mnistlab.ui.explore.section import Section

GREY = (40, 44, 52)  # where two means are equal
_CHOICES = ("ink", "slant", "width", "height", "stroke_width")
_QUANTILES = "5 % of a digit's images lie below its 5 % quantile, half of them below its median."
_AVERAGES = (
    "Top: the mean of each digit's training images. Bottom: their standard deviation, "
    "which is bright where the images differ. A digit without images is black. "
)


class AveragesSection(Section):
    """The mean and standard deviation of each digit's training images, and more on request."""

    def _build(self) -> None:
        self._a, self._b = (
            self._watch(
                widgets.Dropdown(
                    options=[(f"digit {n}", n) for n in range(10)], value=value, description=text
                ),
                lambda _: self._paint_difference(),
            )
            for value, text in ((4, "Mean of"), (9, "minus mean of"))
        )
        self._all, self._difference, self._filtered = (widgets.HTML() for _ in range(3))
        mean = self._button(
            "Mean of the samples", "ml-mean", self.average_shown, "Of all that fit the filter"
        )
        choosers = ui.tools(self._a, self._b)
        parts = [self._all, choosers, self._difference, widgets.Box([mean]), self._filtered]
        self.widget = ui.classed(widgets.VBox(parts), "ml-averages")

    def average_shown(self) -> None:
        """Show the mean and deviation of all images that fit the samples' filter."""
        rows = self._tab.matching
        if not len(rows):
            raise DataError("Samples shows no images; choose another digit or split there.")
        found = average(self._material.images(self._tab.split), rows)
        n = counted(len(rows), "image")
        parts = "".join(
            _figure(
                image.round().astype(np.uint8),
                f"The {name} of the images",
                f"{name} of {n}, average pixel value {image.mean():.1f}",
            )
            for name, image in zip(("mean", "deviation"), found, strict=True)
        )
        self._filtered.value = f"<div class='ml-average-pair'>{parts}</div>"

    def paint(self) -> None:
        """Show the averages of the training set."""
        found = self._material.averages
        both = np.concatenate([found.mean, found.std]).round().astype(np.uint8)
        captions = [str(digit) for digit in range(10)] * 2
        grid = ui.digit_grid(both, captions, "Mean and deviation of each digit", 10)
        self._all.value = grid + ui.note(_AVERAGES + _spread_text(found))
        self._filtered.value = ""
        self._paint_difference()

    def _paint_difference(self) -> None:
        a, b = self._a.value, self._b.value
        found = self._material.averages
        missing = [digit for digit in (a, b) if not found.count[digit]]
        if missing:
            text = f"The training set has no images of the digit {missing[0]}."
            self._difference.value = ui.note(text)
            return
        difference = found.mean[a] - found.mean[b]
        apart = float(np.sqrt((difference**2).mean()))
        self._difference.value = _figure(
            ui.diverging(difference, GREY).round().astype(np.uint8),
            f"Where the mean {a} and the mean {b} differ",
            f"Orange: ink of {a}; blue: ink of {b}. The means differ by {apart:.0f} of 255 "
            "(root mean square over the pixels).",
        )


def _spread_text(found: Averages) -> str:
    """Which digits' images differ most and least, among the digits that have several."""
    several = np.flatnonzero(found.count > 1)
    if not len(several):
        return "No digit has several images that could differ."
    spread = found.std.reshape(10, -1).mean(1).round()
    most, least = several[spread[several].argmax()], several[spread[several].argmin()]
    if spread[most] == spread[least]:
        return f"On average over the pixels, they deviate by {spread[most]:.0f} of 255."
    return (
        f"On average over the pixels, {most}s differ most ({spread[most]:.0f} of 255) and "
        f"{least}s least ({spread[least]:.0f})."
    )


def _figure(image: NDArray[np.uint8], alt: str, caption: str) -> str:
    return (
        f"<figure class='ml-average'><img src='{ui.data_uri(image)}' alt='{alt}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


class Handwriting(Section):
    """The distribution of one feature at a time, and the closest pairs of digits."""

    def _build(self) -> None:
        choice = widgets.Dropdown(
            options=[(_title(name), name) for name in _CHOICES], description="Show"
        )
        self.choice = self._watch(choice, lambda _: self._paint_one())
        self._chart, self._numbers, self._close = (widgets.HTML() for _ in range(3))
        parts = [ui.tools(self.choice), self._chart, self._numbers, self._close]
        self.widget = ui.classed(widgets.VBox(parts), "ml-handwriting")

    def paint(self) -> None:
        """Show the training set's distributions."""
        self._paint_one()
        self._close.value = close_html(self._material)

    def _paint_one(self) -> None:
        name, text = self.choice.value, _title(self.choice.value)
        values = self._material.features["train"]
        known = values.measured(name)
        quantiles = by_digit(values.of(name)[known], self._material.labels("train")[known])
        self._chart.value = distribution_chart(quantiles, text)
        rows = [[str(d), *(number(v, ".2f") for v in row)] for d, row in enumerate(quantiles)]
        head = ["digit", "5 %", "25 %", "median", "75 %", "95 %"]
        table = ui.table(head, rows, f"{text} by digit, quantiles of the training set")
        self._numbers.value = table + ui.note(f"{_QUANTILES} {_median_text(quantiles[:, 2])}")


def _title(name: str) -> str:
    what, unit = FEATURES[name]
    return f"{what.capitalize()} ({unit})"


def _median_text(median: NDArray[np.float64]) -> str:
    """Which digits have the highest and the lowest median (10,), NaN where there is none."""
    if np.isnan(median).all():
        return "No training image has ink by which this could be measured."
    low, high = np.nanmin(median), np.nanmax(median)
    if f"{low:.2f}" == f"{high:.2f}":
        return f"The median is {high:.2f} for each digit."
    return (
        f"The median is highest for the digit {np.nanargmax(median)} ({high:.2f}) and lowest for "
        f"the digit {np.nanargmin(median)} ({low:.2f})."
    )


def close_html(material: Material) -> str:
    """Which digits are closest, by the distance of their means in units of their spread."""
    pairs = _closest(material.codes, material.labels("train"))
    head = ui.subheading("Which digits are closest")
    if not pairs:
        return head + ui.note("This takes two digits with different training images each.")
    note = (
        f"The distance between the means of two digits in {material.how}, divided by the sum of "
        "their spreads. The smaller it is, the harder they are to tell apart."
    )
    rows = [[f"{a} and {b}", f"{away:.2f}"] for away, a, b in pairs[:8]]
    return head + ui.note(note) + ui.table(["pair", "distance"], rows, "Closest pairs of digits")


def _closest(
    points: NDArray[np.float32], labels: NDArray[np.uint8]
) -> list[tuple[float, int, int]]:
    """Pairs of labels (distance, a, b) of points (n, d), the closest first.

    A label whose points are all the same has no spread and is left out.
    """
    means, spread = {}, {}
    for digit in np.unique(labels).tolist():
        members = points[labels == digit]
        if len(members) > 1 and np.ptp(members, axis=0).max() > 0:
            means[digit] = members.mean(0)
            spread[digit] = float(np.sqrt(((members - means[digit]) ** 2).sum(1).mean()))
    return sorted(
        (float(np.linalg.norm(means[a] - means[b])) / (spread[a] + spread[b]), a, b)
        for b, a in combinations(means, 2)
    )
