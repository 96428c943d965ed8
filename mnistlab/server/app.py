"""The server: Voilà, configured for one notebook and many visitors."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import socket
import webbrowser
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

from jupyter_core.utils import run_sync
from jupyter_server.base.handlers import FileFindHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mnistlab import settings
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.jobs.queue import JobQueue
from mnistlab.jobs.scratch import remove_orphans, scratch_folder
from mnistlab.server import kernels, memory
from mnistlab.server.bytecode import compile_modules
from mnistlab.server.handlers import (
    ExtensionFile,
    Health,
    Login,
    Page,
    Presence,
    SecurityHeaders,
    Socket,
    TrainingCounts,
)
from mnistlab.server.messages import ALLOWED
from mnistlab.server.options import AppOptions

DEFAULT_PORT = 8866
_PREFIX = "mnistlab-app-"
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # ... and how this machine reaches itself
_OPEN_FILES = 10_000  # for eight hundred visitors; macOS refuses what is above 10,240

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
# What is served of what Voilà offers, and by whom: nothing else has an address.
_SERVED = {
    TornadoVoilaHandler: Page,
    VoilaKernelWebsocketHandler: Socket,
    KernelHandler: KernelHandler,  # a page that lost its socket asks whether its visit has ended
    VoilaShutdownKernelHandler: VoilaShutdownKernelHandler,
    FileFindHandler: ExtensionFile,
    MultiStaticFileHandler: MultiStaticFileHandler,
}
_SCRIPTS = f"((?:{'|'.join(map(re.escape, _EXTENSIONS))})/.+)"


_log = logging.getLogger(__name__)


class LabServer(Voila):  # type: ignore[misc]  # Voilà has no types
    """Voilà, which says its address once it answers."""

    options = AppOptions()
    queue: JobQueue

    def start(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # Nobody at the terminal can act on a refused request; what failed is reported besides.
        logging.getLogger("tornado").setLevel(logging.ERROR)
        logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
        loop = IOLoop.current()
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_from_signal(loop.stop))
        loop.asyncio_loop.set_exception_handler(_report)  # type: ignore[attr-defined]
        loop.add_callback(self._announce)  # runs when the loop does, the socket being open
        memory.keep_what_is_loaded()
        super().start()

    def stop(self) -> None:
        """End all kernels, and leave nothing."""
        self._sweeper.stop()  # it would start warm kernels
        run_sync(self.kernel_manager.shutdown_all)()
        shutil.rmtree(self.connection_dir, ignore_errors=True)

    def init_settings(self) -> dict[str, Any]:
        """Voilà's settings, stricter."""
        made: dict[str, Any] = super().init_settings()
        self.kernel_manager.allowed_message_types = list(ALLOWED)
        self._sweeper = PeriodicCallback(self.kernel_manager.sweep, 1000 * kernels.CHECK_SECONDS)
        self._sweeper.start()
        # A page of another site cannot reach a lab that is served to this machine only by giving
        # its own name this machine's address.
        local = self.options.listens_here
        names = ["localhost", *([self.options.host] if self.options.host else [])]
        return made | {
            "allow_remote_access": not local,
            "local_hostnames": names,
            "transforms": [SecurityHeaders],
        }

    def init_handlers(self) -> list[Any]:
        """Those of Voilà's that the page needs, ours in place of some, and ours beside them."""
        root = re.escape(self.server_url)
        static = {"paths": self.static_paths}
        handlers: list[Any] = [
            (f"{root}healthz", Health, {"trainings": TrainingCounts(self.queue)}),
            (rf"{root}api/kernels/([\w-]+)/presence", Presence),
            (f"{root}voila/templates/mnistlab/static/(.*)", MultiStaticFileHandler, static),
        ]
        if self.options.token:
            handlers.append((f"{root}login", Login))
        for path, handler, *arguments in super().init_handlers():
            if handler in _SERVED:
                path = root + path.removeprefix(self.server_url)
                if handler is FileFindHandler:
                    path = path.replace("(.*)", _SCRIPTS)
                handlers.append((path, _SERVED[handler], *arguments))
        return handlers

    def launch_browser(self) -> None:
        """Open the page in this machine's browser; the token would be seen in its command line."""
        Thread(target=webbrowser.open, args=(self._address(),), daemon=True).start()

    def _address(self, host: str = "") -> str:
        here = _EVERYWHERE.get(self.options.ip, self.options.ip)
        host = host or (f"[{here}]" if ":" in here else here)
        return f"http://{host}:{self.port}{self.base_url}"

    def _announce(self) -> None:
        token = f"?token={quote(self.options.token, safe='')}" if self.options.token else ""
        print(f"MNIST Lab is at {self._address()}{token} (end it with Ctrl-C)", flush=True)
        if self.options.ip in _EVERYWHERE:
            print(f"for other machines at {self._address(socket.gethostname())}{token}", flush=True)


