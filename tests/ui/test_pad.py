"""The pad's verbs, and what they tell the canvas."""

from __future__ import annotations

from typing import Any

import ipycanvas.canvas as ipy
import numpy as np
import pytest

from mnistlab.ui import pad as module
from mnistlab.ui.pad import MAX_UNDO, Pad
from mnistlab.ui.state import AppState
from tests.ui.conftest import Clock


@pytest.fixture
def changes() -> list[bool]:
    return []


@pytest.fixture
def pad(app: AppState, changes: list[bool], clock: Clock) -> Pad:
    return Pad(app, changes.append, clock)


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
    assert changes.count(False) in (10, 11)
    pad.release()
    assert changes[-1] is True


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


def test_ipycanvas_still_has_what_the_pad_resets(pad: Pad) -> None:
    manager = pad.canvas._canvas_manager
    for name in ("_current_canvas", "_caching", "_commands_cache", "_buffers_cache"):
        assert hasattr(manager, name)


def test_undo_and_redo_walk_over_strokes_clear_and_pictures(pad: Pad) -> None:
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
    assert not pad.can_redo


def test_a_new_stroke_ends_what_can_be_redone(pad: Pad) -> None:
    stroke(pad, (1, 1), (2, 2))
    pad.undo()
    stroke(pad, (3, 3), (4, 4))
    pad.redo()
    assert pad.drawing.strokes == (((3.0, 3.0), (4.0, 4.0)),)


def test_undo_is_bounded_and_clearing_nothing_is_no_step(pad: Pad) -> None:
    pad.clear()
    assert not pad.can_undo
    for step in range(MAX_UNDO + 5):
        pad.show(np.full((2, 2), step % 255, np.uint8))
    for _ in range(MAX_UNDO):
        assert pad.can_undo
        pad.undo()
    assert not pad.can_undo


def test_only_the_first_finger_draws(pad: Pad, changes: list[bool]) -> None:
    pad.touch([(10, 10)])
    pad.touch([(10, 10), (200, 200)])
    pad.touch_move([(20, 20), (210, 200)])
    pad.touch_end([(20, 20)])  # the second finger left
    pad.touch_move([(30, 30)])
    pad.touch_end([])
    assert pad.drawing.strokes == (((10.0, 10.0), (20.0, 20.0), (30.0, 30.0)),)
    assert changes.count(True) == 1


def test_the_first_finger_leaving_ends_the_stroke(pad: Pad) -> None:
    pad.touch([(10, 10)])
    pad.touch([(10, 10), (200, 200)])
    pad.touch_end([(200, 200)])
    pad.touch_move([(150, 150)])
    assert pad.drawing.strokes == (((10.0, 10.0),),)


@pytest.mark.parametrize("shape", [(28, 28), (1000, 300), (1, 1)])
def test_any_picture_fits_the_pad(shape: tuple[int, int]) -> None:
    fitted = module._fit(np.full(shape, 200, np.uint8))
    assert fitted.shape == (280, 280, 4)
    assert fitted[140, 140].tolist() == [255, 255, 255, 200]
