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
def jupyter(
    folder: Path, *arguments: str, base_url: str = "/", token: str = "", **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a JupyterLab that lives in `folder`, the dashboard in it, and its process.

    The address has no token, so that a test can come without one.
    """
    work = folder / "work"
    work.mkdir()
    shutil.copy(find_notebook(), work)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", "--ServerApp.password=", "--LabApp.news_url="),
        *(f"--ServerApp.base_url={base_url}", *arguments),
    ]
    # What JupyterLab remembers of this visit is not the user's.
    own = {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_DATA_DIR": str(folder / "data")}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=work, stdout=log, stderr=log, env={**os.environ, **own, **environment}
        )
    try:
        url = f"http://localhost:{port}{base_url}"
        _wait_until_it_answers(f"{url}api", server)
        yield url, server
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
