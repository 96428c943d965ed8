"""The Explore tab: its sections, put together; what lies in a fold is computed when it is seen."""

from __future__ import annotations

import ipywidgets as widgets

from mnistlab.ui.common import widgets as ui
from mnistlab.ui.explore.controller import ExploreController
from mnistlab.ui.explore.overview import Overview
from mnistlab.ui.explore.samples import Item, Samples
from mnistlab.ui.explore.section import Section
from mnistlab.ui.state import AppState

FOLDS = ("Averages", "Map", "Outliers", "Handwriting", "Your data")


class ExploreTab(ExploreController):
    """The verbs of `ExploreController`, with `widget` to show; `app.dataset` must be there."""

    def __init__(self, app: AppState) -> None:
        super().__init__(app)
        overview = Overview(app, self)
        self.samples, self.item = Samples(app, self), Item(app, self)
        self.sections: dict[str, Section] = {}
        # Not a Tab, which shows its first page from the start: nothing is computed unseen.
        self._choice = ui.classed(widgets.ToggleButtons(options=FOLDS, value=None), "ml-doors")
        self._choice.observe(ui.guard(app, lambda _: self._paint_fold()), "value")
        self._fold = ui.classed(widgets.VBox(), "ml-fold-inside")
        self.state.observe(ui.guard(app, lambda _: self._paint_fold()), "material")
        head = widgets.HTML(ui.heading("Look closer"))
        more = ui.classed(widgets.VBox([head, self._choice, self._fold]), "ml-section", "ml-folds")
        parts = [*overview.widgets, self.samples.widget, self.item.widget, more]
        self.widget = ui.classed(widgets.VBox(parts), "ml-explore")

    def open_fold(self, name: str) -> None:
        """Open one of `FOLDS`; it is built the first time."""
        self._choice.value = name

    def _paint_fold(self) -> None:
        name = self._choice.value
        if name is None:
            return
        if name not in self.sections:
            self.sections[name] = self._make(name)
        self._fold.children = [self.sections[name].widget]
        self.sections[name].paint()

    def _make(self, name: str) -> Section:
        # Imported here, so that a page that opens no fold does not load them.
        from mnistlab.ui.explore.handwriting import AveragesSection, Handwriting
        from mnistlab.ui.explore.map import MapSection
        from mnistlab.ui.explore.outliers import Outliers
        from mnistlab.ui.explore.your_data import YourData

        kinds = (AveragesSection, MapSection, Outliers, Handwriting, YourData)
        return dict(zip(FOLDS, kinds, strict=True))[name](self._app, self)
