"""Mean and deviation images: of each digit, of two digits' difference, of what is shown."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets
import numpy as np

from mnistlab.data.averages import Averages, average
from mnistlab.errors import DataError
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.samples import Samples
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState


class AveragesSection:
    """`widget` is all of it; `paint` fills it when it is first seen."""

    def __init__(self, app: AppState, state: ExploreState, samples: Samples) -> None:
        self._app, self._state, self._samples = app, state, samples
        digits = [(f"digit {digit}", digit) for digit in range(10)]
        self._a = widgets.Dropdown(options=digits, value=4, description="The mean")
        self._b = widgets.Dropdown(options=digits, value=9, description="less that of")
        for choice in (self._a, self._b):
            choice.observe(self._guard(lambda _: self._paint_difference()), "value")
        self._all, self._difference, self._filtered = (widgets.HTML() for _ in range(3))
        mean = ui.button("Mean of what Samples shows", "ml-mean", "Of all that fit the filter")
        mean.on_click(self._guard(lambda _: self.average_shown()))
        choosers = ui.classed(widgets.Box([self._a, self._b]), "ml-tools")
        self.widget = ui.classed(
            widgets.VBox(
                [self._all, choosers, self._difference, widgets.Box([mean]), self._filtered]
            ),
            "ml-averages",
        )

    def average_shown(self) -> None:
        """Show the mean and deviation of all images that fit the samples' filter."""
        rows, split = self._samples.matching, self._samples.split
        if not len(rows):
            raise DataError("Samples shows no images; choose another digit or split there.")
        mean, std = average(self._state.material.images(split), rows)
        self._filtered.value = _figures([("mean", mean), ("deviation", std)], len(rows))

    def paint(self) -> None:
        """Show the averages of the training set."""
        material: Material = self._state.material
        found = material.averages
        both = np.concatenate([found.mean, found.std]).round().astype(np.uint8)
        captions = [str(digit) for digit in range(10)] * 2
        grid = ui.digit_grid(both, captions, "Mean and deviation of each digit", 10)
        self._all.value = (
            f"{grid}<p class='ml-note'>Above the mean of each digit's training images, below their "
            "standard deviation: bright where the images differ; black for a digit without "
            f"images. {spread_text(found)}</p>"
        )
        self._filtered.value = ""
        self._paint_difference()

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _paint_difference(self) -> None:
        a, b = self._a.value, self._b.value
        count, mean = (getattr(self._state.material.averages, name) for name in ("count", "mean"))
        if not count[a] or not count[b]:
            without = a if not count[a] else b
            self._difference.value = (
                f"<p class='ml-note'>The training set has no images of the digit {without}.</p>"
            )
            return
        difference = mean[a] - mean[b]
        apart = float(np.sqrt((difference**2).mean()))
        self._difference.value = (
            f"<figure class='ml-average'><img src='{ui.data_uri(two_coloured(difference))}' "
            f"alt='Where the mean {a} and the mean {b} differ'><figcaption>Orange: ink of {a}; "
            f"blue: ink of {b}. They are {apart:.0f} of 255 apart, root mean square over the "
            "pixels.</figcaption></figure>"
        )


def spread_text(found: Averages) -> str:
    """Which digits' images differ most and least, among the digits that have several."""
    several = np.flatnonzero(found.count > 1)
    if not len(several):
        return "No digit has several images that could differ."
    spread = found.std.reshape(10, -1).mean(1).round()
    most = int(several[spread[several].argmax()])
    least = int(several[spread[several].argmin()])
    if spread[most] == spread[least]:
        return f"On average over the pixels, they deviate by {spread[most]:.0f} of 255."
    return (
        f"On average over the pixels, {most}s differ most ({spread[most]:.0f} of 255) and "
        f"{least}s least ({spread[least]:.0f})."
    )


def two_coloured(difference: np.ndarray) -> np.ndarray:
    """Signed values (h, w) as an image (h, w, 3) uint8: orange above zero, blue below, as strong
    as they are large; grey at zero.
    """
    share = np.clip(difference / max(float(np.abs(difference).max()), 1e-9), -1, 1)[..., None]
    orange, blue, grey = np.array([230, 120, 20]), np.array([30, 130, 210]), np.array([40, 44, 52])
    end = np.where(share > 0, orange, blue)
    coloured: np.ndarray = (grey + np.abs(share) * (end - grey)).round().astype(np.uint8)
    return coloured


def _figures(images: list[tuple[str, np.ndarray]], n: int) -> str:
    parts = "".join(
        f"<figure class='ml-average'><img src='{ui.data_uri(image.round().astype(np.uint8))}' "
        f"alt='The {name} of the images'><figcaption>{name} of {n:,}, mean of its pixels "
        f"{image.mean():.1f}</figcaption></figure>"
        for name, image in images
    )
    return f"<div class='ml-average-pair'>{parts}</div>"
