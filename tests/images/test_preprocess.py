"""MNIST's recipe, held against MNIST itself and against what must not matter."""

from __future__ import annotations

import itertools
import statistics
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.images import STAGES, Drawing, preprocess
from mnistlab.images.preprocessing import WITHOUT
from mnistlab.models import load_classifier

Images = NDArray[np.uint8]


def centre_of_mass(image: Images) -> NDArray[np.float64]:
    weights = image.astype(np.float64)
    at = np.arange(28)
    sums = np.stack([weights.sum(1), weights.sum(0)])
    centre: NDArray[np.float64] = sums @ at / weights.sum()
    return centre


def moved(drawing: Drawing, scale: float, x: float, y: float) -> Drawing:
    return Drawing.from_strokes(
        [[[px * scale + x, py * scale + y] for px, py in stroke] for stroke in drawing.strokes]
    )


def test_samples_of_mnist_fulfil_the_recipe(samples: Images) -> None:
    for image in samples:
        centre = centre_of_mass(preprocess(image).image)
        assert ((centre >= 13.49) & (centre <= 14.51)).all()


def test_an_image_fed_back_moves_by_at_most_a_pixel(samples: Images) -> None:
    for image in samples:
        again = preprocess(image).image
        assert np.abs(centre_of_mass(again) - centre_of_mass(image)).max() < 1.001
        assert preprocess(again).image.max() == 255


def test_a_sample_stays_what_it_is_as_a_picture(samples: Images) -> None:
    for image in samples[:100]:
        expected = preprocess(image).image.astype(int)
        for picture in (image, 255 - image):
            got = preprocess(Image.fromarray(picture)).image
            assert np.abs(got - expected).max() <= 8


def test_stages_are_named_and_end_in_the_image(drawing: Drawing) -> None:
    result = preprocess(drawing)
    assert list(result.stages) == list(STAGES)
    assert all(stage.dtype == np.uint8 for stage in result.stages.values())
    assert result.stages["scaled"].shape == (20, 20)
    assert result.stages["scaled"].max() == 255
    assert result.stages["centred"] is result.image
    assert result.image.shape == (28, 28)
    assert not result.is_blank


def test_the_longer_side_fills_20_pixels(drawing: Drawing) -> None:
    scaled = preprocess(drawing).stages["scaled"] > 0
    assert max(np.ptp(np.flatnonzero(scaled.any(axis=k))) + 1 for k in (0, 1)) == 20


@pytest.mark.parametrize(("x", "y"), [(-40, -30), (50, 20), (0.3, 0.7)])
def test_place_does_not_matter(drawing: Drawing, x: float, y: float) -> None:
    before, after = (preprocess(d).image.astype(int) for d in (drawing, moved(drawing, 1, x, y)))
    assert np.abs(after - before).mean() < 1


@pytest.mark.parametrize("scale", [0.2, 0.5, 0.8])
def test_size_does_not_matter(drawing: Drawing, scale: float) -> None:
    before, after = (
        preprocess(d).image.astype(int) for d in (drawing, moved(drawing, scale, 9, 9))
    )
    assert np.abs(after - before).mean() < 1


def test_a_picture_of_a_drawing_reads_like_the_drawing(drawing: Drawing) -> None:
    direct = preprocess(drawing)
    got = preprocess(Image.fromarray(255 - direct.stages["ink"])).image.astype(int)
    # A centre of mass next to a whole number may fall either way: allow a step of one pixel.
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    assert min(np.abs(np.roll(got, step, (0, 1)) - direct.image).mean() for step in steps) < 4


def test_strokes_are_as_wide_as_in_mnist(drawing: Drawing) -> None:
    ink = np.pad(preprocess(drawing).image > 127, 1)
    perimeter = sum(int((ink != np.roll(ink, 1, axis)).sum()) for axis in (0, 1))
    # 1.7 to 4.0 pixels hold nine in ten of MNIST's; a perimeter of pixel sides is longer.
    assert 1.2 < 2 * ink.sum() / perimeter < 3.5


@pytest.mark.parametrize(
    "strokes",
    [
        [[[140, 140]]],
        [[[0, 0]]],
        [[[280, 280], [280, 280]]],
        [[[1, 1]], [[279, 279]]],
        [[[140, 140], [140.0001, 140]]],
        [[[0, 7], [280, 7]]],
    ],
    ids=["dot", "corner", "twice", "two dots", "tiny", "line"],
)
def test_odd_drawings_give_ink(strokes: list[list[list[float]]]) -> None:
    result = preprocess(Drawing.from_strokes(strokes))
    assert not result.is_blank
    assert result.image.max() == 255


