"""Explore's folds: averages, maps, odd images, handwriting, own data."""

from __future__ import annotations

import html
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import DataError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.settings import my_digits_file
from mnistlab.ui.common.widgets import diverging
from mnistlab.ui.explore import ExploreTab
from mnistlab.ui.explore.handwriting import GREY, AveragesSection, Handwriting
from mnistlab.ui.explore.map import MapSection, _in_lasso
from mnistlab.ui.explore.outliers import Outliers
from mnistlab.ui.explore.your_data import YourData
from mnistlab.ui.state import AppState
from tests.ui.explore.sections import opened
from tests.ui.files import choose


@pytest.fixture
def tab(app: AppState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExploreTab:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    return ExploreTab(app)


def test_nothing_is_built_before_it_is_seen(tab: ExploreTab) -> None:
    assert tab.sections == {}
    assert "averages" not in vars(tab.state.material)
    assert "classifiers" not in vars(tab.state.material)


def test_averages_of_digits_of_two_and_of_what_is_shown(tab: ExploreTab, digits: Dataset) -> None:
    tab.open_fold("Averages")
    section = opened(tab, AveragesSection)
    assert "Mean and deviation of each digit" in section._all.value
    before = section._difference.value
    section._a.value, section._b.value = 1, 7
    assert "ink of 1" in section._difference.value
    assert section._difference.value != before
    tab.select(digit=3, split="test")
    section.average_shown()
    number = int((digits.y_test == 3).sum())
    assert f"mean of {number} images, average pixel value" in section._filtered.value
    mean = digits.x_test[digits.y_test == 3].mean()
    assert f"{mean:.1f}" in section._filtered.value


def test_a_difference_is_orange_above_and_blue_below() -> None:
    coloured = diverging(np.array([[5.0, 0.0, -5.0]]), GREY)
    (above, none, below) = coloured[0].astype(int)
    assert above[0] > above[2] + 100
    assert below[2] > below[0] + 100
    assert np.ptp(none) < 20


def test_a_box_in_the_map_selects_samples(tab: ExploreTab, app: AppState) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    material = tab.state.material
    assert "data:image/png" in section._picture.value
    inside = (section._places < (320, 240)).all(1)
    section._on_down(0.0, 0.0)
    section._on_move(200.0, 100.0)
    section._on_up(320.0, 240.0)
    assert tab.state.selection is not None
    np.testing.assert_array_equal(np.sort(tab.state.selection.rows), material.map_rows[inside])
    assert f"{int(inside.sum()):,} images selected in the map" in tab.samples._note.value


def test_a_lasso_selects_what_it_goes_round(tab: ExploreTab) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    section.mode.value = "Select by lasso"
    path = [(100.0, 100.0), (400.0, 120.0), (380.0, 400.0), (120.0, 300.0)]
    section._on_down(*path[0])
    for point in path[1:]:
        section._on_move(*point)
    section._on_up(*path[-1])
    marked = _in_lasso(section._places, np.array([*path, path[-1]]))
    assert 0 < marked.sum() < len(marked)
    assert tab.state.selection is not None
    np.testing.assert_array_equal(
        np.sort(tab.state.selection.rows), tab.state.material.map_rows[marked]
    )


def test_the_map_zooms_at_its_middle_and_moves_within_its_edges(tab: ExploreTab) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    whole = section._places
    section.zoom(2)
    np.testing.assert_allclose(section._places, (whole - (160, 120)) * 2)
    section.mode.value = "Move the map"
    section._on_down(300.0, 200.0)
    section._on_move(280.0, 190.0)
    section._on_up(280.0, 190.0)
    np.testing.assert_allclose(section._places, (whole - (170, 125)) * 2)
    section.move(10_000, 10_000)  # the map ends there
    np.testing.assert_allclose(section._places, whole * 2)
    section.zoom(0)
    np.testing.assert_allclose(section._places, whole)


def test_a_lasso_knows_in_from_out() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
    points = np.array([[5, 5], [15, 5], [5, -1], [9.9, 9.9]])
    assert _in_lasso(points, square).tolist() == [True, False, False, True]


def test_pointing_shows_an_image_and_a_click_opens_it(tab: ExploreTab) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    x, y = section._places[17]
    section._on_move(x, y)
    row = int(tab.state.material.map_rows[section._at(x, y)])
    assert f"Training image {row:,}" in section._hover.value
    section._on_down(x, y)
    section._on_up(x, y)
    assert tab.state.item == ("train", row)


def test_the_drawing_on_the_pad_appears_on_the_map(
    tab: ExploreTab, app: AppState, digits: Dataset
) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    before = section._picture.value
    app.front = "predict"
    app.drawing = np.array(digits.x_test[3])
    app.front = "explore"
    assert section._picture.value != before
    section.kind.value = "cnn"
    assert section._drawing_place() is not None


def test_no_map_stands_above_the_text_of_another_one(tab: ExploreTab) -> None:
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    seen: list[tuple[str, str]] = []  # what changed, and the text that stood below the map then
    for widget, name in ((section._picture, "map"), (section._note, "text")):
        widget.observe(lambda _, name=name: seen.append((name, section._note.value)), "value")
    section.kind.value = "cnn"
    assert seen[0][0] == "text"
    assert "Computing the map: The CNN&#x27;s last hidden layer" in seen[0][1]
    assert "map" in [name for name, _ in seen]
    for _, text in seen:
        assert "PCA shows" not in text
    assert "have a nearest neighbour of another digit" in section._note.value


def test_a_tsne_map_is_computed_and_cancelled(digits: Dataset) -> None:
    few = replace(digits, x_train=digits.x_train[:200], y_train=digits.y_train[:200])
    app = AppState(dataset=few)
    tab = ExploreTab(app)
    tab.open_fold("Map")
    section = opened(tab, MapSection)
    section.kind.value = "tsne"
    assert "Not computed yet" in section._note.value
    section.compute()
    section.cancel()
    section.wait()
    assert "cancelled" in app.status
    section.compute()
    section.wait()
    assert "data:image/png" in section._picture.value
    assert len(section._places) == len(tab.state.material.map_rows)


def test_odd_images_of_each_kind(tab: ExploreTab) -> None:
    tab.open_fold("Outliers")
    section = opened(tab, Outliers)
    for kind, number in (("far", 20), ("unsure", 20), ("labels", 0), ("twins", 40)):
        section.kind.value = kind
        section.wait()
        assert section.found is not None, kind
        assert len(section.found.places) == number
    found = section.found
    assert found is not None
    section._tiles.buttons[0].click()
    assert tab.state.item == found.places[0]
    section.kind.value = "labels"
    assert "for MNIST only" in section._text.value


def test_handwriting_has_its_numbers_beside_the_chart(tab: ExploreTab) -> None:
    tab.open_fold("Handwriting")
    section = opened(tab, Handwriting)
    section.choice.value = "slant"
    medians = re.findall(r"aria-label='digit \d: median ([-\d.]+)", section._chart.value)
    assert len(medians) == 10
    assert f"<td>{medians[4]}</td>" in section._numbers.value
    assert "pair" in section._close.value


def test_own_files_take_the_whole_tab(tab: ExploreTab, app: AppState) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8), np.arange(30, dtype=np.uint8) % 10
    buffer = io.BytesIO()
    np.savez(buffer, x=x, y=y)
    tab.open_fold("Your data")
    tab.open("train", 20)
    opened(tab, YourData).explore_files({"mine.npz": buffer.getvalue()})
    assert "mine.npz at a glance" in tab.widget.children[1].value
    assert tab.state.item is None
    np.testing.assert_array_equal(tab.state.material.dataset.x_test, x[5::6])
    for fold in ("Averages", "Map", "Outliers", "Handwriting"):
        tab.open_fold(fold)
    opened(tab, Outliers).wait()
    assert app.status_kind != "error", app.status
    tab.explore(app.dataset)
    assert "scikit-learn digits at a glance" in tab.widget.children[1].value


