"""The frame: header, status line, and tabs that are built when they are opened."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from importlib import resources
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, DataError
from mnistlab.ui import Dashboard, dashboard
from tests.test_imports import ROOT
from tests.ui.conftest import FakeClassifier


@pytest.fixture
def page(digits: Dataset, models: dict[str, Any]) -> Dashboard:
    return Dashboard(digits, models)


def html(page: Dashboard) -> str:
    return " ".join(w.value for w in walk(page) if isinstance(w, widgets.HTML))


def test_it_opens_on_predict_and_builds_nothing_else(page: Dashboard) -> None:
    assert list(page.tabs) == ["predict"]
    assert page._tab.titles == ("Explore", "Train & Compare", "Predict")
    boxes = [box._dom_classes[-1] for box in page._tab.children]
    assert boxes == ["ml-tab-explore", "ml-tab-compare", "ml-tab-predict"]
    assert [len(box.children) for box in page._tab.children] == [0, 0, 1]
    assert page.app.status == "Ready."


def test_a_tab_is_built_once_when_it_is_selected(page: Dashboard) -> None:
    page._tab.selected_index = 0
    built = page.tabs["explore"]
    page.open_tab("predict")
    page.open_tab("explore")
    assert page.tabs["explore"] is built
    assert page._tab.selected_index == 0


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
    digits: Dataset, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mnistlab.ui.predict.tab.PredictTab._read", lambda *_: 1 / 0)
        page = Dashboard(digits, models)
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
    page.open_tab("explore")
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


def test_another_tab_name_is_refused(page: Dashboard) -> None:
    with pytest.raises(ConfigError, match="choose explore, compare, predict"):
        page.open_tab("settings")


def test_a_theme_is_a_class_of_the_page_and_only_one(page: Dashboard) -> None:
    for chosen, classes in (("ml-dark", {"ml-dark"}), ("ml-light", {"ml-light"}), ("", set())):
        page._theme.value = chosen
        assert {"ml-dark", "ml-light"} & set(page._dom_classes) == classes
        assert "ml-app" in page._dom_classes


def reloaded(page: Dashboard, digits: Dataset, models: dict[str, Any]) -> Dashboard:
    """A new page that is told what the browser kept of another one."""
    kept = html_of(page._memory.widget)
    memory = json.loads(unescape(re.search("data-memory='([^']*)'", kept)[1]))  # type: ignore[index]
    again = Dashboard(digits, models)
    again._memory._recall.value = json.dumps({"memory": memory})
    return again


def html_of(widget: widgets.Widget) -> str:
    return " ".join(w.value for w in walk(widget) if isinstance(w, widgets.HTML))


def test_a_reload_brings_back_the_drawing_the_theme_and_the_runs(
    page: Dashboard, digits: Dataset, models: dict[str, Any]
) -> None:
    pad = page.tabs["predict"].pad
    pad.press(60, 60)
    pad.release(120, 220)
    page._theme.value = "ml-dark"
    page.open_tab("compare")
    page.tabs["compare"].results.choose(["cnn"])
    again = reloaded(page, digits, models)
    assert again.tabs["predict"].pad.drawing.strokes == pad.drawing.strokes
    assert "ml-dark" in again._dom_classes
    again.open_tab("compare")
    assert again.tabs["compare"].state.chosen == ("cnn",)
    for each in (page, again):
        each.tabs["compare"].wait()


def test_a_reload_brings_back_the_settings_of_a_training(
    page: Dashboard, digits: Dataset, models: dict[str, Any]
) -> None:
    page.open_tab("compare")
    settings = page.tabs["compare"].configure
    settings.choices["mlp"].value = False
    settings.preset.value = "best"
    settings.separate.value = True
    settings.cnn_fields["batch_size"].value = 32
    settings.fields["seed"].value = 5
    again = reloaded(page, digits, models)
    # A second reload before the tab is opened again must not lose them.
    last = reloaded(again, digits, models)
    last.open_tab("compare")
    found = last.tabs["compare"].configure
    assert found.to_memory() == settings.to_memory()
    assert last.tabs["compare"].state.configs == page.tabs["compare"].state.configs
    assert [config.batch_size for config in last.tabs["compare"].state.configs] == [32]
    for each in (page, last):
        each.tabs["compare"].wait()


@pytest.mark.parametrize(
    "damage",
    [
        {"preset": "nonsense"},
        {"base": "nonsense"},
        {"fields": {"": {"epochs": "x"}}},
        {"models": 1},
    ],
)
def test_broken_settings_are_reported_and_change_nothing(
    page: Dashboard, damage: dict[str, Any]
) -> None:
    page.open_tab("compare")
    settings = page.tabs["compare"].configure
    before = settings.to_memory()
    with pytest.raises(ConfigError, match="cannot be read"):
        settings.from_memory(before | damage)
    assert settings.to_memory() == before
    page.tabs["compare"].wait()


def test_settings_of_another_version_do_not_keep_the_tab_closed(page: Dashboard) -> None:
    memory = {"settings": {"preset": "of tomorrow"}, "runs": {"chosen": ["mlp"]}}
    page._memory._recall.value = json.dumps({"memory": memory})
    page.open_tab("compare")
    assert "settings of before the reload cannot be read" in page.app.status
    assert page.tabs["compare"].state.chosen == ("mlp",)
    page.tabs["compare"].wait()


def test_who_is_about_to_lose_my_digits_is_offered_them(
    digits: Dataset, models: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_VISIT", str(tmp_path))
    page = Dashboard(digits, models)

    def offered() -> str:
        page._memory._recall.value = json.dumps({"leaving": True})
        return str(page._memory._leaving.value)

    assert offered() == ""
    pad = page.tabs["predict"].pad
    pad.press(60, 60)
    pad.release(120, 220)
    page.tabs["predict"].view.my_digits.keep(1)
    assert "my-digits.jsonl" in offered()
    monkeypatch.delenv("MNISTLAB_VISIT")
    assert offered() == "", "they are kept"


def test_a_reload_brings_back_a_picture(
    page: Dashboard, digits: Dataset, models: dict[str, Any]
) -> None:
    picture = np.array(digits.x_test[0])
    page.tabs["predict"].pad.show(picture, "Test image 0")
    pad = reloaded(page, digits, models).tabs["predict"].pad
    np.testing.assert_array_equal(pad.picture, picture)
    assert pad.note == "Test image 0"


def test_a_reload_without_a_drawing_leaves_the_pad_alone(
    page: Dashboard, digits: Dataset, models: dict[str, Any]
) -> None:
    page._theme.value = "ml-dark"
    again = reloaded(page, digits, models)
    assert again.tabs["predict"].pad.is_blank
    assert not again.tabs["predict"].pad.can_undo


def test_the_address_asks_for_a_tab(page: Dashboard) -> None:
    for _ in range(2):  # the same message can come again
        page._memory._recall.value = json.dumps({"tab": "explore"})
        assert page._tab.selected_index == 0
        page.open_tab("predict")
    page._memory._recall.value = json.dumps({"tab": "nowhere"})
    assert "There is no tab" in page.app.status


def test_a_broken_memory_is_reported_and_the_page_works(page: Dashboard) -> None:
    page._memory._recall.value = json.dumps({"memory": {"pad": {"picture": "no PNG"}}})
    assert "cannot be read" in page.app.status
    assert page.tabs["predict"].pad.is_blank


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
