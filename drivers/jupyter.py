"""JupyterLab's server with the dashboard, as on Binder."""

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
from contextlib import contextmanager
from pathlib import Path

from mnistlab.server.app import find_notebook


@contextmanager
def jupyter(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a JupyterLab that lives in `folder`, the dashboard in it, and its process."""
    work = folder / "work"
    work.mkdir()
    shutil.copy(find_notebook(), work)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *("--IdentityProvider.token=", "--ServerApp.password=", "--LabApp.news_url="),
    ]
    # What JupyterLab remembers of this visit is not the user's.
    own = {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=work, stdout=log, stderr=log, env={**os.environ, **own}
        )
    try:
        _wait_until_it_answers(f"http://localhost:{port}/api", server)
        yield f"http://localhost:{port}/", server
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
    raise TimeoutError("JupyterLab does not answer")
