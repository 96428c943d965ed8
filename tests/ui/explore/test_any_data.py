"""Explore over data of every kind: each of its sentences is true of what is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets
import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.data.dataset import digest_of
from mnistlab.errors import DataError, MnistLabError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.metrics.tsne import tsne_map
from mnistlab.settings import my_digits_file
from mnistlab.ui.dashboard import Dashboard
from mnistlab.ui.explore import ExploreTab
from mnistlab.ui.explore.handwriting import AveragesSection, Handwriting
from mnistlab.ui.explore.map import MapSection
from mnistlab.ui.explore.outliers import KINDS, Outliers
from mnistlab.ui.explore.section import Section
from mnistlab.ui.explore.tab import FOLDS
from mnistlab.ui.explore.your_data import YourData, as_dataset
from mnistlab.ui.state import AppState
from tests.ui.explore.sections import opened

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def dataset(train: Arrays, test: Arrays | None = None) -> Dataset:
    arrays = (*train, *(test or (train[0][:0], train[1][:0])))
    return Dataset("own", "made up", *arrays, digest=digest_of(arrays), source="a test")


def noise(labels: list[int], low: int = 0, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    images = rng.integers(low, 256, (len(labels), 28, 28), dtype=np.uint8)
    return images, np.array(labels, np.uint8)


def same(labels: list[int], value: int) -> Arrays:
    return np.full((len(labels), 28, 28), value, np.uint8), np.array(labels, np.uint8)


MANY = [*range(10)] * 4
KINDS_OF_DATA: dict[str, Callable[[], Dataset]] = {
    "one image": lambda: dataset(noise([3])),
    "two images of a digit": lambda: dataset(noise([3, 3])),
    "two images of two digits": lambda: dataset(noise([3, 5])),
    "one test image": lambda: dataset(noise([3, 5]), noise([3], seed=1)),
    "one digit": lambda: dataset(noise([7] * 30), noise([7] * 6, seed=1)),
    "two of ten digits": lambda: dataset(noise([2, 4] * 10), noise([2, 4, 6], seed=1)),
    "blank": lambda: dataset(same(MANY, 0), same([1, 2, 3], 0)),
    "one blank among others": lambda: dataset(
        (np.concatenate([noise(MANY)[0], same([1], 0)[0]]), np.array([*MANY, 1], np.uint8))
    ),
    "all white": lambda: dataset(same(MANY, 255), same([1, 2], 255)),
    "grey below half brightness": lambda: dataset(same(MANY, 90), same([1, 2], 90)),
    "no black pixel": lambda: dataset(noise(MANY, low=1), noise([1, 2], low=1, seed=1)),
    "the same image in both sets": lambda: dataset(noise(MANY), noise(MANY)),
}


@pytest.fixture
def tab(app: AppState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExploreTab:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    return ExploreTab(app)


def show(tab: ExploreTab, data: Dataset) -> None:
    tab.open_fold("Your data")
    tab.explore(data)


def text_of(widget: widgets.Widget) -> str:
    """What the HTML in a box of widgets says, without markup."""
    values = [widget.value] if isinstance(widget, widgets.HTML) else []
    values += [text_of(child) for child in getattr(widget, "children", ())]
    return " ".join(re.sub(r"<[^>]+>", " ", " ".join(values)).split())


@pytest.mark.parametrize("kind", KINDS_OF_DATA)
def test_every_part_opens_on_any_data(tab: ExploreTab, app: AppState, kind: str) -> None:
    data = KINDS_OF_DATA[kind]()
    show(tab, data)
    said = [text_of(tab.widget)]
    for split in ("train", "test"):
        tab.select(split=split)
        said.append(text_of(tab.samples.widget))
    tab.open("train", 0)
    said.append(text_of(tab.item.widget))
    for fold in FOLDS:
        tab.open_fold(fold)
        section = tab.sections[fold]
        for choice in _choices(section.widget):
            for index in range(len(choice.options)):
                choice.index = index
                if hasattr(section, "wait"):
                    section.wait()
                said.append(text_of(section.widget))
    everything = " ".join(said)
    assert app.status_kind != "error", app.status
    assert not re.search(r"\b(nan|inf)\b", everything, re.IGNORECASE)
    assert "1 to 0" not in everything
    assert not re.search(r"\b0 of 0\b|\b1 images\b", everything)


def _choices(section: widgets.Widget) -> list[widgets.Dropdown]:
    found = [section] if isinstance(section, widgets.Dropdown) else []
    for child in getattr(section, "children", ()):
        found += _choices(child)
    return found


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("blank", "All pixels of the training images are black"),
        ("all white", "No pixel of the training images is black."),
        ("no black pixel", "No pixel of the training images is black."),
        ("one image", "There are no test images to compare them with."),
        ("one image", "The only training image is labelled 3"),
        ("one digit", "All training images are labelled 7"),
        ("two of ten digits", "image is labelled 0, 1, 3, 5, 6, 7, 8 or 9. Every other digit"),
        ("blank", "Every digit has the same number of training images"),
        ("one blank among others", "1.25 times as many 1s as 0s"),
        ("one image", "1 to 1 of 1 image in the training set"),
    ],
)  # fmt: skip
def test_the_overview_says_what_is_there(tab: ExploreTab, kind: str, sentence: str) -> None:
    show(tab, KINDS_OF_DATA[kind]())
    assert sentence in text_of(tab.widget)
    assert not re.search(r"\b0 % of", text_of(tab.widget))


def test_what_blank_images_lack_is_left_out(tab: ExploreTab) -> None:
    show(tab, KINDS_OF_DATA["blank"]())
    row = re.search(r"centre of mass, column (.*?) centre", text_of(tab.widget))
    assert row
    assert row[1] == "– –"
    tab.open("train", 0)
    assert "slant, degrees to the right –" in text_of(tab.item.widget)
    assert "ink, fraction of full brightness 0.00" in text_of(tab.item.widget)
    tab.open_fold("Handwriting")
    section = opened(tab, Handwriting)
    section.choice.value = "slant"
    assert "No training image has ink" in section._numbers.value
    assert "ml-box-group" not in section._chart.value
    show(tab, KINDS_OF_DATA["one blank among others"]())
    span = re.search(r"centre of mass, column ([\d.]+) to ([\d.]+)", text_of(tab.widget))
    assert span
    assert 12 < float(span[1]) < float(span[2]) < 15


def test_averages_speak_of_digits_that_are_there(tab: ExploreTab) -> None:
    show(tab, KINDS_OF_DATA["two of ten digits"]())
    tab.open_fold("Averages")
    section = opened(tab, AveragesSection)
    assert re.search(r"([24])s differ most .* and ([24])s least|they deviate by", _text(section))
    assert "no images of the digit 9" in _text(section)
    section._b.value = 2
    assert "Orange: ink of 4; blue: ink of 2" in _text(section)
    tab.select(digit=9)
    with pytest.raises(DataError, match="Samples shows no images"):
        section.average_shown()


def _text(section: Section) -> str:
    return text_of(section.widget)


def test_the_map_of_the_cnn_is_the_cnns_on_other_data_too(tab: ExploreTab) -> None:
    show(tab, KINDS_OF_DATA["two of ten digits"]())
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    pixels = section._places
    section.kind.value = "cnn"
    assert section._places.shape == pixels.shape
    assert not np.allclose(section._places, pixels)
    assert "training images, each shown as its digit" in _text(section)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("one image", "One training image, shown as its digit."),
        ("one digit", "All have the same label."),
        ("two of ten digits", "have a nearest neighbour of another digit"),
    ],
)
def test_the_maps_text_fits_its_points(tab: ExploreTab, kind: str, sentence: str) -> None:
    show(tab, KINDS_OF_DATA[kind]())
    tab.open_fold("Map")
    assert sentence in _text(tab.sections["Map"])


def test_a_tsne_map_of_too_few_points_or_of_one_place() -> None:
    with pytest.raises(MnistLabError, match=r"takes 5 images or more, and there are 2"):
        tsne_map(np.zeros((2, 40), np.float32))
    assert tsne_map(np.ones((30, 40), np.float32)).tolist() == [[0, 0]] * 30


@pytest.mark.parametrize(
    ("kind", "choice", "sentence"),
    [
        ("blank", "far", "No digit has training images that differ."),
        ("one image", "unsure", "There are no test images."),
        ("one image", "twins", "There are no test images that could be duplicates."),
        ("one test image", "unsure", "of these 1."),
        ("one digit", "labels", "published for MNIST only"),
        ("the same image in both sets", "twins", "40 test images are in the training set"),
    ],
)
def test_odd_images_are_those_of_the_data(
    tab: ExploreTab, kind: str, choice: str, sentence: str
) -> None:
    assert choice in KINDS
    show(tab, KINDS_OF_DATA[kind]())
    tab.open_fold("Outliers")
    section = opened(tab, Outliers)
    section.kind.value = choice
    section.wait()
    assert sentence in _text(section)


@pytest.mark.parametrize("number", [1, 2, 5, 6, 11, 12])
def test_my_digits_are_explored_from_the_first_drawing_on(
    tab: ExploreTab, app: AppState, number: int
) -> None:
    collection = Collection(my_digits_file())
    for i in range(number):
        drawing = Drawing.from_strokes([[[100, 50], [100 + 3 * i, 120], [101, 220]]])
        collection.add(drawing, i % 10)
    tab.open_fold("Your data")
    opened(tab, YourData).explore_mine()
    what = "image" if number == 1 else "images"
    assert app.status == f"Explore shows My digits: {number} {what}."
    data = tab.state.material.dataset
    assert len(data.x_train) + len(data.x_test) == number
    assert len(data.x_test) == (0 if number < 12 else 2)


def test_my_digits_without_drawings_says_so(tab: ExploreTab) -> None:
    tab.open_fold("Your data")
    with pytest.raises(DataError, match="My digits has no drawings yet"):
        opened(tab, YourData).explore_mine()


def test_data_without_training_images_is_refused(tab: ExploreTab) -> None:
    before = tab.state.material
    with pytest.raises(DataError, match="no training images"):
        show(tab, dataset(same([], 0), same([1], 9)))
    assert tab.state.material is before


def test_the_header_names_the_data_that_explore_shows(digits: Dataset) -> None:
    page = Dashboard(digits)
    header = page._header
    page.open_tab("explore")
    assert ">scikit-learn digits</span>" in header.value
    tab = page.tabs["explore"]
    tab.open_fold("Your data")
    tab.explore(as_dataset(*noise([3, 5])))
    assert "Explore: My digits · Train &amp; Compare: scikit-learn digits</span>" in header.value
    assert "class='ml-dataset'" in header.value
    tab.explore(digits)
    assert ">scikit-learn digits</span>" in header.value
