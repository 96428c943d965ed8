"""What Explore shows, as data, and what a visitor can do with it: no widgets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from traitlets import Enum, HasTraits, Instance, Int

from mnistlab.data.dataset import Dataset
from mnistlab.errors import DataError
from mnistlab.texts import counted
from mnistlab.ui.explore.material import SPLITS, Material
from mnistlab.ui.state import AppState, Sent


@dataclass(frozen=True, eq=False)
class Selection:
    """Images that were picked elsewhere, such as in the map."""

    title: str
    split: str
    rows: NDArray[np.int64]


class ExploreState(HasTraits):
    """Which dataset is explored and which of its images are shown."""

    material = Instance(Material)
    digit = Int(None, allow_none=True, min=0, max=9)
    split = Enum(("train", "test"), default_value="train")
    number = Int(50, min=1)
    zoom = Int(3, min=1, max=6)
    """Screen pixels for each pixel of a sample."""
    page = Int(0, min=0)
    seed = Int(0, min=0)
    selection = Instance(Selection, allow_none=True)
    """Shown instead of the images that fit the filter."""
    item = Instance(tuple, allow_none=True)
    """Split (str) and row (int) of the image that is shown large."""


class ExploreController:
    """Chooses the dataset, the samples and the open image; `state` is what the page shows."""

    def __init__(self, app: AppState) -> None:
        self._app = app
        self.state = ExploreState(material=Material(app.dataset))

    def explore(self, dataset: Dataset) -> None:
        """Show another dataset in the whole tab; `DataError` where it has no training images."""
        material = Material(dataset)
        with self.state.hold_trait_notifications():
            self.show(None)
            self.state.item, self.state.material = None, material
        self._app.explored = dataset
        number = counted(len(dataset.x_train) + len(dataset.x_test), "image")
        self._app.say(f"Explore shows {dataset.title}: {number}.")

    # Samples

    def select(
        self, *, digit: int | None = None, split: str | None = None, number: int | None = None
    ) -> None:
        """Filter the samples and go back to the first page; `digit` None means all digits."""
        state = self.state
        with state.hold_trait_notifications():
            self.show(None)
            state.digit, state.split = digit, split or state.split
            state.number = number or state.number

    def show(self, selection: Selection | None) -> None:
        """Show images picked elsewhere from their first page on, or those that fit the filter."""
        with self.state.hold_trait_notifications():
            self.state.page, self.state.selection = 0, selection

    def turn(self, pages: int) -> None:
        """Turn forward (positive) or back; the first and last page stay where they are."""
        self.state.page = min(max(self.state.page + pages, 0), self.last_page)

    def shuffle(self) -> None:
        """Show other samples of the same kind."""
        with self.state.hold_trait_notifications():
            self.show(None)
            self.state.seed += 1

    @property
    def split(self) -> str:
        """The split of the images on the page."""
        selection = self.state.selection
        return self.state.split if selection is None else selection.split

    @property
    def matching(self) -> NDArray[np.int64]:
        """Rows of all images that fit the filter, in the order they are shown in."""
        state, digit = self.state, self.state.digit
        if state.selection is not None:
            return state.selection.rows
        labels = state.material.labels(state.split)
        found = np.arange(len(labels)) if digit is None else np.flatnonzero(labels == digit)
        return found[np.random.default_rng(state.seed).permutation(len(found))]

    @property
    def shown(self) -> NDArray[np.int64]:
        """Rows of the samples on the page."""
        return self.matching[self.state.page * self.state.number :][: self.state.number]

    @property
    def last_page(self) -> int:
        """The number of the last page, counted from 0."""
        return max(0, -(-len(self.matching) // self.state.number) - 1)

    # The open image

    def open(self, split: str, row: int) -> None:
        """Show an image large; raises `DataError` when there is no such image."""
        n = len(self.state.material.images(split))
        if not 0 <= row < n:
            there = f"images 0 to {n - 1:,}" if n else "no images"
            raise DataError(f"The {SPLITS[split]} has {there}; there is no {row:,}.")
        self.state.item = (split, row)

    def close(self) -> None:
        """Show no image large."""
        self.state.item = None

    def send(self) -> None:
        """Put the open image on the pad in Predict."""
        if self.state.item is None:
            raise DataError("No image is open; click one first.")
        split, row = self.state.item
        image = self.state.material.take(split, [row])[0]
        label = self.state.material.labels(split)[row]
        self._app.sent = Sent(image, f"{image_name(split, row)}: label {label}")


def image_name(split: str, row: int) -> str:
    """What to call an image, such as `Training image 1,234`."""
    return f"{SPLITS[split].split()[0].capitalize()} image {row:,}"
