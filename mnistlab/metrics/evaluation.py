"""What models achieve on a test set: one alone, two as a pair, and one on corrupted images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.markup import UNKNOWN, table
from mnistlab.metrics.comparison import Comparison, compare_predictions
from mnistlab.metrics.latency import LatencyMs
from mnistlab.metrics.scores import Scores, evaluate_probabilities
from mnistlab.texts import percent

Digits = NDArray[np.int64]
ORDERS = ("most confident first", "least confident first", "by index")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A model's scores and timings; `mnistlab evaluate --json` prints `to_dict`."""

    model: str
    title: str
    scores: Scores
    card: dict[str, Any]
    y_proba: NDArray[np.float32]
    """`(n, 10)`, the probabilities that were scored."""
    latency_ms: LatencyMs | None = None
    """Per single prediction, without preprocessing, in milliseconds; None until it is measured."""
    images_per_second: float | None = None
    """Of batches; None until it is measured."""
    backend: str = ""
    """What computed the answers, `"litert"` or `"numpy"`; empty where that is unknown."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "model": self.model,
            "title": self.title,
            **self.scores.to_dict(),
            "latency_ms": self.latency_ms.to_dict() if self.latency_ms else None,
            "images_per_second": self.images_per_second,
            "backend": self.backend,
            "parameters": self.card.get("parameters"),
            "file_size": self.card.get("file_size"),
            "training_seconds": self.card.get("training_seconds"),
            "epochs": self.card.get("config", {}).get("epochs"),
            "seed": self.card.get("seed"),
        }

    def _repr_html_(self) -> str:
        low, high = self.scores.accuracy_ci
        latency = self.latency_ms
        rows = [
            ["Test images", f"{self.scores.n:,}"],
            ["Accuracy", f"{percent(self.scores.accuracy)} ({percent(low)} to {percent(high)})"],
            ["F1 macro", f"{self.scores.f1_macro:.4f}"],
            ["Loss", f"{self.scores.nll:.4f}"],
            ["Calibration error", f"{self.scores.ece:.4f}"],
            ["Latency p50", UNKNOWN if latency is None else f"{latency.p50:.3f} ms"],
        ]
        return table(["", self.title], rows, f"Scores of {self.title}")

    def rescored(self, labels: NDArray[np.uint8], keep: NDArray[np.bool_]) -> Evaluation:
        """Score the same answers by other labels (n,), on the images that `keep` (n,) selects."""
        proba = self.y_proba[keep]
        return replace(self, y_proba=proba, scores=evaluate_probabilities(labels[keep], proba))


def distinct_titles(evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """The evaluations, each with its name behind a title that several models share."""
    known = list(evaluations)
    titles = Counter(title for _, title in {(each.model, each.title) for each in known})
    return [
        replace(each, title=f"{each.title} ({each.model})") if titles[each.title] > 1 else each
        for each in known
    ]


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
    """Compare two evaluations, with answers to all n images of the same test set.

    Parameters
    ----------
    labels : array (n,) of digits 0 to 9
    keep : array (n,) of the images to use, by default all. With it, both are scored anew on
        `labels`, which may be corrected ones.
    """
    rows = np.arange(len(labels)) if keep is None else np.flatnonzero(keep)
    if keep is not None:
        a, b = a.rescored(labels, keep), b.rescored(labels, keep)
    y_true = np.asarray(labels)[rows]
    return Pair(a, b, y_true, rows, compare_predictions(y_true, a.y_proba, b.y_proba))


@dataclass(frozen=True, eq=False)
class Robustness:
    """A model's accuracy by corruption and severity; accuracies are fractions, 0 to 1."""

    model: str
    title: str
    n: int
    """Images in each cell."""
    corruptions: tuple[str, ...]
    severities: tuple[int, ...]
    accuracy: NDArray[np.float64]
    """`(corruptions, severities)`."""
    clean: float
    """Accuracy on the same images as they are."""

    @property
    def mean(self) -> float:
        """Over all corruptions and severities, each counting the same."""
        return float(self.accuracy.mean())

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers, with the mean, ready for JSON."""
        lists = {name: list(getattr(self, name)) for name in ("corruptions", "severities")}
        return {**vars(self), **lists, "accuracy": self.accuracy.tolist(), "mean": self.mean}
