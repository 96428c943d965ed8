"""Voilà for one notebook and many visits: its routes, settings, start and end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import shutil
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from jupyter_core.utils import run_sync
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from nbconvert.exporters import templateexporter
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.web import Application, GZipContentEncoding, HTTPError
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from mnistlab.jobs.queue import JobQueue
from mnistlab.server import resources, visits
from mnistlab.server.handlers import (
    Drain,
    Health,
    MetricsPage,
    Ready,
    SecurityHeaders,
    count_trainings,
)
from mnistlab.server.jupyter_adapter.files import ExtensionFile, TemplateFile
from mnistlab.server.jupyter_adapter.kernels import LabKernelSpecs, VisitKernel, VisitKernels
from mnistlab.server.jupyter_adapter.page import Page
from mnistlab.server.jupyter_adapter.sockets import KernelSocket, VisitSocket
from mnistlab.server.metrics import Readings
from mnistlab.server.options import AppOptions
from mnistlab.server.page_files import CompressedCopies, write_scripts
from mnistlab.server.templates import COMPILED_ONCE

# An upload of 15 MB and its envelope. Beyond this tornado closes the socket without an error
# message, so the limit is well above the one that the page explains.
_MAX_MESSAGE = 24 * 2**20
_DRAWN_SECONDS = 4.0  # until the page of a warm kernel is drawn, on a slow machine
_LOOK_SECONDS = 0.5  # between looks whether visits and pages are over
_DRAIN_SECONDS = 600.0  # for visits to finish, where no other time is set
_MOVING_SECONDS = 10.0  # for pages to find another server
_PARENT_SECONDS = 2.0  # between looks whether the parent process lives
# The scripts of the page: no other extension that is installed is served.
_EXTENSIONS = [
    "@voila-dashboards/widgets-manager8",  # runs the widgets ...
    "@jupyter-widgets/jupyterlab-manager",  # ... and draws them
    "ipycanvas",
    "jupyterlab-plotly",
]
_SCRIPTS = "scripts"  # their folder


class _LockedMetrics(MetricsPage, JupyterHandler):
    """`/metrics` for those who have the token."""

    async def prepare(self, **kwargs: Any) -> None:
        """Refuse everybody else."""
        await super().prepare(**kwargs)
        if self.current_user is None:
            raise HTTPError(403)


class LabServer(Voila):  # type: ignore[misc]  # Voilà has no types
    """Voilà for one notebook and many visits; `make_server` makes one."""

    options: AppOptions
    folder: Path
    on_start: Callable[[], None]
    ends_with: psutil.Process | None = None
    _is_terminating = False
    _seen_trainings = 0

    def start(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # Nobody at the terminal can act on a refused request. Failures are reported elsewhere.
        logging.getLogger("tornado").setLevel(logging.ERROR)
        logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
        loop = IOLoop.current()
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_from_signal(self._terminate))
        # Python would raise KeyboardInterrupt wherever it is, also where that is ignored.
        signal.signal(signal.SIGINT, self._interrupt)
        if self.ends_with is not None:
            look = partial(self._look_for, self.ends_with)
            PeriodicCallback(look, 1000 * _PARENT_SECONDS).start()
        loop.add_callback(self._announce)  # runs when the loop does; the port is open by then
        resources.free_memory()
        resources.freeze_objects()
        super().start()

    async def _announce(self) -> None:
        # The first visitor would wait longer for a page that is made beside a warm one.
        await self.kernel_manager.wait_for_warm()
        self.on_start()

    def _interrupt(self, *_: object) -> None:
        """End at once. A second Ctrl-C interrupts whatever the end waits for."""
        signal.signal(signal.SIGINT, signal.default_int_handler)
        IOLoop.current().add_callback_from_signal(IOLoop.current().stop)

    def _look_for(self, process: psutil.Process) -> None:
        """End, as after Ctrl-C, when that process has ended."""
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and process.is_running():
                return
        IOLoop.current().stop()

    def _terminate(self) -> None:
        """End when the visits have finished; at once when asked again, or if they have no time."""
        if self._is_terminating or not self.options.drain_seconds:
            IOLoop.current().stop()
            return
        self._is_terminating = True
        self.drain()

    def drain(self) -> float:
        """Take no new visits, and end when all have finished or when their time is over.

        Returns the seconds that they have.
        """
        kernels = self.kernel_manager
        if not kernels.visits.is_draining:
            kernels.begin_to_drain(self.options.drain_seconds or _DRAIN_SECONDS)
            self._draining = asyncio.ensure_future(self._drain())
        return float(kernels.seconds_left())

    async def _drain(self) -> None:
        kernels = self.kernel_manager
        while not kernels.visits.are_over and kernels.seconds_left():
            await asyncio.sleep(_LOOK_SECONDS)
        # What is left of a visit is in its page, which finds another server with it.
        kernels.metrics.culled.labels("drained").inc(len(kernels.visits))
        kernels.visits.tell(moving=True)
        deadline = time.monotonic() + _MOVING_SECONDS
        while any(visit.sockets for visit in kernels.visits) and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        await asyncio.sleep(_LOOK_SECONDS)  # the last page's answer may be on its way
        IOLoop.current().stop()

    @property
    def _metrics_page(self) -> dict[str, Any]:
        return {"metrics": self.kernel_manager.metrics, "read": self._read}

    async def _read(self) -> Readings:
        """What `/metrics` needs to be read."""
        kernels, queue = self.kernel_manager, self._queue
        running, waiting = await count_trainings(queue)
        for seconds in queue.finished(self._seen_trainings):
            self._seen_trainings += 1
            if not math.isnan(seconds):
                kernels.metrics.training_seconds.observe(seconds)
        used = await asyncio.to_thread(resources.memory_of, kernels.pids())
        return Readings(kernels.warm, used, running, waiting)

    def stop(self) -> None:
        """End all kernels and delete all files."""
        self._sweeper.stop()  # it would start warm kernels
        for _ in range(10):
            # A kernel that dies meanwhile is forgotten, and asking it to end fails: the others
            # are asked again.
            with suppress(HTTPError):
                run_sync(self.kernel_manager.shutdown_all)()
                break
        shutil.rmtree(self.connection_dir, ignore_errors=True)

    def init_settings(self) -> dict[str, Any]:
        """Voilà's settings, and the app's in place of some."""
        made: dict[str, Any] = super().init_settings()
        self._instance = uuid.uuid4().hex
        (self.folder / _SCRIPTS).mkdir()
        names = write_scripts(
            self.folder / _SCRIPTS, [*self.static_paths, *self.labextensions_path]
        )
        self.voila_configuration.config.VoilaConfiguration.resources = {
            "mnistlab_scripts": names,
            "mnistlab_instance": self._instance,
        }
        self._sweeper = PeriodicCallback(self.kernel_manager.sweep, 1000 * visits.CHECK_SECONDS)
        self._sweeper.start()
        self._queue = JobQueue(self.folder / "queue", self.options.workers)
        if self.options.metrics_port:
            pages = Application([("/metrics", MetricsPage, self._metrics_page)])
            pages.listen(self.options.metrics_port, self.options.ip)
        return made | {
            "jinja2_env": made["voila_jinja2_env"],  # Jupyter's form for the token mentions Jupyter
            "transforms": [GZipContentEncoding, partial(SecurityHeaders, self._instance)],
            "compressed_copies": CompressedCopies(self.folder / "compressed"),
            "websocket_max_message_size": _MAX_MESSAGE,
            "ws_ping_interval": 1000 * visits.PING_SECONDS,
            "ws_ping_timeout": 1000 * visits.SILENCE_SECONDS,
            # A page of another site can reach a server for this machine only by giving its own
            # name this machine's address.
            "allow_remote_access": not self.options.listens_here,
            "local_hostnames": ["localhost", *filter(None, [self.options.host])],
        }

    def init_handlers(self) -> list[Any]:
        """All that is served: the page, what it needs of Voilà, and what operators ask."""
        kernel, scripts = r"api/kernels/([\w-]+)", "|".join(map(re.escape, _EXTENSIONS))
        files = (TemplateFile, {"paths": [*self.static_paths, str(self.folder / _SCRIPTS)]})
        page = {
            "notebook_path": Path(self.notebook_path).name,
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        routes = {
            "healthz": (Health, {"queue": self._queue}),
            "readyz": (Ready, {"visits": self.kernel_manager.visits}),
            "drain": (Drain, {"drain": self.drain, "is_hidden": self._is_hidden}),
            kernel: (KernelHandler,),  # a page that lost its socket asks whether its kernel lives
            f"{kernel}/channels": (KernelSocket,),
            f"{kernel}/presence": (VisitSocket,),
            "voila/api/shutdown/(.*)": (VoilaShutdownKernelHandler,),
            "voila/static/(.*)": files,
            "voila/templates/mnistlab/static/(.*)": files,
            f"voila/labextensions/((?:{scripts})/.+)": (
                ExtensionFile,
                {"path": self.labextensions_path},
            ),
            **(self._pages_behind_the_token() if self.options.token else {}),
            "(.*)": (Page, page),
        }
        return [(re.escape(self.server_url) + path, *route) for path, route in routes.items()]

    @property
    def _is_hidden(self) -> bool:
        """Whether a proxy serves this, and nothing says that it names the visitors' addresses."""
        return bool(self.options.host) and not self.options.trusted_proxies

    def _pages_behind_the_token(self) -> dict[str, Any]:
        return {"login": (LoginFormHandler,), "metrics": (_LockedMetrics, self._metrics_page)}


