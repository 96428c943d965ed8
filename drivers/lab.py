"""The page as a person uses it."""

from __future__ import annotations

from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

SECONDS = 60_000  # milliseconds a step may take on a loaded machine before it counts as hung
expect.set_options(timeout=SECONDS)

SIZE = 280  # side of the pad in its own pixels

# The pad, also while the page loads. For a moment both are there; only the first is in its place.
PAD = "#loading canvas, body:not(:has(#loading)) .ml-pad canvas"

Strokes = Sequence[Sequence[Sequence[float]]]

SEVEN: Strokes = [[[80, 70], [110, 70], [140, 69], [180, 70], [165, 110], [145, 160], [125, 215]]]


def draw_stroke(page: Page, canvas: Locator, stroke: Sequence[Sequence[float]]) -> None:
    """Draw with the mouse on a canvas that shows the pad at any size."""
    box = canvas.bounding_box()
    assert box is not None
    mouse, scale = page.mouse, box["width"] / SIZE
    (x, y), *rest = stroke
    mouse.move(box["x"] + scale * x, box["y"] + scale * y)
    mouse.down()
    for x, y in rest:
        mouse.move(box["x"] + scale * x, box["y"] + scale * y)
    mouse.up()


class Lab:
    """An opened page, with its elements found by the classes of the design."""

    _answers_before = 0

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(url)
        expect(self.at("ml-pad").locator("canvas")).to_be_visible()

    def at(self, name: str) -> Locator:
        """The element with a class."""
        return self.page.locator(f".{name}")

    def open(self, tab: str) -> None:
        self.page.get_by_role("tab", name=tab).click()

    def open_predict(self) -> None:
        self.open("Predict")
        expect(self.at("ml-pad").locator("canvas")).to_be_visible()
        self.expect_answer(0)

    def begin_again(self) -> None:
        """Empty the pad of a page that other tests have used; answers count from 1 again."""
        self.page.mouse.move(0, 0)
        self.page.evaluate("() => document.activeElement.blur()")
        self.clear()
        self._answers_before += self.answers

    @property
    def answers(self) -> int:
        """So many answers have come since the test began."""
        return int(self.at("ml-answer").inner_text().split()[1]) - self._answers_before

    def expect_answer(self, number: int) -> None:
        expect(self.at("ml-answer")).to_have_text(f"answer {self._answers_before + number}")

    def draw(self, strokes: Strokes) -> None:
        """Draw with the mouse and wait until each stroke is answered."""
        before = self.answers
        pad = self.at("ml-pad").locator("canvas")
        pad.scroll_into_view_if_needed()
        for stroke in strokes:
            draw_stroke(self.page, pad, stroke)
        self.expect_answer(before + len(strokes))

    def clear(self) -> None:
        """Empty the pad, if anything is on it."""
        digit = self.at("ml-digit-cnn")
        if digit.inner_text() or self.at("ml-clear").is_enabled():  # it is, soon after an answer
            self.at("ml-clear").click()
        expect(digit).to_have_text("")
