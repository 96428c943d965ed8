"""One prediction by both models, from strokes to probabilities, in LiteRT and in NumPy."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util

import numpy as np

from benchmarks.drawings import rows
from mnistlab import Classifier, Drawing, load_classifier, preprocess
from mnistlab.settings import BACKENDS

SMALL = {"drawings": 3}
BLOCK = 50  # drawings; backends take turns, so that a busy moment of the machine hits all
TITLES = {"litert": "LiteRT", "numpy": "NumPy"}


def main(drawings: int | None = None) -> None:
    """Of all drawings, or so many of them."""
    _measure([Drawing.from_strokes(row["strokes"]) for row in rows(drawings)])


def _measure(drawings: list[Drawing]) -> None:
    models = {name: _load(name) for name in BACKENDS if name == "numpy" or _has_litert()}
    times: dict[str, list[list[float]]] = {name: [] for name in models}
    for pair in models.values():
        for drawing in drawings[:BLOCK]:
            _read(drawing, pair)
    for i in range(0, len(drawings), BLOCK):
        for name, pair in models.items():
            times[name] += [_read(drawing, pair) for drawing in drawings[i : i + BLOCK]]
    for name, measured in times.items():
        print(f"  {TITLES[name]}")
        columns = np.array(measured).T * 1000
        parts = ("preprocessing", "MLP", "CNN", "both models", "all")
        for part, column in zip(parts, columns, strict=True):
            p50, p90, p95, p99 = np.percentile(column, [50, 90, 95, 99])
            spread = f"p90 {p90:.2f} ms   p95 {p95:.2f} ms   p99 {p99:.2f} ms"
            print(f"  {part:<14} p50 {p50:.2f} ms   {spread}")


def _read(drawing: Drawing, models: list[Classifier]) -> list[float]:
    marks = [time.perf_counter()]
    image = preprocess(drawing).image
    marks.append(time.perf_counter())
    for model in models:
        model.predict_proba(image)
        marks.append(time.perf_counter())
    return [*np.diff(marks), marks[-1] - marks[1], marks[-1] - marks[0]]


def _has_litert() -> bool:
    return util.find_spec("ai_edge_litert") is not None


def _load(backend: str) -> list[Classifier]:
    with _set("MNISTLAB_BACKEND", backend):
        return [load_classifier(name) for name in ("mlp", "cnn")]


@contextmanager
def _set(variable: str, value: str) -> Iterator[None]:
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
