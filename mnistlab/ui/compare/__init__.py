"""Train & Compare: settings, live runs, results, the images that decide, and the history."""

from mnistlab.ui.compare.tab import CompareTab

__all__ = ["CompareTab"]
