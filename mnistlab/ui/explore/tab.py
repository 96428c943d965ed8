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
_STORY = (
    "A few images are damaged or have a wrong label: Outliers finds them. Every digit is centred "
    "and of one size, so a network that learned from them reads a drawing only if it is prepared "
    "in the same way. Few people put a bar through a 7 or a slash through a 0 here: Averages and "
    "Map show what a network sees as typical."
)
_OTHER_STORY = (
    "Outliers finds images that are damaged, mislabelled or written in a rare way. Averages and "
    "Map show what a network sees as typical."
)


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
        self._head = widgets.HTML()
        more = ui.classed(
            widgets.VBox([self._head, self._choice, self._fold]), "ml-section", "ml-folds"
        )
        look = ui.classed(widgets.Box([self.samples.widget, self.item.widget]), "ml-look")
        parts = [look, *overview.widgets, more]
        self.widget = ui.classed(widgets.VBox(parts), "ml-explore")
        self.state.observe(ui.guard(app, lambda _: self._paint_head()), "material")
        self._paint_head()
        self.recall()

    def open_fold(self, name: str) -> None:
        """Open one of `FOLDS`; it is built the first time."""
        self._choice.value = name

    def recall(self) -> None:
        """Open the fold that was open before a reload."""
        if (name := self._app.recalled.get("fold")) in FOLDS:
            self.open_fold(name)

    def _paint_head(self) -> None:
        is_mnist = self.state.material.dataset.name == "mnist"
        text = _STORY if is_mnist else _OTHER_STORY
        self._head.value = ui.heading("What is odd, and where it misleads", text)

    def _paint_fold(self) -> None:
        name = self._choice.value
        if name is None:
            return
        self._app.remember("fold", name)
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