def _report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say in one line what failed and nobody waited for, such as a page whose kernel was killed."""
    failed = context.get("exception")
    _log.error("Background work failed: %s", failed or context["message"])
    _log.debug("%s", context["message"], exc_info=failed)


def serve(options: AppOptions) -> None:
    """Serve the dashboard; returns after Ctrl-C or SIGTERM, without leftovers.

    Raises
    ------
    ConfigError
        When the port or the address cannot be used.
    """
    free = _free_port(options.ip, options.port or 0)  # tries the address too
    port = DEFAULT_PORT if options.port is None else free
    memory.prepare()
    _make_paths_absolute()
    _allow_open_files()
    remove_orphans(_PREFIX)  # of servers that were killed
    # A folder that holds nothing else: it is the kernels' working folder too, where any file
    # could be mistaken for a module.
    with scratch_folder(prefix=_PREFIX) as folder:
        (folder / "page").mkdir()
        notebook = shutil.copy(find_notebook(), folder / "page")
        _tell_kernels(options, folder)
        compile_modules(folder / "bytecode")
        server = LabServer(config=_config(options, str(notebook), port, folder))
        server.options = options
        server.queue = JobQueue(folder / "queue", options.workers)
        server.port_retries = 50 if options.port is None else 0
        server.initialize([])
        server.start()


def find_notebook() -> Path:
    """`dashboard.ipynb`: in the installed package, or beside it in a clone."""
    package = Path(__file__).parent.parent
    for folder in (package, package.parent):
        if (folder / "dashboard.ipynb").is_file():
            return folder / "dashboard.ipynb"
    raise MnistLabError("dashboard.ipynb is missing from the installation; reinstall mnistlab.")


def _tell_kernels(options: AppOptions, folder: Path) -> None:
    """What kernels and their trainings need to know, through the environment."""
    os.environ |= {
        "MNISTLAB_WORKERS": str(options.workers),
        "MNISTLAB_QUEUE": str(folder / "queue"),
        "MNISTLAB_TRAINING_MEMORY": str(options.training_memory),
        "MNISTLAB_TRAINING_MINUTES": str(options.training_minutes),
    }
    _put_first("JUPYTER_PATH", Path(__file__).parent / "jupyter")  # Voilà looks there for templates
    # ipykernel loads a debugger where there is one: 8 MB and 0.1 s of each visitor, who may not
    # use it.
    (folder / "without").mkdir()
    (folder / "without" / "debugpy.py").write_text("raise ImportError('not for visitors')\n")
    _put_first("PYTHONPATH", folder / "without")


def _put_first(variable: str, place: Path) -> None:
    others = os.environ.get(variable, "")
    os.environ[variable] = f"{place}{os.pathsep}{others}" if others else str(place)


def _config(options: AppOptions, notebook: str, port: int, folder: Path) -> Config:
    app: dict[str, Any] = {
        "notebook_path": notebook,
        "port": port,
        "ip": options.ip,
        "base_url": options.base_url,
        "token": options.token,
        "open_browser": options.browser,
        "connection_dir_root": str(folder),
        "config_file_paths": [],  # the settings of other Voilà pages are not ours
        "log_level": "ERROR",  # as for tornado in `start`
        "tornado_settings": {
            "websocket_max_message_size": _LARGEST_MESSAGE,
            "ws_ping_interval": kernels.PING_MILLISECONDS,
            "ws_ping_timeout": kernels.SILENCE_MILLISECONDS,
        },
    }
    page: dict[str, Any] = {
        "template": "mnistlab",
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
        "strip_sources": True,
        "http_keep_alive_timeout": 2,  # seconds until a kernel that died at its start is noticed
        "show_tracebacks": False,
        "file_allowlist": [],
        "extension_allowlist": _EXTENSIONS,
        "kernel_spec_manager_class": kernels.OwnKernel,
        "multi_kernel_manager_class": kernels.VisitKernels,
        "preheat_kernel": options.warm > 0,
        "default_pool_size": options.warm,
    }
    visits = {
        "folder": str(folder / "visits"),
        "shared": options.shared,
        "fill_delay": 0.0,  # `start_kernel` knows when to wait
        "max_visitors": options.max_visitors,
        "idle_seconds": 60 * options.idle_minutes,
        "cull_idle_timeout": kernels.ABANDONED_SECONDS,
        "cull_interval": kernels.CHECK_SECONDS,
        # The longest a silent, connected page is looked at; `cull_kernel_if_idle` decides.
        "cull_connected": False,
    }
    return Config(
        LabServer=app,
        VoilaConfiguration=page,
        VisitKernels=visits,
        # A kernel that died took its visit with it; another one would be an empty page's.
        KernelRestarter={"restart_limit": 0},
    )


def _free_port(ip: str, port: int) -> int:
    """The port itself, or a free one for 0; raises `ConfigError` where it is taken."""
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as probe:
        # As the server does, so that a port whose last connections are closing counts as free.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as error:
            place = f"Port {port} of {ip}" if port else f"The address {ip}"
            raise ConfigError(
                f"{place} cannot be used ({error.strerror or error}); "
                "choose another with --port or --ip."
            ) from error
        return int(probe.getsockname()[1])


def _allow_open_files() -> None:
    """Raise the limit of open files: a visitor takes a dozen, and many systems begin at 1024."""
    if os.name != "posix":
        return
    import resource  # which only Unix has

    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if most == resource.RLIM_INFINITY else min(_OPEN_FILES, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _make_paths_absolute() -> None:
    """Kernels work in another folder than the one the user's relative paths start from."""
    local = settings.local_mnist()
    if local is not None:
        os.environ["MNISTLAB_MNIST"] = str(local)
    if os.environ.get("MNISTLAB_HOME", "").strip():
        os.environ["MNISTLAB_HOME"] = str(settings.home())
