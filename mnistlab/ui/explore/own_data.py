"""Exploring other data: the visitor's own files, or My digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mnistlab.data.dataset import Dataset
from mnistlab.data.own import from_arrays, read_own, read_own_path
from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.settings import is_shared, my_digits_file
from mnistlab.ui import components as ui
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState


class OwnData:
    """Choosers of the dataset; `widget` is all of it."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        self._app, self._state = app, state
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
        self.widget = ui.classed(widgets.VBox([widgets.HTML(text), *rows]), "ml-own")

    # Verbs

    def explore(self, dataset: Dataset) -> None:
        """Show another dataset in the whole tab."""
        with self._state.hold_trait_notifications():
            self._state.page, self._state.selection, self._state.item = 0, None, None
            self._state.material = Material(dataset)
        number = len(dataset.x_train) + len(dataset.x_test)
        self._app.say(f"Explore shows {dataset.title}: {number:,} images.")

    def explore_files(self, files: Mapping[str, bytes]) -> None:
        """Show files; raises `DataError` and stays where it is when they are not fit."""
        self.explore(read_own(files))

    def explore_path(self, path: str) -> None:
        """Show a file or folder of this machine; raises `DataError` when it is not fit."""
        if not path.strip():
            raise DataError("There is no path; write one such as ~/Downloads/train.csv.")
        self.explore(read_own_path(Path(path.strip()).expanduser()))

    def explore_mine(self) -> None:
        """Show My digits; raises `DataError` where there are too few."""
        x, y = Collection(my_digits_file()).as_dataset()
        self.explore(from_arrays({"x": x, "y": y}, "My digits"))

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build_path(self) -> widgets.Widget:
        self._path = ui.classed(
            widgets.Text(placeholder="or a file or folder on this machine"), "ml-own-path"
        )
        go = ui.button("Open", "ml-own-open", "Larger files too, such as Kaggle's train.csv")
        go.on_click(self._guard(lambda _: self.explore_path(self._path.value)))
        return ui.classed(widgets.Box([self._path, go]), "ml-tools")

    def _on_files(self, files: Sequence[Mapping[str, Any]]) -> None:
        self.explore_files({file["name"]: file["content"] for file in files})


_TEXT = (
    "The whole tab over your own images: an .npz file with x_train, y_train, x_test and y_test (or "
    "x and y), MNIST's IDX files, or Kaggle's train.csv; 28 x 28 pixels from 0 to 255, bright ink "
    "on black. What is uploaded may have 15 MB."
)
