"""What Explore shows, as data: no widgets, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from traitlets import Enum, HasTraits, Instance, Int

from mnistlab.ui.explore.material import Material


@dataclass(frozen=True, eq=False)
class Selection:
    """Images that were picked elsewhere, such as in the map."""

    title: str
    split: str
    rows: NDArray[np.int64]


class ExploreState(HasTraits):
    """Which dataset is explored and which of its images are shown."""

    material = Instance(Material)
    digit = Int(None, allow_none=True, min=0, max=9)
    split = Enum(("train", "test"), default_value="train")
    number = Int(50, min=1)
    zoom = Int(3, min=1, max=6)
    """Screen pixels for each pixel of a sample."""
    page = Int(0, min=0)
    seed = Int(0, min=0)
    selection = Instance(Selection, allow_none=True)
    """Shown instead of the images that fit the filter."""
    item = Instance(tuple, allow_none=True)
    """Split (str) and row (int) of the image that is shown large."""
