"""The pictures of README and docs, from the real page in a real browser: `make screenshots`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from drivers.browser import launch, served
from drivers.lab import SECONDS, SIZE, Lab
from mnistlab.images.raster import spaced

DOCS = Path(__file__).parents[1] / "docs"
COMPARE = "Train & Compare"
SLASHED_ZERO = [
    [
        *([140, 60], [110, 75], [90, 120], [90, 165], [110, 205], [140, 218]),
        *([170, 205], [190, 165], [190, 120], [172, 76], [142, 60]),
    ],
    [[205, 50], [165, 110], [120, 175], [78, 232]],
]

THREE = [
    [[85, 70], [110, 50], [150, 45], [180, 65], [182, 100], [160, 125], [130, 133],
     [165, 140], [190, 165], [190, 200], [165, 228], [125, 235], [88, 215]],
]  # fmt: skip
LETTER = [[[80, 240], [110, 140], [140, 45], [170, 140], [200, 240]], [[98, 165], [182, 165]]]

TABS = {"predict": ("Predict", 800), "explore": ("Explore", 900), "compare": (COMPARE, 1700)}
"""Name of the file -> tab, and height of a window in which its main parts are seen."""
DESKTOP, PHONE = 1280, (390, 844)
STEP = 24  # of the pad's pixels between two frames of the moving picture
FRAME, REST = 90, 1400  # milliseconds that a frame stands, and the last one of a drawing
Theme = Literal["light", "dark"]


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    with served() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (tab, height) in TABS.items():
            _take(browser, url, tab, (DESKTOP, height), "light", name)
            _take(browser, url, tab, (DESKTOP, height), "dark", f"{name}-dark")
            _take(browser, url, tab, PHONE, "light", f"{name}-phone")
            _take(browser, url, tab, PHONE, "dark", f"{name}-phone-dark")
        _film(browser, url, "light", "demo")
        _film(browser, url, "dark", "demo-dark")
        browser.close()


def _film(browser: Browser, url: str, theme: Theme, name: str) -> None:
    """Make the README's moving picture: three drawings, and what the models say meanwhile."""
    size = ViewportSize(width=1000, height=700)
    page = browser.new_page(viewport=size, color_scheme=theme)
    lab = Lab(page, url)
    lab.draw(THREE)  # so that the first frame finds all that is loaded when it is needed
    frames: list[Image.Image] = []
    times: list[int] = []

    def keep(time: int) -> None:
        shot = Image.open(io.BytesIO(page.screenshot()))
        frames.append(shot.convert("RGB").resize((800, 560), Image.Resampling.LANCZOS))
        times.append(time)

    for drawing in (THREE, SLASHED_ZERO, LETTER):
        lab.clear()
        before = lab.answers
        box = lab.at("ml-pad").locator("canvas").bounding_box()
        assert box is not None
        scale = box["width"] / SIZE
        for stroke in drawing:
            points = spaced(np.array(stroke, float), STEP) * scale + [box["x"], box["y"]]
            page.mouse.move(*points[0])
            page.mouse.down()
            for x, y in points[1:]:
                page.mouse.move(x, y)
                keep(FRAME)
            page.mouse.up()
        lab.expect_answer(before + len(drawing))
        keep(REST)
    first, *others = frames
    first.save(
        DOCS / f"{name}.webp", save_all=True, append_images=others, duration=times, loop=0,
        quality=70, method=6,
    )  # fmt: skip
    page.close()


def _take(
    browser: Browser,
    url: str,
    tab: str,
    window: tuple[int, int],
    theme: Theme,
    name: str,
) -> None:
    size = ViewportSize(width=window[0], height=window[1])
    page = browser.new_page(viewport=size, color_scheme=theme)
    _fill(Lab(page, url), tab)
    page.screenshot(path=DOCS / f"{name}.png")
    page.close()


def _fill(lab: Lab, tab: str) -> None:
    """Show a tab as someone who uses it sees it."""
    if tab == "Predict":
        lab.draw(SLASHED_ZERO)
    lab.open(tab)
    if tab == COMPARE:
        expect(lab.at("ml-verdict").locator("table")).to_be_visible()
        expect(lab.at("ml-results")).to_contain_text("ms", timeout=2 * SECONDS)  # all is measured
    elif tab == "Explore":
        lab.page.locator(".ml-samples .ml-tile").nth(12).click()
        expect(lab.at("ml-pixel-grid")).to_be_visible()
    lab.page.mouse.move(0, 0)
    expect(lab.at("ml-status")).to_contain_text("Ready")


if __name__ == "__main__":
    main()
