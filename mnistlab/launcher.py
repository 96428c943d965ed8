"""The tile in JupyterLab's launcher, for those who have jupyter-server-proxy.

It runs in the process of the user's Jupyter server, so it imports nothing of the lab.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

_NAME = "mnistlab"  # of the entry point in pyproject.toml, and so the path in the browser
_START_SECONDS = 120.0  # on a busy machine, with the packages on a slow network drive
_ICON = Path(__file__).parent / "server/jupyter/voila/templates/mnistlab/static/icon.svg"


def launcher() -> dict[str, Any]:
    """How jupyter-server-proxy starts the lab for one user, reaches it and shows it.

    The lab listens on a port of the machine, which its other users can reach, too. So it takes a
    token that only the proxy knows, and the proxy lets nobody in but the user of the Jupyter
    server. The proxy also checks that requests come from that server's own pages.

    Returns
    -------
    dict
        A process in the format of jupyter-server-proxy. The proxy replaces ``{port}`` and
        ``{base_url}``.
    """
    token = secrets.token_hex(32)
    return {
        "command": [
            *(sys.executable, "-m", "mnistlab", "app", "--no-browser"),
            *("--ip", "127.0.0.1", "--host", "localhost", "--port", "{port}"),
            *("--base-url", f"{{base_url}}{_NAME}/", "--parent", str(os.getpid())),
        ],
        # Not in the command, which others can see.
        "environment": {"MNISTLAB_APP_TOKEN": token},
        "request_headers_override": {
            "Authorization": f"token {token}",
            # The lab answers to no other name. And Jupyter names login cookies by the host, so with
            # the browser's own name both servers would give the same name to theirs.
            "Host": "localhost:{port}",
        },
        "absolute_url": True,  # the page's addresses begin with --base-url
        "timeout": _START_SECONDS,
        "launcher_entry": {"title": "MNIST Lab", "icon_path": str(_ICON)},
    }