def test_own_images_are_turned_by_buttons(tab: ExploreTab, app: AppState, digits: Dataset) -> None:
    x, y = np.array(digits.x_test[:90]), np.array(digits.y_test[:90])
    buffer = io.BytesIO()
    np.savez(buffer, x=255 - x.swapaxes(1, 2), y=y)
    tab.open_fold("Your data")
    section = opened(tab, YourData)
    section.explore_files({"turned.npz": buffer.getvalue()})
    invert, transpose = section._turn_buttons.children
    assert section._turn_buttons.layout.display != "none"
    notice = html.unescape(section._notice.value)
    assert "Ink and paper look swapped" in notice
    assert f'Turn them with "{invert.description}".' in notice
    assert "look transposed" in notice
    assert f'Turn them with "{transpose.description}".' in notice
    assert "=True" not in notice
    assert "--" not in notice
    invert.click()
    assert "Ink and paper were swapped" in section._notice.value
    assert "look transposed" in section._notice.value
    transpose.click()
    assert "look" not in section._notice.value
    assert "one set of 90 images" in section._notice.value
    np.testing.assert_array_equal(tab.state.material.dataset.x_test, x[5::6])
    transpose.click()
    assert "look transposed" in section._notice.value
    tab.explore(app.dataset)
    assert section._turn_buttons.layout.display == "none"
    assert section._notice.value == ""
    assert app.status_kind != "error", app.status


