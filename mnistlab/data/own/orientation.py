"""Whether images are oriented as MNIST's: bright ink on black, upright, rows from top to bottom.

EMNIST's files, for example, have rows and columns swapped (Cohen et al. 2017, arXiv:1702.05373).
Every model then has an accuracy of about 15 %, and nothing else shows that the data is at fault.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import Images, Labels
from mnistlab.data.digits import load_digits, to_mnist_format

Floats = NDArray[np.float64]

_SAMPLE = 300  # images that are examined, in 0.2 s
_BRIGHT = 0.65  # of an image's range: paper where half of the border is above; noise has 0.5
_FAINT = 0.25  # of an image's brightest pixel: below is not ink
# Thresholds in standard errors. In 5,000 draws each of 12, 20, 40, 60 and 300 training images of
# MNIST, of scikit-learn's digits, and of MNIST's stretched to the whole image as USPS's are, 2 of
# the 75,000 upright draws raised an alarm (mirrored, 12 stretched images). Found were 99, 100 and
# 89 % of the transposed draws of 20, and all of those of 60.
_CERTAIN = 3.0
_CERTAIN_OF_OTHERS = 2.0
# Of a correlation. Transposing any of those costs 0.16 to 0.28, mirroring MNIST 0.06. Identical
# images have tiny differences with even smaller standard errors.
_MIN_GAIN = 0.02

# The eight views of a square: whether to transpose it, then which axes to flip, to set it upright.
_VIEWS: dict[str, tuple[bool, tuple[int, ...]]] = {
    "as they are": (False, ()),
    "transposed": (True, ()),
    "mirrored": (False, (2,)),
    "upside down and mirrored": (False, (1, 2)),
    "upside down": (False, (1,)),
    "rotated to the left": (True, (2,)),
    "rotated to the right": (True, (1,)),
    "transposed, upside down and mirrored": (True, (1, 2)),
}


@dataclass(frozen=True)
class Orientation:
    """How images seem to be oriented."""

    inverted: int
    """How many of the examined images have dark ink on bright paper."""
    sample: int
    """How many images were examined."""
    view: str
    """`"as they are"`, or another of eight views in which they look more like digits."""


def detect_orientation(sets: Sequence[tuple[Images, Labels]]) -> Orientation:
    """Compare images (n, 28, 28) with how digits are usually written, by their labels (n,).

    `sets` are images with labels, such as the training and the test set. An image is inverted where
    its border is mostly bright, since paper surrounds the ink. For the eight views of a square,
    each image is correlated with the mean image of its label in scikit-learn's digits. Another view
    is only reported where it is better by three standard errors, so that a few ambiguous images
    change nothing.
    """
    x, y = _sample(sets)
    inverted = _is_inverted(x)
    x = np.where(inverted[:, None, None], 255 - x, x)
    inked = x.max((1, 2), initial=0) > 0
    view = "as they are"
    if inked.sum() >= 2:
        view = _best_view(np.stack([_formatted(image) for image in x[inked]]), y[inked])
    return Orientation(int(inverted.sum()), len(x), view)


def _sample(sets: Sequence[tuple[Images, Labels]]) -> tuple[Images, Labels]:
    # At random: with a fixed step, labels in a regular order would all be the same.
    rows = np.random.default_rng(0).permutation(sum(len(y) for _, y in sets))[:_SAMPLE]
    x_parts, y_parts = [], []
    for x, y in sets:
        own = np.sort(rows[(rows >= 0) & (rows < len(y))])
        x_parts.append(x[own])
        y_parts.append(y[own])
        rows = rows - len(y)
    return np.concatenate(x_parts), np.concatenate(y_parts)


def _is_inverted(x: Images) -> NDArray[np.bool_]:
    """Return for each image whether its border is bright."""
    frame = np.ones(x.shape[1:], bool)
    frame[1:-1, 1:-1] = False
    low, high = x.min((1, 2), initial=255), x.max((1, 2), initial=0)
    border = np.median(x[:, frame], axis=1)
    return np.asarray((high > low) & (border > low + _BRIGHT * (high.astype(np.float64) - low)))


def _formatted(image: Images) -> Images:
    """Put the digit at MNIST's size and place, so that those do not matter."""
    ink = image.astype(np.float64)
    return to_mnist_format(np.where(ink >= _FAINT * ink.max(), ink, 0))


def _best_view(x: Images, y: Labels) -> str:
    names = list(_VIEWS)
    means = _mean_digits()[y]
    correlations = np.array([(_standardised(_turned(x, *_VIEWS[n])) * means).sum(1) for n in names])
    best = int(correlations.mean(1).argmax())
    gain = correlations[best] - correlations[0]
    if gain.mean() < _MIN_GAIN or _standard_errors(gain) < _CERTAIN:
        return names[0]
    # A rotated image is more like a transposed one than like an upright one, and vice versa.
    # Transposed is the usual fault, so another view has to be clearly better than it.
    transposed = correlations[names.index("transposed")]
    if (
        _standard_errors(transposed - correlations[0]) >= _CERTAIN
        and _standard_errors(correlations[best] - transposed) < _CERTAIN_OF_OTHERS
    ):
        return "transposed"
    return names[best]


def _turned(x: Images, is_transposed: bool, axes: tuple[int, ...]) -> Images:
    """Transpose and flip images about MNIST's centre of mass, half a pixel past the middle."""
    x = x.swapaxes(1, 2) if is_transposed else x
    return np.roll(np.flip(x, axes), 1, axes)


def _standard_errors(differences: Floats) -> float:
    """Return by how many of its standard errors a mean lies above 0."""
    spread = float(differences.std(ddof=1))
    return float(differences.mean()) / max(spread / math.sqrt(len(differences)), 1e-9)


@cache
def _mean_digits() -> Floats:
    """Return the mean image of each of scikit-learn's digits, `(10, 784)`, standardised."""
    digits = load_digits()
    means = [digits.x_train[digits.y_train == digit].mean(0) for digit in range(10)]
    return _standardised(np.array(means))


def _standardised(x: NDArray[np.generic]) -> Floats:
    """Return images (n, 28, 28) as `(n, 784)` of mean 0 and length 1; products correlate them."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.where(length > 0, length, 1))
