"""Starts a real Chromium, and the dashboard's server for it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright

_SWITCHES = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str | None:
    """Where Chromium or Chrome is installed, None where neither is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


def launch(playwright: Playwright) -> Browser:
    """Start it; without one, Playwright says what is missing."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=_SWITCHES)


@contextmanager
def served(*arguments: str, **environment: str) -> Iterator[str]:
    """The dashboard's URL, with a server of its own behind it."""
    command = [sys.executable, "-m", "mnistlab", "app", "--port", "0", "--no-browser", *arguments]
    env = {k: v for k, v in (os.environ | environment).items() if v}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        url = re.search(r"http://\S+", line)
        assert url, f"no URL in {line!r}"
        try:
            yield url.group()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
