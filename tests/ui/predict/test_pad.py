"""The pad's verbs, and what they tell the canvas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import ipycanvas.canvas as ipy
import numpy as np
import pytest

from mnistlab.errors import ConfigError, UploadError
from mnistlab.images.drawing import MAX_POINTS, MAX_STROKES
from mnistlab.ui.common import canvas as module
from mnistlab.ui.predict.pad import MAX_UNDO, PEN_WIDTHS, Pad
from mnistlab.ui.predict.pens import KeyboardPen, Pointers
from mnistlab.ui.state import AppState
from tests.ui.conftest import Clock


@pytest.fixture
def changes() -> list[bool]:
    return []


@pytest.fixture
def steps() -> list[Callable[[], bool]]:
    """What a replay would have called thirty times a second."""
    return []


@pytest.fixture
def pad(app: AppState, changes: list[bool], clock: Clock, steps: list[Callable[[], bool]]) -> Pad:
    return Pad(app, lambda final, counted: changes.append(final), clock, steps.append)


@pytest.fixture
def keys(app: AppState, pad: Pad) -> KeyboardPen:
    return KeyboardPen(app, pad)


@pytest.fixture
def pointers(app: AppState, pad: Pad, keys: KeyboardPen) -> Pointers:
    return Pointers(app, pad, keys)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What goes to the browser: a list of commands a message."""
    messages: list[Any] = []
    monkeypatch.setattr(
        ipy._CANVAS_MANAGER, "_send_custom", lambda command, buffers=(): messages.append(command)
    )
    return messages


def stroke(pad: Pad, *points: tuple[float, float]) -> None:
    pad.press(*points[0])
    for point in points[1:]:
        pad.move(*point)
    pad.release()


def names(message: Any) -> list[str]:
    return [ipy._CMD_LIST[command[0]] for command in message]


def test_a_stroke_is_data(pad: Pad, changes: list[bool]) -> None:
    stroke(pad, (10, 10), (20, 30))
    assert pad.drawing.strokes == (((10.0, 10.0), (20.0, 30.0)),)
    assert changes[-1] is True


def test_hovering_draws_nothing(pad: Pad, changes: list[bool]) -> None:
    pad.move(5, 5)
    pad.release(5, 5)
    assert pad.drawing.is_blank
    assert changes == []


def test_leaving_the_pad_ends_the_stroke_at_its_edge(pad: Pad) -> None:
    pad.press(200, 100)
    pad.release(320, 100)  # mouse_out reports a place outside
    pad.move(100, 100)
    assert pad.drawing.strokes == (((200.0, 100.0), (280.0, 100.0)),)


def test_a_press_ends_a_stroke_whose_end_was_lost(pad: Pad) -> None:
    pad.press(10, 10)
    pad.press(50, 50)
    pad.release()
    assert len(pad.drawing.strokes) == 2


def test_answers_come_ten_times_a_second_while_drawing(
    pad: Pad, changes: list[bool], clock: Clock
) -> None:
    pad.press(0, 0)
    for step in range(101):  # a second of moves
        clock.now = step / 100
        pad.move(step, step)
    assert 9 <= changes.count(False) <= 11
    pad.release()
    assert changes[-1] is True


def test_slow_answers_come_less_often(app: AppState, clock: Clock) -> None:
    said: list[bool] = []

    def answer(final: bool, counted: bool) -> None:
        said.append(final)
        clock.now += 0.2

    pad = Pad(app, answer, clock)
    pad.press(0, 0)
    while clock.now < 4:
        clock.now += 1 / 100
        pad.move(1, 1)
    assert 5 <= said.count(False) <= 6


def test_moves_are_drawn_in_batches(pad: Pad, sent: list[Any], clock: Clock) -> None:
    pad.connect()
    pad.press(0, 0)
    sent.clear()
    for step in range(201):  # a second of moves
        clock.now = step / 200
        pad.move(step, step)
    assert 20 <= len(sent) <= 41
    assert {name for message in sent for name in names(message)} == {"strokeLines"}


def test_nothing_reaches_the_canvas_before_a_browser_is_there(pad: Pad, sent: list[Any]) -> None:
    stroke(pad, (10, 10), (20, 20))
    pad.undo()
    pad.show(np.zeros((28, 28), np.uint8))
    pad.clear()
    assert sent == []


