"""A dataset at a glance: its statistics, what they mean, and images per digit."""

from __future__ import annotations

from collections.abc import Mapping

import ipywidgets as widgets
import numpy as np

from mnistlab.data.features import Features
from mnistlab.data.statistics import SplitStatistics, Statistics
from mnistlab.plots import PLOTLY_MIME, counts_figure
from mnistlab.ui import components as ui
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
        ["mean of the pixels", *(f"{split.mean:.4f}" for split in columns)],
        ["standard deviation", *(f"{split.std:.4f}" for split in columns)],
        ["pixels with ink", *(f"{split.ink:.1%}" for split in columns)],
        ["centre of mass, column", *(_range(each.centre_x) for each in features)],
        ["centre of mass, row", *(_range(each.centre_y) for each in features)],
        ["stroke width, pixels", *(_quantiles(each.stroke_width) for each in features)],
    ]
    return (
        ui.heading(f"{title} at a glance", meaning(figures))
        + ui.table(["", "training set", "test set"], rows, f"Statistics of {title}")
        + "<p class='ml-note'>Mean and deviation are of pixels scaled to 0 (black) to 1 (ink). "
        "Stroke width: median, and the middle 90 % of the images.</p>"
    )


def meaning(figures: Statistics) -> str:
    """What the statistics tell someone who trains a model on the data."""
    train, test = figures.train, figures.test
    drift = abs(train.mean - test.mean)
    alike = "alike" if drift < 0.01 else "not quite alike"
    return (
        f"About {1 - train.ink:.0%} of an image is background, so a model learns from few pixels. "
        f"Training and test images are {alike} in brightness (means {drift:.3f} apart), so what "
        f"is learned on the one {'should carry' if drift < 0.01 else 'may not carry'} over to "
        "the other."
    )


def balance(split: SplitStatistics) -> str:
    """How even the classes are, and what that means for reading an accuracy."""
    counts = split.counts
    rare, common = int(np.argmin(counts)), int(np.argmax(counts))
    ratio = counts[common] / max(1, counts[rare])
    verdict = (
        "even enough that plain accuracy is a fair score"
        if ratio < 1.5
        else "uneven, so look at macro F1 beside accuracy"
    )
    return (
        f"The training set has {ratio:.2f} times as many {common}s as {rare}s: {verdict}. "
        f"Always answering {common} would be right {counts[common] / split.images:.0%} of the time."
    )


def _range(values: np.ndarray) -> str:
    return f"{values.min():.1f} to {values.max():.1f}"


def _quantiles(values: np.ndarray) -> str:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"
