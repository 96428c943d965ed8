"""How the digits are written: ink, slant, width and height by digit, and which are close."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from mnistlab.charts.plotly_charts import PLOTLY_MIME, distribution_figure
from mnistlab.data.features import Features, by_digit
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState

CHOICES = {
    "ink": "Ink (share of full brightness)",
    "slant": "Slant (degrees to the right)",
    "width": "Width (pixels)",
    "height": "Height (pixels)",
    "stroke_width": "Stroke width (pixels)",
}


class Handwriting:
    """`widget` is all of it; `paint` fills it when it is first seen."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        self._state = state
        self.choice = widgets.Dropdown(
            options=[(text, name) for name, text in CHOICES.items()], description="Show"
        )
        self.choice.observe(ui.guard(app, lambda _: self._paint_one()), "value")
        self._chart = ui.classed(widgets.Output(), "ml-chart")
        self._numbers, self._close = widgets.HTML(), widgets.HTML()
        tools = ui.classed(widgets.Box([self.choice]), "ml-tools")
        self.widget = ui.classed(
            widgets.VBox([tools, self._chart, self._numbers, self._close]), "ml-handwriting"
        )

    def paint(self) -> None:
        """Show the training set's distributions."""
        self._paint_one()
        self._close.value = close_html(self._state.material)

    def _paint_one(self) -> None:
        material: Material = self._state.material
        name = self.choice.value
        values: Features = material.features["train"]
        known = values.measured(name)
        quantiles = by_digit(values.of(name)[known], np.asarray(material.labels("train"))[known])
        figure = distribution_figure(quantiles, CHOICES[name])
        self._chart.outputs = (
            {
                "output_type": "display_data",
                "data": {PLOTLY_MIME: figure, "text/plain": CHOICES[name]},
                "metadata": {},
            },
        )
        rows = [[f"{digit}", *map(_two_places, row)] for digit, row in enumerate(quantiles)]
        head = ["digit", "5 %", "25 %", "median", "75 %", "95 %"]
        self._numbers.value = (
            ui.table(head, rows, f"{CHOICES[name]} by digit, quantiles of the training set")
            + f"<p class='ml-note'>{median_text(quantiles[:, 2])}</p>"
        )


def median_text(median: np.ndarray) -> str:
    """Which digits have the highest and the lowest median (10,), NaN where there is none."""
    known = np.flatnonzero(~np.isnan(median))
    if not len(known):
        return "No training image has ink by which this could be measured."
    low, high = np.nanmin(median), np.nanmax(median)
    if f"{low:.2f}" == f"{high:.2f}":
        return f"The median is {high:.2f} for each digit."
    return (
        f"The median is highest for the digit {np.nanargmax(median)} ({high:.2f}) and lowest for "
        f"the digit {np.nanargmin(median)} ({low:.2f})."
    )


def _two_places(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def close_html(material: Material) -> str:
    """Which classes are closest, by the distance of their means in units of their spread."""
    pairs = closest(material.codes, np.asarray(material.labels("train")))
    how = "the pixels" if material.neighbours is None else "the CNN's penultimate layer"
    head = "<h3 class='ml-subheading'>Which digits are closest</h3>"
    if not pairs:
        return (
            f"{head}<p class='ml-note'>To compare digits takes two of them with different "
            "training images each.</p>"
        )
    return (
        f"{head}<p class='ml-note'>Distance of the classes' means in {how}, over the sum of their "
        "spreads: the smaller, the harder they are to tell apart.</p>"
        + ui.table(
            ["pair", "distance"],
            [[f"{a} and {b}", f"{away:.2f}"] for away, a, b in pairs[:8]],
            "The closest pairs of digits",
        )
    )


def closest(points: np.ndarray, labels: np.ndarray) -> list[tuple[float, int, int]]:
    """Pairs of labels (distance, a, b), the closest first.

    A label whose points are all the same has no spread, and is left out.

    Parameters
    ----------
    points : array (n, d) of floats
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
