"""The page: a header, a status line and three tabs, each built when it is first opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets

from mnistlab.data import load_default
from mnistlab.data.dataset import Dataset
from mnistlab.errors import MnistLabError
from mnistlab.models.classifier import Classifier
from mnistlab.settings import is_shared
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState

TABS = {"explore": "Explore", "compare": "Train & Compare", "predict": "Predict"}


class Dashboard(widgets.VBox):
    """MNIST Lab as one widget: display it in a notebook, or serve that with `mnistlab app`.

    Parameters
    ----------
    dataset : what to explore and train on; `load_default()` when not given
    classifiers : models by name for the Predict tab; the pretrained pair when not given
    """

    def __init__(
        self,
        dataset: Dataset | None = None,
        classifiers: Mapping[str, Classifier] | None = None,
    ) -> None:
        self.app = AppState()
        self.tabs: dict[str, Any] = {}
        self._classifiers = classifiers
        self._boxes = {
            name: ui.classed(widgets.VBox(), "ml-tab", f"ml-tab-{name}") for name in TABS
        }
        self._status = ui.classed(widgets.HTML(), "ml-status")
        self.app.observe(self._on_status, ["status", "status_kind"])
        self.app.observe(ui.guard(self.app, lambda _: self._on_sent()), ["sent"])
        self.app.observe(ui.guard(self.app, lambda _: self._on_loaded()), ["loaded"])
        self._load(dataset)
        self._header = ui.classed(widgets.HTML(), "ml-top")
        self._paint_header()
        self.app.observe(ui.guard(self.app, lambda _: self._paint_header()), ["explored"])
        self._tab = ui.classed(
            widgets.Tab(list(self._boxes.values()), titles=tuple(TABS.values()), selected_index=0),
            "ml-tabs",
        )
        self._tab.observe(lambda change: self.open_tab(list(TABS)[change["new"]]), "selected_index")
        super().__init__([ui.style_sheet(), self._header, self._status, self._tab])
        self.add_class("ml-app")
        if is_shared():
            self.add_class("ml-shared")
        self.app.observe(ui.guard(self.app, lambda _: self._mark_training()), ["is_training"])
        self.open_tab("explore")

    # Verbs

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front: `explore`, `compare` or `predict`. Built the first time."""
        self._tab.selected_index = list(TABS).index(name)
        if name not in self.tabs:
            ui.guard(self.app, self._build_tab)(name)
        self.app.front = name

    # Building

    def _load(self, dataset: Dataset | None) -> None:
        self.app.say("Ready.")
        try:
            self.app.dataset = load_default() if dataset is None else dataset
        except MnistLabError as error:  # Predict works without data: the page opens all the same
            self.app.say(str(error), "error")

    def _build_tab(self, name: str) -> None:
        box = self._boxes[name]
        if self.app.dataset is None and name != "predict":
            box.children = [widgets.HTML("<p class='ml-note'>There is no data set to show.</p>")]
            return
        box.children = [widgets.HTML("<p class='ml-note'>Opening …</p>")]
        try:
            tab = self._make(name)()
        except Exception:
            # Not kept in `tabs`, so that coming back tries again; the guard says what happened.
            note = "This tab could not be opened: see the line above. Come back to try again."
            box.children = [widgets.HTML(f"<p class='ml-note'>{note}</p>")]
            raise
        self.tabs[name] = tab
        box.children = [tab.widget]

    def _make(self, name: str) -> Callable[[], Any]:
        """A tab's constructor; imported here so that a page that never opens it never pays."""
        if name == "explore":
            from mnistlab.ui.explore import ExploreTab

            return lambda: ExploreTab(self.app)
        if name == "compare":
            from mnistlab.ui.compare import CompareTab

            return lambda: CompareTab(self.app)
        from mnistlab.ui.predict.tab import PredictTab

        return lambda: PredictTab(self.app, self._readers())

    # What one tab does to another

    def _on_sent(self) -> None:
        self.open_tab("predict")
        self.tabs["predict"].show_image(self.app.sent.image, self.app.sent.note)

    def _on_loaded(self) -> None:
        """Let Predict read with the models that were chosen, if it is open."""
        if "predict" in self.tabs:
            self.tabs["predict"].use_models(self._readers())

    def _readers(self) -> Mapping[str, Classifier]:
        from mnistlab.models import load_classifier
        from mnistlab.ui.predict.controller import pretrained

        loaded = {model: load_classifier(run) for model, run in self.app.loaded.items()}
        return {**(self._classifiers or pretrained()), **loaded}

    def _paint_header(self) -> None:
        dataset, explored = self.app.dataset, self.app.explored
        title = dataset.title if dataset is not None else "no data set"
        if explored is not None and explored is not dataset:
            title = f"Explore: {explored.title} · Train & Compare: {title}"
        notice = dataset.notice if dataset is not None else ""
        banner = f"<div class='ml-banner' role='note'>{ui.escape(notice)}</div>" if notice else ""
        self._header.value = (
            "<header class='ml-header'><div><h1>MNIST Lab</h1>"
            "<p>Look at the data, train two networks, draw a digit.</p></div>"
            f"<span class='ml-dataset'>{ui.escape(title)}</span></header>{banner}"
        )

    def _mark_training(self) -> None:
        """Tell the page's scripts: a training is lost when the page closes, and they warn of it."""
        (self.add_class if self.app.is_training else self.remove_class)("ml-training")

    def _on_status(self, _: object) -> None:
        kind, text = self.app.status_kind, ui.escape(self.app.status)
        self._status.value = f"<div class='ml-says-{kind}' role='status'>{text}</div>"
