"""A model's results on one public test set, as the card shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mnistlab.data.benchmark_sets import SetInfo
from mnistlab.metrics.benchmark import DigitResult, Interval, LetterResult, Rate, clustered_interval


@dataclass(frozen=True, eq=False)
class SetResult:
    """A model's results on one public test set."""

    info: SetInfo
    digest: str
    """SHA-256 of the contents, as of `BenchmarkSet`."""
    source: str
    relation: str
    """`"same source"`, `"other source"` or `"unknown"`: how the set is related to the data that
    the model was trained on."""
    relation_text: str
    """The same in a sentence or two."""
    digits: tuple[DigitResult, ...] = ()
    """One, or one of each corruption; empty for letters."""
    letters: LetterResult | None = None
    is_aligned: bool = True
    """Whether all corruptions have the same labels in the same order."""
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Images; of corruptions, in each one."""
        return self.letters.n if self.letters else self.digits[0].scores.n

    @property
    def accuracy(self) -> float | None:
        """Of digits, the mean over the corruptions; None for letters."""
        return _mean([each.scores.accuracy for each in self.digits])

    @property
    def accuracy_ci(self) -> Interval | None:
        """Its 95 % interval: Wilson's, or over corruptions that of `clustered_interval`.

        None for letters, and for corruptions of which nobody knows which images belong together.
        """
        if len(self.digits) == 1:
            return self.digits[0].scores.accuracy_ci
        if not self.digits or not self.is_aligned:
            return None
        return clustered_interval([each.right for each in self.digits])

    @property
    def f1_macro(self) -> float | None:
        """As `accuracy`, of the macro F1."""
        return _mean([each.scores.f1_macro for each in self.digits])

    @property
    def refused(self) -> Rate | None:
        """Images answered with "?", over all corruptions."""
        if self.letters:
            return self.letters.refused
        return _summed([each.refused for each in self.digits])

    @property
    def shown(self) -> Rate | None:
        """Right answers among those shown, over all corruptions."""
        return _summed([each.shown for each in self.digits])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        interval = self.accuracy_ci
        facts: dict[str, Any] = {
            "name": self.info.name,
            "title": self.info.title,
            "kind": self.info.kind,
            "n": self.n,
        }
        if self.letters:
            facts |= self.letters.to_dict()
        elif self.info.kind == "corruptions":
            facts |= {
                "accuracy": self.accuracy,
                "accuracy_ci": interval and list(interval),
                "f1_macro": self.f1_macro,
                "refused": self.refused and self.refused.to_dict(),
                "accuracy_shown": self.shown and self.shown.to_dict(),
                "corruptions": {each.name: each.to_dict() for each in self.digits},
            }
        else:
            facts |= self.digits[0].to_dict()
        return facts | {
            "relation": self.relation,
            "relation_text": self.relation_text,
            "sha256": self.digest,
            "source": self.source,
            "notes": list(self.notes),
            "about": self.info.about,
            "citation": self.info.citation,
            "licence": self.info.licence,
            "page": self.info.page,
        }


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _summed(rates: Sequence[Rate | None]) -> Rate | None:
    known = [each for each in rates if each is not None]
    if not known:
        return None
    return Rate(sum(each.count for each in known), sum(each.n for each in known))
