"""MNIST's own recipe: from a drawing, an upload or a sample to the 28x28 image models see.

The steps are those of QMNIST's reconstruction (Yadav and Bottou, "Cold Case: the Lost MNIST
Digits", NeurIPS 2019), which rebuilds MNIST's training images almost exactly.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.images.drawing import Drawing
from mnistlab.images.grey import to_grey
from mnistlab.images.ink import find_ink
from mnistlab.images.raster import BOX_SIDE, PAD_PEN, rasterise_box, rasterise_pad

IMAGE_SIDE = 28
SCALED_SIDE = 20

STAGES = {
    "ink": "The ink that was found, bright on black.",
    "box": "Cut to the ink's bounding box, the short side padded to a square.",
    "scaled": "Averaged down to 20 by 20 pixels, the brightest made 255.",
    "centred": "Placed in 28 by 28 pixels with its centre of mass in the middle: what models see.",
}
"""Name of each stage, in order, with one line of text for the page."""

WITHOUT = {
    "ink": "The pen stays as wide as it is on the pad; a photo's light and paper stay too.",
    "box": "The whole pad or picture is taken, wherever the digit lies in it.",
    "scaled": "One pixel is picked from each area, without averaging.",
    "centred": "The box is put in the middle, whatever its centre of mass.",
}
"""What happens instead when a stage's step is left out, with the keys of `STAGES`."""


@dataclass(frozen=True, eq=False)
class Preprocessed:
    """The result of `preprocess`."""

    image: NDArray[np.uint8]
    """`(28, 28)`, ink bright on black; all zero where there is no ink, and where leaving out
    "scaled" lost all of it between the pixels that were picked."""
    stages: dict[str, NDArray[np.uint8]] = field(repr=False)
    """The intermediate images, with the keys of `STAGES` in order; only "ink" without ink."""

    @property
    def is_blank(self) -> bool:
        """Whether there is no ink at all."""
        return len(self.stages) == 1

    def _repr_html_(self) -> str:
        # Imported here: only notebooks show results this way.
        from mnistlab.markup import note, strip, table

        rows = [
            [name, " x ".join(map(str, stage.shape)), STAGES[name]]
            for name, stage in self.stages.items()
        ]
        blank = note("There is no ink.") if self.is_blank else ""
        head = ["stage", "pixels", "what it is"]
        return strip(self.stages) + blank + table(head, rows, "Stages of preprocessing")


def preprocess(
    source: Drawing | Image.Image | NDArray[np.uint8], without: Collection[str] = ()
) -> Preprocessed:
    """Turn any source into the (28, 28) uint8 image that models are trained on.

    Parameters
    ----------
    source : Drawing, Pillow image or array (h, w) uint8
        A picture has dark ink on light ground or the other way round. An (h, w) uint8 array has
        ink bright on black, as a sample of MNIST or the result of `decode_upload`.
        Any other array raises `UploadError`.
    without : collection of str
        Steps to leave out, to see their effect: `"ink"`, `"box"`, `"scaled"` or `"centred"`.
    """
    shown, ink = _find_ink(source, without)
    box = crop_to_square(ink)
    if box is None:
        return Preprocessed(np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8), {"ink": shown})
    if "box" in without:
        box = _padded(ink)
    scaled = _picked(box) if "scaled" in without else area_average(box)
    margin = (IMAGE_SIDE - SCALED_SIDE) // 2
    image = np.pad(scaled, margin) if "centred" in without else centre(scaled)
    return Preprocessed(image, {"ink": shown, "box": box, "scaled": scaled, "centred": image})


def _find_ink(
    source: Drawing | Image.Image | NDArray[np.uint8], without: Collection[str]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the ink to show, and the ink to read: a drawing's has a finer grid."""
    if isinstance(source, Drawing):
        pen = PAD_PEN * source.size if "ink" in without else None
        if pen is None and "box" not in without:
            return rasterise_pad(source), rasterise_box(source)
        ink = rasterise_pad(source, 2 * BOX_SIDE, pen)
    elif isinstance(source, Image.Image):
        grey = to_grey(source)
        ink = 255 - grey if "ink" in without else find_ink(grey)
    elif isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype == np.uint8:
        ink = source
    else:
        what = f"of type {type(source).__name__}"
        if isinstance(source, np.ndarray):
            what = f"{source.dtype} of shape {source.shape}"
        raise UploadError(
            "Expected a Drawing, a Pillow image or an (h, w) uint8 array of ink, bright on "
            f"black, not {what}."
        )
    return ink, ink


def crop_to_square(ink: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Cut (h, w) ink to its bounding box and pad the short side with black to a square.

    Returns (n, n) uint8, or None where no pixel is above 0.
    """
    rows, columns = (np.flatnonzero((ink > 0).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return _padded(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _padded(cut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    gaps = [max(cut.shape) - length for length in cut.shape]
    return np.pad(cut, [(gap // 2, gap - gap // 2) for gap in gaps])


def area_average(box: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Average an (n, n) box of ink to (20, 20), each pixel the mean of the area it covers.

    The result is stretched so that its brightest pixel is 255; without ink it is black.
    """
    coverage = _coverage(len(box))
    scaled: NDArray[np.float32] = coverage @ box.astype(np.float32) @ coverage.T
    brightest = float(scaled.max()) or 1.0
    return (scaled * (255 / brightest)).round().astype(np.uint8)


def _picked(box: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pick one pixel for each of 20 by 20 and drop the rest, instead of averaging."""
    at = (np.arange(SCALED_SIDE) * 2 + 1) * len(box) // (2 * SCALED_SIDE)
    return box[np.ix_(at, at)]


def centre(scaled: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Paste (20, 20) ink into (28, 28) black so that its centre of mass falls in the middle.

    Without ink there is no centre of mass, and the result is black.
    """
    weights = scaled.astype(np.float64)
    positions = np.arange(SCALED_SIDE) + 0.5
    total = max(float(weights.sum()), 1.0)
    # 15 and the cut to a whole number are QMNIST's; in MNIST the centre of mass then lies
    # between 13.5 and 14.5, counted in whole pixels.
    top, left = (
        min(max(int(15 - float(weights.sum(axis=axis) @ positions / total)), 0), 8)
        for axis in (1, 0)
    )
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    image[top : top + SCALED_SIDE, left : left + SCALED_SIDE] = scaled
    return image


@lru_cache(maxsize=64)
def _coverage(side: int) -> NDArray[np.float32]:
    """Return (20, side): the weight of each of `side` pixels in the mean of each of 20."""
    weights = overlaps(np.linspace(0, side, SCALED_SIDE + 1), side)
    return (weights * (SCALED_SIDE / side)).astype(np.float32)


def overlaps(edges: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return (m, side): how much of each pixel of a line lies between each two of m + 1 edges."""
    pixel = np.arange(side)
    shared = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(np.maximum(shared, 0))
