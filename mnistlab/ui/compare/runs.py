"""The runs on disk: which ones the table shows, their names, their end, and what to take away."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets

from mnistlab.errors import ModelError
from mnistlab.models import Run
from mnistlab.models.config import TITLES
from mnistlab.models.store import PRETRAINED
from mnistlab.report.export import export_model
from mnistlab.study.study import compare
from mnistlab.texts import counted
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

_PAGE = 50  # newest runs that are listed
_FILES = {
    "Keras model": ("keras", "application/zip"),
    "LiteRT model": ("tflite", "application/octet-stream"),
    "metrics (CSV)": ("csv", "text/csv"),
    "the run's card (JSON)": ("json", "application/json"),
    "all of it (ZIP)": ("zip", "application/zip"),
}


class History:
    """The list of runs and what can be done with one; `widget` is all of it."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        self._app, self._state, self._results = app, state, results
        self._filling = False
        self._boxes: dict[str, widgets.Checkbox] = {}
        self._build()
        state.observe(self._guard(lambda _: self._paint()), ["history"])
        state.observe(self._guard(lambda _: self._tick()), ["chosen"])

    # View

    def _guard(self, handler: Callable[..., object]) -> Callable[..., None]:
        return ui.guard(self._app, handler)

    def _build(self) -> None:
        self.list = ui.classed(widgets.VBox(), "ml-history")
        self._damaged = widgets.HTML()
        self.run = ui.classed(widgets.Dropdown(description="Run"), "ml-run")
        self.title = ui.classed(widgets.Text(placeholder="new name"), "ml-run-title")
        self.confirm = widgets.Checkbox(False, description="yes, delete it", indent=False)
        self.file = widgets.Dropdown(options=list(_FILES), description="Save")
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        self.delete = self._button("Delete", "ml-run-delete", self._on_delete)
        rows: list[list[widgets.Widget]] = [
            [self.run, self._button("Use in Predict", "ml-run-load", self._on_load)],
            [self.title, self._button("Rename", "ml-run-rename", self._on_rename)],
            [self.file, self._button("Make the file", "ml-run-save", self._on_save), self.link],
            [self.delete, ui.classed(self.confirm, "ml-run-confirm")],
        ]
        tools = [ui.classed(widgets.Box(row), "ml-tools") for row in rows]
        self.manage = widgets.VBox(tools)
        self.widget = widgets.VBox([self.list, self._damaged, self.manage])
        self.delete.disabled = True
        self.confirm.observe(self._guard(lambda _: self._on_confirm()), "value")
        self.run.observe(self._guard(lambda _: self._on_run()), "value")

    def _button(self, text: str, name: str, verb: Callable[[], None]) -> widgets.Button:
        made = ui.button(text, name)
        made.on_click(self._guard(lambda _: verb()))
        return made

    # Handlers

    def _on_tick(self) -> None:
        if self._filling:
            return
        ticked = [name for name, box in self._boxes.items() if box.value]
        listed = set(self._boxes)
        # In the order they stand in the table already; new ones last.
        kept = [name for name in self._state.chosen if name in ticked or name not in listed]
        self._results.choose([*kept, *(name for name in ticked if name not in kept)])

    def _on_run(self) -> None:
        self.confirm.value, self.link.value = False, ""
        is_run = self.run.value not in (None, *PRETRAINED)
        for item in (self.title, self.confirm):
            item.disabled = not is_run

    def _on_confirm(self) -> None:
        self.delete.disabled = not self.confirm.value

    def _on_load(self) -> None:
        self._results.load(self._chosen())

    def _on_rename(self) -> None:
        self._results.rename(self._chosen(), self.title.value)
        self.title.value = ""

    def _on_delete(self) -> None:
        self.confirm.value = False
        self._results.remove(self._chosen())

    def _on_save(self) -> None:
        ending, kind = _FILES[self.file.value]
        made = export_model(self._chosen(), ending)
        self.link.value = download(made.data, made.name, kind)

    def _chosen(self) -> str:
        if self.run.value is None:
            raise ModelError("There is no run yet; train one first.")
        return str(self.run.value)

    # Painting

    def _paint(self) -> None:
        good = [run for run in self._state.history if not run.damage][:_PAGE]
        damaged = [run for run in self._state.history if run.damage]
        names = [*PRETRAINED, *(run.id for run in good)]
        gone = [box for name, box in self._boxes.items() if name not in names]
        self._boxes = {name: self._boxes.get(name) or self._make_box(name) for name in names}
        for run in good:
            self._boxes[run.id].description = describe_run(run)
        for name in PRETRAINED:
            self._boxes[name].description = f"{TITLES[name]} (pretrained, ships with MNIST Lab)"
        self.list.children = list(self._boxes.values())
        for box in gone:
            for part in (box, box.layout, box.style):  # a widget does not close its parts
                part.close()
        self._damaged.value = _damaged_html(damaged)
        chosen = self.run.value
        titles = [(f"{TITLES[name]} (pretrained)", name) for name in PRETRAINED]
        titles += [(f"{run.card['title']} ({run.id})", run.id) for run in good]
        titles += [(f"damaged: {_sendable(run.id)}", run.id) for run in damaged]
        self.run.options = titles
        values = [value for _, value in titles]
        self.run.value = chosen if chosen in values else values[-1 if not good else len(PRETRAINED)]
        self._on_run()
        self._tick()

    def _make_box(self, name: str) -> Any:
        box = ui.classed(widgets.Checkbox(False, indent=False), "ml-history-item")
        box.observe(self._guard(lambda _: self._on_tick()), "value")
        return box

    def _tick(self) -> None:
        self._filling = True
        try:
            for name, box in self._boxes.items():
                box.value = name in self._state.chosen
        finally:
            self._filling = False


