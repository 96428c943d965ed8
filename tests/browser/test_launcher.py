"""The tile in JupyterLab's launcher opens the lab, which answers there."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from drivers.jupyter import jupyter
from drivers.lab import SECONDS, SEVEN, Lab


def test_the_tile_opens_the_lab(chromium: Browser, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    with (
        jupyter(tmp_path, base_url="/user/ada/", token="secret", MNISTLAB_HOME=home) as (url, _),
        chromium.new_context(viewport={"width": 1400, "height": 1000}) as context,
    ):
        page = context.new_page()
        page.goto(f"{url}lab?token=secret")
        tile = page.locator(".jp-LauncherCard", has_text="MNIST Lab")
        expect(tile).to_be_visible(timeout=2 * SECONDS)
        loaded = "async (image) => { await image.decode(); return image.naturalWidth; }"
        assert tile.locator("img").evaluate(loaded) > 0
        with context.expect_page() as opened:
            tile.click()
        lab = Lab.__new__(Lab)
        lab.page = opened.value
        expect(lab.page).to_have_url(f"{url}mnistlab/", timeout=2 * SECONDS)
        expect(lab.at("ml-pad").locator("canvas").first).to_be_visible(timeout=2 * SECONDS)
        lab.open_predict()
        lab.draw(SEVEN)
        expect(lab.at("ml-digit-cnn")).to_have_text("7")
        expect(lab.at("ml-digit-mlp")).to_have_text("7")
        lab.page.close()
