"""The pad on a slow line, in several windows, and without a pointer."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from drivers.lab import SEVEN, Lab, Strokes
from mnistlab.ui.common.canvas import MARK
from tests.browser.test_predict import FOUR, ONE, REAL

DELAY = 0.1  # seconds each way

# How far the ink on the page is the ink of these strokes: shared over all inked pixels.
SAME_INK = """(strokes) => {
  const pad = document.querySelector('.ml-pad canvas');
  const own = document.createElement('canvas');
  own.width = own.height = 280;
  const pen = own.getContext('2d');
  pen.lineWidth = 18; pen.lineCap = pen.lineJoin = 'round';
  for (const stroke of strokes) {
    pen.beginPath();
    for (const [x, y] of stroke) pen.lineTo(x, y);
    pen.stroke();
  }
  const ink = canvas => canvas.getContext('2d').getImageData(0, 0, 280, 280).data;
  const [a, b] = [ink(pad), ink(own)];
  let both = 0, either = 0;
  for (let i = 3; i < a.length; i += 4) {
    both += a[i] > 127 && b[i] > 127;
    either += a[i] > 127 || b[i] > 127;
  }
  return either ? both / either : 1;
}"""


@pytest.fixture
def lab(lab_at_pad: Lab) -> Lab:
    return lab_at_pad


def expect_ink(page: Page, strokes: Strokes) -> None:
    """The canvas shows these strokes: the mouse is only exact to the pixel."""
    page.wait_for_function(f"strokes => ({SAME_INK})(strokes) > 0.9", arg=strokes, polling=50)


def real_drawings(n: int) -> list[tuple[str, Strokes]]:
    """Real drawings from all over the file, or our own where it is missing."""
    if not REAL.is_file():
        return [("7", SEVEN), ("4", FOUR), ("1", ONE)]
    lines = REAL.read_text().splitlines()
    rows = [json.loads(line) for line in lines[:: len(lines) // n][:n]]
    return [(row["label"], row["strokes"]) for row in rows]


def focused(page: Page) -> str:
    """The tag of what has the focus."""
    return str(page.evaluate("() => document.activeElement.tagName"))


# A slow line


def _carry(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on, each `DELAY` late, in their order."""
    waiting: deque[tuple[float, bytes]] = deque()
    ready = threading.Condition()

    def read() -> None:
        data = b"-"
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with ready:
                waiting.append((time.monotonic() + DELAY, data))
                ready.notify()

    threading.Thread(target=read, daemon=True).start()
    while True:
        with ready:
            ready.wait_for(lambda: bool(waiting))
            due, data = waiting.popleft()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
        except OSError:
            return


def _serve_late(listener: socket.socket, port: int) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.create_connection(("localhost", port))
        for ends in ((near, far), (far, near)):
            threading.Thread(target=_carry, args=ends, daemon=True).start()


@pytest.fixture
def far_lab(open_page: Callable[..., Page], url: str) -> Iterator[Lab]:
    """A page of the same server behind a line that takes 200 ms there and back, at the pad."""
    parts = urlsplit(url)
    assert parts.port is not None
    with socket.create_server(("localhost", 0)) as listener:
        near = listener.getsockname()[1]
        threading.Thread(target=_serve_late, args=(listener, parts.port), daemon=True).start()
        lab = Lab(open_page(), parts._replace(netloc=f"{parts.hostname}:{near}").geturl())
        lab.open_predict()
        yield lab


def test_no_stroke_is_lost_or_reordered_on_a_slow_line(far_lab: Lab) -> None:
    drawings = real_drawings(10)
    right = 0
    for label, strokes in drawings:
        far_lab.draw(strokes)
        expect_ink(far_lab.page, strokes)
        right += far_lab.at("ml-digit-cnn").inner_text() == label
        far_lab.clear()
    assert right >= 0.8 * len(drawings)
    bars = [[[20.0 + 12 * i, 40], [20.0 + 12 * i, 240]] for i in range(0, 20, 2)]
    far_lab.draw(bars)  # all in a row: it waits only after the last
    expect_ink(far_lab.page, bars)


# Windows


def test_two_windows_draw_in_turn(open_page: Callable[..., Page], url: str) -> None:
    page = open_page()
    labs = [Lab(page, url), Lab(page.context.new_page(), url)]
    for lab in labs:
        lab.page.bring_to_front()
        lab.open_predict()
    drawn: tuple[Strokes, Strokes] = (FOUR, [*SEVEN, [[90, 150], [190, 140]]])
    for turn in range(2):
        for lab, strokes in zip(labs, drawn, strict=True):
            lab.page.bring_to_front()
            lab.draw(strokes[turn : turn + 1])
    for lab, strokes, digit in zip(labs, drawn, "47", strict=True):
        lab.page.bring_to_front()
        lab.expect_answer(2)
        expect(lab.at("ml-digit-cnn")).to_have_text(digit)
        expect_ink(lab.page, strokes)


