"""The pictures of README and docs, from the real page in a real browser: `make screenshots`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import ViewportSize, expect, sync_playwright

from drivers.browser import launch, served
from drivers.lab import SECONDS, Lab

DOCS = Path(__file__).parents[1] / "docs"
SLASHED_ZERO = [
    [
        *([140, 60], [110, 75], [90, 120], [90, 165], [110, 205], [140, 218]),
        *([170, 205], [190, 165], [190, 120], [172, 76], [142, 60]),
    ],
    [[205, 50], [165, 110], [120, 175], [78, 232]],
]


# Name of the file: tab, window, theme.
PICTURES: dict[str, tuple[str, tuple[int, int], Literal["light", "dark"]]] = {
    "predict": ("Predict", (1280, 800), "light"),
    "predict-dark": ("Predict", (1280, 800), "dark"),
    "predict-phone": ("Predict", (390, 844), "dark"),
    "compare": ("Train & Compare", (1280, 1700), "light"),
    "explore": ("Explore", (1280, 900), "light"),
}


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    with served() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (tab, (width, height), theme) in PICTURES.items():
            size = ViewportSize(width=width, height=height)
            page = browser.new_page(viewport=size, color_scheme=theme)
            lab = Lab(page, url)
            _fill(lab, tab)
            page.screenshot(path=DOCS / f"{name}.png")
            page.close()
        browser.close()


def _fill(lab: Lab, tab: str) -> None:
    """Show a tab as someone who uses it sees it."""
    if tab == "Predict":
        lab.draw(SLASHED_ZERO)
    lab.open(tab)
    if tab == "Train & Compare":
        expect(lab.at("ml-verdict").locator("table")).to_be_visible()
        expect(lab.at("ml-results")).to_contain_text("ms", timeout=2 * SECONDS)  # all is measured
    elif tab == "Explore":
        lab.page.locator(".ml-samples .ml-tile").nth(12).click()
        expect(lab.at("ml-pixel-grid")).to_be_visible()
    lab.page.mouse.move(0, 0)
    expect(lab.at("ml-status")).to_contain_text("Ready")


if __name__ == "__main__":
    main()
