"""Data without any variety: blank images, one image, the same image again; nothing divides by 0."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.data.features import by_digit, compute_features
from mnistlab.data.pixel_statistics import average, class_averages, compute
from mnistlab.images import Drawing
from mnistlab.images.finding import find_digits
from mnistlab.images.preprocessing import area_average, centre
from mnistlab.metrics.calibration import calibrate
from mnistlab.metrics.outliers import far_from_class, least_confident, near_duplicates
from mnistlab.metrics.projection import neighbour_agreement
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import load_classifier
from mnistlab.models.neighbours import make_neighbours
from mnistlab.study.explanation import map_similarity, occlude
from mnistlab.training.handwriting import handwriting_variants
from mnistlab.training.non_digits import make_non_digits
from mnistlab.ui.explore.handwriting import close_html
from mnistlab.ui.explore.material import Material

Array = NDArray[np.uint8]

BLANK = np.zeros((28, 28), np.uint8)
BAR = BLANK.copy()
BAR[4:24, 12:16] = 255
WIDE = BAR.T.copy()
FULL = np.full((28, 28), 255, np.uint8)

IMAGES = {
    "one image": [BAR],
    "one blank image": [BLANK],
    "all blank": [BLANK] * 6,
    "one of them blank": [BAR, BLANK, WIDE, BAR, WIDE, BAR],
    "all the same": [BAR] * 6,
    "all ink": [FULL] * 3,
    "one of each": [BAR, WIDE],
}


@pytest.fixture(autouse=True)
def no_division_by_zero() -> Iterator[None]:
    """NumPy only warns of 0 / 0 and goes on with NaN; here it is an error."""
    with np.errstate(divide="raise", invalid="raise"), warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # the mean of nothing
        yield


@pytest.fixture(params=list(IMAGES.values()), ids=list(IMAGES))
def images(request: pytest.FixtureRequest) -> Array:
    return np.stack(request.param)


@pytest.fixture
def labels(images: Array) -> Array:
    return (np.arange(len(images)) % 2).astype(np.uint8)


@pytest.fixture
def dataset(images: Array, labels: Array) -> Dataset:
    return Dataset("own", "tiny", images, labels, images[:1], labels[:1], digest="", source="")


def test_non_digits_are_made_beside_any_images(digits: Dataset) -> None:
    usual = make_non_digits(digits.x_train, digits.y_train, np.random.default_rng(0))
    x = digits.x_train.copy()
    x[7] = 0
    made = make_non_digits(x, digits.y_train, np.random.default_rng(0))
    assert len(made) > 0.9 * len(usual)


def test_non_digits_and_variants_of_such_images(images: Array, labels: Array) -> None:
    many, theirs = np.repeat(images, 20, axis=0), np.repeat(labels, 20)
    made = make_non_digits(many, theirs, np.random.default_rng(0))
    assert len(made)
    assert made.any(axis=(1, 2)).all()
    variants, _ = handwriting_variants(many, theirs, np.random.default_rng(0))
    assert variants.shape[1:] == (28, 28)


def test_what_explore_computes_is_finite(dataset: Dataset) -> None:
    material = Material(dataset)
    numbers = [
        *vars(compute(dataset).train).values(),
        compute_features(dataset.x_train),
        class_averages(dataset.x_train, dataset.y_train).std,
        *average(dataset.x_train),
        material.projection.explained,
        material.codes,
        neighbour_agreement(material.codes[:, :2], dataset.y_train),
    ]
    for each in numbers:
        if not isinstance(each, str):
            assert np.isfinite(np.asarray(each, float)).all()
    classes = [dataset.x_train[dataset.y_train == digit] for digit in set(dataset.y_train)]
    differ = any((images != images[0]).any() for images in classes)
    assert (len(far_from_class(material.codes, dataset.y_train)) > 0) == differ
    twins = near_duplicates(dataset.x_train, dataset.x_test)
    assert twins[0].distance == 0
    assert by_digit(compute_features(dataset.x_train)[:, 0], dataset.y_train).shape == (10, 5)
    assert "closest" in close_html(material)


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_models_answer_with_numbers(name: str, images: Array, labels: Array) -> None:
    classifier = load_classifier(name)
    proba = classifier.predict_proba(images)
    np.testing.assert_allclose(proba.sum(1), 1, atol=1e-5)
    assert np.isfinite(evaluate_probabilities(labels, proba).f1_macro)
    assert np.isfinite(calibrate(labels, proba, labels, proba).temperature)
    assert len(least_confident(proba)) == len(images)
    heat = occlude(classifier, images[0], 3).heat
    assert np.isfinite(map_similarity(heat, heat))


def test_neighbours_of_such_images(images: Array, labels: Array) -> None:
    made = make_neighbours(load_classifier("cnn"), images, labels)
    assert made.unit > 0
    assert np.isfinite(made.axes).all()


def test_steps_of_the_recipe_take_a_box_without_ink() -> None:
    black = np.zeros((40, 40), np.uint8)
    assert not centre(area_average(black)).any()


@pytest.mark.parametrize(
    "strokes",
    [
        [[[140, 100]], [[140, 180]]],
        [[[10, 100], [100, 100]], [[104, 100], [200, 100]]],
        [[[10, 100]], [[10, 100]]],
        [[[10, 90], [10, 200]], [[10, 250], [10, 250.5]]],
    ],
    ids=["colon", "two dashes", "the same dot", "a stem and its dot"],
)
def test_strokes_without_height_are_grouped(strokes: list[list[list[float]]]) -> None:
    found = find_digits(
        Drawing.from_strokes(strokes), digit_score=lambda x: np.full(len(x), 0.5, np.float32)
    )
    assert found
