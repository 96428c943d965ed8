"""The Predict tab's verbs: strokes, samples and uploads in, a reading out."""

from __future__ import annotations

import base64
import io
import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mnistlab.data import Dataset
from mnistlab.errors import DataError, UploadError
from mnistlab.glossary import info
from mnistlab.images.drawing import Drawing
from mnistlab.images.grey import shrink
from mnistlab.ui.predict.html import panel_html
from mnistlab.ui.predict.tab import PredictTab
from mnistlab.ui.state import AppState
from tests.ui.conftest import FakeClassifier
from tests.ui.files import choose


@pytest.fixture
def tab(app: AppState, models: dict[str, Any]) -> PredictTab:
    return PredictTab(app, models)


def draw(tab: PredictTab) -> None:
    tab.pad.press(60, 60)
    tab.pad.move(200, 60)
    tab.pad.release(120, 220)


def text_of(tab: PredictTab, name: str) -> str:
    pattern = rf"class='[^']*\b{name}'[^>]*>([^<]*)<"
    found = re.search(pattern, panel_html(tab.state.reading))
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
    assert not tab.state.reading.digits


def test_a_finished_stroke_is_answered_by_both(tab: PredictTab, models: dict[str, Any]) -> None:
    draw(tab)
    assert text_of(tab, "ml-digit-mlp") == "7"
    assert text_of(tab, "ml-digit-cnn") == "1"
    assert text_of(tab, "ml-answer") == "answer 1"
    assert re.fullmatch(
        r"\d+\.\d\d ms model \+ \d+\.\d\d ms preprocessing", text_of(tab, "ml-latency-cnn")
    )
    assert "disagree" in tab.view.panel.value
    image = models["cnn"].seen[-1]
    assert image.shape == (1, 28, 28)
    assert image.dtype == np.uint8


def test_the_page_is_told_once_for_each_answer(tab: PredictTab) -> None:
    told: list[str] = []
    tab.view.panel.observe(lambda change: told.append(change["new"]), "value")
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
    tab.pad.clear()
    assert text_of(tab, "ml-digit-cnn") == ""
    assert not tab.state.reading.digits
    tab.pad.undo()
    assert text_of(tab, "ml-digit-cnn") == "1"
    tab.pad.redo()
    assert text_of(tab, "ml-digit-cnn") == ""
    assert tab.state.reading.number == 1


def test_undo_and_redo_say_when_there_is_nothing(tab: PredictTab, app: AppState) -> None:
    tab.pad.undo()
    assert app.status == "Nothing to undo."
    tab.pad.redo()
    assert app.status == "Nothing to redo."


def test_a_sample_is_shown_with_its_true_label(tab: PredictTab, digits: Dataset) -> None:
    tab.sample()
    found = re.fullmatch(r"Test image ([\d,]+): true label (\d)", tab.state.reading.note)
    assert found
    index = int(found[1].replace(",", ""))
    assert int(found[2]) == digits.y_test[index]
    assert tab.pad.picture is not None
    assert np.array_equal(tab.pad.picture, digits.x_test[index])
    assert tab.state.reading.number == 1


def test_a_sample_needs_data(tab: PredictTab, app: AppState) -> None:
    app.dataset = None
    with pytest.raises(DataError):
        tab.sample()


def test_an_upload_is_read_and_its_name_escaped(tab: PredictTab) -> None:
    tab.upload([{"name": "<i>7</i>.png", "content": memoryview(picture())}])
    assert tab.state.reading.number == 1
    assert list(tab.state.reading.digits[0].stages) == ["ink", "box", "scaled", "centred"]
    assert "<i>7" not in tab.view.panel.value
    assert "&lt;i&gt;7" in tab.view.panel.value


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
    for number in (1, 2):
        choose(tab.view.upload, ("a.png", picture()))
        assert tab.state.reading.number == number
        assert tab.view.upload.value == ()
    choose(tab.view.upload, ("a.png", b"garbage"))
    assert app.status_kind == "error"
    assert tab.state.reading.number == 2
    draw(tab)
    assert app.status == "Ready."


def by_class(widget: Any, name: str) -> Any:
    """The widget with a class, wherever it lies."""
    if name in getattr(widget, "_dom_classes", ()):
        return widget
    found = (by_class(child, name) for child in getattr(widget, "children", ()))
    return next((one for one in found if one is not None), None)


