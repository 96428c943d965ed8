"""Explore's overview, samples and the image that is shown large."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mnistlab.data import Dataset, statistics
from mnistlab.data.features import features
from mnistlab.ui.explore import ExploreTab
from mnistlab.ui.explore.controller import Selection
from mnistlab.ui.explore.overview import balance, meaning
from mnistlab.ui.state import AppState


@pytest.fixture
def tab(app: AppState) -> ExploreTab:
    return ExploreTab(app)


def test_samples_match_the_filter(tab: ExploreTab, digits: Dataset) -> None:
    tab.select(digit=4, split="test", number=20)
    assert len(tab.shown) == 20
    assert set(digits.y_test[tab.shown]) == {4}
    assert "images of the digit 4 in the test set" in tab.samples._note.value


def test_pages_hold_each_sample_once(tab: ExploreTab, digits: Dataset) -> None:
    samples = tab.samples
    tab.select(digit=0, split="test", number=20)
    seen = list(tab.shown)
    while not samples._next.disabled:
        tab.turn(+1)
        seen += list(tab.shown)
    assert sorted(seen) == list(np.flatnonzero(digits.y_test == 0))
    tab.turn(+1)  # no page beyond the last
    assert tab.state.page == tab.last_page
    tab.turn(-100)
    assert tab.state.page == 0
    assert samples._previous.disabled


def test_show_others_shows_others(tab: ExploreTab) -> None:
    tab.turn(+1)
    before = set(tab.shown)
    tab.shuffle()
    assert tab.state.page == 0
    assert set(tab.shown) != before


def test_the_choices_reach_the_state(tab: ExploreTab) -> None:
    digit, split, number = tab.samples._choices
    digit.value, split.value, number.value = 3, "test", 20
    assert (tab.state.digit, tab.state.split, tab.state.number) == (3, "test", 20)
    digit.index = 0
    assert tab.state.digit is None


def test_as_many_tiles_can_be_clicked_as_are_shown(tab: ExploreTab) -> None:
    tab.select(number=20)
    tiles = tab.samples._tiles.buttons
    assert ["ml-none" in tile._dom_classes for tile in tiles] == [False] * 20 + [True] * 80


def test_a_click_opens_an_image_with_all_there_is_to_say(tab: ExploreTab, digits: Dataset) -> None:
    tab.samples._tiles.buttons[3].click()
    assert tab.state.item is not None
    split, row = tab.state.item
    assert (split, row) == ("train", tab.shown[3])
    item = tab.item
    assert item.widget.layout.display == ""
    assert item._picture.value.count("<i ") == 784
    assert f"Training image {row:,}, label {digits.y_train[row]}" in item._facts.value
    assert re.search(r"MLP(: not a digit| reads)", item._facts.value)
    assert re.search(r"CNN(: not a digit| reads)", item._facts.value)
    assert row not in item._rows
    assert len(item._rows) == 5
    nearest = item._rows[0]
    item._near.buttons[0].click()
    assert tab.state.item == ("train", nearest)
    tab.close()
    assert item.widget.layout.display == "none"


def test_an_image_is_sent_to_the_pad(tab: ExploreTab, app: AppState, digits: Dataset) -> None:
    tab.open("test", 7)
    tab.send()
    assert app.sent is not None
    np.testing.assert_array_equal(app.sent.image, digits.x_test[7])
    assert app.sent.note == f"Test image 7: label {digits.y_test[7]}"


def test_search_by_number(tab: ExploreTab, app: AppState) -> None:
    samples = tab.samples
    samples._index.value = "12"
    find = next(b for b in samples.widget.children[-1].children if "ml-open" in b._dom_classes)
    find.click()
    assert tab.state.item == ("train", 12)
    for text, reason in (("99999999", "there is no 99,999,999"), ("seven", "not an image number")):
        samples._index.value = text
        find.click()
        assert reason in app.status
    assert tab.state.item == ("train", 12)


def test_a_selection_is_shown_until_the_filter_changes(tab: ExploreTab) -> None:
    rows = np.array([5, 3, 9])
    tab.show(Selection("three images", "test", rows))
    assert tab.shown.tolist() == [5, 3, 9]
    assert "1 to 3 of 3: three images" in tab.samples._note.value
    tab.samples._tiles.buttons[1].click()
    assert tab.state.item == ("test", 3)
    tab.select(digit=1)
    assert tab.state.selection is None


def test_figures_are_the_datas_own(tab: ExploreTab, digits: Dataset) -> None:
    figures, counts = tab.widget.children[1:3]
    for text in (f"{len(digits.x_train):,}", f"{len(digits.x_test):,}", "28 × 28", "uint8"):
        assert text in figures.value
    assert f"{digits.x_train.mean() / 255:.4f}" in figures.value
    assert f"{100 * (digits.x_train > 0).mean():.1f} %" in figures.value
    assert "centre of mass" in figures.value
    assert "stroke width" in figures.value
    said = re.findall(r"aria-label='digit \d: (\d+) training, (\d+) test'", counts.value)
    splits = [np.bincount(y).tolist() for y in (digits.y_train, digits.y_test)]
    assert [[int(n) for n in column] for column in zip(*said, strict=True)] == splits


def test_the_open_image_stays_marked_in_the_grid(tab: ExploreTab) -> None:
    def marked() -> list[int]:
        return [
            i for i, b in enumerate(tab.samples._tiles.buttons) if "ml-chosen" in b._dom_classes
        ]

    assert marked() == []
    tab.samples._tiles.buttons[3].click()
    assert marked() == [3]
    tab.turn(+1)
    assert marked() == []
    tab.turn(-1)
    assert marked() == [3]
    tab.close()
    assert marked() == []


def test_sentences_follow_the_figures(digits: Dataset) -> None:
    found = statistics(digits)
    written = dict(zip(("train", "test"), features(digits), strict=True))
    assert "fair score" in balance(found.train)
    skewed = replace(found.train, counts=(900, *[100] * 9), images=1800)
    assert "macro F1" in balance(skewed)
    assert "9.00 times as many 0s as 1s" in balance(skewed)
    assert "right for 50 % of the training images" in balance(skewed)
    drifted = replace(found, test=replace(found.test, mean=found.train.mean + 0.2))
    assert "may not carry over" in meaning(drifted, written)


def test_a_difference_that_chance_explains_is_no_drift(digits: Dataset) -> None:
    x, y = np.array(digits.x_train), np.array(digits.y_train)
    brightness = np.argsort(x.mean((1, 2)), kind="stable")
    middle = brightness[len(y) // 2 - 500 : len(y) // 2 + 500]
    few = np.random.default_rng(0).permutation(len(y))
    for rows, test_rows, said in (
        (few[:50], few[50:60], "by no more than chance explains in so few images"),
        (few[:50], few[50:51], "by no more than chance explains in so few images"),
        (middle[:500], middle[500:], "not quite alike"),
    ):
        part = replace(
            digits,
            x_train=x[rows],
            y_train=y[rows],
            x_test=x[test_rows],
            y_test=y[test_rows],
            folder=None,
        )
        found = statistics(part)
        assert abs(found.train.mean - found.test.mean) >= 0.01
        assert said in meaning(found, dict(zip(("train", "test"), features(part), strict=True)))


def test_an_image_that_a_model_refuses_is_said_to_be_not_a_digit(
    tab: ExploreTab, models: dict[str, Any]
) -> None:
    models["cnn"].score = 0.2
    vars(tab.state.material)["classifiers"] = models
    tab.open("train", 3)
    said = "MLP reads 7 (82.8 %); CNN: not a digit (80.0 %), nearest guess 1."
    assert said in tab.item._facts.value
