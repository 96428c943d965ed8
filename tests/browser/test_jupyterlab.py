"""The notebook in JupyterLab: run all, draw, get an answer; and rendered by Voilà there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from drivers.jupyter import jupyter
from drivers.lab import SECONDS, SEVEN, Lab


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab's address."""
    with jupyter(tmp_path) as (url, _):
        yield url


def _open(page: Page, url: str) -> None:
    page.goto(url)
    # Buttons and menus do nothing before the notebook has its kernel.
    idle = page.get_by_role("button", name="Python 3 (ipykernel) | Idle")
    expect(idle).to_be_visible(timeout=2 * SECONDS)


def test_run_all_draw_and_get_an_answer(chromium: Browser, jupyterlab: str) -> None:
    with chromium.new_context(viewport={"width": 1400, "height": 1100}) as context:
        page = context.new_page()
        _open(page, f"{jupyterlab}lab/tree/dashboard.ipynb")
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        lab = Lab.__new__(Lab)
        lab.page = page
        expect(lab.at("ml-pad").locator("canvas").first).to_be_visible(timeout=2 * SECONDS)
        lab.open_predict()
        lab.draw(SEVEN)
        expect(lab.at("ml-digit-cnn")).to_have_text("7")
        expect(lab.at("ml-digit-mlp")).to_have_text("7")


def test_voila_renders_it_in_a_preview_and_as_binder_opens_it(
    chromium: Browser, jupyterlab: str
) -> None:
    with chromium.new_context(viewport={"width": 1600, "height": 1000}) as context:
        page = context.new_page()
        _open(page, f"{jupyterlab}lab/tree/dashboard.ipynb")
        page.get_by_role("button", name="Render with Voilà").click()
        # JupyterLab has not seen this notebook run.
        page.get_by_role("button", name="Render anyway").click()
        preview = page.frame_locator("iframe[src*='voila/render']")
        expect(preview.locator(".ml-pad canvas").first).to_be_visible(timeout=2 * SECONDS)
        page.close()

        # The path that the badge names.
        lab = Lab(context.new_page(), f"{jupyterlab}voila/render/dashboard.ipynb")
        lab.open_predict()
        lab.draw(SEVEN)
        expect(lab.at("ml-digit-cnn")).to_have_text("7")
