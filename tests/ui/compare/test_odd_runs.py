"""The tab and its history among runs whose `run.json` holds odd values."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NoReturn

import pytest

from mnistlab.data import Dataset
from mnistlab.ui.compare import CompareTab
from mnistlab.ui.state import AppState
from tests.odd_cards import GOOD, write_runs


@pytest.fixture
def odd(home: Path, digits: Dataset) -> list[str]:
    names = write_runs(home / "runs", digits, step=5)
    (home / "runs" / os.fsdecode(b"no\xfftext")).mkdir()
    (home / "runs" / "tab\tand\x1bescape").mkdir()
    return names


def test_the_tab_opens_and_its_history_tells_good_from_damaged(
    odd: list[str], digits: Dataset
) -> None:
    def submit(*_: Any) -> NoReturn:
        raise AssertionError("nothing is trained here")

    tab = CompareTab(AppState(dataset=digits), submit, measure_cost=False)
    tab.wait()
    # A digest that was changed shows when the file is read, and is told in plain words.
    assert tab.app.status_kind != "error" or "is damaged" in tab.app.status, tab.app.status
    history = {run.id: run for run in tab.state.runs}
    assert GOOD in history
    assert {"mlp", "cnn"} <= tab.state.evaluations.keys()
    assert tab.runs._damaged.value.count("<li>") > 140
    tab.results.choose([*tab.state.chosen, GOOD])
    tab.wait()
    assert "MLP good" in tab.table.value
    tab.results.load(GOOD)
    assert tab.app.loaded == {"mlp": GOOD}
    shown = [box.description for box in tab.runs._boxes.values()]
    assert len(shown) > 20
    for widget in (tab.runs.run, tab.runs._damaged, tab.table, *tab.runs.list.children):
        # As it goes to the page.
        json.dumps(widget.get_state(), allow_nan=False, default=str, ensure_ascii=False).encode()
    for name in (os.fsdecode(b"no\xfftext"), "tab\tand\x1bescape"):
        tab.runs.run.value = name
        tab.runs.confirm.value = True
        tab.runs.delete.click()
        assert name not in {run.id for run in tab.state.runs}
