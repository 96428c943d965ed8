"""Drawings: what they accept, live and as data."""

from __future__ import annotations

import json
import math

import pytest

from mnistlab.errors import UploadError
from mnistlab.images import Drawing
from mnistlab.images.drawing import MAX_POINTS, MAX_STROKES

LINE = ((10.0, 20.0), (30.0, 40.0))
DOT = ((50.0, 60.0),)


def draw(drawing: Drawing, *strokes: tuple[tuple[float, float], ...]) -> Drawing:
    for (x, y), *rest in strokes:
        drawing.begin(x, y)
        for point in rest:
            drawing.extend(*point)
        drawing.end()
    return drawing


def test_drawn_live_or_from_strokes_is_the_same_drawing() -> None:
    assert draw(Drawing(), LINE, DOT) == Drawing.from_strokes([LINE, DOT])


def test_a_drawing_survives_json() -> None:
    drawing = Drawing.from_strokes([LINE, DOT], size=300, label="7")
    again = Drawing.from_dict(json.loads(json.dumps(drawing.to_dict())))
    assert again == drawing
    assert (again.size, again.label) == (300, "7")


def test_a_line_of_a_drawings_file_can_carry_more_keys() -> None:
    drawing = Drawing.from_dict({"label": 7, "donor": "x", "strokes": [[[1, 2], [3, 4]], []]})
    assert drawing.strokes == (((1.0, 2.0), (3.0, 4.0)),)
    assert drawing.label == "7"


def test_points_outside_move_to_the_edge() -> None:
    assert Drawing.from_strokes([[[-5, 400], [10, 10]]]).strokes == (((0, 280), (10, 10)),)


def test_the_open_stroke_counts() -> None:
    drawing = Drawing()
    assert (drawing.is_blank, drawing.strokes) == (True, ())
    drawing.begin(1, 2)
    assert not drawing.is_blank
    assert drawing.strokes == (((1.0, 2.0),),)
    assert drawing.is_drawing


def test_stray_events_are_harmless() -> None:
    drawing = Drawing()
    drawing.extend(1, 1)
    drawing.end()
    drawing.begin(math.nan, 1)
    drawing.extend(math.inf, 2)
    drawing.end()
    assert drawing.is_blank
    assert not drawing.is_drawing


def test_a_pad_stops_at_the_limits() -> None:
    drawing = Drawing()
    drawing.begin(0, 0)
    for _ in range(MAX_POINTS + 10):
        drawing.extend(1, 1)
    assert len(drawing.strokes[0]) == MAX_POINTS
    many = draw(Drawing(), *[DOT] * (MAX_STROKES + 5))
    assert len(many.strokes) == MAX_STROKES


@pytest.mark.parametrize(
    "strokes",
    [
        "text",
        None,
        7,
        {"a": 1},
        [7],
        ["ab"],
        [[7]],
        [["ab"]],
        [[[1]]],
        [[[1, 2, 3]]],
        [[[1, None]]],
        [[[True, 1]]],
        [[[1, math.nan]]],
        [[[math.inf, 1]]],
        [[[10**400, 1]]],
        [[[0, 0]] * (MAX_POINTS + 1)],
        [[[0, 0]]] * (MAX_STROKES + 1),
    ],
)
def test_what_is_no_drawing_is_refused_in_a_sentence(strokes: object) -> None:
    with pytest.raises(UploadError, match=r"[.]$"):
        Drawing.from_dict({"strokes": strokes})


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "x",
        {},
        {"strokes": [], "size": 0},
        {"strokes": [], "size": "280"},
        {"strokes": [], "size": math.nan},
        {"strokes": [], "label": ["7"]},
        {"strokes": [], "label": "7" * 100},
    ],
)
def test_other_data_is_refused_in_a_sentence(data: object) -> None:
    with pytest.raises(UploadError, match=r"[.]$"):
        Drawing.from_dict(data)
