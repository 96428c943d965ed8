"""One prediction by both models, from strokes to probabilities, in LiteRT and in NumPy.

Then one image by the plain MLP and the plain CNN beside Keras: the very same network, exported as
every trained model is, against `model.predict`, `model(x)` and a compiled `tf.function`. They take
turns in one process, for TensorFlow's threads would slow whatever ran beside it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import util
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alternatives.reading import CALLS
from benchmarks.drawings import rows
from benchmarks.results import Comparison
from mnistlab import Classifier, Drawing, TrainingConfig, load_classifier, preprocess
from mnistlab.settings import BACKENDS

COMMAND = "make bench ARGS=prediction"
REPEATS = 500  # of each call beside Keras
SMALL = {"drawings": 3, "repeats": 2}
QUICK = {"drawings": 200, "repeats": 200}
BLOCK = 50  # drawings or calls; all take turns, so that a busy moment of the machine hits all
TITLES = {"litert": "LiteRT", "numpy": "NumPy"}


def main(drawings: int | None = None, repeats: int = REPEATS) -> list[Comparison]:
    """Of all drawings, or so many of them; the comparison with Keras repeats each call so often."""
    _measure([Drawing.from_strokes(row["strokes"]) for row in rows(drawings)])
    comparisons = _beside_keras(repeats)
    for each in comparisons:
        print(f"  {each}")
    return comparisons


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


def _beside_keras(repeats: int) -> list[Comparison]:
    """In a process of its own, because TensorFlow would slow this one."""
    if util.find_spec("tensorflow") is None:
        print("  not beside Keras: TensorFlow has no release for this Python or machine")
        return []
    command = [sys.executable, "-m", "benchmarks.prediction", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    times: dict[str, dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return [
        Comparison(
            f"one image read by the plain {name.upper()}",
            "ms",
            tuple(own.pop("ours")),
            {_NAMES[how]: tuple(values) for how, values in own.items()},
            COMMAND,
            note=f"{repeats} calls of each, {BLOCK} in a row and then the next, in one process. "
            "The networks are the same, and so is the image.",
        )
        for name, own in times.items()
    ]


_NAMES = {"predict": "`model.predict(x)`", "call": "`model(x)`", "function": "`tf.function`"}


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


# In a process of its own


def _times(name: str, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each call, by our classifier and by Keras in its three ways."""
    import keras

    from mnistlab.models.networks import build_model
    from mnistlab.training.loop import export_litert

    keras.utils.set_random_seed(0)
    model = build_model(TrainingConfig(name))
    classifier = Classifier(name, export_litert(model))
    model.add(keras.layers.Softmax(name="probabilities"))
    image: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (1, 28, 28), np.uint8)
    calls: dict[str, Any] = {"ours": classifier.predict_proba}
    calls |= {how: make(model) for how, make in CALLS.items()}
    for how, call in calls.items():
        for _ in range(3):  # the first one prepares what the others use
            answer = call(image)
        np.testing.assert_allclose(answer, calls["ours"](image), atol=1e-4, err_msg=how)
    times: dict[str, list[float]] = {how: [] for how in calls}
    for i in range(0, repeats, BLOCK):
        for how, call in calls.items():
            for _ in range(i, min(i + BLOCK, repeats)):
                begun = time.perf_counter()
                call(image)
                times[how].append((time.perf_counter() - begun) * 1000)
    return times


if __name__ == "__main__":
    measured = {name: _times(name, int(sys.argv[1])) for name in ("mlp", "cnn")}
    print(json.dumps(measured))
