"""The base of Train & Compare's views."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from mnistlab.ui.common.widgets import View
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState


class Panel(View):
    """A view of `CompareState`."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        super().__init__(app)
        self._state = state
        self._is_painting = False

    @contextmanager
    def _painting(self) -> Iterator[None]:
        """Set inputs from the state without calling the verbs of `_on_input`."""
        self._is_painting = True
        try:
            yield
        finally:
            self._is_painting = False

    def _on_input(self, verb: Callable[[Any], object], *inputs: widgets.Widget) -> None:
        """Call `verb` with each new value that the user gives one of the inputs."""
        for item in inputs:
            self._watch(item, lambda value: None if self._is_painting else verb(value))

    def _on_state(self, verb: Callable[[], object], *traits: str) -> None:
        """Call `verb` after a change of these traits, and now."""
        self._watch(self._state, lambda _: verb(), *traits)
        verb()
