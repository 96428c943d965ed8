"""The README's picture, made from the real page in a real browser: `make screenshots`."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import sync_playwright

from drivers.browser import launch, served
from drivers.lab import Lab

DOCS = Path(__file__).parents[1] / "docs"
SLASHED_ZERO = [
    [
        *([140, 60], [110, 75], [90, 120], [90, 165], [110, 205], [140, 218]),
        *([170, 205], [190, 165], [190, 120], [172, 76], [142, 60]),
    ],
    [[205, 50], [165, 110], [120, 175], [78, 232]],
]


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    with served() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        lab = Lab(browser.new_page(viewport={"width": 1200, "height": 780}), url)
        lab.open_predict()
        lab.draw(SLASHED_ZERO)
        lab.page.mouse.move(0, 0)
        lab.page.screenshot(path=DOCS / "predict.png")
        browser.close()


if __name__ == "__main__":
    main()
