"""Features of handwriting and averages, held against shapes whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset, open_folder, save_folder
from mnistlab.data.features import FILE, NAMES, Features, compute_features, features
from mnistlab.data.pixel_statistics import average, class_averages


def image(rows: slice, columns: slice) -> NDArray[np.uint8]:
    found = np.zeros((28, 28), np.uint8)
    found[rows, columns] = 255
    return found


def named(found: NDArray[np.uint8]) -> dict[str, float]:
    return dict(zip(NAMES, compute_features(found[None])[0].tolist(), strict=True))


def test_a_bar_has_the_features_it_was_drawn_with() -> None:
    bar = named(image(slice(4, 24), slice(10, 13)))
    assert bar["ink"] == pytest.approx(60 / 784, rel=1e-6)
    assert (bar["centre_x"], bar["centre_y"]) == (11.0, 13.5)
    assert (bar["width"], bar["height"]) == (3.0, 20.0)
    assert bar["slant"] == pytest.approx(0, abs=1e-4)


def test_a_slanted_stroke_leans_by_its_shear() -> None:
    found = np.zeros((28, 28), np.uint8)
    for row in range(4, 24):
        column = 20 - (row - 4) // 2  # one to the left every two rows down: it leans right
        found[row, column - 1 : column + 2] = 255
    assert named(found)["slant"] == pytest.approx(np.degrees(np.arctan(0.5)), abs=1.5)
    assert named(found[:, ::-1])["slant"] == pytest.approx(-np.degrees(np.arctan(0.5)), abs=1.5)


def test_a_thick_stroke_is_wider_than_a_thin_one() -> None:
    thin, thick = (named(image(slice(2, 26), slice(8, 8 + w)))["stroke_width"] for w in (2, 5))
    assert thick > 1.8 * thin


def test_a_blank_image_has_no_ink_and_no_error() -> None:
    blank = named(np.zeros((28, 28), np.uint8))
    assert blank["ink"] == pytest.approx(0, abs=1e-4)
    assert (blank["width"], blank["height"]) == (0, 0)
    assert np.isfinite(list(blank.values())).all()


def test_features_are_kept_beside_the_data(digits: Dataset, tmp_path: Path) -> None:
    save_folder(digits, tmp_path / "data")
    dataset = open_folder(tmp_path / "data")
    first = features(dataset)
    assert (tmp_path / "data" / FILE).is_file()
    again = features(dataset)
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before.slant, after.slant)
    assert [len(part) for part in again] == [len(digits.x_train), len(digits.x_test)]
    (tmp_path / "data" / FILE).write_bytes(b"damaged")
    np.testing.assert_array_equal(features(dataset)[0].ink, first[0].ink)


@pytest.mark.mnist
def test_the_stroke_widths_of_mnist(mnist: Dataset) -> None:
    """5, 50 and 95 % of the test images, by area over perimeter: 1.7, 2.5 and 4.0 pixels."""
    low, middle, high = np.percentile(features(mnist)[1].stroke_width, [5, 50, 95])
    assert (low, middle, high) == pytest.approx((1.7, 2.5, 4.0), abs=0.1)


def test_averages_are_those_of_the_pixels(digits: Dataset) -> None:
    found = class_averages(digits.x_train, digits.y_train)
    for digit in range(10):
        members = digits.x_train[digits.y_train == digit].astype(float)
        np.testing.assert_allclose(found.mean[digit], members.mean(0), atol=1e-3)
        np.testing.assert_allclose(found.std[digit], members.std(0), atol=2e-2)
        assert found.count[digit] == len(members)
    mean, std = average(digits.x_test)
    np.testing.assert_allclose(mean, digits.x_test.mean(0), atol=1e-3)
    np.testing.assert_allclose(std, digits.x_test.std(0), atol=2e-2)


def test_averages_of_nothing_are_zero() -> None:
    found = class_averages(np.zeros((0, 28, 28), np.uint8), np.zeros(0, np.uint8))
    assert not found.mean.any()
    assert not found.count.any()


def test_what_a_blank_or_a_faint_image_lacks_is_not_measured() -> None:
    faint = np.zeros((28, 28), np.uint8)
    faint[14, 5:20] = 90  # a row below half brightness: it has a centre, and no size
    images = np.stack([np.zeros((28, 28), np.uint8), faint, image(slice(4, 24), slice(10, 13))])
    found = Features(**dict(zip(NAMES, compute_features(images).T, strict=True)))
    assert found.ink[0] == 0
    assert found.slant[1] == 0
    assert found.measured("ink").tolist() == [True, True, True]
    for name in ("centre_x", "centre_y", "slant"):
        assert found.measured(name).tolist() == [False, True, True], name
    for name in ("width", "height", "stroke_width"):
        assert found.measured(name).tolist() == [False, False, True], name


def test_the_average_of_some_images(digits: Dataset) -> None:
    rows = np.flatnonzero(digits.y_train == 3)[::-1]
    mean, std = average(digits.x_train, rows)
    np.testing.assert_allclose(mean, digits.x_train[rows].mean(0), atol=1e-3)
    np.testing.assert_allclose(std, digits.x_train[rows].std(0), atol=2e-2)
