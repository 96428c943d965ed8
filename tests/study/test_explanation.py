"""Occlusion maps: that they tell what a model looks at."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.classifier import Outputs, randomised
from mnistlab.study.explanation import PATCH, map_similarity, occlude


class LooksAtACorner:
    """Reads a 3 where there is ink in the upper left corner, and a 5 elsewhere."""

    digit_threshold = 0.5

    def read(self, images: NDArray[np.uint8]) -> Outputs:
        inked = images[:, :4, :4].any(axis=(1, 2))
        proba = np.full((len(images), 10), 0.01, np.float32)
        proba[inked, 3] = proba[~inked, 5] = 0.91
        features = np.zeros((len(images), 0), np.float32)
        return Outputs(proba, np.ones(len(images), np.float32), features)


looks_at_a_corner = cast(Classifier, LooksAtACorner())


@pytest.fixture
def image() -> NDArray[np.uint8]:
    image = np.zeros((28, 28), np.uint8)
    image[:4, :4] = image[20:24, 20:24] = 255
    return image


@pytest.fixture(scope="module")
def cnn() -> Classifier:
    return load_classifier("cnn")


def test_the_map_is_where_the_model_looks(image: NDArray[np.uint8]) -> None:
    found = occlude(looks_at_a_corner, image, 3)
    assert found.heat.shape == (28, 28)
    assert found.heat[:4, :4].min() > 0
    assert not found.heat[10:].any()
    assert found.answer == 3
    assert found.change is not None
    assert found.change.answer == 5
    assert (found.change.top, found.change.left) == (0, 0)


def test_without_ink_nothing_speaks_for_a_digit() -> None:
    found = occlude(looks_at_a_corner, np.zeros((28, 28), np.uint8), 5)
    assert not found.heat.any()
    assert found.change is None


def test_a_wrong_image_or_digit_is_refused(image: NDArray[np.uint8]) -> None:
    for wrong, digit in ((image[:20], 3), (image, 10)):
        with pytest.raises(ValueError, match="Give one"):
            occlude(looks_at_a_corner, wrong, digit)


def test_similarity_is_a_rank_correlation() -> None:
    a = np.random.default_rng(0).normal(size=(28, 28)).astype(np.float32)
    assert map_similarity(a, np.exp(a)) == pytest.approx(1)
    assert map_similarity(a, -a) == pytest.approx(-1)
    assert map_similarity(a, np.zeros_like(a)) == 0
    with pytest.raises(ValueError, match="one shape"):
        map_similarity(a, a[:5])


def test_a_randomised_network_has_learned_nothing(cnn: Classifier, mnist: Dataset) -> None:
    x, y = mnist.x_test[:300], mnist.y_test[:300]
    other = randomised(cnn)
    assert (cnn.predict_proba(x).argmax(1) == y).mean() > 0.8
    assert (other.predict_proba(x).argmax(1) == y).mean() < 0.3
    same = randomised(cnn).predict_proba(x)
    np.testing.assert_array_equal(same, other.predict_proba(x))


def test_real_maps_differ_from_those_of_random_weights(cnn: Classifier, mnist: Dataset) -> None:
    random = randomised(cnn)
    alike = [
        map_similarity(occlude(cnn, image, digit).heat, occlude(random, image, digit).heat)
        for image, digit in zip(mnist.x_test[:20], mnist.y_test[:20].tolist(), strict=True)
    ]
    assert np.mean(alike) < 0.6
    assert PATCH < 28