@pytest.mark.parametrize("content", [b"version https://git-lfs", b"PK\x03\x04", b"<html>"])
def test_unfit_files_are_told_and_the_tab_stays(
    tab: ExploreTab, app: AppState, content: bytes
) -> None:
    tab.open_fold("Your data")
    with pytest.raises(DataError, match=r"mine\.npz"):
        opened(tab, YourData).explore_files({"mine.npz": content})
    assert tab.state.material.dataset is app.dataset


def test_a_csv_like_kaggles_is_explored(tab: ExploreTab) -> None:
    lines = [",".join(["label", *(f"pixel{i}" for i in range(784))])]
    lines += [",".join([str(i % 10), *["7"] * 784]) for i in range(24)]
    tab.open_fold("Your data")
    choose(opened(tab, YourData)._upload, ("train.csv", "\n".join(lines).encode()))
    assert tab.state.material.dataset.x_train.shape == (20, 28, 28)


def test_a_path_on_this_machine_is_explored_unless_many_are_served(
    tab: ExploreTab, app: AppState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 256, (24, 28, 28), dtype=np.uint8), np.arange(24, dtype=np.uint8) % 10
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    tab.open_fold("Your data")
    section = opened(tab, YourData)
    section.explore_path(str(tmp_path / "mine.npz"))
    assert tab.state.material.dataset.title == "mine.npz"
    for path, reason in (("", "no path"), (str(tmp_path / "none.npz"), "cannot be read")):
        with pytest.raises(DataError, match=reason):
            section.explore_path(path)
    monkeypatch.setenv("MNISTLAB_VISIT", str(tmp_path))
    shared = ExploreTab(app)
    shared.open_fold("Your data")
    assert not hasattr(shared.sections["Your data"], "_path")


def test_my_digits_are_explored_where_there_are_enough(tab: ExploreTab, app: AppState) -> None:
    tab.open_fold("Your data")
    mine = next(
        b for b in opened(tab, YourData).widget.children[1].children
        if "ml-own-mine" in b._dom_classes
    )  # fmt: skip
    mine.click()
    assert "My digits has" in app.status
    collection = Collection(my_digits_file())
    for i in range(12):
        drawing = Drawing.from_strokes([[[100, 50], [100 + 3 * i, 120], [101, 220]]])
        collection.add(drawing, i % 10)
    mine.click()
    assert tab.state.material.dataset.title == "My digits"
