"""The page: a header, a status line and three tabs, each built when it is first opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from mnistlab.data import load_default
from mnistlab.data.dataset import Dataset
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.glossary import glossary, info
from mnistlab.models.classifier import Classifier
from mnistlab.settings import is_shared
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.common.memory import Memory
from mnistlab.ui.state import AppState

TABS = {"explore": "Explore", "compare": "Train & Compare", "predict": "Predict"}
FIRST = "predict"  # the tab in which a newcomer can do something at once
THEMES = {"Auto": "", "Light": "ml-light", "Dark": "ml-dark"}
INTRODUCTION = "Draw a digit and see how two neural networks read it; then explore and train them."


class Dashboard(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """MNIST Lab as one widget: display it in a notebook, or serve that with `mnistlab app`.

    Parameters
    ----------
    dataset : Dataset
        What to explore and train on; `load_default()` when not given.
    classifiers : mapping of str to Classifier
        Models by name for the Predict tab; the pretrained pair when not given.
    """

    def __init__(
        self,
        dataset: Dataset | None = None,
        classifiers: Mapping[str, Classifier] | None = None,
    ) -> None:
        self.app = AppState(status="Ready.")
        self.tabs: dict[str, Any] = {}
        self._classifiers = classifiers
        self._boxes = {key: ui.classed(widgets.VBox(), "ml-tab", f"ml-tab-{key}") for key in TABS}
        self._header = widgets.HTML()
        self._status = ui.classed(widgets.HTML(), "ml-status")
        boxes, titles = list(self._boxes.values()), tuple(TABS.values())
        tabs = widgets.Tab(boxes, titles=titles, selected_index=list(TABS).index(FIRST))
        self._tab = ui.classed(tabs, "ml-tabs")
        self._theme = self._theme_chooser()
        top = ui.classed(widgets.Box([self._header, self._theme]), "ml-top")
        self._memory = Memory(self.app, self._recall, self.open_tab, self._leave)
        super().__init__(
            [ui.style_sheet(), top, self._tab, self._status, self._memory.widget, _glossary()]
        )
        ui.classed(self, "ml-app", *(["ml-shared"] if is_shared() else []))
        try:
            self.app.dataset = load_default() if dataset is None else dataset
        except MnistLabError as error:  # Predict works without data: the page opens all the same
            self.app.say(str(error), "error")
        self._paint_header()
        self._paint_status()
        self._tab.observe(lambda change: self.open_tab(list(TABS)[change["new"]]), "selected_index")
        self.app.observe(lambda _: self._paint_status(), ["status", "status_kind"])
        for trait, verb in (
            ("sent", self._on_sent),
            ("wanted", self._on_wanted),
            ("loaded", self._on_loaded),
            ("explored", self._paint_header),
            ("is_training", self._mark_training),
        ):
            self.app.observe(ui.guard(self.app, lambda _, verb=verb: verb()), trait)
        self.open_tab(FIRST)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front: `explore`, `compare` or `predict`. Built the first time.

        Raises `ConfigError` for another name.
        """
        if name not in TABS:
            raise ConfigError(f"There is no tab {name!r}; choose {', '.join(TABS)}.")
        self._tab.selected_index = list(TABS).index(name)
        if name not in self.tabs:
            ui.guard(self.app, self._build_tab)(name)
        self.app.front = name

    # Building

    def _theme_chooser(self) -> widgets.Dropdown:
        tip = "Auto follows JupyterLab's theme, or your browser's setting in the web app"
        made = widgets.Dropdown(options=THEMES, description="Theme", tooltip=tip)
        made.observe(ui.guard(self.app, lambda change: self._set_theme(change["new"])), "value")
        return ui.classed(made, "ml-theme")

    def _set_theme(self, theme: str) -> None:
        for name in filter(None, THEMES.values()):
            (self.add_class if name == theme else self.remove_class)(name)
        self.app.remember("theme", theme)

    def _build_tab(self, name: str) -> None:
        box = self._boxes[name]
        if self.app.dataset is None and name != "predict":
            box.children = [widgets.HTML(ui.note("There is no data set to show."))]
            return
        box.children = [widgets.HTML(ui.note("Opening …"))]
        try:
            self.tabs[name] = self._make(name)
        except Exception:
            # Not kept in `tabs`, so that opening it again tries again. The guard shows the error.
            failed = "This tab could not be opened. The status line says why. Reopen it to retry."
            box.children[0].value = ui.note(failed)
            raise
        box.children = [self.tabs[name].widget]

    def _make(self, name: str) -> Any:
        """Build a tab. Imported here, so that a tab costs nothing before it is opened."""
        if name == "explore":
            from mnistlab.ui.explore import ExploreTab

            return ExploreTab(self.app)
        if name == "compare":
            from mnistlab.ui.compare import CompareTab

            return CompareTab(self.app)
        from mnistlab.ui.predict.tab import PredictTab

        return PredictTab(self.app, self._predictors())

    def _predictors(self) -> Mapping[str, Classifier]:
        """The models that Predict uses, by name."""
        from mnistlab.models import load_classifier
        from mnistlab.ui.predict.controller import pretrained

        loaded = {model: load_classifier(run) for model, run in self.app.loaded.items()}
        return {**(self._classifiers or pretrained()), **loaded}

    # Changes of the state

    def _recall(self, parts: Mapping[str, Any]) -> None:
        """Bring back what was on the page before a reload."""
        self.app.recalled = dict(parts)
        # A tab that is not opened until the next reload must not lose its part.
        self.app.remembered = {**parts, **self.app.remembered}
        if (theme := parts.get("theme")) in THEMES.values():
            self._theme.value = theme
        self._recall_models(parts.get("loaded") or {})
        for tab in self.tabs.values():
            tab.recall()

    def _recall_models(self, loaded: Mapping[str, str]) -> None:
        """Let Predict use the runs that it used before, those that still work."""
        if not loaded:
            return
        from mnistlab.models import load_classifier

        working = {}
        for run in map(str, loaded.values()):
            try:
                working[load_classifier(run).card["architecture"]] = run
            except MnistLabError:  # deleted meanwhile: the pretrained model answers again
                continue
        if working:
            self.app.loaded = working

    def _leave(self) -> str:
        """What is lost with a shared visit, as a link in HTML."""
        predict = self.tabs.get("predict")
        return predict.view.my_digits.link() if predict is not None and is_shared() else ""

    def _on_sent(self) -> None:
        self.open_tab("predict")
        if self.app.sent is not None:
            self.tabs["predict"].pad.show(self.app.sent.image, self.app.sent.note)

    def _on_wanted(self) -> None:
        if self.app.wanted:
            self.open_tab(self.app.wanted)
            self.app.wanted = ""

    def _on_loaded(self) -> None:
        self.app.remember("loaded", dict(self.app.loaded))
        if "predict" in self.tabs:
            self.tabs["predict"].use_models(self._predictors())

    def _mark_training(self) -> None:
        """Let the page's scripts warn that closing the page cancels a training run."""
        (self.add_class if self.app.is_training else self.remove_class)("ml-training")

    def _paint_header(self) -> None:
        dataset, explored = self.app.dataset, self.app.explored
        title = dataset.title if dataset is not None else "no data set"
        if explored is not None and explored is not dataset:
            title = f"Explore: {explored.title} · Train & Compare: {title}"
        notice = dataset.notice if dataset is not None else ""
        about = info("MNIST") if dataset is not None and dataset.name == "mnist" else ""
        name = f"<span class='ml-dataset'>{ui.escape(title)}</span>"
        self._header.value = (
            f"<header class='ml-header'><h1>MNIST Lab</h1><p>{INTRODUCTION}</p>"
            f"<span class='ml-data'>{name}{about}</span></header>{ui.banner(notice)}"
        )

    def _paint_status(self) -> None:
        kind, text = self.app.status_kind, ui.escape(self.app.status)
        self._status.value = f"<div class='ml-says-{kind}' role='status'>{text}</div>"


def _glossary() -> widgets.HTML:
    """The explanations that each (i) of the page opens."""
    return ui.classed(widgets.HTML(glossary()), "ml-glossary")
