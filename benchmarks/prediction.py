"""One prediction by both models, preprocessing included, from strokes to probabilities."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.drawings import rows
from mnistlab import Classifier, Drawing, load_classifier, preprocess

SMALL = {"drawings": 3}


def main(drawings: int | None = None) -> None:
    """Of all drawings, or so many of them."""
    _measure([Drawing.from_strokes(row["strokes"]) for row in rows(drawings)])


def _measure(drawings: list[Drawing]) -> None:
    models = [load_classifier(name) for name in ("mlp", "cnn")]
    for drawing in drawings[:50]:
        _read(drawing, models)
    times = np.array([_read(drawing, models) for drawing in drawings]) * 1000
    for name, column in zip(("preprocessing", "MLP", "CNN", "all"), times.T, strict=True):
        p50, p90, p99 = np.percentile(column, [50, 90, 99])
        print(f"  {name:<14} p50 {p50:.2f} ms   p90 {p90:.2f} ms   p99 {p99:.2f} ms")


def _read(drawing: Drawing, models: list[Classifier]) -> list[float]:
    marks = [time.perf_counter()]
    image = preprocess(drawing).image
    marks.append(time.perf_counter())
    for model in models:
        model.predict_proba(image)
        marks.append(time.perf_counter())
    return [*np.diff(marks), marks[-1] - marks[0]]