def test_buttons_reach_their_verbs(tab: PredictTab) -> None:
    by_class(tab.widget, "ml-sample").click()
    by_class(tab.widget, "ml-clear").click()
    by_class(tab.widget, "ml-undo").click()
    undone = tab.pad.picture
    assert undone is not None
    by_class(tab.widget, "ml-redo").click()
    assert tab.pad.picture is None
    assert tab.state.reading.number == 1


def test_a_drawing_is_saved_and_loaded(tab: PredictTab, app: AppState) -> None:
    by_class(tab.widget, "ml-save").click()
    assert app.status_kind == "error"
    assert app.status == "There is nothing to save: draw a digit first."
    draw(tab)
    strokes = tab.pad.drawing.strokes
    by_class(tab.widget, "ml-save").click()
    saved = re.search("base64,([^']+)", tab.view.link.value)
    assert saved
    content = base64.b64decode(saved[1])
    tab.pad.clear()
    choose(by_class(tab.widget, "ml-load"), ("drawing.json", content))
    assert tab.pad.drawing.strokes == strokes
    assert tab.state.reading.number == 2
    choose(by_class(tab.widget, "ml-load"), ("notes.json", b"nothing"))
    assert app.status.startswith("The drawing cannot be read: it is not JSON.")


def test_the_keyboard_goes_on_behind_the_pad(tab: PredictTab) -> None:
    def after() -> tuple[str, ...]:
        assert tab.view.keys.after is not None
        return tuple(tab.view.keys.after._dom_classes)

    assert "ml-sample" in after()
    draw(tab)
    assert "ml-undo" in after()


def test_buttons_without_anything_to_act_on_are_disabled(tab: PredictTab) -> None:
    def disabled() -> set[str]:
        names = ("undo", "redo", "clear", "replay", "save")
        return {name for name in names if by_class(tab.widget, f"ml-{name}").disabled}

    assert disabled() == {"undo", "redo", "clear", "replay", "save"}
    draw(tab)
    assert disabled() == {"redo"}
    tab.pad.undo()
    assert disabled() == {"undo", "clear", "replay", "save"}
    tab.pad.redo()
    tab.pad.show(np.full((28, 28), 255, np.uint8))
    assert disabled() == {"redo", "replay", "save"}


@pytest.mark.parametrize("redo", [("y", False), ("Z", True)])
def test_control_z_and_control_y(tab: PredictTab, redo: tuple[str, bool]) -> None:
    draw(tab)
    tab.view.keys.key("z", ctrl=True)
    assert tab.pad.is_blank
    tab.view.keys.key(redo[0], shift=redo[1], meta=True)
    assert not tab.pad.is_blank


def test_an_empty_pad_invites_to_draw(tab: PredictTab) -> None:
    assert "ml-empty" in tab.pad.widget._dom_classes
    tab.pad.press(60, 60)
    assert "ml-empty" not in tab.pad.widget._dom_classes
    tab.pad.release(120, 220)
    assert "ml-empty" not in tab.pad.widget._dom_classes
    tab.pad.clear()
    assert "ml-empty" in tab.pad.widget._dom_classes


def test_the_drawing_can_be_kept(tab: PredictTab) -> None:
    draw(tab)
    assert not by_class(tab.widget, "ml-keep").disabled
    assert "Is it a 1?" in tab.view.my_digits._question.value
    tab.sample()
    assert by_class(tab.widget, "ml-keep").disabled


def test_shrinking_keeps_the_mean_and_the_shape() -> None:
    image = np.random.default_rng(0).integers(0, 256, (600, 300), np.uint8)
    small = shrink(image, 84)
    assert small.shape == (84, 42)
    assert small.mean() == pytest.approx(image.mean(), abs=1)
    assert shrink(small, 84) is small


def test_what_is_no_digit_is_answered_with_a_question_mark(
    tab: PredictTab, models: dict[str, Any]
) -> None:
    models["cnn"].score = 0.2
    draw(tab)
    assert text_of(tab, "ml-digit-cnn") == "?"
    assert text_of(tab, "ml-digit-mlp") == "7"
    assert "Not recognised as a digit (digit score 20.0 %)" in tab.view.panel.value
    assert "The nearest guess is 1." in tab.view.panel.value
    assert (
        "Answers ? when the digit score is below 50 %, as for 2.0 % of the validation digits."
        in tab.view.panel.value
    )
    assert info("Digit score") in tab.view.panel.value
    assert "onfidence" not in tab.view.panel.value
    models["mlp"].score = 0.2
    tab.predict()
    assert "Neither model recognises a digit." in tab.view.panel.value


