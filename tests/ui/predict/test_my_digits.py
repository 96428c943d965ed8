"""Keeping drawings, the gallery of them, and what it says about both models."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest

from mnistlab.errors import DataError, UploadError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.images.preprocessing import preprocess
from mnistlab.texts import percent
from mnistlab.ui.common.answers import Answer
from mnistlab.ui.predict.gallery import PAGE, Gallery
from mnistlab.ui.predict.my_digits import NOT_KEPT, MyDigits
from mnistlab.ui.predict.state import PredictState, Reading
from mnistlab.ui.state import AppState
from tests.ui.files import choose

NO_ANSWER = Answer("cnn", "CNN", np.zeros((0, 10), np.float32), np.zeros(0, np.float32))
SEVEN = [[[60, 60], [200, 60], [120, 220]]]


def stick(x: int) -> Drawing:
    """A straight line whose slant depends on x, so that no two give the same image."""
    return Drawing.from_strokes([[[x, 40], [140, 240]]])


class Page:
    """The pad and the answer as the Predict tab would give them."""

    def __init__(self, app: AppState, models: dict[str, Any], path: Path) -> None:
        self.app, self.models = app, models
        self.drawing: Drawing | None = None
        self.shown: list[Drawing] = []
        self.collection = Collection(path)
        self.state = PredictState(models=models, reading=Reading(answers=(NO_ANSWER,)))
        self.my = MyDigits(app, self.state, self.collection, self.shown.append)

    def draw(self, drawing: Drawing | None, digit: int | None = 7) -> None:
        """Draw what the last model reads as a digit, or as none."""
        self.drawing = drawing
        digits = () if drawing is None or drawing.is_blank else (preprocess(drawing),)
        n = len(digits)
        proba = np.eye(10, dtype=np.float32)[[digit or 0] * n]
        scores = np.full(n, 0.1 if digit is None else 0.9, np.float32)
        answer = Answer("cnn", "CNN", proba, scores, threshold=0.5)
        self.state.reading = Reading(drawing, (answer,), digits)

    def at(self, name: str) -> Any:
        return next(w for w in walk(self.my.widget) if name in w._dom_classes)

    @property
    def gallery(self) -> Gallery:
        assert self.my.gallery is not None
        return self.my.gallery

    @property
    def labels(self) -> str:
        kept = self.collection
        return "".join(str(kept[number].label) for number in range(len(kept)))

    @property
    def captions(self) -> list[str]:
        return re.findall(r"<span>([^<]*)</span>", self.at("ml-my-grid").value)


def walk(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


@pytest.fixture
def page(app: AppState, models: dict[str, Any], tmp_path: Path) -> Page:
    return Page(app, models, tmp_path / "my-digits.jsonl")


@pytest.fixture
def opened(page: Page) -> Page:
    """A 7, which the MLP reads; a 1, which the CNN reads; a 3, which none does."""
    for x, label in ((50, 7), (100, 1), (150, 3)):
        page.collection.add(stick(x), label)
    page.at("ml-my-fold").click()
    return page


# Keeping


def test_a_blank_pad_or_a_picture_cannot_be_kept(page: Page) -> None:
    for drawing in (None, Drawing()):
        page.draw(drawing, None)
        assert NOT_KEPT in page.at("ml-question").value
        assert page.at("ml-keep").disabled
        assert page.at("ml-correct").layout.visibility == "hidden"
    with pytest.raises(UploadError, match="Draw one digit"):
        page.my.keep(3)


def test_an_answer_is_confirmed(page: Page) -> None:
    drawing = Drawing.from_strokes(SEVEN)
    page.draw(drawing)
    assert "Is it a 7?" in page.at("ml-question").value
    assert page.at("ml-correct").layout.visibility == "visible"
    page.at("ml-keep").click()
    assert page.app.status == "Kept as a 7. My digits has 1 drawing."
    assert page.labels == "7"
    assert page.collection[0].strokes == drawing.strokes
    assert page.at("ml-my-fold").description == "Show my digits (1)"


def test_an_answer_is_corrected_with_one_click_again_and_again(page: Page) -> None:
    page.draw(Drawing.from_strokes(SEVEN))
    page.at("ml-correct").value = 1
    assert page.at("ml-correct").value is None
    assert page.labels == "1"
    page.at("ml-correct").value = 8
    assert page.app.status == "Changed from a 1 to an 8."
    assert page.labels == "8"
    page.draw(stick(50))
    page.at("ml-correct").value = 8
    assert page.labels == "88"


def test_without_an_answer_the_digit_can_still_be_given(page: Page) -> None:
    page.draw(Drawing.from_strokes(SEVEN), None)
    assert "Which digit is it?" in page.at("ml-question").value
    assert page.at("ml-keep").disabled
    page.at("ml-correct").value = 7
    assert page.labels == "7"


def test_a_drawing_is_kept_once(page: Page) -> None:
    page.draw(Drawing.from_strokes(SEVEN))
    page.my.keep()
    assert page.at("ml-keep").disabled
    assert "Kept as a 7" in page.at("ml-question").value
    page.my.keep()
    assert "not added again" in page.app.status
    assert page.labels == "7"
    page.draw(stick(50))
    assert not page.at("ml-keep").disabled


def test_no_model_is_asked_and_no_file_read_before_the_fold_is_opened(
    page: Page, models: dict[str, Any]
) -> None:
    page.collection.path.write_text("damaged")
    page.draw(stick(50))
    page.draw(stick(60))
    assert page.my.gallery is None
    assert page.app.status_kind == "info"
    page.collection.path.unlink()
    page.my.keep()
    assert models["cnn"].seen == models["mlp"].seen == []


# The gallery


def test_the_gallery_shows_the_newest_first_and_marks_what_was_misread(opened: Page) -> None:
    assert opened.captions == ["3: 3 ✗", "2: 1 ✗", "1: 7 ✗"]
    opened.models["mlp"].digit = opened.models["cnn"].digit = 5
    opened.draw(stick(200))
    opened.at("ml-correct").value = 5
    assert opened.captions[:2] == ["4: 5", "3: 3 ✗"]
    assert opened.at("ml-my-fold").description == "Hide my digits (4)"
    opened.at("ml-my-only").value = True
    assert opened.captions == ["3: 3 ✗", "2: 1 ✗", "1: 7 ✗"]


def scores(page: Page) -> dict[str, str]:
    return dict(re.findall(r"<b>(\w+)</b> (.*?)</li>", page.at("ml-my-score").value))


def test_both_models_are_scored_with_an_interval(opened: Page) -> None:
    assert scores(opened) == dict.fromkeys(
        ("MLP", "CNN"), "reads 1 of 3 (33 %, 95 % interval 6 to 79 %)"
    )
    opened.draw(stick(200))
    opened.my.keep()
    assert scores(opened) == {
        "MLP": "reads 2 of 4 (50 %, 95 % interval 15 to 85 %)",
        "CNN": "reads 1 of 4 (25 %, 95 % interval 5 to 70 %)",
    }


def test_a_model_that_does_not_answer_has_not_read(page: Page, models: dict[str, Any]) -> None:
    models["mlp"].score = 0.1
    page.collection.add(stick(50), 7)
    page.my.toggle()
    wanted = "reads 0 of 1 (0 %, 95 % interval 0 to 79 %) and answers ? for 1"
    assert scores(page)["MLP"] == wanted
    said = "MLP: not a digit (90.0 %), nearest guess 7; CNN reads 1 (82.8 %)"
    assert page.at("ml-my-detail").value == said


def test_each_drawing_is_read_once(opened: Page, models: dict[str, Any]) -> None:
    assert [images.shape for images in models["cnn"].seen] == [(3, 28, 28)]
    opened.draw(stick(200))
    opened.my.keep()
    opened.at("ml-correct").value = 4
    opened.gallery.remove()
    opened.gallery.undo()
    assert [len(images) for images in models["cnn"].seen] == [3, 1]


def test_other_models_score_what_is_kept_without_new_widgets(
    opened: Page, models: dict[str, Any]
) -> None:
    gallery = opened.my.gallery
    before = scores(opened)
    opened.state.models = {"mlp": models["cnn"], "cnn": models["cnn"]}
    assert opened.my.gallery is gallery
    assert opened.captions == ["3: 3 ✗", "2: 1", "1: 7 ✗"]
    assert scores(opened) == {"CNN": before["CNN"]}
    assert opened.at("ml-my-detail").value == "CNN reads 1 (82.8 %); CNN reads 1 (82.8 %)"


def test_a_closed_fold_costs_nothing_and_catches_up_when_opened(
    opened: Page, models: dict[str, Any]
) -> None:
    opened.at("ml-my-fold").click()
    assert opened.at("ml-my-gallery").layout.display == "none"
    opened.draw(Drawing.from_strokes(SEVEN))
    opened.my.keep()
    assert len(models["cnn"].seen) == 1
    opened.at("ml-my-fold").click()
    assert opened.captions[0] == "4: 7 ✗"


def test_pages_turn_and_stop_at_both_ends(page: Page) -> None:
    for x in range(PAGE + 3):
        page.collection.add(stick(x), 7)
    page.my.toggle()
    assert len(page.captions) == PAGE
    assert page.at("ml-my-previous").disabled
    page.at("ml-my-next").click()
    assert [caption.split(":")[0] for caption in page.captions] == ["3", "2", "1"]
    assert page.at("ml-my-next").disabled
    page.gallery.turn(+5)
    assert len(page.captions) == 3
    page.gallery.turn(-9)
    assert page.captions[0].startswith(f"{PAGE + 3}:")


def test_a_chosen_drawing_goes_back_to_the_pad(opened: Page) -> None:
    opened.at("ml-my-choice").value = 1
    opened.at("ml-my-show").click()
    assert [drawing.strokes for drawing in opened.shown] == [stick(100).strokes]


def test_what_is_removed_comes_back_where_it_was(opened: Page) -> None:
    assert opened.at("ml-my-undo").disabled
    opened.at("ml-my-choice").value = 1
    opened.at("ml-my-remove").click()
    assert opened.app.status.startswith("Removed: Number 2 (a 1).")
    assert opened.labels == "73"
    opened.at("ml-my-clear").click()
    assert opened.labels == ""
    assert opened.captions == []
    assert "Nothing is kept yet" in opened.at("ml-my-score").value
    opened.at("ml-my-undo").click()
    assert opened.labels == "73"
    opened.at("ml-my-undo").click()
    assert opened.labels == "713"
    assert opened.at("ml-my-undo").disabled


def test_a_removed_drawing_can_be_kept_again(page: Page) -> None:
    page.draw(Drawing.from_strokes(SEVEN))
    page.my.keep()
    page.my.toggle()
    page.gallery.remove()
    assert not page.at("ml-keep").disabled
    page.my.keep()
    assert page.labels == "7"


def test_a_choice_on_an_outdated_page_is_not_carried_out(opened: Page) -> None:
    Collection(opened.collection.path).remove(0)
    with pytest.raises(DataError, match="Another page changed My digits"):
        opened.gallery.remove()
    assert opened.labels == "13"
    assert opened.captions == ["2: 3 ✗", "1: 1 ✗"]
    opened.gallery.remove()
    assert opened.labels == "1"


# Export, import and damage


def exported(page: Page) -> bytes:
    link = re.search(r"<a [^>]*download='my-digits.jsonl' href='data:[^,]*;base64,([^']*)'",
                     page.at("ml-my-export").value)  # fmt: skip
    assert link
    return base64.b64decode(link[1])


def test_the_export_is_the_file(opened: Page) -> None:
    assert exported(opened) == opened.collection.path.read_bytes()
    opened.gallery.remove()
    assert exported(opened) == opened.collection.path.read_bytes()


def test_a_large_export_waits_until_it_is_asked_for(page: Page) -> None:
    ink = np.random.default_rng(0).integers(0, 280, (40, 1, 200, 2)).tolist()
    for strokes in ink:
        page.collection.add(Drawing.from_strokes(strokes), 7)
    page.my.toggle()
    assert page.at("ml-my-export").value == ""
    page.at("ml-my-ask").click()
    assert exported(page) == page.collection.path.read_bytes()


def test_an_import_adds_what_is_new(opened: Page, tmp_path: Path) -> None:
    other = Collection(tmp_path / "other.jsonl")
    other.add(stick(50), 7)
    other.add(stick(220), 9)
    choose(opened.at("ml-my-import"), ("a.jsonl", other.to_bytes()))
    assert opened.app.status.startswith("Imported 1 drawing.")
    assert opened.labels == "7139"
    assert opened.captions[0] == "4: 9 ✗"
    choose(opened.at("ml-my-import"), ("a.jsonl", b'{"label": "7"}'))
    assert opened.app.status_kind == "error"
    assert opened.app.status.startswith("Line 1: ")
    assert opened.at("ml-my-import").value == ()
    assert opened.labels == "7139"


def test_a_damaged_file_is_told_and_set_aside(opened: Page) -> None:
    path = opened.collection.path
    path.write_text(path.read_text() + "<b>nonsense\n")
    opened.draw(Drawing.from_strokes(SEVEN))
    opened.at("ml-keep").click()
    assert opened.app.status_kind == "error"
    assert "Line 4" in opened.app.status
    opened.at("ml-my-fold").click()
    opened.at("ml-my-fold").click()
    assert "Line 4" in opened.at("ml-my-score").value
    assert opened.at("ml-my-aside").layout.display == ""
    opened.at("ml-my-aside").click()
    assert path.with_name("my-digits.jsonl.damaged-1").exists()
    assert opened.labels == "713"
    assert len(opened.captions) == 3
    assert opened.at("ml-my-aside").layout.display == "none"


def test_a_share_is_not_rounded_up_to_certainty() -> None:
    assert percent(0.999, 0) == "over 99 %"
    assert percent(0.9999, 1) == "over 99.9 %"
    assert percent(1.0, 0) == "100 %"
