"""Accuracy over corruption and severity, with progress and a way to stop."""

from __future__ import annotations

import json
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import MnistLabError
from mnistlab.images.corruptions import CHUNK, CORRUPTIONS, SEVERITIES, corrupted_chunks
from mnistlab.metrics.latency import MeasurementStopped
from mnistlab.models import Classifier, load_classifier
from mnistlab.study.evaluation import measure_robustness

Images = NDArray[np.uint8]


class Remembers:
    """Answers 3 always, and remembers what it was asked."""

    def __init__(self, name: str) -> None:
        self.name, self.title = name, name.upper()
        self.seen: list[Images] = []

    def predict_proba(self, images: Images) -> NDArray[np.float32]:
        self.seen.append(images)
        proba: NDArray[np.float32] = np.eye(10, dtype=np.float32)[np.full(len(images), 3)]
        return proba


def readers(*models: Remembers) -> list[Classifier]:
    """Fakes in the place of classifiers."""
    return [cast(Classifier, model) for model in models]


@pytest.fixture
def images() -> Images:
    return np.random.default_rng(0).integers(0, 256, (8, 28, 28)).astype(np.uint8)


LABELS = np.array([3, 3, 1, 2, 3, 5, 7, 9], np.uint8)


def test_every_cell_is_measured(images: Images) -> None:
    (found,) = measure_robustness(readers(Remembers("a")), images, LABELS)
    assert (found.model, found.title, found.n) == ("a", "A", 8)
    assert found.corruptions == CORRUPTIONS
    assert found.severities == SEVERITIES
    assert found.accuracy.shape == (len(CORRUPTIONS), len(SEVERITIES))
    assert (found.accuracy == 3 / 8).all()
    assert found.clean == found.mean == 3 / 8
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["accuracy"][0] == [3 / 8] * 5
    assert plain["mean"] == found.mean


def test_all_models_read_the_same_corrupted_images(images: Images) -> None:
    a, b = Remembers("a"), Remembers("b")
    measure_robustness(readers(a, b), images, LABELS, seed=5)
    expected = [
        np.concatenate(list(corrupted_chunks(images, name, severity, seed=5)))
        for name in CORRUPTIONS
        for severity in SEVERITIES
    ]
    for model in (a, b):
        np.testing.assert_array_equal(model.seen[0], images)
        np.testing.assert_array_equal(model.seen[1:], expected)


def test_many_images_go_in_chunks(images: Images) -> None:
    model = Remembers("a")
    n = CHUNK + 50
    many = np.resize(images, (n, 28, 28))
    (found,) = measure_robustness(readers(model), many, (np.arange(n) % 10).astype(np.uint8))
    assert {len(seen) for seen in model.seen} == {CHUNK, 50}
    assert (found.accuracy == 0.1).all()


def test_progress_rises_to_one(images: Images) -> None:
    shares: list[float] = []
    measure_robustness(readers(Remembers("a")), images, LABELS, shares.append)
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == 1
    assert len(shares) >= len(CORRUPTIONS) * len(SEVERITIES)


def test_it_stops_when_told_to(images: Images) -> None:
    models = [Remembers("a"), Remembers("b")]
    asked = iter([False] * 7 + [True])
    with pytest.raises(MeasurementStopped, match="stopped") as stopped:
        measure_robustness(readers(*models), images, LABELS, should_stop=lambda: next(asked))
    assert isinstance(stopped.value, MnistLabError)
    # Asked before every single batch, so it made no step more.
    assert sum(len(model.seen) for model in models) == 7


def test_nothing_to_read_is_refused(images: Images) -> None:
    with pytest.raises(ValueError, match="8 images and 7 labels"):
        measure_robustness([], images, LABELS[:7])
    with pytest.raises(ValueError, match="at least one image"):
        measure_robustness([], images[:0], LABELS[:0])


def test_the_pretrained_network_reads_less_the_harder_it_gets(mnist: Dataset) -> None:
    x, y = mnist.x_test[:60], mnist.y_test[:60]
    model = load_classifier("mlp")
    (found,) = measure_robustness([model], x, y)
    assert found.clean == (model.predict_proba(x).argmax(axis=1) == y).mean()
    assert (np.diff(found.accuracy.mean(axis=0)) < 0).all()
    assert found.mean < found.clean
    (again,) = measure_robustness([model], x, y)
    np.testing.assert_array_equal(again.accuracy, found.accuracy)
