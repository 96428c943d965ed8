"""Drawing, taking back, samples and uploads."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from drivers.lab import SEVEN, Lab, Strokes

REAL = Path(__file__).parents[3] / "shared" / "data" / "drawings-dev.jsonl"
FAULTS = REAL.parent / "faults"
FOUR = [[[120, 60], [80, 150], [190, 150]], [[160, 60], [158, 140], [150, 230]]]
ONE = [[[140, 60], [140, 110], [139, 160], [138, 225]]]


@pytest.fixture
def lab(lab_at_pad: Lab) -> Lab:
    return lab_at_pad


def _drawings() -> list[tuple[str, Strokes]]:
    """Lines 1, 29, 57, ... of the real pen drawings; three of our own where they are missing."""
    if not REAL.is_file():
        return [("7", SEVEN), ("4", FOUR), ("1", ONE)]
    rows = [json.loads(line) for line in REAL.read_text().splitlines()[::28][:50]]
    # Every second point, as a mouse sends them; the tablets sent 100 or more in a second.
    return [(row["label"], [s[:-1:2] + s[-1:] for s in row["strokes"]]) for row in rows]


def test_both_models_read_real_drawings(lab: Lab) -> None:
    lab.open_predict()
    drawings = _drawings()
    right = {"mlp": 0, "cnn": 0}
    for label, strokes in drawings:
        lab.draw(strokes)
        for name in right:
            right[name] += lab.at(f"ml-digit-{name}").inner_text() == label
        lab.clear()
    assert right["cnn"] >= 0.92 * len(drawings)
    assert right["mlp"] >= 0.85 * len(drawings)


def test_undo_redo_and_clear(lab: Lab) -> None:
    lab.open_predict()
    digit = lab.at("ml-digit-cnn")
    lab.draw(ONE)
    expect(digit).to_have_text("1")
    lab.draw([[[80, 140], [140, 140], [200, 140]], [[80, 60], [75, 140]]])
    expect(digit).to_have_text("4")
    lab.at("ml-undo").click()
    lab.at("ml-undo").click()
    expect(digit).to_have_text("1")
    lab.at("ml-redo").click()
    lab.at("ml-redo").click()
    expect(digit).to_have_text("4")
    lab.clear()
    lab.at("ml-undo").click()
    expect(digit).to_have_text("4")


def test_probabilities_latency_and_stages_stand_beside_the_digit(lab: Lab) -> None:
    lab.open_predict()
    lab.draw(SEVEN)
    for name in ("mlp", "cnn"):
        expect(lab.at(f"ml-latency-{name}")).to_contain_text("ms")
    expect(lab.page.locator(".ml-bars li")).to_have_count(20)
    expect(lab.at("ml-stages").locator("img")).to_have_count(4)


def test_a_stroke_that_leaves_the_pad_ends_there(lab: Lab) -> None:
    lab.open_predict()
    box = lab.at("ml-pad").locator("canvas").bounding_box()
    assert box is not None
    mouse = lab.page.mouse
    mouse.move(box["x"] + 140, box["y"] + 140)
    mouse.down()
    mouse.move(box["x"] + 140, box["y"] + 200)
    mouse.move(box["x"] + 140, box["y"] + 400, steps=5)
    lab.expect_answer(1)
    mouse.up()
    mouse.move(box["x"] + 40, box["y"] + 40, steps=5)  # hovering back draws nothing
    lab.draw(SEVEN)
    lab.expect_answer(2)


def test_a_random_test_digit_is_read(lab: Lab) -> None:
    lab.open_predict()
    lab.at("ml-sample").click()
    lab.expect_answer(1)
    expect(lab.at("ml-tab-predict")).to_contain_text("true label")
    # `?` is an answer too: some of scikit-learn's digits are too coarse for the CNN.
    assert lab.at("ml-digit-cnn").inner_text() in set("0123456789?")


def _picture() -> bytes:
    image = Image.new("L", (400, 500), 240)
    pen = ImageDraw.Draw(image)
    pen.line([(120, 120), (280, 120), (180, 380)], fill=20, width=24, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _upload(lab: Lab, name: str, content: bytes) -> None:
    with lab.page.expect_file_chooser() as chooser:
        lab.at("ml-upload").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def _load(lab: Lab, file: Path) -> None:
    with lab.page.expect_file_chooser() as chooser:
        lab.page.get_by_role("button", name="Load a saved drawing").click()
    chooser.value.set_files(str(file))


def _ink_on_canvas(lab: Lab) -> str:
    return str(lab.at("ml-pad").locator("canvas").evaluate("canvas => canvas.toDataURL()"))


def _wait_for_ink(lab: Lab, condition: str, picture: str = "") -> None:
    """Wait until what the canvas shows satisfies a condition: it follows the answer."""
    lab.page.wait_for_function(
        "other => { const canvas = document.querySelector('.ml-pad canvas');"
        " const context = canvas.getContext('2d');"
        " const ink = context.getImageData(0, 0, canvas.width, canvas.height).data"
        "  .filter(v => v).length;"
        f" const picture = canvas.toDataURL(); return {condition} }}",
        arg=picture,
    )


def test_an_upload_is_read_and_garbage_leaves_the_page_as_it_was(lab: Lab) -> None:
    lab.open_predict()
    _upload(lab, "seven.png", _picture())
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")
    _upload(lab, "<b>notes</b>.png", np.random.default_rng(0).bytes(2000))
    expect(lab.at("ml-status")).to_contain_text("not a picture")
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")
    assert lab.page.locator(".ml-status b").count() == 0


def test_a_picture_that_lies_on_its_side_is_turned(lab: Lab) -> None:
    lab.open_predict()
    turn = lab.page.get_by_role("button", name="Turn", exact=True)
    expect(turn).to_be_hidden()
    with Image.open(io.BytesIO(_picture())) as upright:
        lying = io.BytesIO()
        upright.transpose(Image.Transpose.ROTATE_90).save(lying, "TIFF")
    _upload(lab, "scan.tif", lying.getvalue())
    lab.expect_answer(1)
    expect(turn).to_be_visible()
    _wait_for_ink(lab, "ink > 0")
    before = _ink_on_canvas(lab)
    turn.click()
    lab.expect_answer(2)
    for name in ("mlp", "cnn"):
        expect(lab.at(f"ml-digit-{name}")).to_have_text("7")
    _wait_for_ink(lab, "picture !== other", before)
    lab.draw(SEVEN)
    expect(turn).to_be_hidden()


def test_a_drawing_is_saved_and_loaded_again(lab: Lab, tmp_path: Path) -> None:
    lab.open_predict()
    lab.draw(SEVEN)
    lab.at("ml-save").click()
    with lab.page.expect_download() as download:
        lab.page.get_by_role("link", name="Download drawing.json").click()
    saved = tmp_path / "drawing.json"
    download.value.save_as(saved)
    ink = _ink_on_canvas(lab)  # all of it: the link came after it
    lab.clear()
    _wait_for_ink(lab, "ink === 0")
    _load(lab, saved)
    lab.expect_answer(2)
    for name in ("mlp", "cnn"):
        expect(lab.at(f"ml-digit-{name}")).to_have_text("7")
    _wait_for_ink(lab, "picture === other", ink)


@pytest.mark.shared
def test_a_drawing_that_the_page_saved_elsewhere_is_loaded(lab: Lab) -> None:
    lab.open_predict()
    _load(lab, FAULTS / "drawing_saved_by_the_page.json")
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")  # the MLP is wrong about this one: 4


def test_a_reload_brings_a_working_pad_back(open_page: Callable[..., Page], url: str) -> None:
    lab = Lab(open_page(), url)
    lab.open_predict()
    lab.draw(SEVEN)
    lab.page.wait_for_function("() => sessionStorage.getItem('mnistlab')?.includes('strokes')")
    again = Lab(lab.page, url)
    again.expect_answer(1)  # of the drawing, which a reload brings back
    again.clear()
    again.draw(FOUR)
    expect(again.at("ml-digit-cnn")).to_have_text("4")
    _wait_for_ink(lab, "ink > 1000")  # the strokes are seen as well, not only answered


def test_a_finger_draws_too(open_page: Callable[..., Page], url: str) -> None:
    lab = Lab(open_page(has_touch=True, viewport={"width": 420, "height": 900}), url)
    lab.open_predict()
    canvas = lab.at("ml-pad").locator("canvas")
    box = canvas.bounding_box()
    assert box is not None
    session = lab.page.context.new_cdp_session(lab.page)

    def touch(kind: str, *points: list[float]) -> None:
        where = [{"x": box["x"] + x, "y": box["y"] + y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

    first, *rest = SEVEN[0]
    touch("touchStart", list(first))
    for point in rest:
        touch("touchMove", list(point))
    touch("touchEnd")
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")


def _scaled(strokes: Any, factor: float, x: float, y: float) -> Any:
    return [[[px * factor + x, py * factor + y] for px, py in stroke] for stroke in strokes]


def test_several_digits_are_read_from_left_to_right(lab: Lab) -> None:
    lab.open_predict()
    lab.draw(_scaled(SEVEN, 0.5, 130, 60))  # the right one first: order is not place
    lab.draw(_scaled(FOUR, 0.5, 0, 60))
    expect(lab.at("ml-digit-cnn")).to_have_text("47")
    expect(lab.at("ml-digit-mlp")).to_have_text("47")
    expect(lab.at("ml-pad").locator("rect")).to_have_count(2)
    lab.at("ml-which").get_by_text("digit 2").click()
    expect(lab.at("ml-tab-predict")).to_contain_text("digit 2 of 2")


def test_a_scribble_is_no_digit(lab: Lab) -> None:
    lab.open_predict()
    lab.draw([[[40 + 10 * i, 60 + 160 * (i % 2)] for i in range(20)]])
    expect(lab.at("ml-digit-cnn")).to_have_text("?")
    for name in ("mlp", "cnn"):
        card = lab.at("ml-card").and_(lab.at(f"ml-is-{name}"))
        expect(card).to_contain_text("Not recognised as a digit")
        expect(card.locator(".ml-best")).to_have_count(1)
        expect(card.locator(".ml-not-digit .ml-best")).to_be_visible()
        numbers = card.locator(".ml-bars span, .ml-not-digit span").all_inner_texts()
        assert abs(sum(float(number.split("\u2009")[0]) for number in numbers) - 100) < 0.6


def test_a_step_switched_off_is_marked_and_read_again(lab: Lab) -> None:
    lab.open_predict()
    lab.draw(SEVEN)
    last = lab.at("ml-stages").locator("img").last
    before = last.get_attribute("src") or ""
    lab.at("ml-switch-scaled").locator("input").uncheck()
    expect(lab.at("ml-stages").locator(".ml-off")).to_have_count(1)
    expect(last).not_to_have_attribute("src", before)
    lab.expect_answer(1)
    lab.at("ml-switch-scaled").locator("input").check()
    expect(last).to_have_attribute("src", before)


def test_several_files_at_once_past_a_bad_one(lab: Lab) -> None:
    lab.open_predict()
    with lab.page.expect_file_chooser() as chooser:
        lab.at("ml-upload").click()
    files: list[FilePayload] = [
        {"name": "a.png", "mimeType": "image/png", "buffer": _picture()},
        {"name": "bad.png", "mimeType": "image/png", "buffer": b"nothing"},
        {"name": "b.png", "mimeType": "image/png", "buffer": _picture()},
    ]
    chooser.value.set_files(files)
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")
    expect(lab.at("ml-status")).to_contain_text("bad.png")
    pictures = lab.page.get_by_role("combobox", name="Picture")
    shown = pictures.locator("option:checked")
    expect(shown).to_have_text("a.png")
    pictures.select_option("b.png")
    lab.expect_answer(2)
    expect(lab.at("ml-tab-predict")).to_contain_text("Upload: b.png")
    expect(shown).to_have_text("b.png")
    lab.draw(SEVEN)
    expect(shown).to_have_text("choose a picture …")
    pictures.select_option("b.png")
    lab.expect_answer(4)
    expect(shown).to_have_text("b.png")
