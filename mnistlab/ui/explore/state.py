"""What Explore shows, as data: no widgets, no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import traitlets
from traitlets import HasTraits


@dataclass(frozen=True, eq=False)
class Selection:
    """Images that were picked elsewhere: in the map, or in a list of odd ones."""

    title: str
    split: str
    rows: np.ndarray


class ExploreState(HasTraits):
    """Which dataset is explored and which of its images are shown."""

    material = traitlets.Any()
    """The `Material` of the dataset."""
    digit = traitlets.Int(None, allow_none=True, min=0, max=9)
    split = traitlets.Enum(("train", "test"), default_value="train")
    number = traitlets.Int(50, min=1)
    zoom = traitlets.Int(3, min=1, max=6)
    """How large a sample is shown, in screen pixels a pixel."""
    page = traitlets.Int(0, min=0)
    seed = traitlets.Int(0, min=0)
    selection = traitlets.Instance(Selection, allow_none=True)
    """Shown in place of a random order, None for all images that fit the filter."""
    item: Any = traitlets.Any(None, allow_none=True)
    """Split and row of the image that is shown large."""
