"""The dashboard as a web app: Voilà, serving one notebook with our limits.

Only `mnistlab app` imports this module; it loads the whole server.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.ioloop import IOLoop
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from traitlets import Unicode
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mnistlab import settings
from mnistlab.errors import ConfigError, MnistLabError

DEFAULT_PORT = 8866
MAX_WARM = 64

# A closed page asks for its kernel's end itself. Where that word is lost, the kernel is gone
# within a minute: 20 s until a silent page counts as closed, 30 s in which it may come back, 5 s
# to the next look.
_PING_MILLISECONDS = 5_000
_SILENCE_MILLISECONDS = 3 * _PING_MILLISECONDS  # one late answer is no closed page
_ABANDONED_SECONDS = 30
_CHECK_SECONDS = 5

_NEWER_PROTOCOL = "v1.kernel.websocket.jupyter.org"

# An upload of 15 MB and its envelope. Beyond this the server closes the socket without a word,
# so it lies well above the limit that the page itself explains.
_LARGEST_MESSAGE = 24 * 2**20

# The page's scripts: no other extension that happens to be installed is sent to visitors.
_EXTENSIONS = [
    "@voila-dashboards/widgets-manager8",  # runs the widgets ...
    "@jupyter-widgets/jupyterlab-manager",  # ... and this draws them
    "ipycanvas",
    "jupyterlab-plotly",
]


class OwnKernel(KernelSpecManager):
    """Knows one kernel: the interpreter that runs this server.

    A kernel named `python3` in the user's folders may belong to another environment, where
    mnistlab is not installed.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """The one kernel, which has no folder of its own."""
        return {NATIVE_KERNEL_NAME: ""}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """That kernel, whatever the notebook was last run with."""
        return KernelSpec(
            argv=[
                *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
                # Visitors type no code: there is no history to keep in the user's file.
                "--HistoryManager.enabled=False",
                # It warns of unencrypted messages, which stay on this machine and are signed.
                "--log-level=ERROR",
            ],
            display_name="Python 3",
            language="python",
        )