def bars(tab: PredictTab, name: str) -> tuple[dict[str, float], str]:
    """A card's bars in percent, and the name of the marked one."""
    card = re.search(rf"ml-is-{name}'>(.*?)</section>", tab.view.panel.value)
    assert card
    rows = re.findall(r"<(?:li|p)( class='ml-best')?><b>(.)</b><i[^>]*></i><span>([\d.]+)", card[1])
    return {bar: float(number) for _, bar, number in rows}, "".join(b for m, b, _ in rows if m)


@pytest.mark.parametrize("score", [0.2, 0.91])
def test_not_a_digit_and_the_ten_digits_share_100_percent(
    tab: PredictTab, models: dict[str, Any], score: float
) -> None:
    models["cnn"].score = score
    draw(tab)
    shown, best = bars(tab, "cnn")
    assert sum(shown.values()) == pytest.approx(100, abs=0.5)
    assert shown["?"] == pytest.approx(100 * (1 - score), abs=0.1)
    assert shown["1"] == pytest.approx(100 * score * 0.91, abs=0.1)
    assert best == text_of(tab, "ml-digit-cnn")


def test_no_digit_of_a_refused_drawing_looks_certain() -> None:
    """With the pretrained pair: letters and scribbles, some of which are refused."""
    tab = PredictTab(AppState(dataset=None))
    refused = 0
    for strokes in (
        [[(60, 230), (140, 50), (220, 230)], [(95, 160), (185, 160)]],
        [[(60, 50), (60, 230), (140, 120), (220, 230), (220, 50)]],
        [[(40 + 10 * i, 60 + 160 * (i % 2)) for i in range(20)]],
    ):
        tab.pad.clear()
        tab.pad.put(Drawing.from_strokes(strokes))
        for answer in tab.state.reading.answers:
            shown, best = bars(tab, answer.name)
            assert sum(shown.values()) == pytest.approx(100, abs=0.5)
            assert best in (answer.text, "?") if len(answer.text) > 1 else best == answer.text
            if answer.text == "?":
                refused += 1
                assert max(shown[str(digit)] for digit in range(10)) < 100 * answer.threshold
    assert refused >= 3


def test_a_model_that_always_answers_has_no_bar_for_what_is_not_a_digit(
    tab: PredictTab, models: dict[str, Any]
) -> None:
    models["cnn"].digit_threshold = 0.0
    draw(tab)
    shown, best = bars(tab, "cnn")
    assert "".join(shown) == "0123456789"
    assert best == "1"
    assert "always answers with a digit" in tab.view.panel.value
    assert "?" in bars(tab, "mlp")[0]


def two_strokes(tab: PredictTab) -> None:
    for x in (60, 220):
        tab.pad.press(x, 60)
        tab.pad.release(x, 220)


def test_several_digits_are_shown_one_at_a_time(tab: PredictTab) -> None:
    two_strokes(tab)
    assert text_of(tab, "ml-digit-cnn") == "11"
    assert "digit 1 of 2" in tab.view.panel.value
    tab.view.which.value = 1
    assert "digit 2 of 2" in tab.view.panel.value
    assert tab.state.reading.number == 2
    tab.read_as_one(True)
    assert text_of(tab, "ml-digit-cnn") == "1"
    assert tab.view.which.layout.display == "none"


def test_each_line_has_a_row_of_answers_without_a_break_between(tab: PredictTab) -> None:
    for x, y in ((60, 20), (220, 20), (60, 160), (220, 160)):
        tab.pad.press(x, y)
        tab.pad.release(x, y + 90)
    assert tab.state.reading.lines == (0, 0, 1, 1)
    assert [box[1] < 100 for box in tab.state.reading.boxes] == [True, True, False, False]
    assert "<span>11</span><span>11</span>" in tab.view.panel.value
    tab.read_as_one(True)
    assert "ml-lines" not in tab.view.panel.value


