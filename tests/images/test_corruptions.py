"""Corruptions: repeatable, graded, and of MNIST's format."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.images.corruptions import CHUNK, CORRUPTIONS, SEVERITIES, corrupted_chunks
from mnistlab.models import load_classifier

Images = NDArray[np.uint8]


def corrupt(images: Images, name: str, severity: int, seed: int = 0) -> Images:
    """All chunks as one array."""
    return np.concatenate([images[:0], *corrupted_chunks(images, name, severity, seed)])


@pytest.fixture(scope="module")
def images(mnist: Dataset) -> Images:
    return np.array(mnist.x_test[:40])


def test_there_is_something_of_every_kind() -> None:
    names = " ".join(CORRUPTIONS).lower()
    for kind in ("noise", "blur", "shift", "rotation", "scale", "shear", "inversion", "stripes"):
        assert kind in names
    for kind in ("occlusion", "fog", "contrast", "dotted line", "zigzag", "motion blur"):
        assert kind in names
    assert len(set(CORRUPTIONS)) == len(CORRUPTIONS)
    assert SEVERITIES == (1, 2, 3, 4, 5)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_repeatable_and_leaves_its_input(name: str, images: Images) -> None:
    before = images.copy()
    first = corrupt(images, name, 3, seed=7)
    assert first.shape == images.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corrupt(images, name, 3, seed=7), first)
    # All images are changed, but for a few where the black square hides no ink; and each severity
    # changes them in another degree.
    changed = (first != images).any(axis=(1, 2))
    assert changed.mean() > 0.8 if name == "Occlusion" else changed.all()
    digests = {hashlib.sha256(corrupt(images, name, s).data).hexdigest() for s in SEVERITIES}
    assert len(digests) == len(SEVERITIES)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_grows_with_its_severity(name: str, images: Images) -> None:
    """By how far pixels are from what they were; on the same draws, so without luck."""
    original = images.astype(float)
    corrupted = [corrupt(images, name, s).astype(float) for s in SEVERITIES]
    if name == "Scale":  # a tiny digit overlaps less ink that is missed, so its ink is counted
        far = [original.sum() - small.sum() for small in corrupted]
    else:
        far = [np.abs(changed - original).mean() for changed in corrupted]
    assert far[0] > 0
    assert (np.diff(far) > 0).all()


@pytest.mark.parametrize(
    "name", ["Gaussian noise", "Shift", "Rotation", "Shear", "Occlusion", "Fog", "Zigzag"]
)
def test_another_seed_draws_something_else(name: str, images: Images) -> None:
    assert (corrupt(images, name, 3, seed=1) != corrupt(images, name, 3, seed=2)).any()
    # And images differ from each other in what happens to them.
    same = np.repeat(images[:1], 20, axis=0)
    assert len(np.unique(corrupt(same, name, 3), axis=0)) > 1


def test_chunks_are_the_whole(mnist: Dataset) -> None:
    many = mnist.x_test[: 2 * CHUNK + 3]
    chunks = list(corrupted_chunks(many, "Rotation", 2, seed=4))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, len(many) - 2 * CHUNK]
    np.testing.assert_array_equal(np.concatenate(chunks), corrupt(many, "Rotation", 2, seed=4))


def test_no_image_gives_none() -> None:
    assert corrupt(np.zeros((0, 28, 28), np.uint8), "Blur", 1).shape == (0, 28, 28)


def test_blank_images_and_full_ones_stay_in_range() -> None:
    extremes = np.stack([np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8)])
    for name in CORRUPTIONS:
        assert corrupt(extremes, name, 5).dtype == np.uint8
    np.testing.assert_array_equal(corrupt(extremes, "Inversion", 5), extremes[::-1])
    np.testing.assert_array_equal(corrupt(extremes, "Contrast", 5), extremes)


def test_a_shift_moves_the_ink_as_far_as_it_says() -> None:
    images = np.zeros((200, 28, 28), np.uint8)
    images[:, 12:16, 12:16] = 255
    moved = corrupt(images, "Shift", 2).astype(float)
    weights = moved / moved.sum(axis=(1, 2), keepdims=True)
    axis = np.arange(28) - 13.5
    offsets = np.stack([weights.sum(axis=2) @ axis, weights.sum(axis=1) @ axis], axis=1)
    np.testing.assert_allclose(np.hypot(*offsets.T), 4, atol=0.05)
    assert (np.abs(np.sign(offsets).mean(axis=0)) < 0.3).all()  # to all sides


def test_a_rotation_turns_and_a_scale_shrinks() -> None:
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[:, 4:24, 12:16] = 255

    def spread(image: Images) -> tuple[Images, Images]:
        weights = image[0].astype(float) / image.sum()
        axis = np.arange(28) - 13.5
        y, x = np.meshgrid(axis, axis, indexing="ij")
        moments = [(weights * a * b).sum() for a, b in ((y, y), (y, x), (x, y), (x, x))]
        return np.linalg.eigh(np.array(moments).reshape(2, 2))

    turned = spread(corrupt(bar, "Rotation", 4))[1][:, 1]
    assert np.degrees(np.arccos(abs(turned[0]))) == pytest.approx(45, abs=1)
    length, small = spread(bar)[0][1], spread(corrupt(bar, "Scale", 4))[0][1]
    assert np.sqrt(small / length) == pytest.approx(0.5, abs=0.02)


def test_noise_is_as_strong_as_its_severity() -> None:
    grey = np.full((50, 28, 28), 128, np.uint8)
    assert corrupt(grey, "Gaussian noise", 2).std() / 255 == pytest.approx(0.12, rel=0.03)
    impulses = corrupt(grey, "Impulse noise", 5)
    assert (impulses == 0).mean() == pytest.approx(0.125, rel=0.1)
    assert (impulses == 255).mean() == pytest.approx(0.125, rel=0.1)


def test_occlusion_takes_ink_away_and_lines_add_some(images: Images) -> None:
    assert (corrupt(images, "Occlusion", 5) <= images).all()
    for name in ("Stripes", "Dotted lines", "Zigzag", "Fog"):
        assert (corrupt(images, name, 5) >= images).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_accuracy_falls_with_severity(name: str, mnist: Dataset) -> None:
    """On the pretrained network; at chance level it may go up by a few images again."""
    x, y = mnist.x_test[:250], mnist.y_test[:250]
    model = load_classifier("mlp")
    right = [(model.predict_proba(corrupt(x, name, s)).argmax(1) == y).mean() for s in SEVERITIES]
    assert right[4] < right[0]
    if mnist.name == "mnist":
        assert right[0] > 0.8
        assert max(np.diff(right)) < 0.03


@pytest.mark.parametrize(
    ("name", "severity", "says"),
    [
        ("Rain", 1, "choose from Gaussian noise, .*Zigzag"),
        ("Blur", 0, "choose from 1, 2, 3, 4, 5"),
        ("Blur", 6, "choose from 1, 2, 3, 4, 5"),
    ],
)
def test_an_unknown_name_or_severity_is_refused(name: str, severity: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        corrupt(np.zeros((1, 28, 28), np.uint8), name, severity)


@pytest.mark.parametrize("wrong", [np.zeros((28, 28), np.uint8), np.zeros((1, 28, 28))])
def test_other_arrays_are_refused(wrong: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="uint8"):
        corrupt(wrong, "Blur", 1)
