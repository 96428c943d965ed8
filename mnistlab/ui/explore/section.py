"""The base of Explore's sections."""

from __future__ import annotations

from mnistlab.ui.common.widgets import View
from mnistlab.ui.explore.controller import ExploreController
from mnistlab.ui.explore.material import Material
from mnistlab.ui.state import AppState


class Section(View):
    """A view of the dataset that is explored. A subclass builds its widgets and paints them."""

    def __init__(self, app: AppState, tab: ExploreController) -> None:
        super().__init__(app)
        self._tab, self._state = tab, tab.state
        self._build()

    @property
    def _material(self) -> Material:
        return self._state.material

    def _build(self) -> None:
        raise NotImplementedError

    def paint(self) -> None:
        """Show the present dataset; called when the section is opened and when the data change."""
        raise NotImplementedError
