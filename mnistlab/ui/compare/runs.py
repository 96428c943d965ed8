"""The list of runs on disk: choose, rename, delete and download them, or use one in Predict."""

from __future__ import annotations

import ipywidgets as widgets
from traitlets import dlink

from mnistlab.models import Run
from mnistlab.models.config import TITLES
from mnistlab.models.store import PRETRAINED
from mnistlab.report.export import export_model
from mnistlab.texts import counted, percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState

_LISTED = 50  # newest runs
_FILES = {
    "Keras model": ("keras", "application/zip"),
    "LiteRT model": ("tflite", "application/octet-stream"),
    "metrics (CSV)": ("csv", "text/csv"),
    "settings and scores (JSON)": ("json", "application/json"),
    "all files (ZIP)": ("zip", "application/zip"),
}


class Runs(ui.View):
    """Checkboxes for the table of results, and tools for one run."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app)
        self._state, self._results = state, results
        self._boxes: dict[str, widgets.Checkbox] = {}
        self.list = ui.classed(widgets.VBox(), "ml-history")
        self._damaged = widgets.HTML()
        self.run = ui.classed(widgets.Dropdown(description="Run"), "ml-run")
        self.title = ui.classed(widgets.Text(placeholder="new name"), "ml-run-title")
        self.confirm = ui.classed(
            widgets.Checkbox(False, description="yes, delete it", indent=False), "ml-run-confirm"
        )
        self.file = widgets.Dropdown(options=list(_FILES), description="Save")
        self.link = ui.classed(widgets.HTML(), "ml-save-link")
        self.delete = self._button("Delete", "ml-run-delete", self._on_delete)
        dlink((self.confirm, "value"), (self.delete, "disabled"), lambda confirmed: not confirmed)
        load = self._button("Use in Predict", "ml-run-load", lambda: results.load(self.run.value))
        rename = self._button("Rename", "ml-run-rename", self._on_rename)
        save = self._button("Create file", "ml-run-save", self._on_save)
        self.manage = widgets.VBox(
            [
                ui.tools(self.run, load),
                ui.tools(self.title, rename),
                ui.tools(self.file, save, self.link),
                ui.tools(self.delete, self.confirm),
            ]
        )
        self.widget = widgets.VBox([self.list, self._damaged, self.manage])
        self._watch(self.run, lambda _: self._on_run())
        self._follow(state, self._paint, "runs")
        self._follow(state, self._tick, "chosen")

    # Handlers

    def _on_tick(self) -> None:
        ticked = [name for name, box in self._boxes.items() if box.value]
        # In the order of the table; new ones last.
        kept = [name for name in self._state.chosen if name in ticked or name not in self._boxes]
        self._results.choose([*kept, *ticked])

    def _on_run(self) -> None:
        self.confirm.value, self.link.value = False, ""
        self.title.disabled = self.confirm.disabled = self.run.value in PRETRAINED

    def _on_rename(self) -> None:
        self._results.rename(self.run.value, self.title.value)
        self.title.value = ""

    def _on_delete(self) -> None:
        self.confirm.value = False
        self._results.remove(self.run.value)

    def _on_save(self) -> None:
        ending, kind = _FILES[self.file.value]
        made = export_model(self.run.value, ending)
        self.link.value = ui.download_link(made.data, made.name, kind)

    # Painting

    def _paint(self) -> None:
        good = [run for run in self._state.runs if not run.damage][:_LISTED]
        damaged = [run for run in self._state.runs if run.damage]
        self._paint_boxes(good)
        lines = "".join(
            f"<li>{ui.escape(_sendable(run.id))}: {ui.escape(run.damage)}. Delete it below.</li>"
            for run in damaged
        )
        text = f"<div class='ml-warning'>Damaged runs (not used):<ul>{lines}</ul></div>"
        self._damaged.value = text if damaged else ""
        self._paint_options(good, damaged)

    def _paint_boxes(self, good: list[Run]) -> None:
        texts = {name: f"{TITLES[name]} (pretrained, part of MNIST Lab)" for name in PRETRAINED}
        texts |= {run.id: describe_run(run) for run in good}
        gone = [box for name, box in self._boxes.items() if name not in texts]
        self._boxes = {name: self._boxes.get(name) or self._make_box() for name in texts}
        for name, box in self._boxes.items():
            box.description = texts[name]
        self.list.children = list(self._boxes.values())
        for part in [part for box in gone for part in (box, box.layout, box.style)]:
            part.close()  # a widget does not close its parts
        self._tick()

    def _paint_options(self, good: list[Run], damaged: list[Run]) -> None:
        chosen = self.run.value
        self.run.options = options = [
            *((f"{TITLES[name]} (pretrained)", name) for name in PRETRAINED),
            *((f"{run.card['title']} ({run.id})", run.id) for run in good),
            *((f"damaged: {_sendable(run.id)}", run.id) for run in damaged),
        ]
        names = [name for _, name in options]
        newest = names[len(PRETRAINED)] if good else names[-1]
        self.run.value = chosen if chosen in names else newest
        self._on_run()

    def _make_box(self) -> widgets.Checkbox:
        box = ui.classed(widgets.Checkbox(False, indent=False), "ml-history-item")
        self._on_input(lambda _: self._on_tick(), box)
        return box

    def _tick(self) -> None:
        with self._painting():
            for name, box in self._boxes.items():
                box.value = name in self._state.chosen


def describe_run(run: Run) -> str:
    """Return a run's name, main settings and accuracy in one line."""
    card, config = run.card, run.card["config"]
    parts = [
        card["title"],
        percent(card["test_accuracy"]),
        counted(config["epochs"], "epoch") if "epochs" in config else "? epochs",
        f"seed {config['seed']}",
        f"augmentation {config.get('augmentation', '?')}",
        card["created"].replace("T", " ")[:16],
    ]
    return " · ".join(parts)


def _sendable(name: str) -> str:
    """Return a folder's name, which may be any bytes, as text that the page can show."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
