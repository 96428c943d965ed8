"""The sections of Explore's opened folds, by their classes."""

from __future__ import annotations

from typing import TypeVar

from mnistlab.ui.explore import ExploreTab
from mnistlab.ui.explore.section import Section

Kind = TypeVar("Kind", bound=Section)


def opened(tab: ExploreTab, kind: type[Kind]) -> Kind:
    """The section of a class; its fold must have been opened."""
    return next(section for section in tab.sections.values() if isinstance(section, kind))
