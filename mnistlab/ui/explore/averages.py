"""Mean and deviation images: of each digit, of two digits' difference, of the samples."""

from __future__ import annotations

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.data.pixel_statistics import Averages, average
from mnistlab.errors import DataError
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.section import Section

GREY = (40, 44, 52)  # where two means are equal


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
        rows, split = self._tab.matching, self._tab.split
        if not len(rows):
            raise DataError("Samples shows no images; choose another digit or split there.")
        found = average(self._material.images(split), rows)
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
        note = (
            "Top: the mean of each digit's training images. Bottom: their standard deviation, "
            "which is bright where the images differ. A digit without images is black. "
        )
        grid = ui.digit_grid(both, captions, "Mean and deviation of each digit", 10)
        self._all.value = grid + ui.note(note + spread_text(found))
        self._filtered.value = ""
        self._paint_difference()

    def _paint_difference(self) -> None:
        a, b = self._a.value, self._b.value
        found = self._material.averages
        for digit in (a, b):
            if not found.count[digit]:
                text = f"The training set has no images of the digit {digit}."
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


def _figure(image: NDArray[np.uint8], alt: str, caption: str) -> str:
    return (
        f"<figure class='ml-average'><img src='{ui.data_uri(image)}' alt='{alt}'>"
        f"<figcaption>{caption}</figcaption></figure>"
    )
