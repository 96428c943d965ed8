"""Predict: draw, upload or sample digits, and see both models read them."""

from mnistlab.ui.predict.tab import PredictTab

__all__ = ["PredictTab"]
