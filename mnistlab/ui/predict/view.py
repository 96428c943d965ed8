"""What the Predict tab is made of: widgets, linked to its state and its verbs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from mnistlab.errors import UploadError
from mnistlab.images.preprocessing import STAGES, WITHOUT
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.predict.controller import PredictController
from mnistlab.ui.predict.html import files_html, panel_html
from mnistlab.ui.predict.keyboard import HELP
from mnistlab.ui.predict.pad import PEN_WIDTHS
from mnistlab.ui.state import AppState

UPLOAD_TYPES = ".png,.jpg,.jpeg,.webp,.bmp"
DRAWING_TYPES = ".json,.jsonl"
CHOOSE = "choose a picture …"


class PredictView:
    """The tab's widgets. It knows no machine learning; `widget` is all of it."""

    def __init__(self, tab: PredictController, app: AppState) -> None:
        self._tab, self._app = tab, app
        self._filling = False  # while a chooser is set from the state
        self.panel = ui.classed(widgets.HTML(), "ml-panel")
        self.table = ui.classed(widgets.HTML(), "ml-uploaded")
        self.which = ui.classed(widgets.ToggleButtons(layout={"display": "none"}), "ml-which")
        self.which.observe(self._guard(self._on_choice), "value")
        self.switches = self._make_switches()
        draw = ui.classed(widgets.VBox(self._draw_box()), "ml-draw")
        below = [self.switches, self.table, tab.my_digits.widget, tab.why.widget]
        read = ui.classed(widgets.VBox([self.which, self.panel, *below]), "ml-read")
        self.widget = ui.classed(widgets.Box([draw, read]), "ml-columns")
        tab.state.observe(self._on_reading, "reading")
        tab.state.observe(self._on_files, "files")
        self._on_reading()

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _button(self, text: str, name: str, help_text: str, verb: Callable[[], object]) -> Any:
        made = ui.button(text, name, help_text)
        made.on_click(self._guard(lambda _: verb()))
        return made

    # The left column: where digits come from

    def _draw_box(self) -> list[widgets.Widget]:
        tab, button = self._tab, self._button
        intro = widgets.HTML(
            ui.heading("Draw digits", "With mouse, finger or keys; any size, one or several.")
        )
        sample = button(
            "Random test digit", "ml-sample", "An image no model was trained on", tab.sample
        )
        self.upload = ui.file_button(
            self._app,
            "Upload pictures of digits",
            "ml-upload",
            tab.upload,
            types=UPLOAD_TYPES,
            multiple=True,
        )
        files = widgets.Dropdown(description="Picture", layout={"display": "none"})
        self.files = ui.classed(files, "ml-files")
        self.files.observe(self._guard(self._on_file), "value")
        rows = [
            [sample, self.upload, self.files],
            [
                button("Undo", "ml-undo", "Take the last step back", tab.undo),
                button("Redo", "ml-redo", "Take the last Undo back", tab.redo),
                button("Clear", "ml-clear", "Empty the pad", tab.clear),
            ],
        ]
        tools = [ui.classed(widgets.Box(row), "ml-tools") for row in rows]
        below = self._below_the_pad()
        tab.pad.keys.before, tab.pad.keys.after = rows[1][-1], below[0]
        return [intro, *tools, tab.pad.widget, ui.classed(widgets.Box(below), "ml-tools")]

    def _below_the_pad(self) -> list[widgets.DOMWidget]:
        tab, button = self._tab, self._button
        least, most = PEN_WIDTHS
        pen = widgets.FloatSlider(
            tab.pad.pen_width, min=least, max=most, step=1, description="Pen", readout=False
        )
        pen.tooltip = "For the eye only: what the models see follows the drawing's size"
        pen.observe(self._guard(lambda change: tab.pad.set_pen_width(change["new"])), "value")
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        load = ui.file_button(
            self._app,
            "Load a saved drawing",
            "ml-load",
            lambda files: tab.load(files[0]["content"]),
            types=DRAWING_TYPES,
        )
        return [
            button("Keys", "ml-keys", HELP, tab.pad.keys.enter),
            button("Replay", "ml-replay", "See the strokes being drawn again", tab.replay),
            button("Save", "ml-save", "The strokes as a JSON file", self._save),
            load,
            self.link,
            ui.classed(pen, "ml-pen"),
        ]

    def _save(self) -> None:
        self.link.value = ""  # the last one's, should there be nothing to save now
        try:
            content = base64.b64encode(self._tab.pad.to_json().encode()).decode()
        except UploadError as error:
            raise UploadError(f"There is nothing to save: {error}") from error
        self.link.value = (
            f"<a download='drawing.json' href='data:application/json;base64,{content}'>"
            "Download drawing.json</a>"
        )

    # The right column: what the models say

    def _make_switches(self) -> widgets.Widget:
        boxes = [widgets.HTML("<span class='ml-note'>Steps:</span>")]
        for name in STAGES:
            box = widgets.Checkbox(True, description=name, indent=False, tooltip=WITHOUT[name])
            box.observe(self._guard(self._switch(name)), "value")
            boxes.append(ui.classed(box, "ml-switch", f"ml-switch-{name}"))
        single = widgets.Checkbox(False, description="all ink is one digit", indent=False)
        verb = self._tab.read_as_one
        single.observe(self._guard(lambda change: verb(change["new"])), "value")
        return ui.classed(widgets.Box([*boxes, ui.classed(single, "ml-single")]), "ml-switches")

    def _switch(self, name: str) -> Callable[[Mapping[str, Any]], None]:
        return lambda change: self._tab.leave_out(name, not change["new"])

    def _on_file(self, change: Mapping[str, Any]) -> None:
        if not self._filling and change["new"] is not None:
            self._tab.show_file(change["new"])

    def _on_choice(self, change: Mapping[str, Any]) -> None:
        if not self._filling and change["new"] is not None:
            self._tab.choose(change["new"])

    # From the state

    def paint_table(self) -> None:
        """Have the models read all uploaded pictures, and show what they read."""
        rows = [(file.name, *self._tab.texts(file.ink)) for file in self._tab.state.files]
        self.table.value = files_html(self._tab.titles(), rows)

    def _on_files(self, _: object) -> None:
        self._paint_files()
        self.paint_table()

    def _on_reading(self, _: object = None) -> None:
        reading, pad = self._tab.state.reading, self._tab.pad
        self.panel.value = panel_html(reading, self._tab.state.without)
        several = len(reading.digits) > 1
        options = [(f"digit {i + 1}", i) for i in range(len(reading.digits))] if several else []
        self._fill(self.which, options, reading.chosen if several else None)
        self._paint_files()
        boxes = [pad.place(box) for box in reading.boxes] if several else []
        pad.mark(boxes, reading.answers[-1].text if several else "")

    def _paint_files(self) -> None:
        """Name the uploaded picture that lies on the pad, or offer a choice where none does."""
        files, picture = self._tab.state.files, self._tab.pad.picture
        shown = next((i for i, file in enumerate(files) if file.ink is picture), None)
        options: list[tuple[str, int | None]] = [(file.name, i) for i, file in enumerate(files)]
        prompt: list[tuple[str, int | None]] = [] if shown is not None else [(CHOOSE, None)]
        self._fill(self.files, [*prompt, *options] if len(files) > 1 else [], shown)

    def _fill(self, chooser: Any, options: list[Any], value: int | None) -> None:
        """Set a chooser's options and value, and hide it when there is nothing to choose.

        The value is always set: ipywidgets selects nothing when options come where none were,
        and the first one when they replace others.
        """
        self._filling = True
        try:
            if options != list(chooser.options):
                chooser.options = options
                chooser.layout.display = "" if options else "none"
            if options and chooser.index != (at := [v for _, v in options].index(value)):
                chooser.index = at
        finally:
            self._filling = False
