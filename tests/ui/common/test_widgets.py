"""The guard, and HTML that escapes what it is given."""

from __future__ import annotations

import base64
import io
import logging
import re
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState
from tests.ui.files import choose


def test_the_guard_tells_an_expected_error_as_it_is(app: AppState) -> None:
    def refuse() -> None:
        raise UploadError("Not a picture; use a PNG.")

    ui.guard(app, refuse)()
    assert (app.status, app.status_kind) == ("Not a picture; use a PNG.", "error")


def test_the_guard_logs_a_bug_with_its_traceback_and_names_it(
    app: AppState, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        ui.guard(app, lambda x: 1 // x)(0)
    assert "ZeroDivisionError" in app.status
    assert app.status_kind == "error"
    assert caplog.records[-1].exc_info


def test_a_file_button_hands_over_bytes_and_takes_the_same_file_again(app: AppState) -> None:
    chosen: list[Mapping[str, Any]] = []
    made = ui.file_button(app, "Load a drawing", "ml-load", chosen.extend)
    for _ in range(2):
        choose(made, ("a.json", b"{}"))
        assert made.value == ()
    assert chosen == 2 * [{"name": "a.json", "content": b"{}"}]
    assert [type(file["content"]) for file in chosen] == [bytes, bytes]


def test_guarded_handlers_run_one_at_a_time(app: AppState) -> None:
    entered = threading.Event()
    with app.lock:
        thread = threading.Thread(target=ui.guard(app, entered.set))
        thread.start()
        assert not entered.wait(0.05)
    assert entered.wait(5)
    thread.join()


def test_a_table_escapes_its_cells() -> None:
    html = ui.table(["<a>"], [["<b>", "<c>"]], "it's")
    assert "<b>" not in html
    assert "&lt;a&gt;" in html
    assert "aria-label='it&#x27;s'" in html


def test_a_data_uri_holds_the_image() -> None:
    image = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28)
    kind, _, content = ui.data_uri(image).partition(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(content)))), image)


def test_a_grid_is_one_picture_with_a_caption_for_each_image() -> None:
    images = np.random.default_rng(0).integers(0, 256, (13, 28, 28), np.uint8)
    html = ui.digit_grid(images, [str(n) for n in range(13)], "thirteen <digits>")
    assert html.count("<img") == 1
    assert "alt='thirteen &lt;digits&gt;'" in html
    assert re.findall(r"<span>(\d+)</span>", html) == [str(n) for n in range(13)]
    picture = re.search(r"base64,([^']+)", html)
    assert picture
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture[1]))))
    left = 2 * (28 + ui.TILE_GAP) + ui.TILE_GAP // 2
    top = 28 + ui.CAPTION_HEIGHT
    assert np.array_equal(sheet[top : top + 28, left : left + 28, 0], images[12])
    assert sheet[top : top + 28, left + 28 + ui.TILE_GAP :, 1].max() == 0  # clear where none is


def test_bars_mark_the_best_and_carry_numbers() -> None:
    html = ui.probability_bars([0.0] * 7 + [0.9, 0.1, 0.0], 7)
    assert html.count("<li") == 10
    assert re.search(r"<li class='ml-best'><b>7</b><i style='--p:0.900'></i><span>90.0", html)
    assert "%" not in ui.probability_bars([0.0] * 10, None)
