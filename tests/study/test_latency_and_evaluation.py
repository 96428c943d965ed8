"""Latencies are of single predictions, and an evaluation holds what the command line prints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.cli import main
from mnistlab.data import Dataset
from mnistlab.metrics.latency import (
    MeasurementStopped,
    images_per_second,
    measure_latencies,
    measure_latency,
)
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import Classifier, load_classifier
from mnistlab.study.evaluation import evaluate, evaluate_models
from mnistlab.study.study import compare
from mnistlab.ui.compare import CompareTab
from mnistlab.ui.state import AppState


def test_latency_of_single_predictions() -> None:
    images = np.arange(7 * 784, dtype=np.uint16).astype(np.uint8).reshape(7, 28, 28)
    seen: list[NDArray[np.uint8]] = []
    latency = measure_latency(seen.append, images, n=100, warmup=10)
    assert len(seen) == 10 + 2 * (1 + 50)  # the first of each block is made twice
    assert {image.shape for image in seen} == {(28, 28)}
    np.testing.assert_array_equal(seen[10 + 1 + 8], images[8 % 7])
    assert 0 < latency.p50 <= latency.p90 <= latency.p99
    assert set(latency.to_dict()) == {"p50", "p90", "p99"}


def test_a_thousand_after_a_warm_up_by_default() -> None:
    calls: list[object] = []
    measure_latency(calls.append, np.zeros((3, 28, 28), np.uint8))
    assert len(calls) == 50 + 1000 + 20


def test_latency_is_in_milliseconds_and_leaves_the_warm_up_out() -> None:
    calls = 0

    def slow_at_first(image: NDArray[np.uint8]) -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.2 if calls <= 2 else 0.003)

    latency = measure_latency(slow_at_first, np.zeros((1, 28, 28), np.uint8), n=10, warmup=2)
    assert 3 <= latency.p50 <= latency.p99 < 200


@pytest.mark.parametrize(("n", "images"), [(0, 1), (10, 0)])
def test_nothing_to_time_is_refused(n: int, images: int) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        measure_latency(lambda _: None, np.zeros((images, 28, 28), np.uint8), n=n)


def test_models_take_turns_on_the_same_images() -> None:
    images = np.arange(70 * 784, dtype=np.uint32).astype(np.uint8).reshape(70, 28, 28)
    images[:, 0, 0] = np.arange(70)
    calls: list[tuple[str, int]] = []
    names = ("a", "b", "c")
    predictors = {name: lambda x, name=name: calls.append((name, x[0, 0])) for name in names}

    found = measure_latencies(predictors, images, n=100, block=30, warmup=5)

    assert list(found) == ["a", "b", "c"]
    for latency in found.values():
        assert 0 < latency.p50 <= latency.p90 <= latency.p99
    timed = calls[15:]  # after five each to warm up
    # Each block's first image comes twice; only once it is timed.
    blocks = [[*range(start, min(start + 30, 100))] for start in range(0, 100, 30)]
    expected = [i % 70 for block in blocks for i in (block[0], *block)]
    for name in names:
        assert [image for who, image in timed if who == name] == expected
    turns = [who for i, (who, _) in enumerate(timed) if i == 0 or timed[i - 1][0] != who]
    # Forwards, then backwards: whoever ends a round begins the next one.
    assert turns == ["a", "b", "c", "b", "a", "b", "c", "b", "a"]


def test_a_thousand_each_by_default() -> None:
    calls: list[object] = []
    measure_latencies({"a": calls.append}, np.zeros((3, 28, 28), np.uint8))
    assert len(calls) == 50 + 1000 + 20
    assert measure_latencies({}, np.zeros((3, 28, 28), np.uint8)) == {}


def test_timing_stops_when_told_to() -> None:
    calls: list[object] = []
    image = np.zeros((1, 28, 28), np.uint8)
    with pytest.raises(MeasurementStopped):
        measure_latencies({"a": calls.append}, image, should_stop=lambda: len(calls) >= 200)
    assert 200 <= len(calls) < 300
    with pytest.raises(MeasurementStopped):
        images_per_second({"a": calls.append}, image, should_stop=lambda: True)
    assert len(calls) < 300


def test_images_per_second_is_of_whole_batches_without_the_first() -> None:
    batches: list[int] = []

    def predict(images: NDArray[np.uint8]) -> None:
        batches.append(len(images))
        time.sleep(0.2 if len(batches) == 1 else 0.01)

    rates = images_per_second({"a": predict}, np.zeros((40, 28, 28), np.uint8), repeats=3)
    assert batches == [40] * 4
    assert list(rates) == ["a"]
    assert 200 < rates["a"] <= 4000


def test_whole_batches_take_turns_too() -> None:
    calls: list[str] = []
    predictors = {name: lambda _, name=name: calls.append(name) for name in "abc"}
    rates = images_per_second(predictors, np.zeros((2, 28, 28), np.uint8), repeats=2)
    assert list(rates) == ["a", "b", "c"]
    assert ["".join(calls[i : i + 3]) for i in (0, 3, 6)] == ["abc", "cba", "abc"]


@pytest.mark.parametrize(("n", "images"), [(0, 1), (10, 0)])
def test_nothing_to_time_in_turns_is_refused(n: int, images: int) -> None:
    none = np.zeros((images, 28, 28), np.uint8)
    with pytest.raises(ValueError, match="at least one image"):
        measure_latencies({"a": lambda _: None}, none, n=n)
    with pytest.raises(ValueError, match="at least one image"):
        images_per_second({"a": lambda _: None}, none, repeats=n)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_evaluation_of_a_pretrained_model(name: str, mnist: Dataset) -> None:
    classifier = load_classifier(name)
    x, y = mnist.x_test[:200], mnist.y_test[:200]
    evaluation = evaluate(classifier, x, y, latency_runs=20)

    plain = json.loads(json.dumps(evaluation.to_dict()))

    expected = evaluate_probabilities(y, classifier.predict_proba(x)).to_dict()
    assert {key: plain[key] for key in expected} == expected
    assert plain["model"] == name
    assert plain["parameters"] > 0
    assert 0 < plain["latency_ms"]["p50"] <= plain["latency_ms"]["p99"]
    assert evaluation.y_proba.shape == (200, 10)
    if mnist.name == "mnist":
        assert plain["accuracy"] > 0.95


def _evaluate(data: Dataset) -> None:
    evaluate_models([load_classifier(name) for name in ("mlp", "cnn")], data.x_test, data.y_test)


def _command_line(data: Dataset) -> None:
    assert main(["compare", "mlp", "cnn", "--json"]) == 0


def _report(data: Dataset) -> None:
    compare("mlp", "cnn", data)


def _notebook_of_one_known(data: Dataset) -> None:
    known = evaluate(load_classifier("mlp"), data.x_test, data.y_test, latency_runs=1)
    compare("mlp", "cnn", data, known=[known])


def _tab(data: Dataset) -> None:
    CompareTab(AppState(dataset=data), measure_cost=False).wait()


@pytest.mark.parametrize(
    "compare", [_evaluate, _command_line, _report, _notebook_of_one_known, _tab]
)
def test_two_models_are_timed_in_turns_wherever_they_are_compared(
    compare: Callable[[Dataset], None],
    digits: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """One after the other, each would have a thousand predictions in a row."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    monkeypatch.setenv("MNISTLAB_MNIST", "")
    single: list[str] = []
    batches: list[str] = []
    predict = Classifier.predict_proba

    def recorded(self: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        (single if images.ndim == 2 else batches).append(self.name)
        return predict(self, images)

    monkeypatch.setattr(Classifier, "predict_proba", recorded)
    compare(digits)
    assert [single.count(name) > 1000 for name in ("mlp", "cnn")] == [True, True]
    # A warm-up of 50, then blocks of 50, the first image of each twice; a round ends and the next
    # begins with the same model.
    assert max(len(list(run)) for _, run in groupby(single[100:])) <= 2 * 51
    assert [name for name, _ in groupby(batches[-6:])] == ["cnn", "mlp", "cnn", "mlp"]


def test_a_model_beside_itself_is_evaluated_twice(digits: Dataset) -> None:
    mlp = load_classifier("mlp")
    found = evaluate_models([mlp, mlp], digits.x_test, digits.y_test, latency_runs=50)
    assert [each.model for each in found] == ["mlp", "mlp"]
    assert all(each.latency_ms is not None and each.images_per_second for each in found)
