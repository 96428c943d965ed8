"""Whether images lie as MNIST's do: bright ink on black, upright, rows from top to bottom.

EMNIST's files, for one, have rows and columns swapped (Cohen et al. 2017, arXiv:1702.05373). Every
model then reads about 15 %, and nothing else shows that the data and not the model is at fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.digits import load_digits, to_mnist_format

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Floats = NDArray[np.float64]

_SAMPLE = 300  # images that are looked at; 0.2 s
_BRIGHT = 0.65  # of an image's range: paper, where half of the border is above; noise has 0.5
_FAINT = 0.25  # of an image's brightest: what is below is no ink
# Standard errors. In 5,000 draws each of 12, 20, 40, 60 and 300 training images of MNIST, of
# scikit-learn's digits, and of MNIST's stretched to the whole image as USPS's are, 2 of the 75,000
# upright draws raised an alarm (mirrored, 12 stretched images). Found were 99, 100 and 89 % of the
# transposed draws of 20, and all of those of 60.
_SURE = 3.0
_SURE_OF_OTHERS = 2.0
# Of a correlation. Transposing any of those costs 0.16 to 0.28, mirroring MNIST 0.06; images that
# are all the same have tiny differences with still tinier standard errors.
_LEAST_GAIN = 0.02


def _transposed(x: NDArray[np.generic]) -> NDArray[np.generic]:
    return x.swapaxes(1, 2)


def _flipped(x: NDArray[np.generic], *axes: int) -> NDArray[np.generic]:
    """Mirrored about MNIST's centre of mass, which lies half a pixel past the middle."""
    return np.roll(np.flip(x, axes), 1, axes)


# What is done to images that lie in another way, by the name of that way.
_VIEWS: dict[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]] = {
    "as they are": lambda x: x,
    "transposed": _transposed,
    "mirrored": lambda x: _flipped(x, 2),
    "upside down and mirrored": lambda x: _flipped(x, 1, 2),
    "upside down": lambda x: _flipped(x, 1),
    "rotated to the left": lambda x: _flipped(_transposed(x), 2),
    "rotated to the right": lambda x: _flipped(_transposed(x), 1),
    "transposed, upside down and mirrored": lambda x: _flipped(_transposed(x), 1, 2),
}


@dataclass(frozen=True)
class Orientation:
    """How images seem to lie."""

    inverted: int
    """How many of the images that were looked at have dark ink on bright paper."""
    sample: int
    """How many were looked at."""
    view: str
    """`"as they are"` where nothing speaks against it, `"transposed"`, or another of eight ways in
    which they look more like digits."""

    @property
    def is_inverted(self) -> bool:
        """Whether most images have dark ink on bright paper."""
        return 2 * self.inverted > self.sample


def look(sets: Sequence[tuple[Images, Labels]]) -> Orientation:
    """Compare images with how digits are written.

    Inverted is an image whose border is mostly bright: paper surrounds the ink. For the eight ways
    in which a square can lie, each image is correlated with the mean image of its label in
    scikit-learn's digits. Another way counts only where it is better by three standard errors, so
    that a few images that say little change nothing.

    Parameters
    ----------
    sets : images (n, 28, 28) uint8 with their labels (n,) uint8, 0 to 9, such as the training and
        the test set
    """
    x, y = _sample(sets)
    inverted = _inverted(x)
    found = Orientation(int(inverted.sum()), len(x), "as they are")
    x = np.where(inverted[:, None, None], 255 - x, x)
    with_ink = x.max((1, 2), initial=0) > 0
    if with_ink.sum() < 2:
        return found
    formatted = np.stack([_formatted(image) for image in x[with_ink]])
    return Orientation(found.inverted, found.sample, _best_view(formatted, y[with_ink]))


def _sample(sets: Sequence[tuple[Images, Labels]]) -> tuple[Images, Labels]:
    # At random: with a fixed step, labels in a regular order would all be the same.
    rows = np.random.default_rng(0).permutation(sum(len(y) for _, y in sets))[:_SAMPLE]
    x_parts, y_parts = [], []
    for x, y in sets:
        mine = np.sort(rows[(rows >= 0) & (rows < len(y))])
        x_parts.append(x[mine])
        y_parts.append(y[mine])
        rows = rows - len(y)
    return np.concatenate(x_parts), np.concatenate(y_parts)


def _inverted(x: Images) -> NDArray[np.bool_]:
    """Of each image, whether its border is bright."""
    frame = np.ones(x.shape[1:], bool)
    frame[1:-1, 1:-1] = False
    low, high = x.min((1, 2), initial=255), x.max((1, 2), initial=0)
    border = np.median(x[:, frame], axis=1)
    bright = border > low + _BRIGHT * (high.astype(np.float64) - low)
    result: NDArray[np.bool_] = bright & (high > low)
    return result


def _formatted(image: Images) -> Images:
    """The digit at MNIST's size and place, so that those do not count."""
    ink = image.astype(np.float64)
    return to_mnist_format(np.where(ink >= _FAINT * ink.max(), ink, 0))


def _best_view(x: Images, y: Labels) -> str:
    names = list(_VIEWS)
    means = _mean_digits()[y]
    alike = np.array([(_standardised(_VIEWS[name](x)) * means).sum(1) for name in names])
    best = int(alike.mean(1).argmax())
    gain = alike[best] - alike[0]
    if gain.mean() < _LEAST_GAIN or _standard_errors(gain) < _SURE:
        return names[0]
    # A rotated image is more like a transposed one than like an upright one, and the other way
    # round: transposed is the usual trouble, so another way has to be clearly better than it.
    transposed = names.index("transposed")
    if (
        _standard_errors(alike[transposed] - alike[0]) >= _SURE
        and _standard_errors(alike[best] - alike[transposed]) < _SURE_OF_OTHERS
    ):
        return names[transposed]
    return names[best]


def _standard_errors(differences: Floats) -> float:
    """By how many of its standard errors a mean lies above 0."""
    spread = float(differences.std(ddof=1))
    return float(differences.mean()) / max(spread / math.sqrt(len(differences)), 1e-9)


@cache
def _mean_digits() -> Floats:
    """The mean image of each digit in scikit-learn's, `(10, 784)`, standardised."""
    digits = load_digits()
    means = [digits.x_train[digits.y_train == digit].mean(0) for digit in range(10)]
    return _standardised(np.array(means))


def _standardised(x: NDArray[np.generic]) -> Floats:
    """Images (n, 28, 28) as `(n, 784)` with mean 0 and length 1: products are correlations."""
    flat = x.reshape(len(x), -1).astype(np.float64)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    result: Floats = flat / np.where(length > 0, length, 1)
    return result
