"""The Predict tab's verbs: strokes, samples and uploads in, a reading out."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnistlab.data import Dataset
from mnistlab.errors import DataError, UploadError
from mnistlab.ui.predict import PredictTab, panel_html, shrink
from mnistlab.ui.state import AppState


@pytest.fixture
def tab(app: AppState, models: dict[str, Any]) -> PredictTab:
    return PredictTab(app, models)


def draw(tab: PredictTab) -> None:
    tab.pad.press(60, 60)
    tab.pad.move(200, 60)
    tab.pad.release(120, 220)


def text_of(tab: PredictTab, name: str) -> str:
    found = re.search(rf"class='[^']*\b{name}'>([^<]*)<", panel_html(tab.state.reading))
    assert found, name
    return found[1]


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def picture() -> bytes:
    image = Image.new("L", (300, 400), 255)
    ImageDraw.Draw(image).line([(80, 80), (220, 80), (130, 330)], fill=0, width=20)
    return png(image)


def test_before_any_ink_there_is_no_digit(tab: PredictTab) -> None:
    assert text_of(tab, "ml-digit-mlp") == ""
    assert text_of(tab, "ml-digit-cnn") == ""
    assert text_of(tab, "ml-answer") == "answer 0"
    assert tab.state.reading.is_blank


def test_a_finished_stroke_is_answered_by_both(tab: PredictTab, models: dict[str, Any]) -> None:
    draw(tab)
    assert text_of(tab, "ml-digit-mlp") == "7"
    assert text_of(tab, "ml-digit-cnn") == "1"
    assert text_of(tab, "ml-answer") == "answer 1"
    assert re.fullmatch(
        r"\d+\.\d\d ms model \+ \d+\.\d\d ms preprocessing", text_of(tab, "ml-latency-cnn")
    )
    assert "disagree" in tab._panel.value
    image = models["cnn"].seen[-1]
    assert image.shape == (1, 28, 28)
    assert image.dtype == np.uint8


def test_the_page_is_told_once_for_each_answer(tab: PredictTab) -> None:
    told: list[str] = []
    tab._panel.observe(lambda change: told.append(change["new"]), "value")
    tab.pad.press(60, 60)
    tab.pad.release(120, 220)
    assert len(told) == 1


def test_answers_while_drawing_do_not_count(tab: PredictTab) -> None:
    tab.pad.press(60, 60)
    tab.pad.move(200, 60)
    assert text_of(tab, "ml-digit-cnn") == "1"
    assert tab.state.reading.number == 0
    tab.pad.release()
    assert tab.state.reading.number == 1


def test_clear_undo_and_redo_answer_without_counting(tab: PredictTab) -> None:
    draw(tab)
    tab.clear()
    assert text_of(tab, "ml-digit-cnn") == ""
    assert tab.state.reading.stages == {}
    tab.undo()
    assert text_of(tab, "ml-digit-cnn") == "1"
    tab.redo()
    assert text_of(tab, "ml-digit-cnn") == ""
    assert tab.state.reading.number == 1


def test_undo_and_redo_say_when_there_is_nothing(tab: PredictTab, app: AppState) -> None:
    tab.undo()
    assert app.status == "Nothing to undo."
    tab.redo()
    assert app.status == "Nothing to redo."


def test_a_sample_is_shown_with_its_true_label(tab: PredictTab, digits: Dataset) -> None:
    tab.sample()
    found = re.fullmatch(r"Test image ([\d,]+): true label (\d)", tab.state.reading.note)
    assert found
    index = int(found[1].replace(",", ""))
    assert int(found[2]) == digits.y_test[index]
    assert np.array_equal(tab.pad.picture, digits.x_test[index])
    assert tab.state.reading.number == 1


def test_a_sample_needs_data(tab: PredictTab, app: AppState) -> None:
    app.dataset = None
    with pytest.raises(DataError):
        tab.sample()


def test_an_upload_is_read_and_its_name_escaped(tab: PredictTab) -> None:
    tab.upload([{"name": "<i>7</i>.png", "content": memoryview(picture())}])
    assert tab.state.reading.number == 1
    assert list(tab.state.reading.stages) == ["ink", "box", "scaled", "centred"]
    assert "<i>7" not in tab._panel.value
    assert "&lt;i&gt;7" in tab._panel.value


@pytest.mark.parametrize(
    "content",
    [b"", b"no picture", png(Image.new("L", (50, 50), 255))],
    ids=["empty", "text", "white"],
)
def test_a_bad_upload_leaves_the_page_as_it_was(tab: PredictTab, content: bytes) -> None:
    draw(tab)
    before, strokes = tab.state.reading, tab.pad.drawing.strokes
    with pytest.raises(UploadError):
        tab.upload([{"name": "x.png", "content": memoryview(content)}])
    assert tab.state.reading is before
    assert tab.pad.drawing.strokes == strokes


def test_the_upload_button_takes_the_same_file_twice_and_shows_errors(
    tab: PredictTab, app: AppState
) -> None:
    def choose(content: bytes) -> None:
        file = {"name": "a.png", "type": "image/png", "size": len(content), "content": content}
        tab._upload.value = ({**file, "last_modified": datetime.now(UTC)},)

    for number in (1, 2):
        choose(picture())
        assert tab.state.reading.number == number
        assert tab._upload.value == ()
    choose(b"garbage")
    assert app.status_kind == "error"
    assert tab.state.reading.number == 2
    draw(tab)
    assert app.status == "Ready."


def test_buttons_reach_their_verbs(tab: PredictTab) -> None:
    by_class = {
        name: widget
        for box in tab.widget.children[0].children[1:3]
        for widget in box.children
        for name in widget._dom_classes
    }
    by_class["ml-sample"].click()
    by_class["ml-clear"].click()
    by_class["ml-undo"].click()
    assert tab.pad.picture is not None
    by_class["ml-redo"].click()
    assert tab.pad.picture is None
    assert tab.state.reading.number == 1


def test_the_canvas_comes_last_where_the_keyboard_goes(tab: PredictTab) -> None:
    # ipycanvas swallows the Tab key: what follows it could not be reached.
    left, panel = tab.widget.children
    assert left.children[-1] is tab.pad.widget
    assert "<button" not in panel.value


def test_shrinking_keeps_the_mean_and_the_shape() -> None:
    image = np.random.default_rng(0).integers(0, 256, (600, 300), np.uint8)
    small = shrink(image, 84)
    assert small.shape == (84, 42)
    assert small.mean() == pytest.approx(image.mean(), abs=1)
    assert shrink(small, 84) is small
