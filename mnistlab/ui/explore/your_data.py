"""Exploring other data: the visitor's own files, or My digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Dataset, digest_of
from mnistlab.data.own.reader import OwnImages, from_arrays, read_own_files, read_own_path
from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.settings import is_shared, my_digits_file
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.section import Section

_MINE = "My digits"
_TURNS = {
    "invert": ("Swap ink and paper", "For dark ink on bright paper"),
    "transpose": ("Transpose", "Swap rows and columns, as EMNIST's images need"),
}
_TO_SPLIT = 12  # drawings, of which two are taken for testing
_TEXT = (
    "Explore your own images: the whole tab will show them. Choose an .npz file with images and "
    "labels, IDX files such as MNIST's, or a .csv file with a label and 784 pixels in each line, "
    "such as Kaggle's train.csv. Images have 28 × 28 pixels, bright ink on black. Uploads are "
    "limited to 15 MB."
)


class YourData(Section):
    """Choosers of the dataset."""

    def _build(self) -> None:
        self._images: OwnImages | None = None  # the files chosen last, and their dataset
        self._shown: Dataset | None = None
        self._turned: frozenset[str] = frozenset()  # of `_TURNS`, those in use
        button, first = self._button, self._app.dataset
        self._upload = ui.file_button(
            self._app,
            "Choose files of images and labels",
            "ml-own-upload",
            lambda files: self.explore_files({f["name"]: f["content"] for f in files}),
            multiple=True,
        )
        sources = ui.tools(
            self._upload,
            button(_MINE, "ml-own-mine", self.explore_mine, "The drawings you kept in Predict"),
            button(f"Back to {first.title}", "ml-own-back", lambda: self._tab.explore(first)),
        )
        rows = [widgets.HTML(ui.note(_TEXT)), sources]
        if not is_shared():  # a visitor's path would read the server's disk
            path = widgets.Text(placeholder="or a file or folder on this machine")
            self._path = ui.classed(path, "ml-own-path")
            tip = "Also larger files, such as Kaggle's train.csv"
            go = button("Open", "ml-own-open", lambda: self.explore_path(self._path.value), tip)
            rows.append(ui.tools(self._path, go))
        self._notice = ui.classed(widgets.HTML(), "ml-own-notice")
        self._turn_buttons = ui.tools(
            *(
                button(text, f"ml-own-{name}", partial(self.turn, name), tip)
                for name, (text, tip) in _TURNS.items()
            )
        )
        rows += [self._notice, self._turn_buttons]
        self.widget = ui.classed(widgets.VBox(rows), "ml-own")

    def paint(self) -> None:
        """Show the notice of the dataset, and how its images can be turned."""
        dataset = self._material.dataset
        if dataset is not self._shown:
            self._images = self._shown = None
        self._turn_buttons.layout.display = "none" if self._images is None else ""
        notice = "" if dataset is self._app.dataset else dataset.notice  # the header has that
        self._notice.value = ui.banner(notice)

    def explore_files(self, files: Mapping[str, bytes]) -> None:
        """Show files; raises `DataError` and stays where it is when they cannot be used."""
        self._explore_own(read_own_files(files))

    def explore_path(self, path: str) -> None:
        """Show a file or folder of this machine; raises `DataError` when it cannot be used."""
        if not path.strip():
            raise DataError("There is no path; write one such as ~/Downloads/train.csv.")
        self._explore_own(read_own_path(path.strip()))

    def explore_mine(self) -> None:
        """Show My digits; raises `DataError` where there are none."""
        x, y = Collection(my_digits_file()).as_dataset()
        if not len(x):
            raise DataError("My digits has no drawings yet; keep some in Predict first.")
        self._tab.explore(as_dataset(x, y))

    def turn(self, name: str) -> None:
        """Swap ink and paper (`"invert"`) or rows and columns (`"transpose"`), or undo that."""
        if self._images is None:
            raise DataError("There are no images to turn; choose a file of your own first.")
        self._explore_own(self._images, self._turned ^ {name})

    def _explore_own(self, images: OwnImages, turned: frozenset[str] = frozenset()) -> None:
        remedies = {name: f'"{button}"' for name, (button, _) in _TURNS.items()}
        shown = images.dataset(**{name: name in turned for name in _TURNS}, remedies=remedies)
        self._tab.explore(shown)
        self._images, self._shown, self._turned = images, shown, turned
        self.paint()


def as_dataset(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> Dataset:
    """My digits as a dataset, from images (n, 28, 28) and labels (n,), n at least 1.

    With too few to spare some for testing, all are for training.
    """
    if len(x) >= _TO_SPLIT:
        return from_arrays({"x": x, "y": y}, _MINE)
    arrays = (x, y, x[:0], y[:0])
    return Dataset("own", _MINE, *arrays, digest=digest_of(arrays), source="your own drawings")