def test_the_digit_in_detail_is_the_one_that_is_marked_as_chosen(tab: PredictTab) -> None:
    two_strokes(tab)
    assert tab.view.which.value == 0
    tab.view.which.value = 1
    tab.leave_out("scaled", True)
    assert tab.view.which.value == tab.state.reading.chosen == 1
    assert "digit 2 of 2" in tab.view.panel.value
    two_strokes(tab)
    assert tab.view.which.value == tab.state.reading.chosen


def test_each_of_several_digits_has_its_own_bars(tab: PredictTab, models: dict[str, Any]) -> None:
    two_strokes(tab)
    models["cnn"].scores = [0.91, 0.2]
    tab.predict()
    assert text_of(tab, "ml-digit-cnn") == "1?"
    assert bars(tab, "cnn")[1] == "1"
    tab.view.which.value = 1
    shown, best = bars(tab, "cnn")
    assert best == "?"
    assert shown["?"] == 80.0


def test_the_list_of_uploads_names_the_picture_on_the_pad(tab: PredictTab) -> None:
    def shown() -> tuple[str, list[str]]:
        return tab.view.files.label, list(tab.view.files._options_labels)

    names, prompt = ["a.png", "b.png", "c.png"], "choose a picture …"
    choose(tab.view.upload, *((name, picture()) for name in names))
    assert shown() == ("a.png", names)
    assert tab.view.files.layout.display == ""
    tab.view.files.value = 2
    assert shown() == ("c.png", names)
    assert tab.state.reading.number == 2
    draw(tab)
    assert shown() == (prompt, [prompt, *names])
    tab.view.files.value = 2
    assert tab.state.reading.note == "Upload: c.png"
    assert shown() == ("c.png", names)
    tab.view.files.value = 0
    tab.pad.undo()
    assert shown() == ("c.png", names)
    choose(tab.view.upload, ("d.png", picture()), ("e.png", picture()))
    assert shown() == ("d.png", ["d.png", "e.png"])
    assert tab.state.reading.number == 6
    choose(tab.view.upload, ("f.png", picture()))
    assert tab.view.files.layout.display == "none"


def test_a_step_can_be_switched_off(tab: PredictTab, models: dict[str, Any]) -> None:
    draw(tab)
    tab.leave_out("scaled", True)
    assert tab.state.without == ("scaled",)
    assert "scaled (off)" in tab.view.panel.value
    assert (models["cnn"].seen[-1] != models["cnn"].seen[-2]).any()
    tab.leave_out("scaled", False)
    assert "(off)" not in tab.view.panel.value
    assert tab.state.reading.number == 1


def test_of_several_files_the_bad_ones_are_named(tab: PredictTab, app: AppState) -> None:
    files = [("a.png", picture()), ("bad.txt", b"nothing"), ("b.png", picture())]
    tab.upload([{"name": name, "content": content} for name, content in files])
    assert app.status_kind == "error"
    assert "bad.txt" in app.status
    assert [file.name for file in tab.state.files] == ["a.png", "b.png"]
    assert tab.state.reading.note == "Upload: a.png"
    tab.view.files.value = 1
    assert tab.state.reading.note == "Upload: b.png"
    assert "<table" in tab.view.table.value


def test_many_files_with_the_same_problem_take_one_sentence(tab: PredictTab, app: AppState) -> None:
    photos = [(f"{number}.heic", b"\0\0\0\x10ftypheic\0\0\0\0") for number in range(20)]
    choose(tab.view.upload, *photos, ("a.png", picture()), ("notes.txt", b"nothing"))
    assert app.status.startswith("0.heic, 1.heic, 2.heic and 17 more: This is a HEIC photo")
    assert app.status.count("HEIC") == 1
    assert "notes.txt: This is not a picture" in app.status
    assert tab.state.reading.note == "Upload: a.png"


def ink_on_pad(tab: PredictTab) -> NDArray[np.uint8]:
    assert tab.pad.picture is not None
    return tab.pad.picture