class Report:
    """A button that writes the HTML report of the pair, in a thread."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        self._app, self._state = app, state
        self._thread: threading.Thread | None = None
        self.button = ui.button("HTML report of this pair", "ml-report", "Every figure, one file")
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        self.button.on_click(ui.guard(app, lambda _: self.write()))
        self.widget = ui.classed(widgets.Box([self.button, self.link]), "ml-tools")
        state.observe(lambda _: setattr(self.link, "value", ""), ["pair", "robustness"])

    def write(self) -> None:
        """Gather the figures and offer the file."""
        names = self._state.names
        self.button.disabled = True
        self._app.say("Writing the report …", "busy")
        self._thread = ui.start_thread(
            partial(self._write, names), lambda: setattr(self.button, "disabled", False)
        )

    def wait(self, timeout: float = 60.0) -> None:
        """Block until the report is written."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _write(self, names: tuple[str, str]) -> None:
        try:
            known = [self._state.evaluations[name] for name in dict.fromkeys(names)]
            study = compare(
                *names, self._app.dataset, known=known, robustness=self._state.robustness
            )
            page = study.to_html()
            with self._app.lock:
                self.link.value = download(page.encode(), "mnistlab-report.html", "text/html")
                self._app.say("The report is ready: see the link beside the button.")
        except Exception as error:  # a thread's failure must reach the status line as well
            ui.log.exception("report")
            self._app.say(f"The report could not be written ({error}); see the log.", "error")
        finally:
            self.button.disabled = False


def download(content: bytes, name: str, kind: str) -> str:
    """A link with the file in it."""
    data = base64.b64encode(content).decode("ascii")
    size = f"{max(1, len(content) // 1024):,} KB"
    return (
        f"<a class='ml-link' download='{ui.escape(name)}' href='data:{kind};base64,{data}'>"
        f"Download {ui.escape(name)} ({size})</a>"
    )


def describe_run(run: Run) -> str:
    """A run in a line: its name, what made it, and how well it reads."""
    card, config = run.card, run.card["config"]
    parts = [
        card["title"],
        f"{card['test_accuracy']:.2%}".replace("%", " %"),
        counted(config["epochs"], "epoch") if "epochs" in config else "? epochs",
        f"seed {config['seed']}",
        f"augmentation {config.get('augmentation', '?')}",
        card["created"].replace("T", " ")[:16],
    ]
    return " · ".join(parts)


def _sendable(name: str) -> str:
    """A folder's name as text that the page can show; on disk it may be any bytes."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _damaged_html(runs: list[Run]) -> str:
    if not runs:
        return ""
    lines = "".join(
        f"<li>{ui.escape(_sendable(run.id))}: {ui.escape(run.damage)}. Delete it below.</li>"
        for run in runs
    )
    return f"<div class='ml-warning'>Damaged runs, which nothing uses:<ul>{lines}</ul></div>"