def make_server(options: AppOptions, notebook: Path, port: int, folder: Path) -> LabServer:
    """A server of a notebook whose files go into `folder`; `on_start` is yet to be set."""
    app = {
        "notebook_path": str(notebook),
        "port": port,
        "port_retries": 50 if options.port is None else 0,
        "ip": options.ip,
        "base_url": options.base_url,
        "token": options.token,
        "open_browser": False,  # Voilà would pass it a file, and the token in its command line
        "connection_dir_root": str(folder),
        "config_file_paths": [],  # the settings of other Voilà pages do not apply
        "log_level": "ERROR",  # as for tornado in `LabServer.start`
    }
    page = {
        "template": "mnistlab",
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
        "strip_sources": True,
        "http_keep_alive_timeout": 2,  # seconds until a kernel that died while starting is noticed
        "extension_allowlist": _EXTENSIONS,
        "kernel_spec_manager_class": LabKernelSpecs,
        "multi_kernel_manager_class": VisitKernels,
        "preheat_kernel": options.warm > 0,
        "default_pool_size": options.warm,
    }
    config = Config(
        LabServer=app,
        VoilaConfiguration=page,
        VisitKernels={
            "fill_delay": _DRAWN_SECONDS,  # the next warm kernel starts after that
            "kernel_manager_class": f"{VisitKernel.__module__}.{VisitKernel.__name__}",
        },
        # A `python3` of another folder may be an environment without mnistlab.
        LabKernelSpecs={"allowed_kernelspecs": {"python3"}},
        KernelRestarter={"restart_limit": 0},  # a visit ends with its kernel
        # Above its limit, Jupyter drops messages. Kernels run nothing but the dashboard.
        ZMQChannelsWebsocketConnection={"limit_rate": False},
    )
    if options.token:  # all servers of a fleet take the login of one
        secret = hashlib.scrypt(options.token.encode(), salt=b"mnistlab", n=2**14, r=8, p=1)
        config.LabServer.cookie_secret = secret
    templateexporter.JINJA_EXTENSIONS = [*templateexporter.JINJA_EXTENSIONS, COMPILED_ONCE]
    server = LabServer(config=config)
    server.options, server.folder = options, folder
    return server
