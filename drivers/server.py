"""`mnistlab app` as a process of its own, for the tests of this folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Any

import psutil

START_SECONDS = 120

# With these, the server ends a kernel without a page in 3 s, not 35 s.
IMPATIENT = {"ABANDONED_SECONDS": 2, "CHECK_SECONDS": 1}
_WITH_CONSTANTS = """
import sys
from mnistlab.server import visits
vars(visits).update({constants})  # before the adapter imports them
from mnistlab.cli import main
sys.exit(main())
"""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Let a redirect be what was asked for."""


class Server:
    """`mnistlab app` as a process of its own."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process = process
        self.url = url
        self.folder = folder

    def get(self, path: str = "") -> tuple[int, str]:
        """Status and body of an answer."""
        status, _, body = self.ask(path)
        return status, body

    def ask(
        self, path: str = "", method: str = "GET", follow: bool = True, **headers: str
    ) -> tuple[int, Message, str]:
        """Status, headers and body of an answer; without `follow`, of a redirect itself."""
        request = urllib.request.Request(self.url + path, headers=headers, method=method)
        opener = urllib.request.build_opener(*([] if follow else [_NoRedirect]))
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def ready(self) -> tuple[int, dict[str, Any]]:
        """The status and the content of /readyz."""
        status, body = self.get("readyz")
        return status, json.loads(body)

    def health(self) -> dict[str, Any]:
        """What /healthz says."""
        health: dict[str, Any] = json.loads(self.get("healthz")[1])
        return health

    def visits(self) -> list[Path]:
        """The folders of the kernels, whose names are the kernels' ids."""
        return sorted((self.folder / "tmp").glob("mnistlab-app-*/visits/*"))

    def kernels(self) -> list[psutil.Process]:
        """The visitors' processes."""
        return kernels(psutil.Process(self.process.pid))


def kernels(server: psutil.Process) -> list[psutil.Process]:
    """The kernels of a server: its children, or those of the process it forks them from."""
    found = []
    for child in server.children():
        with suppress(psutil.NoSuchProcess):  # one that has just ended has no command line
            command = child.cmdline()
            if "mnistlab.server.fork_server" in command:
                found += child.children()
            elif "mnistlab.server.kernel" in command:
                found.append(child)
    return found


@contextmanager
def serving(
    folder: Path,
    *arguments: str,
    python: str = sys.executable,
    constants: Mapping[str, int] | None = None,
    **environment: str,
) -> Iterator[Server]:
    """A server on a free port, its temporary files below `folder`; it lives until the end.

    Without an argument `--warm`, only visitors have kernels.

    Parameters
    ----------
    python : the interpreter of an environment that has the package
    constants : values for constants of `mnistlab.server.visits`
    """
    program = ["-m", "mnistlab"]
    if constants:
        program = ["-c", _WITH_CONSTANTS.format(constants=dict(constants))]
    home = {"MNISTLAB_HOME": str(folder / "home"), "MNISTLAB_OFFLINE": "1", "MNISTLAB_MNIST": ""}
    (folder / "tmp").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [python, *program, "app", "--port", "0", "--no-browser", "--warm", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, **home, "TMPDIR": str(folder / "tmp"), **environment},
    )
    assert process.stdout is not None
    # Only its start is limited. A server of several tests must outlive them all, however long the
    # tests between them take.
    killer = threading.Timer(START_SECONDS, process.kill)
    killer.start()
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        killer.cancel()
        assert found, "the server ended without a URL"
        yield Server(process, found[0], folder)
    finally:
        killer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()