class VisitKernels(AsyncMappingKernelManager):
    """The visitors' kernels; one without a page ends soon."""

    visits = Unicode("", config=True, help="Folder of the visits' own folders; empty for none.")

    async def start_kernel(self, *, kernel_id: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a visit, with a folder of its own where visits have one."""
        if self.visits:
            kernel_id = kernel_id or str(uuid.uuid4())
            visit = str(Path(self.visits) / kernel_id)
            kwargs["env"] = {**(kwargs.get("env") or os.environ), "MNISTLAB_VISIT": visit}
        started: str = await super().start_kernel(kernel_id=kernel_id, **kwargs)
        return started

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, and what its visitor made."""
        if self.visits:
            shutil.rmtree(Path(self.visits) / kernel_id, ignore_errors=True)
        return super().remove_kernel(kernel_id)

    def notify_connect(self, kernel_id: str) -> None:
        """The page is there, for the first time or again after a failure of the network."""
        super().notify_connect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self._kernels:
            self._kernels[kernel_id].left_at = None

    def notify_disconnect(self, kernel_id: str) -> None:
        """Count the time without a page from here, so that a short network failure is survived."""
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self._kernels:
            self._kernels[kernel_id].last_activity = utcnow()
            self._kernels[kernel_id].left_at = time.monotonic()

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel without a page, even one that a training keeps active."""
        left_at = getattr(self._kernels[kernel_id], "left_at", None)
        if left_at is None or self._kernel_connections.get(kernel_id):
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]
        elif time.monotonic() - left_at > _ABANDONED_SECONDS:
            await self.shutdown_kernel(kernel_id)  # type: ignore[no-untyped-call]


class Page(TornadoVoilaHandler):  # type: ignore[misc]  # Voilà has no types
    """Voilà's page with the cookie that its farewell must carry.

    Without it the server refuses a closing page's request to end its kernel (voila #1458).
    """

    async def get(self, path: str | None = None) -> None:
        """Send the page."""
        self.xsrf_token  # noqa: B018  (reading it sets the cookie)
        await super().get(path)


class Socket(VoilaKernelWebsocketHandler):  # type: ignore[misc]  # Voilà has no types
    """Voilà's socket, without delay and without a trap that stops the whole server.

    Voilà reads the first bytes of every binary message as a count of offsets. That is right in
    the newer protocol only. A kernel's picture that arrives just after its page has closed is
    packed in the older one, where those bytes are a number so large that the server would count
    to it, and fill its memory, for ever.
    """

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Send each message at once: held back for company, an answer comes 40 ms later."""
        self.set_nodelay(True)
        await super().open(*args, **kwargs)

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Pass a kernel's message on to the page, if that is still there."""
        if self.ws_connection is None:
            raise WebSocketClosedError
        if isinstance(message, bytes) and self.selected_subprotocol != _NEWER_PROTOCOL:
            return WebSocketHandler.write_message(self, message, binary)
        return super().write_message(message, binary)


class LabServer(Voila):  # type: ignore[misc]  # Voilà has no types
    """Voilà, which says its address once it answers."""

    def start(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # Where tornado warns that the timeout exceeds the interval it takes both for seconds.
        logging.getLogger("tornado.general").setLevel(logging.ERROR)
        loop = IOLoop.current()
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_from_signal(loop.stop))
        loop.add_callback(self._announce)  # runs when the loop does, the socket being open
        super().start()

    def init_handlers(self) -> list[Any]:
        """Voilà's, with our page and socket in place of its own."""
        ours = {TornadoVoilaHandler: Page, VoilaKernelWebsocketHandler: Socket}
        return [
            (path, ours.get(handler, handler), *settings)
            for path, handler, *settings in super().init_handlers()
        ]

    def _announce(self) -> None:
        print(f"MNIST Lab is at {self.display_url} (end it with Ctrl-C)", flush=True)


def serve(
    port: int | None = None, open_browser: bool = True, warm: int = 0, shared: bool = False
) -> None:
    """Serve the dashboard to this machine; returns after Ctrl-C or SIGTERM, without leftovers.

    Parameters
    ----------
    port : 1 to 65535, or 0 for any free one; by default 8866 or, where that is taken, one near it
    open_browser : whether to open the page in the user's browser
    warm : kernels kept ready for the next visitors, 0 to 64
    shared : whether each visit has runs and drawings of its own, which end with it; by default
        they last under `MNISTLAB_HOME`

    Raises
    ------
    ConfigError
        When the port is taken or a number is out of range.
    """
    if not 0 <= warm <= MAX_WARM:
        raise ConfigError(f"The number of warm kernels is {warm}; give 0 to {MAX_WARM}.")
    port_or_near = DEFAULT_PORT if port is None else _free_port(port)
    _make_paths_absolute()
    # A folder that holds nothing else: it is the kernels' working folder too, where any file
    # could be mistaken for a module.
    with tempfile.TemporaryDirectory(prefix="mnistlab-app-") as folder:
        (Path(folder) / "page").mkdir()
        notebook = shutil.copy(find_notebook(), Path(folder) / "page")
        config = _config(str(notebook), port_or_near, open_browser, warm)
        config.VisitKernels.visits = str(Path(folder) / "visits") if shared else ""
        server = LabServer(config=config)
        server.port_retries = 50 if port is None else 0
        server.initialize([])
        server.start()


def find_notebook() -> Path:
    """`dashboard.ipynb`: in the installed package, or beside it in a clone."""
    package = Path(__file__).parent
    for folder in (package, package.parent):
        if (folder / "dashboard.ipynb").is_file():
            return folder / "dashboard.ipynb"
    raise MnistLabError("dashboard.ipynb is missing from the installation; reinstall mnistlab.")


def _config(notebook: str, port: int, open_browser: bool, warm: int) -> Config:
    app: dict[str, Any] = {
        "notebook_path": notebook,
        "port": port,
        "open_browser": open_browser,
        "config_file_paths": [],  # the settings of other Voilà pages are not ours
        "log_level": "ERROR",  # nobody at the terminal can act on a refused request
        "tornado_settings": {
            "websocket_max_message_size": _LARGEST_MESSAGE,
            "ws_ping_interval": _PING_MILLISECONDS,
            "ws_ping_timeout": _SILENCE_MILLISECONDS,
        },
    }
    page: dict[str, Any] = {
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
        "strip_sources": True,
        "show_tracebacks": False,
        "file_allowlist": [],
        "extension_allowlist": _EXTENSIONS,
        "kernel_spec_manager_class": OwnKernel,
        "multi_kernel_manager_class": VisitKernels,
        "preheat_kernel": warm > 0,
        "default_pool_size": warm,
    }
    kernels = {"cull_idle_timeout": _ABANDONED_SECONDS, "cull_interval": _CHECK_SECONDS}
    return Config(LabServer=app, VoilaConfiguration=page, VisitKernels=kernels)


def _free_port(port: int) -> int:
    """The port itself, or a free one for 0; raises `ConfigError` where it is taken."""
    if not 0 <= port <= 65535:
        raise ConfigError(f"The port is {port}; give one from 1 to 65535, or 0 for any free one.")
    with socket.socket() as probe:
        # As the server does, so that a port whose last connections are closing counts as free.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigError(
                f"Port {port} cannot be used ({error.strerror}); choose another with --port."
            ) from error
        return int(probe.getsockname()[1])


def _make_paths_absolute() -> None:
    """Kernels work in another folder than the one the user's relative paths start from."""
    local = settings.local_mnist()
    if local is not None:
        os.environ["MNISTLAB_MNIST"] = str(local)
    if os.environ.get("MNISTLAB_HOME", "").strip():
        os.environ["MNISTLAB_HOME"] = str(settings.home())