def test_an_upload_is_turned_by_quarters_and_answered_each_time(
    tab: PredictTab, models: dict[str, Any]
) -> None:
    turn = by_class(tab.widget, "ml-turn")
    assert turn.layout.display == "none"
    choose(tab.view.upload, ("a.png", picture()), ("b.png", picture()))
    assert turn.layout.display == ""
    upright, seen = ink_on_pad(tab), models["cnn"].seen[-1]
    for quarters in (1, 2, 3, 4):
        turn.click()
        assert np.array_equal(ink_on_pad(tab), np.rot90(upright, -quarters))
        assert tab.state.reading.number == 1 + quarters
        assert tab.state.reading.note == "Upload: a.png"
        assert tab.state.files[0].reading.answers == tab.state.reading.answers
        assert (tab.view.files.label, tab.view.files.index) == ("a.png", 0)
        assert np.array_equal(models["cnn"].seen[-1], seen) == (quarters == 4)
    tab.view.files.value = 1
    assert np.array_equal(ink_on_pad(tab), upright)


def test_a_turned_upload_stays_turned_and_undo_goes_back(tab: PredictTab) -> None:
    choose(tab.view.upload, ("a.png", picture()), ("b.png", picture()))
    turn, upright = by_class(tab.widget, "ml-turn"), ink_on_pad(tab)
    turn.click()
    tab.view.files.value = 1
    tab.view.files.value = 0
    assert np.array_equal(ink_on_pad(tab), np.rot90(upright, -1))
    for _ in range(3):
        tab.pad.undo()
    assert np.array_equal(ink_on_pad(tab), upright)
    assert turn.layout.display == ""
    turn.click()
    assert np.array_equal(ink_on_pad(tab), np.rot90(upright, -1))


def test_only_an_upload_can_be_turned(tab: PredictTab, app: AppState) -> None:
    turn = by_class(tab.widget, "ml-turn")
    choose(tab.view.upload, ("a.png", picture()))
    for other in (partial(draw, tab), tab.sample, tab.pad.clear):
        assert turn.layout.display == ""
        other()
        assert turn.layout.display == "none"
        turn.click()  # from a page that has not heard of it yet
        assert app.status == "There is no uploaded picture on the pad to turn: upload one first."
        tab.show_file(0)


def test_digits_of_a_picture_are_marked_where_the_pad_shows_them(tab: PredictTab) -> None:
    image = Image.new("L", (400, 200), 255)
    pen = ImageDraw.Draw(image)
    for x in (100, 300):
        pen.line([(x, 40), (x, 160)], fill=0, width=16)
    tab.upload([{"name": "eleven.png", "content": png(image)}])
    assert text_of(tab, "ml-digit-cnn") == "11"
    # The picture is shown 280 wide and 140 high, 70 below the pad's edge.
    (left, top, right, bottom), _ = (tab.pad.place(box) for box in tab.state.reading.boxes)
    assert (left, right) == pytest.approx((92 * 0.7, 109 * 0.7), abs=2)
    assert (top, bottom) == pytest.approx((70 + 40 * 0.7, 70 + 160 * 0.7), abs=2)


def test_other_models_leave_the_pad_its_history_and_the_switches(
    tab: PredictTab, app: AppState, models: dict[str, Any]
) -> None:
    choose(tab.view.upload, ("a.png", picture()), ("b.png", picture()))
    for x in (60, 140, 220):
        tab.pad.press(x, 60)
        tab.pad.release(x, 220)
    tab.pad.undo()
    by_class(tab.widget, "ml-switch-scaled").value = False
    by_class(tab.widget, "ml-pen").value = 30
    tab.view.why.toggle.value = True
    tab.view.my_digits.toggle()
    view, number = tab.view, tab.state.reading.number
    strokes = tab.pad.drawing.strokes
    widgets_before = len(_instances)
    for turn in range(10):
        models["cnn"] = FakeClassifier(f"CNN {turn}", turn)
        tab.use_models(dict(models))
    assert len(_instances) == widgets_before
    assert tab.view is view
    assert text_of(tab, "ml-digit-cnn") == "99"
    assert tab.state.reading.number == number
    assert tab.pad.drawing.strokes == strokes
    assert tab.state.without == ("scaled",)
    assert not by_class(tab.widget, "ml-switch-scaled").value
    assert tab.pad.surface.pen_width == 30
    assert tab.view.why.toggle.value
    assert "CNN 9" in tab.view.why._panel.value
    assert "CNN 9" in tab.view.table.value
    assert "CNN 8" not in tab.view.table.value
    tab.pad.redo()
    assert len(tab.pad.drawing.strokes) == 3
    for _ in range(3):
        tab.pad.undo()
    assert tab.pad.picture is not None
    tab.pad.undo()
    tab.pad.undo()
    assert app.status == "Nothing to undo."
