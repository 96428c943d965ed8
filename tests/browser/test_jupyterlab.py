"""The notebook in JupyterLab: run all, draw, get an answer."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from mnistlab.serve.app import find_notebook
from tests.browser.conftest import SECONDS
from tests.browser.lab import SEVEN, Lab


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """JupyterLab's address, with the dashboard in its folder."""
    folder = tmp_path / "work"
    folder.mkdir()
    shutil.copy(find_notebook(), folder)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.news_url="),
    ]
    # What JupyterLab remembers of this visit is not the user's.
    own = {
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **own}
        )
    try:
        _wait_until_it_answers(f"http://localhost:{port}/api", server)
        yield f"http://localhost:{port}/lab/tree/dashboard.ipynb"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert "version" in json.load(answer)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("JupyterLab does not answer")


def _open(page: Page, url: str) -> None:
    page.goto(url)
    # Buttons and menus do nothing before the notebook has its kernel.
    idle = page.get_by_role("button", name="Python 3 (ipykernel) | Idle")
    expect(idle).to_be_visible(timeout=2 * SECONDS)


def test_run_all_draw_and_get_an_answer(chromium: Browser, jupyterlab: str) -> None:
    with chromium.new_context(viewport={"width": 1400, "height": 1100}) as context:
        page = context.new_page()
        _open(page, jupyterlab)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        lab = Lab.__new__(Lab)
        lab.page = page
        expect(lab.at("ml-samples").locator("img").first).to_be_visible(timeout=2 * SECONDS)
        lab.open_predict()
        lab.draw(SEVEN)
        expect(lab.at("ml-digit-cnn")).to_have_text("7")
        expect(lab.at("ml-digit-mlp")).to_have_text("7")


def test_voila_renders_it_in_a_preview_and_as_binder_opens_it(
    chromium: Browser, jupyterlab: str
) -> None:
    with chromium.new_context(viewport={"width": 1600, "height": 1000}) as context:
        page = context.new_page()
        _open(page, jupyterlab)
        page.get_by_role("button", name="Render with Voilà").click()
        # JupyterLab has not seen this notebook run.
        page.get_by_role("button", name="Render anyway").click()
        preview = page.frame_locator("iframe[src*='voila/render']")
        expect(preview.locator(".ml-samples img").first).to_be_visible(timeout=2 * SECONDS)
        page.close()

        # The path that the badge names.
        lab = Lab(context.new_page(), jupyterlab.replace("/lab/tree/", "/voila/render/"))
        lab.open_predict()
        lab.draw(SEVEN)
        expect(lab.at("ml-digit-cnn")).to_have_text("7")
