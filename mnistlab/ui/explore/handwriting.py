"""How the digits are written: ink, slant, width and height by digit, and which are close."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np

from mnistlab.data.features import Features, by_digit
from mnistlab.plots import PLOTLY_MIME, distribution_figure
from mnistlab.ui import components as ui
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
        quantiles = by_digit(values.of(name), material.labels("train"))
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
        median = quantiles[:, 2]
        most, least = int(np.nanargmax(median)), int(np.nanargmin(median))
        self._numbers.value = (
            ui.table(head, rows, f"{CHOICES[name]} by digit, quantiles of the training set")
            + f"<p class='ml-note'>By the median, {most}s have most and {least}s least.</p>"
        )


def _two_places(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def close_html(material: Material) -> str:
    """Which classes are closest, by the distance of their means in units of their spread."""
    points, labels = material.codes, np.asarray(material.labels("train"))
    there = [digit for digit in range(10) if (labels == digit).any()]
    means = np.stack([points[labels == digit].mean(0) for digit in there])
    spread = [
        float(np.sqrt(((points[labels == digit] - mean) ** 2).sum(1).mean()))
        for digit, mean in zip(there, means, strict=True)
    ]
    pairs = [
        (float(np.linalg.norm(means[i] - means[j])) / (spread[i] + spread[j]), there[i], there[j])
        for i in range(len(there))
        for j in range(i)
        if spread[i] + spread[j] > 0  # of one image each there is none
    ]
    rows = [[f"{a} and {b}", f"{away:.2f}"] for away, a, b in sorted(pairs)[:8]]
    how = "the pixels" if material.neighbours is None else "the CNN's penultimate layer"
    return (
        "<h3 class='ml-subheading'>Which digits are closest</h3>"
        f"<p class='ml-note'>Distance of the classes' means in {how}, over the sum of their "
        "spreads: the smaller, the more a model has to look for the difference.</p>"
        + ui.table(["pair", "distance"], rows, "The closest pairs of digits")
    )
