"""The Predict tab: its verbs, and the widgets that are linked to them and to its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets

from mnistlab.images.collection import Collection
from mnistlab.images.preprocessing import STAGES, WITHOUT
from mnistlab.models.classifier import Classifier
from mnistlab.settings import my_digits_file
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.predict.controller import PredictController
from mnistlab.ui.predict.html import panel_html
from mnistlab.ui.predict.my_digits import MyDigits
from mnistlab.ui.predict.pad import PEN_WIDTHS
from mnistlab.ui.predict.pens import HELP, KeyboardPen, Pointers
from mnistlab.ui.predict.why import Why
from mnistlab.ui.state import AppState

# Without HEIC: an iPhone then hands over its photos as JPEG.
UPLOAD_TYPES = ".png,.jpg,.jpeg,.webp,.bmp,.gif,.tif,.tiff"
DRAWING_TYPES = ".json,.jsonl"
CHOOSE = "choose a picture …"

Options = list[tuple[str, int | None]]


class PredictView(ui.View):
    """The tab's widgets: the pad and its tools on the left, the answers on the right."""

    def __init__(self, tab: PredictController, app: AppState) -> None:
        super().__init__(app)
        self._tab = tab
        self._filling = False  # while a chooser is set from the state
        self.panel = ui.classed(widgets.HTML(), "ml-panel")
        self.table = ui.classed(widgets.HTML(), "ml-uploaded")
        self.which = self._chooser(widgets.ToggleButtons(), "ml-which", tab.choose)
        draw = ui.classed(widgets.VBox(self._draw_box()), "ml-draw")
        tab.state.observe(lambda _: self._paint(), "reading")  # before those that take longer
        tab.state.observe(lambda _: self._paint_table(), "files")
        self.my_digits = MyDigits(app, tab.state, Collection(my_digits_file()), tab.pad.put)
        self.why = Why(app, tab.state)
        more = ui.classed(widgets.Box([self.why.widget, self.my_digits.widget]), "ml-beside")
        read = ui.classed(widgets.VBox([self.which, self.panel]), "ml-read")
        below = ui.classed(widgets.VBox([self._switches(), self.table, more]), "ml-below")
        self.widget = ui.classed(widgets.Box([draw, read, below]), "ml-columns")
        self._paint()

    # The left column: the pad

    def _draw_box(self) -> list[widgets.Widget]:
        intro = widgets.HTML(ui.note("One digit or several, with mouse, finger or keys."))
        pad = self._tab.pad
        steps, sources, extras = self._steps(), self._sources(), self._extras()
        self.keys = KeyboardPen(self._app, pad)
        Pointers(self._app, pad, self.keys)
        return [intro, pad.widget, steps, sources, extras]

    def _steps(self) -> widgets.Widget:
        pad, button = self._tab.pad, self._button
        self.undo = button("Undo", "ml-undo", pad.undo, "Undo the last stroke, picture or Clear")
        self.redo = button("Redo", "ml-redo", pad.redo, "Redo what was undone last")
        self.clear = button("Clear", "ml-clear", pad.clear, "Empty the pad")
        tip = "Turn the uploaded picture by 90° clockwise, if it lies on its side"
        self.turn = button("Turn", "ml-turn", self._tab.turn, tip)
        return ui.tools(self.undo, self.redo, self.clear, self.turn)

    def _sources(self) -> widgets.Widget:
        tab, button = self._tab, self._button
        tip = "No model was trained on it"
        self.sample = button("Random test digit", "ml-sample", tab.sample, tip)
        self.upload = ui.file_button(
            self._app,
            "Upload pictures of digits",
            "ml-upload",
            tab.upload,
            types=UPLOAD_TYPES,
            multiple=True,
        )
        chooser = widgets.Dropdown(description="Picture")
        self.files = self._chooser(chooser, "ml-files", tab.show_file)
        return ui.classed(ui.tools(self.sample, self.upload, self.files), "ml-sources")

    def _extras(self) -> widgets.Widget:
        pad, button = self._tab.pad, self._button
        least, most = PEN_WIDTHS
        pen = widgets.FloatSlider(
            pad.surface.pen_width, min=least, max=most, step=1, description="Pen", readout=False
        )
        pen.tooltip = "Changes only what you see: the models read strokes of a standard width"
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        load = ui.file_button(
            self._app,
            "Load a saved drawing",
            "ml-load",
            lambda files: pad.load(files[0]["content"]),
            types=DRAWING_TYPES,
        )
        enter = button("Keys", "ml-keys", lambda: self.keys.enter(), HELP)
        self.replay = button(
            "Replay", "ml-replay", pad.replay, "Show the strokes being drawn again"
        )
        self.save = button("Save", "ml-save", self._save, "Save the strokes as a JSON file")
        parts = [enter, self.replay, self.save, load, self.link]
        parts.append(self._watch(ui.classed(pen, "ml-pen"), pad.set_pen_width))
        return ui.classed(ui.tools(*parts), "ml-extras")

    def _save(self) -> None:
        self.link.value = ""  # the last one's, should there be nothing to save now
        drawing = self._tab.pad.to_json().encode()
        self.link.value = ui.download_link(drawing, "drawing.json", "application/json")

    # The right column: the answers

    def _switches(self) -> widgets.Widget:
        boxes = [widgets.HTML("<span class='ml-note'>Steps:</span>")]
        for name in STAGES:
            box = widgets.Checkbox(True, description=name, indent=False, tooltip=WITHOUT[name])
            self._watch(box, partial(self._switch, name))
            boxes.append(ui.classed(box, "ml-switch", f"ml-switch-{name}"))
        single = widgets.Checkbox(False, description="all ink is one digit", indent=False)
        self._watch(single, self._tab.read_as_one)
        return ui.classed(widgets.Box([*boxes, ui.classed(single, "ml-single")]), "ml-switches")

    def _switch(self, name: str, is_on: bool) -> None:
        self._tab.leave_out(name, not is_on)

    # From the state

    def _paint(self) -> None:
        reading, pad = self._tab.state.reading, self._tab.pad
        self.panel.value = panel_html(reading, self._tab.state.without)
        n = len(reading.digits) if len(reading.digits) > 1 else 0
        self._fill(self.which, [(f"digit {i + 1}", i) for i in range(n)], reading.chosen)
        self._paint_files()
        self._paint_buttons()
        pad.mark(reading.boxes[:n], reading.answers[-1].text if n else "")

    def _paint_files(self) -> None:
        """Name the uploaded picture that lies on the pad, or offer a choice where none does."""
        files, shown = self._tab.state.files, self._tab.state.uploaded(self._tab.pad.picture)
        self.turn.layout.display = "none" if shown is None else ""
        options: Options = [(file.name, i) for i, file in enumerate(files)]
        if shown is None:
            options.insert(0, (CHOOSE, None))
        self._fill(self.files, options if len(files) > 1 else [], shown)

    def _paint_buttons(self) -> None:
        """Disable what has nothing to act on."""
        pad = self._tab.pad
        has_strokes = not pad.drawing.is_blank
        for button, is_useful in (
            (self.undo, pad.can_undo),
            (self.redo, pad.can_redo),
            (self.clear, not pad.is_blank),
            (self.replay, has_strokes),
            (self.save, has_strokes),
        ):
            button.disabled = not is_useful
        # A disabled button cannot be the next stop of Tab.
        self.keys.after = self.undo if pad.can_undo else self.sample

    def _paint_table(self) -> None:
        state = self._tab.state
        rows = [(f.name, *(answer.text for answer in f.reading.answers)) for f in state.files]
        head = ["File", *(model.title for model in state.models.values())]
        self.table.value = ui.table(head, rows, "Uploaded pictures") if len(rows) > 1 else ""

    def _chooser(self, chooser: Any, name: str, verb: Callable[[int], object]) -> Any:
        """Call `verb` with what a visitor chooses, not with what `_fill` sets."""

        def choose(value: int | None) -> None:
            if not self._filling and value is not None:
                verb(value)

        chooser.layout.display = "none"
        return self._watch(ui.classed(chooser, name), choose)

    def _fill(self, chooser: Any, options: Options, value: int | None) -> None:
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


class PredictTab(PredictController):
    """The verbs of `PredictController`, with `widget` to show."""

    def __init__(self, app: AppState, classifiers: Mapping[str, Classifier] | None = None) -> None:
        super().__init__(app, classifiers)
        self.view = PredictView(self, app)
        self.widget = self.view.widget
