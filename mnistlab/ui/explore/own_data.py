"""Exploring other data: the visitor's own files, or My digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np

from mnistlab.data.dataset import Dataset, digest_of
from mnistlab.data.own.reader import OwnImages, from_arrays, read_own_files, read_own_path
from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.settings import is_shared, my_digits_file
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState


class OwnData:
    """Choosers of the dataset; `widget` is all of it."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        self._app, self._state = app, state
        self._images: OwnImages | None = None
        self._turns = {"invert": False, "transpose": False}  # as they are
        guard = self._guard
        self._upload = ui.file_button(
            app,
            "Choose files of images and labels",
            "ml-own-upload",
            self._on_files,
            multiple=True,
        )
        mine = ui.button("My digits", "ml-own-mine", "The drawings you kept in Predict")
        mine.on_click(guard(lambda _: self.explore_mine()))
        back = ui.button(f"Back to {app.dataset.title}", "ml-own-back")
        back.on_click(guard(lambda _: self.explore(app.dataset)))
        rows = [ui.classed(widgets.Box([self._upload, mine, back]), "ml-tools")]
        if not is_shared():  # a visitor's path would read the server's disk
            rows.append(self._build_path())
        text = f"<p class='ml-note'>{ui.escape(_TEXT)}</p>"
        self._notice = ui.classed(widgets.HTML(), "ml-own-notice")
        self._turn_buttons = self._build_turns()
        rows += [self._notice, self._turn_buttons]
        self.widget = ui.classed(widgets.VBox([widgets.HTML(text), *rows]), "ml-own")

    # Verbs

    def explore(self, dataset: Dataset) -> None:
        """Show another dataset in the whole tab; `DataError` where it has no training images."""
        material = Material(dataset)
        with self._state.hold_trait_notifications():
            self._state.page, self._state.selection, self._state.item = 0, None, None
            self._state.material = material
        self._app.explored = dataset
        self._images = None
        self._turn_buttons.layout.display = "none"
        notice = "" if dataset is self._app.dataset else dataset.notice  # the header has that
        self._notice.value = (
            f"<div class='ml-banner' role='note'>{ui.escape(notice)}</div>" if notice else ""
        )
        number = len(dataset.x_train) + len(dataset.x_test)
        what = "image" if number == 1 else "images"
        self._app.say(f"Explore shows {dataset.title}: {number:,} {what}.")

    def explore_files(self, files: Mapping[str, bytes]) -> None:
        """Show files; raises `DataError` and stays where it is when they are not fit."""
        self._explore_own(read_own_files(files))

    def explore_path(self, path: str) -> None:
        """Show a file or folder of this machine; raises `DataError` when it is not fit."""
        if not path.strip():
            raise DataError("There is no path; write one such as ~/Downloads/train.csv.")
        self._explore_own(read_own_path(path.strip()))

    def turn(self, name: str) -> None:
        """Swap ink and paper (`"invert"`) or rows and columns (`"transpose"`), or undo that."""
        if self._images is None:
            raise DataError("There are no images to turn; choose a file of your own first.")
        self._explore_own(self._images, **{**self._turns, name: not self._turns[name]})

    def explore_mine(self) -> None:
        """Show My digits; raises `DataError` where there are none."""
        x, y = Collection(my_digits_file()).as_dataset()
        if not len(x):
            raise DataError("My digits has no drawings yet; keep some in Predict first.")
        self.explore(as_dataset(x, y))

    def _explore_own(
        self, images: OwnImages, *, invert: bool = False, transpose: bool = False
    ) -> None:
        remedies = {name: f'"{button}"' for name, button in _TURNS.items()}
        self.explore(images.dataset(invert=invert, transpose=transpose, remedies=remedies))
        self._images, self._turns = images, {"invert": invert, "transpose": transpose}
        self._turn_buttons.layout.display = ""

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build_turns(self) -> widgets.Widget:
        invert = ui.button(_TURNS["invert"], "ml-own-invert", "For dark ink on bright paper")
        invert.on_click(self._guard(lambda _: self.turn("invert")))
        tip = "Swap rows and columns, as EMNIST's images need"
        transpose = ui.button(_TURNS["transpose"], "ml-own-transpose", tip)
        transpose.on_click(self._guard(lambda _: self.turn("transpose")))
        buttons = ui.classed(widgets.Box([invert, transpose]), "ml-tools")
        buttons.layout.display = "none"  # until there are images to turn
        return buttons

    def _build_path(self) -> widgets.Widget:
        self._path = ui.classed(
            widgets.Text(placeholder="or a file or folder on this machine"), "ml-own-path"
        )
        go = ui.button("Open", "ml-own-open", "Larger files too, such as Kaggle's train.csv")
        go.on_click(self._guard(lambda _: self.explore_path(self._path.value)))
        return ui.classed(widgets.Box([self._path, go]), "ml-tools")

    def _on_files(self, files: Sequence[Mapping[str, Any]]) -> None:
        self.explore_files({file["name"]: file["content"] for file in files})


def as_dataset(x: np.ndarray, y: np.ndarray) -> Dataset:
    """My digits as a dataset, from images (n, 28, 28) uint8 and labels (n,) uint8, n at least 1.

    So few that none can be spared for testing are all for training.
    """
    if len(x) >= _TO_SPLIT:
        return from_arrays({"x": x, "y": y}, _MINE)
    arrays = (x, y, x[:0], y[:0])
    return Dataset("own", _MINE, *arrays, digest=digest_of(arrays), source="your own drawings")


_MINE = "My digits"
_TURNS = {"invert": "Swap ink and paper", "transpose": "Transpose"}  # the buttons
_TO_SPLIT = 12  # drawings, of which two are taken for testing
_TEXT = (
    "Explore your own images in the whole tab. Give an .npz file with images and labels, IDX files "
    "such as MNIST's, or a .csv file with a label and 784 pixels in each line, as Kaggle's "
    "train.csv. Images have 28 x 28 pixels, bright ink on black. An upload may have up to 15 MB."
)
