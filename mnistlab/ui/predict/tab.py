"""The Predict tab: its verbs and its widgets, put together."""

from __future__ import annotations

from collections.abc import Mapping

from mnistlab.models.classifier import Classifier
from mnistlab.ui.predict.controller import PredictController
from mnistlab.ui.predict.view import PredictView
from mnistlab.ui.state import AppState


class PredictTab(PredictController):
    """The verbs of `PredictController`, with `widget` to show."""

    def __init__(self, app: AppState, classifiers: Mapping[str, Classifier] | None = None) -> None:
        super().__init__(app, classifiers)
        self.view = PredictView(self, app)
        self.widget = self.view.widget
