"""What a model achieves on a public test set: scores, refusals, letters, corruptions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.scores import Z_95, Scores, evaluate_probabilities, wilson_interval

CONFIDENT = 0.9
"""A confidence at which a model that cannot refuse counts as giving a digit for a letter."""
LIKE_DIGITS = "BGIJLOQSZ"
"""Letters that have a shape like a digit's, in upper or lower case."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Bools = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Rate:
    """How many of some images something is true of."""

    count: int
    n: int

    @property
    def fraction(self) -> float | None:
        """From 0 to 1; None without an image."""
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's 95 % interval of the fraction."""
        return wilson_interval(self.count, self.n) if self.n else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        interval = self.interval and list(self.interval)
        return {"count": self.count, "n": self.n, "fraction": self.fraction, "ci": interval}


@dataclass(frozen=True, eq=False)
class DigitResult:
    """A model's answers to images of digits."""

    name: str
    """Of the corruption; empty for a set with one part."""
    scores: Scores
    """Of the most probable digits, whether or not they would be shown."""
    refused: Rate | None
    """Images answered with "?"; None for a model that cannot refuse."""
    shown: Rate | None
    """Right answers among those that are shown; None for a model that cannot refuse."""
    right: Bools
    """`(n,)`, where the most probable digit is the label."""

    @property
    def recall(self) -> list[Rate]:
        """Right answers among the images of each digit."""
        confusion = self.scores.confusion
        return [Rate(int(row[digit]), int(row.sum())) for digit, row in enumerate(confusion)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        recall = [each.to_dict() for each in self.recall]
        return {
            **self.scores.to_dict(),
            "recall": [each["fraction"] for each in recall],
            "recall_ci": [each["ci"] for each in recall],
            "support": [each["n"] for each in recall],
            "refused": self.refused and self.refused.to_dict(),
            "accuracy_shown": self.shown and self.shown.to_dict(),
        }


@dataclass(frozen=True)
class LetterResult:
    """A model's answers to images of letters, none of which is a digit."""

    n: int
    refused: Rate | None
    """Letters that it takes for no digit; None for a model that cannot refuse."""
    refused_clear: Rate | None
    """The same among letters that are not shaped like digits (all but `LIKE_DIGITS`)."""
    confident: Rate
    """Letters for which its highest probability is at least `CONFIDENT`, refused or not."""
    by_letter: dict[str, Rate]
    """Refused of each letter, from A to Z; empty for a model that cannot refuse."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        by_letter = {name: each.fraction for name, each in self.by_letter.items()}
        return {
            "n": self.n,
            "refused": self.refused and self.refused.to_dict(),
            "refused_clear": self.refused_clear and self.refused_clear.to_dict(),
            "letters_like_digits": LIKE_DIGITS,
            "confidence": CONFIDENT,
            "confident": self.confident.to_dict(),
            "refused_by_letter": by_letter or None,
        }


def judge_digits(
    labels: NDArray[np.uint8], proba: NDArray[np.float32], refused: Bools | None, name: str = ""
) -> DigitResult:
    """Score answers to images of digits.

    Parameters
    ----------
    labels : array (n,) of digits 0 to 9
    proba : array (n, 10), rows summing to 1
    refused : array (n,), where the model takes the image for no digit; None if it never does
    """
    right: Bools = proba.argmax(axis=1) == labels
    n = len(labels)
    return DigitResult(
        name,
        evaluate_probabilities(labels, proba),
        None if refused is None else Rate(int(refused.sum()), n),
        None if refused is None else Rate(int(right[~refused].sum()), int((~refused).sum())),
        right,
    )


def judge_letters(
    labels: NDArray[np.uint8], proba: NDArray[np.float32], refused: Bools | None
) -> LetterResult:
    """Count the letters that a model refuses, and those that it is sure of.

    Parameters are those of `judge_digits`, but for labels from 1 (A) to 26 (Z).
    """
    confident = Rate(int((proba.max(axis=1) >= CONFIDENT).sum()), len(labels))
    if refused is None:
        return LetterResult(len(labels), None, None, confident, {})
    alike = [_ALPHABET.index(letter) + 1 for letter in LIKE_DIGITS]

    def rate(of: Bools) -> Rate:
        return Rate(int(refused[of].sum()), int(of.sum()))

    return LetterResult(
        len(labels),
        rate(np.ones(len(labels), np.bool_)),
        rate(~np.isin(labels, alike)),
        confident,
        {letter: rate(labels == number) for number, letter in enumerate(_ALPHABET, 1)},
    )


def clustered_interval(right: Sequence[Bools]) -> Interval:
    """Return the 95 % interval of the mean accuracy over several versions of the same n images.

    The versions of one image are not independent, so each image counts once, with the fraction of
    its versions that is read right; the interval is that of the mean of these n fractions, by the
    normal approximation and cut to 0 to 1.

    Parameters
    ----------
    right : arrays (n,), where each version is read right; row i is always the same image
    """
    fractions = np.mean(np.stack(right), axis=0)
    n, mean = len(fractions), float(fractions.mean())
    if mean in (0.0, 1.0):  # without any spread to go by
        return wilson_interval(round(mean * n), n)
    spread = float(fractions.std(ddof=1)) if n > 1 else 1.0
    half = Z_95 * spread / math.sqrt(n)
    return max(0.0, mean - half), min(1.0, mean + half)
