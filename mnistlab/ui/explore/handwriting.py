"""How the digits are written: ink, slant, width and height by digit, and which are close."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.plotly_charts import distribution_figure
from mnistlab.data.features import by_digit
from mnistlab.markup import number
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import FEATURES, Material
from mnistlab.ui.explore.section import Section

CHOICES = ("ink", "slant", "width", "height", "stroke_width")
QUANTILES = "5 % of a digit's images lie below its 5 % quantile, half of them below its median."


class Handwriting(Section):
    """The distribution of one feature at a time, and the closest pairs of digits."""

    def _build(self) -> None:
        choice = widgets.Dropdown(
            options=[(_title(name), name) for name in CHOICES], description="Show"
        )
        self.choice = self._watch(choice, lambda _: self._paint_one())
        self._chart = ui.classed(widgets.Output(), "ml-chart")
        self._numbers, self._close = widgets.HTML(), widgets.HTML()
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
        labels = np.asarray(self._material.labels("train"))
        quantiles = by_digit(values.of(name)[known], labels[known])
        ui.show_chart(self._chart, distribution_figure(quantiles, text), text)
        rows = [[str(d), *(number(v, ".2f") for v in row)] for d, row in enumerate(quantiles)]
        head = ["digit", "5 %", "25 %", "median", "75 %", "95 %"]
        table = ui.table(head, rows, f"{text} by digit, quantiles of the training set")
        self._numbers.value = table + ui.note(f"{QUANTILES} {median_text(quantiles[:, 2])}")


def _title(name: str) -> str:
    what, unit = FEATURES[name]
    return f"{what.capitalize()} ({unit})"


def median_text(median: NDArray[np.float64]) -> str:
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
    pairs = closest(material.codes, np.asarray(material.labels("train")))
    head = ui.subheading("Which digits are closest")
    if not pairs:
        return head + ui.note("This takes two digits with different training images each.")
    note = (
        f"The distance between the means of two digits in {material.how}, divided by the sum of "
        "their spreads. The smaller it is, the harder they are to tell apart."
    )
    rows = [[f"{a} and {b}", f"{away:.2f}"] for away, a, b in pairs[:8]]
    return head + ui.note(note) + ui.table(["pair", "distance"], rows, "Closest pairs of digits")


def closest(points: NDArray[np.float32], labels: NDArray[np.uint8]) -> list[tuple[float, int, int]]:
    """Pairs of labels (distance, a, b), the closest first.

    A label whose points are all the same has no spread and is left out.

    Parameters
    ----------
    points : array (n, d)
    labels : digits (n,)
    """
    means, spread = {}, {}
    for digit in np.unique(labels).tolist():
        members = points[labels == digit]
        if len(members) > 1 and np.ptp(members, axis=0).max() > 0:
            means[digit] = members.mean(0)
            spread[digit] = float(np.sqrt(((members - means[digit]) ** 2).sum(1).mean()))
    return sorted(
        (float(np.linalg.norm(means[a] - means[b])) / (spread[a] + spread[b]), a, b)
        for a in means
        for b in means
        if b < a
    )
