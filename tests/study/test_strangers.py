"""What strangers write and photograph is read right by the pretrained pair."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mnistlab.images import Drawing
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.classifier import digit_scorer
from mnistlab.study.reading import predict_inputs, read_inputs

FAULTS = Path(__file__).parents[3] / "shared" / "data" / "faults"
EXPECTED: dict[str, str] = (
    json.loads((FAULTS / "expected.json").read_text()) if FAULTS.is_dir() else {}
)
PICTURES = {
    name: found[0]
    for name, text in EXPECTED.items()
    if name.endswith((".png", ".jpg")) and (found := re.match(r"\d+", text))
}
Points = Sequence[Sequence[float]]


@pytest.fixture(scope="module")
def pair() -> list[Classifier]:
    return [load_classifier("mlp"), load_classifier("cnn")]


def read(pair: list[Classifier], path: Path) -> dict[str, str]:
    """What each model shows for a file: its digits in reading order, `?` for what is none."""
    shown = dict.fromkeys((model.name for model in pair), "")
    for answer in predict_inputs(read_inputs([str(path)], digit_score=digit_scorer(pair)), pair):
        assert isinstance(answer, dict)
        shown[answer["model"]] += str(answer["digit"]) if answer["is_digit"] else "?"
    return shown


@pytest.mark.shared
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_that_once_failed(pair: list[Classifier], name: str) -> None:
    shown = read(pair, FAULTS / name)
    assert shown["cnn"] == PICTURES[name]
    sure = shown["mlp"].replace("?", ".")
    assert re.fullmatch(sure, PICTURES[name]), "wrong and sure"


@pytest.mark.shared
def test_a_drawing_that_the_page_saved(pair: list[Classifier]) -> None:
    assert read(pair, FAULTS / "drawing_saved_by_the_page.json")["cnn"] == "7"


def arc(x: float, y: float, rx: float, ry: float, start: float, stop: float) -> Points:
    """Points of an ellipse; angles in degrees from the right, clockwise on the page."""
    angle = np.radians(np.linspace(start, stop, 40))
    points: Points = np.stack([x + rx * np.cos(angle), y + ry * np.sin(angle)], 1).tolist()
    return points


WAYS: dict[str, tuple[str, list[Points]]] = {
    "plain zero": ("0", [arc(140, 140, 60, 85, -90, 270)]),
    "round zero": ("0", [arc(140, 140, 75, 80, -90, 275)]),
    "open zero": ("0", [arc(140, 140, 60, 85, -70, 255)]),
    "slashed zero": ("0", [arc(140, 140, 60, 85, -90, 270), [[190, 70], [90, 210]]]),
    "plain one": ("1", [[[140, 50], [140, 230]]]),
    "slanted one": ("1", [[[165, 50], [120, 230]]]),
    "flagged one": ("1", [[[105, 95], [150, 50], [150, 230]]]),
    "one with a long flag": ("1", [[[80, 140], [150, 50], [150, 230]]]),
    "one with flag and foot": ("1", [[[105, 95], [145, 50], [145, 230]], [[100, 230], [190, 230]]]),
    "open four": ("4", [[[110, 60], [90, 150], [190, 150]], [[165, 80], [160, 230]]]),
    "closed four": ("4", [[[160, 230], [160, 50], [80, 160], [200, 160]]]),
    "barred seven": ("7", [[[80, 60], [190, 60], [130, 230]], [[105, 145], [185, 145]]]),
    "five with a loose bar": (
        "5",
        [[[110, 70], [105, 130], *arc(130, 175, 55, 52, -110, 140)], [[125, 55], [195, 52]]],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_common_ways_of_writing_are_shown(pair: list[Classifier], way: str, tmp_path: Path) -> None:
    label, strokes = WAYS[way]
    file = tmp_path / "drawing.json"
    file.write_text(json.dumps(Drawing.from_strokes(strokes).to_dict()))
    assert read(pair, file) == {"mlp": label, "cnn": label}
