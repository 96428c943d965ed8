"""The Explore tab's verbs, and what its figures say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mnistlab.data import Dataset, statistics
from mnistlab.plots import PLOTLY_MIME
from mnistlab.ui.explore import ExploreTab, balance, meaning
from mnistlab.ui.state import AppState


@pytest.fixture
def tab(app: AppState) -> ExploreTab:
    return ExploreTab(app)


def test_samples_match_the_filter(tab: ExploreTab, digits: Dataset) -> None:
    tab.select(digit=4, split="test", number=20)
    assert len(tab.shown) == 20
    assert set(digits.y_test[tab.shown]) == {4}
    assert "images of the digit 4 in the test set" in tab._grid.value


def test_pages_hold_each_sample_once(tab: ExploreTab, digits: Dataset) -> None:
    tab.select(digit=0, split="test", number=20)
    seen = list(tab.shown)
    while not tab._next.disabled:
        tab.turn(+1)
        seen += list(tab.shown)
    assert sorted(seen) == list(np.flatnonzero(digits.y_test == 0))
    tab.turn(+1)  # no page beyond the last
    assert tab.state.page == tab.last_page
    tab.turn(-100)
    assert tab.state.page == 0
    assert tab._previous.disabled


def test_show_others_shows_others(tab: ExploreTab) -> None:
    tab.turn(+1)
    before = set(tab.shown)
    tab.shuffle()
    assert tab.state.page == 0
    assert set(tab.shown) != before


def test_the_choices_reach_the_state(tab: ExploreTab) -> None:
    digit, split, number = tab._choices
    digit.value, split.value, number.value = 3, "test", 20
    assert (tab.state.digit, tab.state.split, tab.state.number) == (3, "test", 20)
    digit.index = 0
    assert tab.state.digit is None


def test_figures_are_the_datas_own(tab: ExploreTab, digits: Dataset) -> None:
    figures, counts, _ = tab.widget.children
    for text in (f"{len(digits.x_train):,}", f"{len(digits.x_test):,}", "28 × 28", "uint8"):
        assert text in figures.value
    assert f"{digits.x_train.mean() / 255:.4f}" in figures.value
    assert f"{(digits.x_train > 0).mean():.1%}" in figures.value
    figure = counts.children[1].outputs[0]["data"][PLOTLY_MIME]
    assert figure["data"][0]["y"] == np.bincount(digits.y_train).tolist()
    assert figure["data"][1]["y"] == np.bincount(digits.y_test).tolist()


def test_sentences_follow_the_figures(digits: Dataset) -> None:
    found = statistics(digits)
    assert "fair score" in balance(found.train)
    skewed = replace(found.train, counts=(900, *[100] * 9), images=1800)
    assert "macro F1" in balance(skewed)
    assert "9.00 times as many 0s as 1s" in balance(skewed)
    assert "right 50% of the time" in balance(skewed)
    drifted = replace(found, test=replace(found.test, mean=found.train.mean + 0.2))
    assert "may not carry over" in meaning(drifted)