# What a page in a tab behind others meets; a headless browser never hides its own.
HIDDEN = """
let hidden = true;
const waiting = [];
const soon = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = call => hidden ? waiting.push(call) : soon(call);
Object.defineProperty(document, 'hidden', { get: () => hidden });
Object.defineProperty(document, 'visibilityState', { get: () => hidden ? 'hidden' : 'visible' });
window.bringToFront = () => {
  hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  waiting.forEach(soon);
};
"""


@pytest.mark.parametrize("pad_is_opened_hidden", [False, True])
def test_a_window_hidden_at_load_has_a_working_pad(
    open_page: Callable[..., Page], url: str, pad_is_opened_hidden: bool
) -> None:
    page = open_page()
    page.add_init_script(HIDDEN)
    lab = Lab(page, url)
    if pad_is_opened_hidden:
        lab.open_predict()
    assert page.evaluate("() => document.hidden")
    page.evaluate("() => window.bringToFront()")
    lab.open_predict()
    lab.draw(FOUR)
    expect(lab.at("ml-digit-cnn")).to_have_text("4")
    expect_ink(page, FOUR)


# No pointer


TABBABLE = """() => {
  const all = [...document.querySelectorAll('button, select, input, canvas, a[href], [tabindex]')];
  return all.filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility());
}"""
STEP_FROM_PAD = f"""step => {{
  const all = ({TABBABLE})();
  return all[all.findIndex(e => e.tagName === 'CANVAS') + step];
}}"""


@pytest.mark.parametrize(("key", "step"), [("Tab", 1), ("Shift+Tab", -1)])
def test_tab_goes_through_the_pad_both_ways(lab: Lab, key: str, step: int) -> None:
    lab.open_predict()
    before = lab.page.evaluate_handle(STEP_FROM_PAD, -step).as_element()
    assert before is not None
    before.focus()
    lab.page.keyboard.press(key)
    assert focused(lab.page) == "CANVAS"
    lab.page.keyboard.press(key)
    lab.page.wait_for_function("() => document.activeElement.tagName !== 'CANVAS'")
    if focused(lab.page) == "BODY":  # the pad was not told its neighbour: once more goes on
        lab.page.keyboard.press(key)
    after = lab.page.evaluate_handle(STEP_FROM_PAD, step)
    assert lab.page.evaluate("e => e === document.activeElement", after)


def test_keys_draw_and_the_mouse_over_the_pad_leaves_their_stroke_alone(
    open_page: Callable[..., Page], url: str
) -> None:
    lab = Lab(open_page(), url)  # where the keys' pen is in the middle
    lab.open_predict()
    canvas = lab.at("ml-pad").locator("canvas")
    canvas.focus()
    press = lab.page.keyboard.press
    for key in [*["ArrowUp"] * 8, *["ArrowLeft"] * 5, " ", *["ArrowRight"] * 9]:
        press(key)
    for key in [*["End", "ArrowDown"] * 8, " "]:
        press(key)
    lab.expect_answer(1)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")
    stairs = [[180 - 10 * i, 60 + 20 * i - 10 * j] for i in range(1, 9) for j in (1, 0)]
    expect_ink(lab.page, [[[90, 60], [180, 60], *stairs]])
    press("Escape")
    expect(lab.at("ml-pad").locator("svg")).to_have_count(0)
    assert focused(lab.page) == "BODY"

    lab.clear()
    canvas.focus()
    for key in (" ", "ArrowDown"):
        press(key)
    canvas.hover(position={"x": 20, "y": 20})
    canvas.hover(position={"x": 200, "y": 20})
    lab.page.mouse.move(0, 0)
    for key in ("ArrowDown", " "):
        press(key)
    lab.expect_answer(2)
    expect_ink(lab.page, [[[100, 220], [100, 240]]])


def _marked(screenshot: bytes) -> int:
    """How many pixels have the colour of marks."""
    pixels = np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"), int)
    colour = [int(MARK[i : i + 2], 16) for i in (1, 3, 5)]
    return int((abs(pixels - colour).max(axis=2) < 8).sum())


def test_the_layer_of_marks_lies_exactly_over_the_canvas(lab: Lab) -> None:
    lab.open_predict()
    pad = lab.at("ml-pad")
    pad.locator("canvas").focus()
    lab.page.keyboard.press("ArrowUp")
    expect(pad.locator("svg")).to_be_visible()
    assert pad.locator("svg").bounding_box() == pad.locator("canvas").bounding_box()
    assert _marked(pad.screenshot()) > 20  # it is seen, not only there
    assert pad.locator("canvas").count() == 1
    box = pad.locator("canvas").bounding_box()
    assert box is not None
    assert box["width"] == box["height"]
    lab.draw(SEVEN)  # the layer lets the mouse through, and the keys' pen is put away
    expect_ink(lab.page, SEVEN)
    expect(pad.locator("svg")).to_have_count(0)


def test_after_a_stroke_the_browser_has_its_keys_back(lab: Lab) -> None:
    lab.open_predict()
    lab.draw(SEVEN)
    lab.page.wait_for_function("() => document.activeElement.tagName !== 'CANVAS'")
