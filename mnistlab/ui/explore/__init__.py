"""Explore: what a dataset holds, in figures, pictures and maps."""

from mnistlab.ui.explore.tab import ExploreTab

__all__ = ["ExploreTab"]