@pytest.mark.parametrize(
    "blank",
    [Drawing(), np.zeros((50, 60), np.uint8), Image.new("L", (50, 60), 200)],
    ids=["drawing", "array", "picture"],
)
def test_without_ink_the_image_is_zero(blank: Drawing | Images | Image.Image) -> None:
    result = preprocess(blank)
    assert result.is_blank
    assert result.image.shape == (28, 28)
    assert not result.image.any()


@pytest.mark.parametrize(
    "wrong", [np.zeros((28, 28)), np.zeros((28, 28, 3), np.uint8), [[0]], "file.png", None]
)
def test_other_sources_are_refused_in_a_sentence(wrong: object) -> None:
    with pytest.raises(UploadError, match=r"[.]$"):
        preprocess(wrong)  # type: ignore[arg-type]


def seconds_of(drawing: Drawing) -> float:
    begun = time.perf_counter()
    preprocess(drawing)
    return time.perf_counter() - begun


def test_time_grows_with_a_scribble_and_no_faster() -> None:
    points = np.random.default_rng(0).uniform(0, 280, (20_000, 2)).tolist()
    long, short = Drawing.from_strokes([points]), Drawing.from_strokes([points[:2000]])
    assert preprocess(long).image.any()
    seconds = [min(seconds_of(drawing) for _ in range(3)) for drawing in (short, long)]
    assert seconds[1] < 40 * seconds[0]  # 10 times the points


def test_preprocessing_leaves_the_models_their_time(drawing: Drawing) -> None:
    # It measures 0.4 ms, as long as both models together.
    models = [load_classifier(name) for name in ("mlp", "cnn")]
    image = preprocess(drawing).image
    preparing, reading = [], []
    for _ in range(100):
        preparing.append(seconds_of(drawing))
        begun = time.perf_counter()
        for model in models:
            model.predict_proba(image)
        reading.append(time.perf_counter() - begun)
    assert statistics.median(preparing) < 8 * statistics.median(reading)


@pytest.mark.parametrize("step", list(STAGES))
def test_each_step_can_be_left_out(step: str) -> None:
    small = Drawing.from_strokes([[[40, 30], [40, 130], [80, 130]]])
    whole, less = preprocess(small), preprocess(small, without=(step,))
    assert list(less.stages) == list(STAGES)
    assert less.image.shape == (28, 28)
    assert (less.image != whole.image).any()


def test_without_any_step_the_pad_is_just_made_smaller(drawing: Drawing) -> None:
    small = moved(drawing, 0.4, 0, 0)
    image = preprocess(small, without=tuple(STAGES)).image
    assert not image[15:].any()  # it stays in its corner
    assert image.any()


STEPS = [steps for n in range(len(WITHOUT) + 1) for steps in itertools.combinations(WITHOUT, n)]


def thin_drawing(rng: np.random.Generator) -> Drawing:
    """One to three strokes: dots, level and upright lines, and a few points joined."""
    kinds = (
        lambda: rng.uniform(0, 280, (1, 2)),
        lambda: np.stack([rng.uniform(0, 280, 2), np.full(2, rng.uniform(0, 280))], 1),
        lambda: np.stack([np.full(2, rng.uniform(0, 280)), rng.uniform(0, 280, 2)], 1),
        lambda: rng.uniform(0, 280, (int(rng.integers(2, 8)), 2)),
    )
    strokes = [kinds[rng.integers(len(kinds))]() for _ in range(rng.integers(1, 4))]
    return Drawing.from_strokes([stroke.tolist() for stroke in strokes])


def thin_ink(rng: np.random.Generator) -> Images:
    """A row, a column or a pixel of ink of any level in a picture of any shape."""
    ink = np.zeros(rng.integers(1, 130, 2), np.uint8)
    row, column = (int(rng.integers(side)) for side in ink.shape)
    where = ((row, slice(None)), (slice(None), column), (row, column))[rng.integers(3)]
    ink[where] = rng.integers(1, 256)
    return ink


@pytest.mark.parametrize("without", STEPS, ids=lambda steps: "+".join(steps) or "none")
def test_thin_ink_survives_any_steps_left_out(without: tuple[str, ...]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        ink = thin_ink(rng)
        for source in (thin_drawing(rng), ink, Image.fromarray(255 - ink)):
            with np.errstate(divide="raise", invalid="raise"):
                result = preprocess(source, without)
            assert result.image.shape == (28, 28)
            assert result.image.dtype == np.uint8
            if not {"scaled", "centred"} & set(without):
                assert result.is_blank or result.image.max() == 255


def test_ink_that_falls_between_the_pixels_that_are_picked_is_lost() -> None:
    ink = np.zeros((100, 100), np.uint8)
    ink[0], ink[:, 0] = 255, 255
    result = preprocess(ink, without=("scaled",))
    assert not result.is_blank
    assert list(result.stages) == list(STAGES)
    assert not result.image.any()
