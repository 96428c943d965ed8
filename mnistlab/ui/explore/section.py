"""The base of Explore's sections."""

from __future__ import annotations

from mnistlab.ui.common.widgets import View
from mnistlab.ui.explore.material import Material
from mnistlab.ui.explore.state import ExploreState
from mnistlab.ui.state import AppState


class Section(View):
    """A view of the dataset that is explored."""

    def __init__(self, app: AppState, state: ExploreState) -> None:
        super().__init__(app)
        self._state = state

    @property
    def _material(self) -> Material:
        return self._state.material

    def paint(self) -> None:
        """Show the present dataset; called when the section is opened and when the data change."""