def test_each_browser_that_connects_gets_the_whole_drawing(pad: Pad, sent: list[Any]) -> None:
    stroke(pad, (10, 10), (20, 20))
    for _ in range(2):
        sent.clear()
        pad.connect()
        told = [name for message in sent for name in names(message)]
        # First which canvas is meant: the page that is new has not heard it (ipycanvas #322).
        assert told[0] == "switchCanvas"
        assert told[-2:] == ["clear", "strokeLines"]


def test_a_failure_while_painting_does_not_freeze_the_canvas(
    pad: Pad, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pad.connect()
    with monkeypatch.context() as patch:
        patch.setattr(module, "_fit", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pad.show(np.zeros((28, 28), np.uint8))
    sent.clear()
    pad.clear()
    assert names(sent[-1]) == ["switchCanvas", "clear"]


def test_undo_and_redo_walk_over_strokes_clear_and_pictures(app: AppState, pad: Pad) -> None:
    picture = np.full((28, 28), 9, np.uint8)
    stroke(pad, (1, 1), (2, 2))
    pad.clear()
    pad.show(picture, "a picture")
    stroke(pad, (3, 3), (4, 4))  # takes the picture's place
    assert (pad.picture, pad.note) == (None, "")
    pad.undo()
    assert pad.picture is picture
    assert pad.note == "a picture"
    pad.undo()
    assert pad.drawing.is_blank
    pad.undo()
    assert len(pad.drawing.strokes) == 1
    for _ in range(3):
        pad.redo()
    assert pad.drawing.strokes == (((3.0, 3.0), (4.0, 4.0)),)
    pad.redo()
    assert app.status == "Nothing to redo."


def test_a_new_stroke_ends_what_can_be_redone(pad: Pad) -> None:
    stroke(pad, (1, 1), (2, 2))
    pad.undo()
    stroke(pad, (3, 3), (4, 4))
    pad.redo()
    assert pad.drawing.strokes == (((3.0, 3.0), (4.0, 4.0)),)


def test_undo_is_bounded_and_clearing_nothing_is_no_step(app: AppState, pad: Pad) -> None:
    pad.clear()
    pad.undo()
    assert app.status == "Nothing to undo."
    for step in range(MAX_UNDO + 5):
        pad.show(np.full((2, 2), step % 255, np.uint8))
    app.say("")
    for _ in range(MAX_UNDO):
        pad.undo()
        assert app.status == ""
    pad.undo()
    assert app.status == "Nothing to undo."


def test_only_the_first_finger_draws(pad: Pad, changes: list[bool], pointers: Pointers) -> None:
    pointers.touch_start([(10, 10)])
    pointers.touch_start([(10, 10), (200, 200)])
    pointers.touch_move([(20, 20), (210, 200)])
    pointers.touch_end([(20, 20)])  # the second finger left
    pointers.touch_move([(30, 30)])
    pointers.touch_end([])
    assert pad.drawing.strokes == (((10.0, 10.0), (20.0, 20.0), (30.0, 30.0)),)
    assert changes.count(True) == 1


def test_the_first_finger_leaving_ends_the_stroke(pad: Pad, pointers: Pointers) -> None:
    pointers.touch_start([(10, 10)])
    pointers.touch_start([(10, 10), (200, 200)])
    pointers.touch_end([(200, 200)])
    pointers.touch_move([(150, 150)])
    assert pad.drawing.strokes == (((10.0, 10.0),),)


@pytest.mark.parametrize("shape", [(28, 28), (1000, 300), (1, 1)])
def test_any_picture_fits_the_pad(shape: tuple[int, int]) -> None:
    fitted = module._fit(np.full(shape, 200, np.uint8))
    assert fitted.shape == (280, 280, 4)
    assert fitted[140, 140].tolist() == [255, 255, 255, 200]


# Pen width


def test_the_pen_is_as_wide_as_asked_and_the_strokes_stay(pad: Pad, sent: list[Any]) -> None:
    stroke(pad, (10, 10), (20, 20))
    drawing = pad.drawing
    pad.set_pen_width(30)  # before a browser is there: nothing may be sent
    assert sent == []
    pad.connect()
    pad.set_pen_width(6)
    assert pad.surface.pen_width == 6
    assert pad.drawing is drawing
    assert [names(message)[-1] for message in sent[-2:]] == ["set", "strokeLines"]


@pytest.mark.parametrize("width", [PEN_WIDTHS[0] - 0.1, PEN_WIDTHS[1] + 0.1, float("nan")])
def test_a_pen_too_thin_or_thick_is_refused(pad: Pad, width: float) -> None:
    before = pad.surface.pen_width
    with pytest.raises(ConfigError, match="6 to 40 pixels"):
        pad.set_pen_width(width)
    assert pad.surface.pen_width == before


# Replay


def run(step: Callable[[], bool], clock: Clock) -> int:
    """Call it thirty times a second until it is over; return how often."""
    for frame in range(1, 1000):
        clock.now += 1 / 30
        if not step():
            return frame
    raise AssertionError("the replay does not end")


def test_a_replay_draws_the_strokes_again_and_changes_nothing(
    pad: Pad,
    sent: list[Any],
    clock: Clock,
    changes: list[bool],
    steps: list[Callable[[], bool]],
) -> None:
    pad.connect()
    stroke(pad, *[(x, 10) for x in range(60)])
    stroke(pad, (5, 5))
    drawing, said = pad.drawing, list(changes)
    sent.clear()
    pad.replay()
    assert names(sent[0]) == ["clear"]
    assert 29 <= run(steps[0], clock) <= 33  # 61 points at 60 a second
    pieces = [name for message in sent[1:-1] for name in names(message)]
    assert len(pieces) >= 25
    assert pieces[-1] == "fillCircle" or names(sent[-1])[-1] == "fillCircle"
    assert names(sent[-1]) == ["clear", "strokeLines", "fillCircle"]
    assert pad.drawing is drawing
    assert changes == said


@pytest.mark.parametrize(("points", "seconds"), [(2, 0.6), (90, 1.5), (5000, 3.0)])
def test_a_replay_takes_neither_too_short_nor_too_long(
    pad: Pad, clock: Clock, steps: list[Callable[[], bool]], points: int, seconds: float
) -> None:
    stroke(pad, *[(x % 280, 10) for x in range(points)])
    pad.replay()
    assert run(steps[0], clock) / 30 == pytest.approx(seconds, abs=0.1)


ENDS: dict[str, Callable[[Pad], object]] = {
    "press": lambda pad: pad.press(9, 9),
    "clear": lambda pad: pad.clear(),
    "undo": lambda pad: pad.undo(),
    "show": lambda pad: pad.show(np.zeros((28, 28), np.uint8)),
    "load": lambda pad: pad.load('{"strokes": [[[1, 2]]]}'),
}


@pytest.mark.parametrize("what", ENDS)
def test_a_change_ends_the_replay_and_shows_everything(
    pad: Pad, sent: list[Any], clock: Clock, steps: list[Callable[[], bool]], what: str
) -> None:
    pad.connect()
    stroke(pad, (10, 10), (20, 20))
    pad.replay()
    clock.now += 0.1
    assert steps[0]()
    sent.clear()
    ENDS[what](pad)
    assert names(sent[0])[0] == "clear"
    assert names(sent[0]).count("strokeLines") == len(
        [stroke for stroke in pad.drawing.strokes if len(stroke) > 1]
    )
    sent.clear()
    assert not steps[0]()
    assert sent == []


def test_a_second_replay_starts_over(
    pad: Pad, clock: Clock, steps: list[Callable[[], bool]]
) -> None:
    stroke(pad, (10, 10), (20, 20))
    pad.replay()
    assert steps[0]()
    pad.replay()
    assert not steps[0]()
    assert run(steps[1], clock) > 10


def test_nothing_to_replay_is_said(pad: Pad, steps: list[Callable[[], bool]]) -> None:
    with pytest.raises(UploadError, match="draw a digit first"):
        pad.replay()
    pad.show(np.zeros((28, 28), np.uint8))
    with pytest.raises(UploadError, match="draw a digit first"):
        pad.replay()
    assert steps == []


def test_a_frame_that_fails_ends_the_replay_and_is_told(
    app: AppState, pad: Pad, steps: list[Callable[[], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stroke(pad, (10, 10), (20, 20))
    pad.replay()
    monkeypatch.setattr(module.Surface, "add", lambda *_: 1 / 0)
    assert not steps[0]()
    assert app.status_kind == "error"
    assert "ZeroDivisionError" in app.status


# Saving and loading


def test_what_is_saved_is_loaded_again(pad: Pad, changes: list[bool]) -> None:
    stroke(pad, (10, 10), (20.5, 30))
    stroke(pad, (7, 7))
    strokes, text = pad.drawing.strokes, pad.to_json()
    assert json.loads(text).keys() == {"size", "strokes"}
    pad.clear()
    for saved in (text, text.encode(), "\ufeff".encode() + text.encode()):
        pad.load(saved)
        assert pad.drawing.strokes == strokes
    pad.undo()
    pad.undo()
    pad.undo()
    assert pad.drawing.is_blank


def test_the_first_line_of_drawings_of_another_size_is_scaled(pad: Pad) -> None:
    pad.load('{"label": "7", "donor": "x", "size": 28, "strokes": [[[1, 2]]]}\n{"strokes": 0}\n')
    assert pad.drawing.strokes == (((10.0, 20.0),),)


def test_the_largest_drawing_can_be_saved_and_loaded(pad: Pad) -> None:
    each = MAX_POINTS // MAX_STROKES
    strokes = [[[279.12345678901234, 100 / 3]] * each] * MAX_STROKES
    pad.load(json.dumps({"strokes": strokes}))
    pad.load(pad.to_json())
    assert len(pad.drawing.strokes) == MAX_STROKES


@pytest.mark.parametrize(
    "text",
    [
        "",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"\xff\xfe{\x00",
        "[" * 100_000,
        '{"strokes": ' + "[" * 100_000,
        " " * 3_000_000,
        '{"strokes": [' + "[[1, 2]]," * 1_000_000,
        "9" * 10_000,
        "null",
        "[]",
        '{"strokes": []}',
        '{"strokes": [[]]}',
        '{"strokes": [[[NaN, 1]]]}',
        '{"strokes": [[["a", 1]]]}',
        '{"strokes": "abc"}',
        '{"size": 0, "strokes": [[[1, 2]]]}',
        '{"strokes": [' + ",".join(["[[1, 2]]"] * 201) + "]}",
    ],
)
def test_what_is_no_drawing_leaves_the_pad_as_it_was(
    app: AppState, pad: Pad, text: str | bytes
) -> None:
    stroke(pad, (10, 10), (20, 20))
    drawing = pad.drawing
    with pytest.raises(UploadError) as error:
        pad.load(text)
    assert len(str(error.value)) < 200
    assert pad.drawing is drawing
    pad.undo()
    pad.undo()
    assert app.status == "Nothing to undo."


def test_only_a_drawing_can_be_saved(pad: Pad) -> None:
    with pytest.raises(UploadError, match="draw a digit first"):
        pad.to_json()
    pad.show(np.zeros((28, 28), np.uint8))
    with pytest.raises(UploadError, match="Only a drawing"):
        pad.to_json()


# Marks


def layer(pad: Pad) -> Any:
    return pad.widget.children[0]


def test_marks_are_shown_escaped_and_sent_only_when_they_change(pad: Pad) -> None:
    seen: list[str] = []
    layer(pad).observe(lambda change: seen.append(change["new"]), "value")
    for _ in range(3):
        pad.mark([(10, 40, 60, 90), (100, 2, 150, 275)], ["2", "<b>"])
    assert len(seen) == 1
    assert seen[0].count("<rect") == 2
    assert "&lt;b&gt;" in seen[0]
    for _ in range(2):
        pad.mark((), ())
    assert seen[1:] == [""]


@pytest.mark.parametrize("box", [(0, 0, 280, 280), (270, 0, 280, 30), (0, 200, 5, 280)])
def test_a_label_stays_on_the_pad(pad: Pad, box: module.BoxEdges) -> None:
    pad.mark([box], ["7"])
    x, y = re.findall(r"<text x='([\d.]+)' y='([\d.]+)'", layer(pad).value)[0]
    assert 0 <= float(x) <= 272
    assert 11 <= float(y) <= 280


@pytest.mark.parametrize("shape", [(28, 28), (1000, 300), (300, 1000), (7, 280)])
def test_a_box_in_a_picture_is_placed_where_the_pad_shows_it(
    pad: Pad, shape: tuple[int, int]
) -> None:
    picture = np.zeros(shape, np.uint8)
    top, left = shape[0] // 4, shape[1] // 4
    bottom, right = max(top + 1, shape[0] // 2), shape[1] // 2
    picture[top:bottom, left:right] = 255
    pad.show(picture)
    shown = np.argwhere(module._fit(picture)[..., 3] > 127)
    expected = (*shown.min(axis=0)[::-1], *(shown.max(axis=0)[::-1] + 1))
    assert pad.place((left, top, right, bottom)) == pytest.approx(expected, abs=1)


def test_a_box_around_strokes_holds_the_pen_and_stays_on_the_pad(pad: Pad) -> None:
    pad.set_pen_width(20)
    assert pad.place((50, 60, 70, 80)) == (40, 50, 80, 90)
    assert pad.place((1, 2, 279, 278)) == (0, 0, 280, 280)


# Keys


def type_keys(pen: KeyboardPen, *keys: str, shift: bool = False) -> None:
    for key in keys:
        pen.key(key, shift)


def test_keys_draw_a_stroke(pad: Pad, changes: list[bool], keys: KeyboardPen) -> None:
    type_keys(keys, "ArrowLeft", " ", "ArrowDown", "PageUp")
    type_keys(keys, "ArrowRight", shift=True)
    type_keys(keys, " ", "ArrowUp")
    assert pad.drawing.strokes == (
        ((130.0, 140.0), (130.0, 150.0), (140.0, 140.0), (142.0, 140.0)),
    )
    assert changes[-1] is True


def test_the_keys_pen_stays_on_the_pad(pad: Pad, keys: KeyboardPen) -> None:
    type_keys(keys, *["Home"] * 40, " ", " ")
    assert pad.drawing.strokes == (((0.0, 0.0),),)


def test_the_keys_pen_is_seen_until_it_is_put_away(pad: Pad, keys: KeyboardPen) -> None:
    assert layer(pad).value == ""
    type_keys(keys, "ArrowUp")
    assert "stroke-dasharray" in layer(pad).value
    type_keys(keys, "Enter")
    assert "stroke-dasharray" not in layer(pad).value
    type_keys(keys, "Escape")
    assert layer(pad).value == ""
    assert len(pad.drawing.strokes) == 1
    assert not pad.drawing.is_drawing


def test_a_hovering_pointer_leaves_the_keys_stroke_alone(
    pad: Pad, keys: KeyboardPen, pointers: Pointers
) -> None:
    type_keys(keys, " ")
    pointers.mouse_move(5, 5)
    pointers.mouse_end(5, 5)
    pointers.touch_end([])
    type_keys(keys, "ArrowUp", " ")
    assert pad.drawing.strokes == (((140.0, 140.0), (140.0, 130.0)),)


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_pointer_that_presses_takes_over_from_the_keys(
    pad: Pad, kind: str, keys: KeyboardPen, pointers: Pointers
) -> None:
    type_keys(keys, " ", "ArrowUp")
    if kind == "mouse":
        pointers.mouse_down(5, 5)
        pointers.mouse_end(6, 6)
    else:
        pointers.touch_start([(5, 5)])
        pointers.touch_end([])
    assert [stroke[0] for stroke in pad.drawing.strokes] == [(140.0, 140.0), (5.0, 5.0)]
    assert layer(pad).value == ""


def test_undo_while_the_keys_pen_is_down_lifts_it(pad: Pad, keys: KeyboardPen) -> None:
    stroke(pad, (1, 1))
    type_keys(keys, " ", "ArrowUp")
    pad.undo()
    assert pad.drawing.is_blank
    assert not keys.is_down
    type_keys(keys, "ArrowUp", " ", " ")
    assert len(pad.drawing.strokes) == 1


class Focus:
    """A control that notes that it got the focus."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.focus = lambda: log.append(name)


def test_tab_goes_to_the_neighbours_and_ends_the_stroke(
    pad: Pad, monkeypatch: pytest.MonkeyPatch, keys: KeyboardPen
) -> None:
    log: list[str] = []
    monkeypatch.setattr(type(pad.widget.children[-1]), "blur", lambda _: log.append("blur"))
    keys.before, keys.after = Focus("before", log), Focus("after", log)
    type_keys(keys, " ", "ArrowUp", "Tab")
    assert len(pad.drawing.strokes) == 1
    assert not pad.drawing.is_drawing
    type_keys(keys, "Tab", shift=True)
    keys.after = None
    type_keys(keys, "Tab", "Escape")
    assert log == ["blur", "after", "blur", "before", "blur", "blur"]


def test_keys_with_ctrl_draw_nothing(pad: Pad, keys: KeyboardPen) -> None:
    keys.key(" ", ctrl=True)
    keys.key("ArrowUp", meta=True)
    keys.key("x")
    assert pad.drawing.is_blank
    assert layer(pad).value == ""


def test_after_a_mouse_stroke_the_canvas_gives_the_keyboard_back(
    pad: Pad, monkeypatch: pytest.MonkeyPatch, pointers: Pointers
) -> None:
    log: list[str] = []
    monkeypatch.setattr(type(pad.widget.children[-1]), "blur", lambda _: log.append("blur"))
    pointers.mouse_end(5, 5)  # only hovered: whoever came with Tab stays
    assert log == []
    pointers.mouse_down(5, 5)
    pointers.mouse_end(6, 6)
    assert log == ["blur"]
