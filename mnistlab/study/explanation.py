"""Which parts of an image a model's answer rests on, and whether such a map means anything.

A patch at a time is blacked out and the model asked again (occlusion: Zeiler and Fergus 2014,
arXiv:1311.2901). Black is the ground of an MNIST image, so a blacked-out patch is one without
ink; what the empty places say for a digit ("no bar on top, so a 4") such a map does not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier

PATCH = 6  # pixels a side: wider than nearly every stroke, a fifth of a digit
_STRIDE = 2
_SIDE = 28
Patch = tuple[slice, slice]
_STARTS = range(0, _SIDE - PATCH + 1, _STRIDE)
_PATCHES: list[Patch] = [np.s_[y : y + PATCH, x : x + PATCH] for y in _STARTS for x in _STARTS]
_BATCH = 16  # one size for all calls, because a model prepares itself for each new one
_TINY = 1e-30


@dataclass(frozen=True)
class Change:
    """A patch of `PATCH` pixels a side without which a model answers something else."""

    top: int
    left: int
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


def occlude(classifier: Classifier, image: NDArray[np.uint8], digit: int) -> Occlusion:
    """Black out each patch of an image in turn and see what the model makes of the rest.

    Log-odds, the logarithm of p / (1 - p), rather than probabilities: where a model is all but
    certain its probabilities hardly move, and the odds still do (weight of evidence, Robnik-Sikonja
    and Kononenko 2008; Zintgraf et al. 2017, arXiv:1702.04595).

    Parameters
    ----------
    classifier : asked about the image and, at most, 144 occluded ones
    image : array (28, 28) uint8
    digit : 0 to 9, mostly the one the model answers

    Raises
    ------
    ValueError
        For another shape of image, or no digit.
    """
    image = np.asarray(image)
    if image.shape != (_SIDE, _SIDE) or not 0 <= digit <= 9:
        raise ValueError(f"Give one (28, 28) image and a digit, not {image.shape} and {digit}.")
    # Without ink there is nothing to black out: those patches change nothing, and cost nothing.
    inked = [patch for patch in _PATCHES if image[patch].any()]
    images = np.repeat(image[None], 1 + len(inked), axis=0)
    for occluded, patch in zip(images[1:], inked, strict=True):
        occluded[patch] = 0
    probabilities, scores = _read(classifier, images)
    odds = _log_odds(probabilities, digit)
    drops = odds[0] - odds[1:]
    is_digit = (scores >= classifier.digit_threshold).tolist()
    answers = [
        int(shares.argmax()) if is_one else None
        for shares, is_one in zip(probabilities, is_digit, strict=True)
    ]
    change = _change(answers, drops, inked)
    return Occlusion(digit, answers[0], _spread(drops, inked), change)


def map_similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Spearman's rank correlation of two maps, -1 to 1, as the sanity checks of Adebayo et al.

    Their test (2018, arXiv:1810.03292): a map that stays the same when the network's weights are
    made random tells about the image, not about what the network learned.

    Only pixels that are not 0 in both maps count: where nothing was blacked out all maps agree.
    0 where a map is constant. Raises `ValueError` when the maps differ in shape.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"Give two maps of one shape, not {a.shape} and {b.shape}.")
    counts = (a != 0) | (b != 0)
    ranks = np.stack([_ranks(a[counts]), _ranks(b[counts])])
    if counts.sum() < 2 or (np.ptp(ranks, axis=1) == 0).any():
        return 0.0
    return float(np.asarray(np.corrcoef(ranks))[0, 1])


def _read(
    classifier: Classifier, images: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probabilities and digit scores for images (n, 28, 28), read in batches of one size."""
    n = len(images)
    filled = np.concatenate([images, np.repeat(images[-1:], -n % _BATCH, axis=0)])
    parts = [classifier.read(filled[i : i + _BATCH]) for i in range(0, len(filled), _BATCH)]
    probabilities = np.concatenate([part.probabilities for part in parts])
    return probabilities[:n], np.concatenate([part.digit_scores for part in parts])[:n]


def _log_odds(probabilities: NDArray[np.float32], digit: int) -> NDArray[np.float64]:
    """Of `digit`, (n,). The others are summed: 1 - p would lose all that is left near 1."""
    shares = probabilities.astype(np.float64)
    others = np.delete(shares, digit, axis=1).sum(axis=1)
    return np.asarray(np.log(np.maximum(shares[:, digit], _TINY) / np.maximum(others, _TINY)))


def _spread(drops: NDArray[np.float64], inked: list[Patch]) -> NDArray[np.float32]:
    """For each pixel the mean drop of the patches that cover it; 0 for those without ink."""
    total, covered = np.zeros((_SIDE, _SIDE)), np.zeros((_SIDE, _SIDE))
    for patch in _PATCHES:
        covered[patch] += 1
    for patch, drop in zip(inked, drops, strict=True):
        total[patch] += drop
    return (total / covered).astype(np.float32)


def _change(
    answers: list[int | None], drops: NDArray[np.float64], inked: list[Patch]
) -> Change | None:
    # Another digit tells more than a refusal, and then the patch that matters most.
    changed = [
        (answer is not None, drop, Change(rows.start, columns.start, answer))
        for answer, drop, (rows, columns) in zip(answers[1:], drops, inked, strict=True)
        if answer != answers[0]
    ]
    return max(changed, key=lambda found: found[:2])[2] if changed else None


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Ranks of a flat array; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], np.float64)
