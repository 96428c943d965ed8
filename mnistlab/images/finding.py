"""All digits of one input, each as the 28x28 image that models see."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.images.drawing import Drawing
from mnistlab.images.grouping import Box, DigitScore, around
from mnistlab.images.preprocessing import Preprocessed, preprocess
from mnistlab.images.segment import Piece, split_digits


@dataclass(frozen=True, eq=False)
class Found:
    """One digit of an input."""

    box: Box
    """Left, top, right and bottom, in pad units of a drawing or pixels of an array of ink."""
    prepared: Preprocessed


def find_digits(
    source: Drawing | NDArray[np.uint8],
    *,
    single: bool = False,
    without: Collection[str] = (),
    digit_score: DigitScore | None = None,
) -> list[Found]:
    """The digits in a drawing or in (h, w) uint8 ink, from left to right; none where it is blank.

    Parameters
    ----------
    single : read all ink as one digit
    without : steps of preprocessing to leave out; without "box" all ink is one digit
    digit_score : helps to decide what belongs together, see `split_digits`
    """
    single = single or "box" in without
    pieces = split_digits(source, None if single else digit_score)
    if len(pieces) > 1 and single:
        pieces = [Piece(around([piece.box for piece in pieces]), source)]
    found = [Found(piece.box, preprocess(piece.source, without)) for piece in pieces]
    return [one for one in found if not one.prepared.is_blank]
