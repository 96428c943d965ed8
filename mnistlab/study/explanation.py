"""Which parts of an image a model's answer rests on, and whether such a map means anything.

A patch at a time is blacked out and the model asked again (occlusion: Zeiler and Fergus 2014,
arXiv:1311.2901). Black is the ground of an MNIST image, so a blacked-out patch is one without
ink; what the empty places say for a digit ("no bar on top, so a 4") such a map does not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier, Outputs

PATCH = 6  # pixels a side: wider than nearly every stroke, a fifth of a digit
STRIDE = 2
_SIDE = 28
_BATCH = 16  # one size for all calls, because a model prepares itself for each new one
_TINY = 1e-30


@dataclass(frozen=True)
class Change:
    """A patch without which a model answers something else."""

    top: int
    left: int
    size: int
    answer: int | None
    """What it answers then; None that this is no digit."""


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What blacking out the patches of an image did to a model's answer."""

    digit: int
    """The digit that the map speaks of."""
    answer: int | None
    """What the model answers to the whole image; None that it is no digit."""
    heat: NDArray[np.float32]
    """`(28, 28)`: by how much the log-odds of the digit drop without the ink around a pixel, the
    mean of the patches that cover it. Positive where the ink speaks for the digit."""
    change: Change | None
    """The patch that changes the answer and lowers the digit's odds most; None if none does."""


def occlude(
    classifier: Classifier,
    image: NDArray[np.uint8],
    digit: int,
    patch: int = PATCH,
    stride: int = STRIDE,
) -> Occlusion:
    """Black out each patch of an image in turn and see what the model makes of the rest.

    Log-odds, the logarithm of p / (1 - p), rather than probabilities: where a model is all but
    certain its probabilities hardly move, and the odds still do (weight of evidence, Robnik-Sikonja
    and Kononenko 2008; Zintgraf et al. 2017, arXiv:1702.04595).

    Parameters
    ----------
    classifier : asked about the image and, at most, 144 occluded ones with the usual patches
    image : array (28, 28) uint8
    digit : 0 to 9, mostly the one the model answers
    patch, stride : the patches' side and the steps between them, in pixels

    Raises
    ------
    ValueError
        For another shape or dtype of image, or no digit.
    """
    image = np.asarray(image)
    if image.shape != (_SIDE, _SIDE) or not 0 <= digit <= 9:
        raise ValueError(f"Give one (28, 28) image and a digit, not {image.shape} and {digit}.")
    corners = [(y, x) for y in _starts(patch, stride) for x in _starts(patch, stride)]
    # Without ink there is nothing to black out: those patches change nothing, and cost nothing.
    inked = [(y, x) for y, x in corners if image[y : y + patch, x : x + patch].any()]
    images = np.repeat(image[None], 1 + len(inked), axis=0)
    for occluded, (y, x) in zip(images[1:], inked, strict=True):
        occluded[y : y + patch, x : x + patch] = 0
    outputs = _read(classifier, images)
    odds = _log_odds(outputs.probabilities, digit)
    drops = odds[0] - odds[1:]
    answers = _answers(outputs, classifier.digit_threshold)
    return Occlusion(
        digit=digit,
        answer=answers[0],
        heat=_spread(dict(zip(inked, drops.tolist(), strict=True)), corners, patch),
        change=_change(answers, drops, inked, patch),
    )


def map_similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Spearman's rank correlation of two maps, -1 to 1, as the sanity checks of Adebayo et al.

    Their test (2018, arXiv:1810.03292): a map that stays the same when the network's weights are
    made random tells about the image, not about what the network learned.

    Only pixels that are not 0 in both maps count: where nothing was blacked out all maps agree.
    0 where a map is constant.

    Raises
    ------
    ValueError
        When the maps differ in shape.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"Give two maps of one shape, not {a.shape} and {b.shape}.")
    counts = (a != 0) | (b != 0)
    ranks = np.stack([_ranks(a[counts]), _ranks(b[counts])])
    if counts.sum() < 2 or (np.ptp(ranks, axis=1) == 0).any():
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _starts(patch: int, stride: int) -> list[int]:
    """Where patches begin along a side; the last one ends with the image."""
    last = _SIDE - patch
    return sorted({*range(0, last, stride), last})


def _read(classifier: Classifier, images: NDArray[np.uint8]) -> Outputs:
    """All outputs for images (n, 28, 28), asked for in batches of one size."""
    n = len(images)
    filled = np.concatenate([images, np.repeat(images[-1:], -n % _BATCH, axis=0)])
    parts = [classifier.read(filled[i : i + _BATCH]) for i in range(0, len(filled), _BATCH)]
    probabilities = np.concatenate([part.probabilities for part in parts])[:n]
    scores = np.concatenate([part.digit_scores for part in parts])[:n]
    return Outputs(probabilities, scores, np.zeros((n, 0), np.float32))


def _log_odds(probabilities: NDArray[np.float32], digit: int) -> NDArray[np.float64]:
    """Of `digit`, (n,). The others are summed: 1 - p would lose all that is left near 1."""
    shares = probabilities.astype(np.float64)
    others = np.delete(shares, digit, axis=1).sum(axis=1)
    return np.asarray(np.log(np.maximum(shares[:, digit], _TINY) / np.maximum(others, _TINY)))


def _answers(outputs: Outputs, threshold: float) -> list[int | None]:
    pairs = zip(outputs.probabilities.argmax(axis=1), outputs.digit_scores, strict=True)
    return [int(digit) if score >= threshold else None for digit, score in pairs]


def _spread(
    drops: dict[tuple[int, int], float], corners: list[tuple[int, int]], patch: int
) -> NDArray[np.float32]:
    """For each pixel the mean drop of the patches that cover it."""
    total, covered = np.zeros((_SIDE, _SIDE)), np.zeros((_SIDE, _SIDE))
    for y, x in corners:
        total[y : y + patch, x : x + patch] += drops.get((y, x), 0.0)
        covered[y : y + patch, x : x + patch] += 1
    # Patches that begin further apart than they are wide leave pixels between them: 0 there.
    return (total / np.maximum(covered, 1)).astype(np.float32)


def _change(
    answers: list[int | None],
    drops: NDArray[np.float64],
    corners: list[tuple[int, int]],
    patch: int,
) -> Change | None:
    # Another digit tells more than a refusal, and then the patch that matters most.
    places = [i for i in range(len(corners)) if answers[1 + i] != answers[0]]
    if not places:
        return None
    best = max(places, key=lambda i: (answers[1 + i] is not None, drops[i]))
    return Change(*corners[best], patch, answers[1 + best])


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks of a flat array; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], np.float64)
