"""The frame: header, status line, and tabs that are built when they are opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import ipywidgets as widgets
import nbformat
import pytest
from ipywidgets.widgets.widget import _instances

from mnistlab.data import Dataset
from mnistlab.errors import DataError
from mnistlab.ui import Dashboard, dashboard
from tests.test_imports import ROOT
from tests.ui.conftest import FakeClassifier


@pytest.fixture
def page(digits: Dataset, models: dict[str, Any]) -> Dashboard:
    return Dashboard(digits, models)


def html(page: Dashboard) -> str:
    return " ".join(child.value for child in page.children if hasattr(child, "value"))


def test_it_opens_on_explore_and_builds_nothing_else(page: Dashboard) -> None:
    assert list(page.tabs) == ["explore"]
    assert page._tab.titles == ("Explore", "Train & Compare", "Predict")
    boxes = [box._dom_classes[-1] for box in page._tab.children]
    assert boxes == ["ml-tab-explore", "ml-tab-compare", "ml-tab-predict"]
    assert [len(box.children) for box in page._tab.children] == [1, 0, 0]
    assert page.app.status == "Ready."


def test_a_tab_is_built_once_when_it_is_selected(page: Dashboard) -> None:
    page._tab.selected_index = 2
    built = page.tabs["predict"]
    page.open_tab("explore")
    page.open_tab("predict")
    assert page.tabs["predict"] is built
    assert page._tab.selected_index == 2


def test_the_badge_names_the_data_and_the_banner_says_what_was_swapped(digits: Dataset) -> None:
    assert "scikit-learn digits" in html(Dashboard(digits))
    assert "ml-banner' role" not in html(Dashboard(replace(digits, notice="")))
    swapped = html(Dashboard(replace(digits, notice="No <MNIST>: set MNISTLAB_MNIST.")))
    assert "No &lt;MNIST&gt;: set MNISTLAB_MNIST." in swapped


def test_without_any_data_the_page_opens_and_says_why(
    monkeypatch: pytest.MonkeyPatch, models: dict[str, Any]
) -> None:
    def fail() -> Dataset:
        raise DataError("The cache cannot be written; set MNISTLAB_HOME.")

    monkeypatch.setattr(dashboard, "load_default", fail)
    page = Dashboard(classifiers=models)
    assert "set MNISTLAB_HOME" in html(page)
    assert "no data set" in html(page)
    page.open_tab("predict")
    assert "predict" in page.tabs


def test_a_tab_that_fails_says_so_and_is_tried_again(
    page: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mnistlab.ui.predict.tab.PredictTab._read", lambda *_: 1 / 0)
        page.open_tab("predict")
    assert "ZeroDivisionError" in page.app.status
    assert "could not be opened" in page._boxes["predict"].children[0].value
    page.open_tab("explore")
    page.open_tab("predict")
    assert "predict" in page.tabs


def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def test_every_file_button_has_a_tooltip_that_begins_with_its_label(page: Dashboard) -> None:
    page.open_tab("predict")
    page.tabs["predict"].view.my_digits.toggle()
    page.open_tab("compare")
    page.tabs["explore"].open_fold("Your data")
    css = (resources.files("mnistlab.ui.common") / "style.css").read_text()
    labels = dict(re.findall(r"\.(ml-[\w-]+)::after { content: \"([\w ]+)\" / \"\"; }", css))
    buttons = [w for w in walk(page) if isinstance(w, widgets.FileUpload)]
    names = {name for button in buttons for name in button._dom_classes if name in labels}
    assert names == set(labels) == {"ml-upload", "ml-load", "ml-my-import", "ml-own-upload"}
    for button in buttons:
        label = next(labels[name] for name in button._dom_classes if name in labels)
        assert button.tooltip.startswith(label)
        assert button.description == button.tooltip


def test_using_a_run_in_predict_swaps_the_models_in_place(
    page: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistlab.models.load_classifier", lambda run: FakeClassifier(run, 5))
    page.open_tab("predict")
    tab = page.tabs["predict"]
    tab.pad.press(60, 60)
    tab.pad.release(120, 220)
    widgets_before = len(_instances)
    for turn in range(10):
        page.app.loaded = {"cnn": f"run-{turn}"}
    assert len(_instances) == widgets_before
    assert page.tabs["predict"] is tab
    assert [answer.title for answer in tab.state.reading.answers] == ["MLP", "run-9"]
    assert tab.state.reading.answers[-1].text == "5"


def test_the_status_line_escapes(page: Dashboard) -> None:
    page.app.say("<b>bold</b>", "error")
    assert "&lt;b&gt;bold" in page._status.value
    assert "ml-says-error" in page._status.value


def test_the_notebook_is_two_code_cells_with_the_pages_title() -> None:
    notebook = nbformat.read(ROOT / "dashboard.ipynb", 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) == 2
    assert all(cell.outputs == [] for cell in code)
    assert notebook.metadata["title"] == "MNIST Lab"


def test_the_page_carries_a_class_while_it_trains_and_one_where_many_are_served(
    page: Dashboard, digits: Dataset, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's scripts ask before they leave a training, and tell what a dead kernel took."""
    assert "ml-training" not in page._dom_classes
    page.open_tab("compare")
    state = page.tabs["compare"].state
    state.is_training = True
    assert "ml-training" in page._dom_classes
    state.is_training = False
    assert "ml-training" not in page._dom_classes
    assert "ml-shared" not in page._dom_classes
    monkeypatch.setenv("MNISTLAB_VISIT", "/somewhere")
    assert "ml-shared" in Dashboard(digits, models)._dom_classes
