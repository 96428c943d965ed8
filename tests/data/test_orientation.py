"""Images that lie in another way than MNIST's are noticed, and no others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistlab.data import Dataset
from mnistlab.data.own.orientation import Orientation, detect_orientation
from tests.data.own_files import npz, read_own

Array = NDArray[np.uint8]
Turn = Callable[[Array], Array]


def as_they_are(x: Array) -> Array:
    return x


def stretched(x: Array) -> Array:
    """Each digit to the edges of its image, as in USPS."""
    result = np.zeros_like(x)
    for i, image in enumerate(x):
        rows, columns = (np.flatnonzero(image.max(axis) > 64) for axis in (1, 0))
        box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        wide = Image.fromarray(box).resize((28, 28), Image.Resampling.BILINEAR)
        result[i] = np.asarray(wide)
    return result


def small(x: Array) -> Array:
    """Each digit at half its size, somewhere in its image."""
    dice, result = np.random.default_rng(0), np.zeros_like(x)
    for i, image in enumerate(x):
        top, left = dice.integers(0, 14, 2)
        half = Image.fromarray(image).resize((14, 14), Image.Resampling.BILINEAR)
        result[i, top : top + 14, left : left + 14] = np.asarray(half)
    return result


def on_grey_paper(x: Array) -> Array:
    """As a photo has it: paper at 170, ink at 40, and noise."""
    dice = np.random.default_rng(0)
    return (170 - 130 / 255 * x + dice.normal(0, 4, x.shape)).clip(0, 255).astype(np.uint8)


DRAWN: dict[str, Turn] = {"as they are": as_they_are, "stretched": stretched, "small": small}


def draws(dataset: Dataset, number: int, times: int) -> list[tuple[Array, Array]]:
    """Random sets of test images with their labels."""
    dice = np.random.default_rng(number)
    rows = [dice.choice(len(dataset.y_test), number, replace=False) for _ in range(times)]
    return [(np.array(dataset.x_test[r]), np.array(dataset.y_test[r])) for r in rows]


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("number", [12, 20, 60, 300])
def test_upright_images_raise_no_alarm(mnist: Dataset, name: str, number: int) -> None:
    for x, y in draws(mnist, number, 10):
        found = detect_orientation([(DRAWN[name](x), y)])
        assert found.view == "as they are"
        # A one that is stretched to all edges has no border of paper.
        assert found.inverted <= (0.1 * number if name == "stretched" else 0)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("number", [60, 300])
def test_transposed_images_are_noticed(mnist: Dataset, name: str, number: int) -> None:
    for x, y in draws(mnist, number, 5):
        assert detect_orientation([(DRAWN[name](x).swapaxes(1, 2), y)]).view == "transposed"


def test_most_transposed_sets_of_twenty_are_noticed(mnist: Dataset) -> None:
    found = [detect_orientation([(x.swapaxes(1, 2), y)]).view for x, y in draws(mnist, 20, 60)]
    assert set(found) <= {"transposed", "as they are"}
    assert found.count("transposed") >= 55


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        (lambda x: x[:, :, ::-1], "mirrored"),
        (lambda x: x[:, ::-1], "upside down"),
        (lambda x: x[:, ::-1, ::-1], "upside down and mirrored"),
        (lambda x: np.rot90(x, 1, (1, 2)), "rotated to the left"),
        (lambda x: np.rot90(x, -1, (1, 2)), "rotated to the right"),
        (lambda x: x.swapaxes(1, 2)[:, ::-1, ::-1], "transposed, upside down and mirrored"),
    ],
)
def test_other_turns_are_told_from_transposing(mnist: Dataset, turn: Turn, name: str) -> None:
    ((x, y),) = draws(mnist, 300, 1)
    assert detect_orientation([(turn(x), y)]).view == name


@pytest.mark.parametrize("invert", [lambda x: 255 - x, on_grey_paper])
@pytest.mark.parametrize("number", [12, 300])
def test_inverted_images_are_noticed_and_seen_through(
    mnist: Dataset, invert: Turn, number: int
) -> None:
    ((x, y),) = draws(mnist, number, 1)
    assert detect_orientation([(invert(x), y)]) == Orientation(number, number, "as they are")
    ((x, y),) = draws(mnist, 300, 1)
    assert detect_orientation([(invert(x.swapaxes(1, 2)), y)]) == Orientation(
        300, 300, "transposed"
    )


def test_what_shows_nothing_raises_no_alarm() -> None:
    dice = np.random.default_rng(0)
    y = np.arange(60, dtype=np.uint8) % 10
    for x in (
        dice.integers(0, 256, (60, 28, 28), np.uint8),
        np.zeros((60, 28, 28), np.uint8),
        np.full((60, 28, 28), 255, np.uint8),
        np.tile(np.uint8(255) * np.eye(28, dtype=np.uint8), (60, 1, 1)),
    ):
        assert detect_orientation([(x, y)]) == Orientation(0, 60, "as they are")


@pytest.mark.mnist
@pytest.mark.parametrize("split", ["train", "test"])
def test_all_of_mnist_raises_no_alarm(mnist: Dataset, split: str) -> None:
    x, y = (np.asarray(getattr(mnist, f"{name}_{split}")) for name in "xy")
    for start in range(0, len(y), 5000):
        rows = np.s_[start : start + 300]
        assert detect_orientation([(x[rows], y[rows])]) == Orientation(0, 300, "as they are")


def test_the_notice_names_the_keywords_until_they_are_used(mnist: Dataset) -> None:
    ((x, y),) = draws(mnist, 120, 1)
    turned = npz(x=255 - x.swapaxes(1, 2), y=y)
    notice = read_own(turned).notice
    assert "Ink and paper look swapped" in notice
    assert "Turn them with invert=True." in notice
    assert "look transposed" in notice
    assert "(rows and columns swapped)" in notice
    assert "Turn them with transpose=True." in notice
    assert "--" not in notice
    mended = read_own(turned, invert=True, transpose=True)
    np.testing.assert_array_equal(mended.x_test, x[5::6])
    assert "look" not in mended.notice
    spoilt = read_own(npz(x=x, y=y), transpose=True)
    assert "look transposed" in spoilt.notice


def test_some_inverted_images_among_others_are_told_by_their_number(mnist: Dataset) -> None:
    ((x, y),) = draws(mnist, 120, 1)
    x[:30] = 255 - x[:30]
    assert "look swapped in 30 of 120 images" in read_own(npz(x=x, y=y)).notice
