"""Two models' answers to the same images, paired once for everything that compares them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mnistlab.metrics.comparison import Comparison, compare_predictions
from mnistlab.metrics.evaluation import Evaluation

Digits = NDArray[np.int64]
ORDERS = ("most confident first", "least confident first", "by index")


@dataclass(frozen=True)
class Group:
    """Which test images to look at: those of a kind, or those of a cell of a confusion matrix."""

    kind: str = "only A"
    """`"only A"` (only A is right), `"only B"`, `"neither"` or `"cell"`."""
    side: int = 0
    """Whose confusion matrix the cell is in: 0 for A, 1 for B."""
    true: int | None = None
    predicted: int | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two evaluated models, A and B, on the same n images. Made by `pair_up`."""

    a: Evaluation
    b: Evaluation
    y_true: NDArray[np.uint8]
    """`(n,)`, the labels that both are scored on."""
    rows: NDArray[np.int64]
    """`(n,)`, each image's position in the test set; corrected labels leave some out."""
    comparison: Comparison

    @property
    def evaluations(self) -> tuple[Evaluation, Evaluation]:
        """A's and B's."""
        return self.a, self.b

    @property
    def key(self) -> tuple[object, ...]:
        """Differs for pairs that show differently: a run's answers never change, its title may."""
        return (len(self.y_true), *((each.model, each.title) for each in self.evaluations))

    @property
    def titles(self) -> tuple[str, str]:
        """A's and B's names for people."""
        return self.a.title, self.b.title

    @property
    def verdict(self) -> str:
        """One sentence: which model is better, or that no difference is significant."""
        return self.comparison.verdict(*self.titles)

    @cached_property
    def predicted(self) -> tuple[Digits, Digits]:
        """A's and B's digits, `(n,)` each."""
        return self.a.y_proba.argmax(axis=1), self.b.y_proba.argmax(axis=1)

    def select(self, group: Group, order: str = ORDERS[0]) -> Digits:
        """Positions `(m,)` in the pair of a group's images, in one of `ORDERS`.

        Confidence is the highest probability: of the model whose cell it is, or the higher one of
        the models that misread the image.
        """
        wrong = [guess != self.y_true for guess in self.predicted]
        confidence = [each.y_proba.max(axis=1) for each in self.evaluations]
        if group.kind == "cell":
            sure = confidence[group.side]
            found = (self.predicted[group.side] == group.predicted) & (self.y_true == group.true)
        else:
            sure = np.maximum(*(c * w for c, w in zip(confidence, wrong, strict=True)))
            wanted = {"only A": (False, True), "only B": (True, False), "neither": (True, True)}
            want_a, want_b = wanted[group.kind]
            found = (wrong[0] == want_a) & (wrong[1] == want_b)
        places = np.flatnonzero(found)
        if order == "by index":
            return places
        sign = -1 if order == "most confident first" else 1
        return places[np.argsort(sign * sure[places], kind="stable")]


def pair_up(
    a: Evaluation,
    b: Evaluation,
    labels: NDArray[np.uint8],
    keep: NDArray[np.bool_] | None = None,
) -> Pair:
    """Compare two evaluations of the same test set.

    Parameters
    ----------
    a, b : with answers to all n images
    labels : array (n,) of digits 0 to 9
    keep : array (n,) of the images to use, by default all. With it, both are scored anew on
        `labels`, which may be corrected ones.
    """
    rows = np.arange(len(labels)) if keep is None else np.flatnonzero(keep)
    if keep is not None:
        a, b = a.rescored(labels, keep), b.rescored(labels, keep)
    y_true = np.asarray(labels)[rows]
    return Pair(a, b, y_true, rows, compare_predictions(y_true, a.y_proba, b.y_proba))
