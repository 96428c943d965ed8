"""The pictures of README and docs, from the real page in a real browser: `make screenshots`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from drivers.browser import launch, served
from drivers.lab import SECONDS, Lab

DOCS = Path(__file__).parents[1] / "docs"
COMPARE = "Train & Compare"
SLASHED_ZERO = [
    [
        *([140, 60], [110, 75], [90, 120], [90, 165], [110, 205], [140, 218]),
        *([170, 205], [190, 165], [190, 120], [172, 76], [142, 60]),
    ],
    [[205, 50], [165, 110], [120, 175], [78, 232]],
]


TABS = {"predict": ("Predict", 800), "explore": ("Explore", 900), "compare": (COMPARE, 1700)}
"""Name of the file -> tab, and height of a window in which its main parts are seen."""
DESKTOP, PHONE = 1280, (390, 844)


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    with served() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for name, (tab, height) in TABS.items():
            _take(browser, url, tab, (DESKTOP, height), "light", name)
            _take(browser, url, tab, (DESKTOP, height), "dark", f"{name}-dark")
            _take(browser, url, tab, PHONE, "light", f"{name}-phone")
            _take(browser, url, tab, PHONE, "dark", f"{name}-phone-dark")
        browser.close()


def _take(
    browser: Browser,
    url: str,
    tab: str,
    window: tuple[int, int],
    theme: Literal["light", "dark"],
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
