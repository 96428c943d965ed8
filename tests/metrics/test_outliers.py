"""Projections, odd images and t-SNE, on data whose answer is known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mnistlab.data import Dataset
from mnistlab.metrics.outliers import (
    exact_duplicates,
    far_from_class,
    least_confident,
    near_duplicates,
)
from mnistlab.metrics.projection import fit_projection, nearest
from mnistlab.metrics.tsne import MapCancelledError, tsne_map


def test_principal_components_are_scikit_learns(digits: Dataset) -> None:
    x = digits.x_train[:500]
    found = fit_projection(x, 5)
    reference = PCA(5, svd_solver="full").fit(x.reshape(-1, 784).astype(float))
    np.testing.assert_allclose(found.explained, reference.explained_variance_ratio_, rtol=1e-3)
    ours, theirs = found.transform(x), reference.transform(x.reshape(-1, 784).astype(float))
    np.testing.assert_allclose(np.abs(ours), np.abs(theirs), rtol=1e-3, atol=2.0)


def test_nearest_by_hand() -> None:
    points = np.array([[0, 0], [10, 0], [0, 3]], np.float32)
    indices, distances = nearest(points, np.array([[1, 0], [9, 1]], np.float32), 2)
    assert indices.tolist() == [[0, 2], [1, 0]]
    np.testing.assert_allclose(distances[0], [1, np.sqrt(10)], rtol=1e-5)
    assert nearest(points, points, 1)[0].ravel().tolist() == [0, 1, 2]


def test_the_farthest_of_each_class() -> None:
    points = np.array([[0.0], [1], [9], [100], [101], [140]])
    labels = np.array([3, 3, 3, 7, 7, 7], np.uint8)
    assert far_from_class(points, labels, 1).tolist() == [2, 5]


def test_the_least_confident() -> None:
    proba = np.full((3, 10), 0.01, np.float32)
    proba[[0, 1, 2], 4] = [0.9, 0.3, 0.6]
    assert least_confident(proba, 2).tolist() == [1, 2]


def test_duplicates_are_found_by_their_pixels() -> None:
    rng = np.random.default_rng(2)
    train = rng.integers(0, 256, (300, 28, 28), dtype=np.uint8)
    test = rng.integers(0, 256, (40, 28, 28), dtype=np.uint8)
    test[7] = train[123]
    test[9] = train[5]
    test[9, 0, 0] ^= 1  # one bit away is no exact duplicate
    assert [(t.test, t.train) for t in exact_duplicates(train, test)] == [(7, 123)]
    near = near_duplicates(train, test, 2)
    assert [(t.test, t.train) for t in near] == [(7, 123), (9, 5)]
    assert near[0].distance == 0
    assert near[1].distance == pytest.approx(1 / 28, rel=1e-3)


@pytest.mark.mnist
def test_mnist_has_no_test_image_in_its_training_set(mnist: Dataset) -> None:
    assert exact_duplicates(np.asarray(mnist.x_train), np.asarray(mnist.x_test)) == []


def test_tsne_keeps_groups_together_repeats_and_reports() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(20 * k, 1, (60, 5)) for k in range(3)]).astype(np.float32)
    progress: list[float] = []
    found = tsne_map(points, progress.append)
    assert found.shape == (180, 2)
    assert progress == sorted(progress)
    assert progress[-1] == 1
    indices, _ = nearest(found, found, 2)
    assert (indices[:, 1] // 60 == np.arange(180) // 60).all()
    np.testing.assert_array_equal(found, tsne_map(points))


def test_tsne_is_cancelled() -> None:
    points = np.random.default_rng(0).normal(size=(500, 10)).astype(np.float32)
    with pytest.raises(MapCancelledError):
        tsne_map(points, should_stop=lambda: True)


def test_neighbours_are_found_part_by_part_in_little_memory() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(9_000, 8)).astype(np.float32)
    points[8_500] = points[3]  # equally near, in another part
    tracemalloc.start()
    indices, distances = nearest(points, points[:1200], 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6  # all distances at once would take 43 MB, three times
    away = np.sqrt(((points[None, :, :] - points[:50, None, :]) ** 2).sum(2))
    np.testing.assert_allclose(distances[:50], np.sort(away, 1)[:, :4], atol=2e-3)
    assert indices[3, :2].tolist() == [3, 8_500]
    assert nearest(points, points[3:4])[0].tolist() == [[3]]
    assert nearest(points[:2], points[:1], 5)[0].shape == (1, 2)
    assert nearest(points, points[:0], 3)[0].shape == (0, 3)


def test_all_of_a_class_the_same_has_no_farthest() -> None:
    points = np.array([[5.0], [5], [1], [9]])
    assert far_from_class(points, np.array([2, 2, 4, 4], np.uint8), 1).tolist() == [2]


def test_the_same_image_many_times_is_found_at_once() -> None:
    blank = np.zeros((3000, 28, 28), np.uint8)
    found = exact_duplicates(blank, blank[:2000])
    assert [(twins.test, twins.train) for twins in found] == [(row, 0) for row in range(2000)]
    assert exact_duplicates(blank, blank[:0]) == near_duplicates(blank, blank[:0]) == []
