"""`mnistlab app`: prepares the environment, and starts and ends the server."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import socket
import webbrowser
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import psutil

from mnistlab import settings
from mnistlab.errors import ConfigError, MnistLabError
from mnistlab.scratch import remove_orphans, scratch_folder
from mnistlab.server import provisioner, resources
from mnistlab.server.forks import Forks, can_fork
from mnistlab.server.jupyter_adapter import LabServer, make_server
from mnistlab.server.options import AppOptions

DEFAULT_PORT = 8866
_PREFIX = "mnistlab-app-"
# How this machine reaches an address that stands for all its addresses.
_ALL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_log = logging.getLogger(__name__)


def serve(options: AppOptions) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM, and leave no files or processes behind.

    Raises `ConfigError` if the port or the address cannot be used, or if there is no such parent.
    """
    parent = _find_process(options.parent) if options.parent else None
    free = _free_port(options.ip, options.port or 0)  # checks the address too
    port = DEFAULT_PORT if options.port is None else free
    if options.metrics_port:
        _free_port(options.ip, options.metrics_port, "--metrics-port")
    resources.use_one_arena()
    resources.allow_open_files()
    remove_orphans(_PREFIX)  # of servers that were killed
    # A folder that holds nothing else: it is the kernels' working folder too, where any file
    # could be mistaken for a module.
    with scratch_folder(prefix=_PREFIX) as folder:
        (folder / "page").mkdir()
        notebook = Path(shutil.copy(find_notebook(), folder / "page"))
        set_kernel_environment(options, folder)
        resources.compile_modules(folder / "bytecode")
        with _forks(options, folder / "page") as forks:
            provisioner.register(forks)
            server = make_server(options, notebook, port, folder)
            server.on_start = lambda: _announce(options, server)
            server.ends_with = parent
            server.initialize([])
            server.start()
            _end_unknown_kernels(forks)


def _end_unknown_kernels(forks: Forks | None) -> None:
    """Kill the kernels that were being started when the server was told to end.

    It does not know them yet, and they would write to its folder once that is removed.
    """
    processes = psutil.Process().children(recursive=True)
    kernels = [each for each in processes if forks is None or each.pid != forks.pid]
    for each in kernels:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(kernels, timeout=5)


def _forks(options: AppOptions, folder: Path) -> AbstractContextManager[Forks | None]:
    """What kernels are forked from; it imports while the server starts."""
    if options.fork and can_fork():
        return Forks((*resources.IMPORTS, "mnistlab.ui.preload:preload"), folder)
    return nullcontext()


def find_notebook() -> Path:
    """`dashboard.ipynb`: in the installed package, or beside it in a clone."""
    package = Path(__file__).parent.parent
    for folder in (package, package.parent):
        if (folder / "dashboard.ipynb").is_file():
            return folder / "dashboard.ipynb"
    raise MnistLabError("dashboard.ipynb is missing from the installation; reinstall mnistlab.")


def set_kernel_environment(options: AppOptions, folder: Path) -> None:
    """Set what kernels and their trainings read from the environment."""
    os.environ |= {
        # Absolute: kernels work in another folder.
        "MNISTLAB_HOME": str(settings.home()),
        "MNISTLAB_MNIST": str(settings.local_mnist() or ""),
        "MNISTLAB_PENS": str(settings.pens_folder()),
        "MNISTLAB_BACKEND": settings.backend() or "",  # a wrong one ends the server at once
        "MNISTLAB_WORKERS": str(options.workers),
        "MNISTLAB_QUEUE": str(folder / "queue"),
        "MNISTLAB_TRAINING_MEMORY": str(options.training_memory),
        "MNISTLAB_TRAINING_MINUTES": str(options.training_minutes),
    }
    # The template of the page; and the kernel, which logs errors only and keeps no history.
    _put_first("JUPYTER_PATH", Path(__file__).parent / "jupyter")
    # ipykernel loads an installed debugger: 8 MB and 0.1 s for each visitor, who cannot use it.
    (folder / "without").mkdir()
    (folder / "without" / "debugpy.py").write_text("raise ImportError('not for visitors')\n")
    _put_first("PYTHONPATH", folder / "without")


def _put_first(variable: str, place: Path) -> None:
    places = (str(place), os.environ.get(variable, ""))
    os.environ[variable] = os.pathsep.join(filter(None, places))


def _announce(options: AppOptions, server: LabServer) -> None:
    """Print the address once the server answers, and open it in the browser."""
    asyncio.get_running_loop().set_exception_handler(_report)
    here = _ALL_ADDRESSES.get(options.ip, options.ip)
    here = f"[{here}]" if ":" in here else here
    path = f":{server.port}{options.base_url}"
    token = f"?token={quote(options.token, safe='')}" if options.token else ""
    print(f"MNIST Lab is at http://{here}{path}{token} (stop it with Ctrl-C)", flush=True)
    if options.ip in _ALL_ADDRESSES:
        print(f"for other machines at http://{socket.gethostname()}{path}{token}", flush=True)
    if options.browser:  # without the token, which others would see in the command line
        Thread(target=webbrowser.open, args=(f"http://{here}{path}",), daemon=True).start()


def _report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log failed background work in one line, such as a page whose kernel was killed."""
    failed = context.get("exception")
    _log.error("Background work failed: %s", failed or context["message"])
    _log.debug("%s", context["message"], exc_info=failed)


def _find_process(pid: int) -> psutil.Process:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess as error:
        raise ConfigError(f"There is no process {pid}; give --parent the id of one.") from error


def _free_port(ip: str, port: int, flag: str = "--port") -> int:
    """The port itself, or a free one for 0; raises `ConfigError` if it cannot be used."""
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
                f"choose another with {flag} or --ip."
            ) from error
        return int(probe.getsockname()[1])
