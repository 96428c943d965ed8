"""The Explore tab: its sections, put together; what lies in a fold is computed when it is seen."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.item import Item
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.overview import Overview
from mnistlab.ui.explore.samples import Samples
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState

FOLDS = ("Averages", "Map", "Odd ones", "Handwriting", "Own data")


class ExploreTab:
    """The tab; `app.dataset` is there when it is built."""

    def __init__(self, app: AppState) -> None:
        self.state = ExploreState(material=Material(app.dataset))
        self._app = app
        overview = Overview(app, self.state)
        self.samples = Samples(app, self.state)
        self.item = Item(app, self.state, self.samples.open)
        # Not a Tab, which shows its first page from the start: nothing is computed unseen.
        self._choice = ui.classed(widgets.ToggleButtons(options=FOLDS, value=None), "ml-doors")
        self._choice.observe(ui.guard(app, lambda _: self._open_fold()), "value")
        self._fold = ui.classed(widgets.VBox(), "ml-fold-inside")
        self.state.observe(ui.guard(app, lambda _: self._repaint_fold()), ["material"])
        self.sections: dict[str, Any] = {}
        parts = [*overview.widgets, self.samples.widget, self.item.widget]
        head = widgets.HTML(ui.heading("Look closer"))
        more = ui.classed(widgets.VBox([head, self._choice, self._fold]), "ml-section", "ml-folds")
        self.widget = ui.classed(widgets.VBox([*parts, more]), "ml-explore")

    def open_fold(self, name: str) -> None:
        """Open one of `FOLDS`; it is built the first time."""
        self._choice.value = name

    def _open_fold(self) -> None:
        name = self._choice.value
        if name is None:
            return
        if name not in self.sections:
            self.sections[name] = self._make(name)
        self._fold.children = [self.sections[name].widget]
        self._repaint_fold()

    def _repaint_fold(self) -> None:
        section = self.sections.get(self._choice.value)
        if section is not None and hasattr(section, "paint"):
            section.paint()

    def _make(self, name: str) -> Any:
        """A section; imported here so that a page that never opens it never pays."""
        app, state, samples = self._app, self.state, self.samples
        if name == "Averages":
            from mnistlab.ui.explore.averages import AveragesSection

            return AveragesSection(app, state, samples)
        if name == "Map":
            from mnistlab.ui.explore.map import MapSection

            return MapSection(app, state, samples.show, samples.open)
        if name == "Odd ones":
            from mnistlab.ui.explore.odd import Odd

            return Odd(app, state, samples.open)
        if name == "Handwriting":
            from mnistlab.ui.explore.handwriting import Handwriting

            return Handwriting(app, state)
        from mnistlab.ui.explore.own_data import OwnData

        return OwnData(app, state)
