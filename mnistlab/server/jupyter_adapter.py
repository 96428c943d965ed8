"""All private and unstable names in use of Voilà, Jupyter Server, jupyter_client and tornado.

`tests/server/test_jupyter_adapter.py` lists them, and what needs each.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import mimetypes
import os
import re
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_core.utils import run_sync
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.services.kernels.handlers import KernelHandler
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from nbconvert.exporters import templateexporter
from tornado.ioloop import IOLoop, PeriodicCallback
from tornado.iostream import StreamBufferFullError
from tornado.web import (
    Application,
    GZipContentEncoding,
    HTTPError,
    RequestHandler,
    StaticFileHandler,
)
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from traitlets import default
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler
from voila.utils import ENV_VARIABLE

from mnistlab.jobs.queue import JobQueue
from mnistlab.server import resources, visits
from mnistlab.server.addresses import parse_proxies, visitor_address
from mnistlab.server.handlers import (
    ROUTE_COOKIE,
    SERVER_COOKIE,
    Drain,
    Health,
    MetricsPage,
    Ready,
    SecurityHeaders,
    count_trainings,
)
from mnistlab.server.kernel_client import QuickClient
from mnistlab.server.messages import (
    AnswerTimes,
    Message,
    Moves,
    RefusedError,
    check_message,
    idle_status,
)
from mnistlab.server.metrics import Metrics, Readings
from mnistlab.server.options import AppOptions
from mnistlab.server.page_files import CompressedCopies, never_changes, write_scripts
from mnistlab.server.templates import COMPILED_ONCE
from mnistlab.server.visits import (
    Refusal,
    RefusedVisitError,
    State,
    Visit,
    VisitFolders,
    Visits,
)

# An upload of 15 MB and its envelope. Beyond this tornado closes the socket without an error
# message, so the limit is well above the one that the page explains.
_MAX_MESSAGE = 24 * 2**20
_MAX_UNREAD = 32 * 2**20  # bytes that wait for a page which does not read
_HEARTBEAT_SECONDS = 3  # a kernel answers within a millisecond, on a busy machine later
_FREED_SECONDS = 65  # Jupyter keeps a connection for a minute after its end
_WARM_SECONDS = 10.0  # that the server waits for its first warm kernel
_DRAWN_SECONDS = 4.0  # until the page of a warm kernel is drawn, on a slow machine
_LOOK_SECONDS = 0.5  # between looks whether a kernel that starts is alive
_DRAIN_SECONDS = 600.0  # for visits to finish, where no other time is set
_MOVING_SECONDS = 10.0  # for pages to find another server
_RETRY_SECONDS = 20  # for a visitor who finds the server full
_RELOAD_SECONDS = 1  # the request for a reloaded page comes before the old one's place is free

# The scripts of the page: no other extension that is installed is served.
_EXTENSIONS = [
    "@voila-dashboards/widgets-manager8",  # runs the widgets ...
    "@jupyter-widgets/jupyterlab-manager",  # ... and draws them
    "ipycanvas",
    "jupyterlab-plotly",
]
_KERNEL_PLACE = "[kernel-id]"  # in the page's template
_SCRIPTS = "scripts"  # their folder
_KEPT_SECONDS = 365 * 24 * 3600
_NOT_STARTED = """<script>document.querySelector("#loading p").textContent =
"The session could not be started. Please reload the page."</script>"""
_NOTICES = {
    Refusal.FULL: "full.html",
    Refusal.DRAINING: "draining.html",
    Refusal.ADDRESS: "address.html",
}
_SESSION = re.compile(r"[\w-]{0,64}")
_arriving: ContextVar[Visit] = ContextVar("arriving")
"""The visit whose page a request makes, known also to what Voilà calls in it."""
_log = logging.getLogger(__name__)


class VisitKernel(ServerKernelManager):
    """A kernel that is reached by sockets with names, where Linux has them.

    Ports are picked before the kernel binds them. Whatever takes one meanwhile, such as a browser's
    connection, leaves a page that loads for ever.
    """

    @default("transport")
    def _transport_default(self) -> str:
        return "ipc" if sys.platform == "linux" else "tcp"

    @default("client_factory")
    def _client_factory_default(self) -> type[QuickClient]:
        return QuickClient

    @default("ip")
    def _ip_default(self) -> str:
        # "@": a name that is no file, see unix(7). Messages are signed, as over ports.
        return f"@mnistlab-{uuid.uuid4()}" if self.transport == "ipc" else "127.0.0.1"


class VisitKernels(AsyncMappingKernelManager):
    """The kernels of all visits, and warm kernels that wait for one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.context.rcvhwm = 0  # no message of a kernel is dropped, see `VisitKernelApp`
        server: Any = self.parent
        self.options: AppOptions = server.options
        options = self.options
        address_places = options.address_visits or 0
        self.visits = Visits(options.max_visitors, 60 * options.idle_minutes, address_places)
        self.metrics = Metrics(self.visits)
        self._folders = VisitFolders(server.folder / "visits", options.shared)
        # When a class opens the page, the first students need not wait until all pages are made.
        self.starting = asyncio.Semaphore(os.cpu_count() or 1)
        self._free_until = float("-inf")
        self._ending: set[asyncio.Future[Any]] = set()

    async def start_kernel(self, *, kernel_id: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel with a folder of its own."""
        environment = kwargs.pop("env", os.environ)
        kernel_id = kernel_id or str(uuid.uuid4())
        try:
            own = await asyncio.to_thread(self._folders.create, kernel_id)
            await super().start_kernel(kernel_id=kernel_id, **kwargs, env={**environment, **own})
        except Exception:
            self._folders.remove(kernel_id)
            with suppress(ValueError):  # in the pool, it would make Voilà's next shutdown fail
                self._pool().remove(asyncio.current_task())  # type: ignore[arg-type]
            raise
        if environment.get(ENV_VARIABLE.VOILA_PREHEAT) != "True":  # it does not become warm
            self.assign(_arriving.get(), kernel_id)
        return kernel_id

    def assign(self, visit: Visit, kernel_id: str) -> None:
        """Give a visit its kernel."""
        self.visits.assign(visit, kernel_id)
        self._folders.set_owner(kernel_id, visit.address)

    def start_watching_activity(self, kernel_id: str) -> None:
        """Mark the kernel as ready. Reading its messages here, too, would double their cost."""
        self._kernels[kernel_id].execution_state = "idle"

    async def shutdown_kernel(self, kernel_id: str, now: bool = False, **kwargs: Any) -> Any:  # type: ignore[override]
        """End a kernel; its place is free at once."""
        # A warm kernel has nothing to lose. Asked to end, it would log the interruption.
        now = now or self.visits.get(kernel_id) is None
        self.visits.release(kernel_id)
        return await super().shutdown_kernel(kernel_id, now=now, **kwargs)  # type: ignore[no-untyped-call]

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, its visit and its folder."""
        self.visits.end(kernel_id)
        self._free_until = time.monotonic() + _FREED_SECONDS
        asyncio.get_running_loop().run_in_executor(None, self._folders.remove, kernel_id)
        return super().remove_kernel(kernel_id)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        """Log one line, and end the visit."""
        visit = self.visits.get(kernel_id)
        for socket in visit.sockets if visit else ():
            # Jupyter would write to the socket after it was closed.
            if connection := getattr(socket, "connection", None):
                self.remove_restart_callback(kernel_id, connection.on_restart_failed, "dead")
        _log.error("A kernel died, perhaps because memory ran out; its page offers a reload.")
        self.metrics.died.inc()
        self.remove_kernel(kernel_id)

    async def sweep(self) -> None:
        """Shut down overdue kernels, replace dead warm ones, and free disk space and memory."""
        overdue = self.visits.overdue()
        for state in overdue.values():
            self.metrics.culled.labels("left" if state is State.LEFT else "idle").inc()
        await asyncio.gather(*map(self.shutdown_kernel, overdue))
        self._refill()
        await asyncio.to_thread(self._folders.clean_up)
        if time.monotonic() < self._free_until:
            resources.free_memory()

    def begin_to_drain(self, seconds: float) -> None:
        """Take no new visits, tell those that are there, and end the warm kernels."""
        self.visits.is_draining = True
        self._drained_at = time.monotonic() + seconds
        self.visits.tell(draining=seconds)
        for start in tuple(self._pool()):
            self._drop(start)

    def seconds_left(self) -> float:
        """How long visits may last while the server drains."""
        return max(0.0, self._drained_at - time.monotonic())

    def pids(self) -> list[int]:
        """The processes of all kernels."""
        provisioners = (getattr(kernel, "provisioner", None) for kernel in self._kernels.values())
        pids = (getattr(each, "pid", None) for each in provisioners)
        return [pid for pid in pids if pid]

    # Warm kernels, in Voilà's pool of tasks that start them

    @property
    def warm(self) -> int:
        """The number of warm kernels that are ready."""
        return sum(map(_is_drawn, self._pool()))

    def _pool(self) -> list[asyncio.Task[Any]]:
        """Voilà's tasks for the one notebook; empty unless its preheating is on."""
        return next(iter(getattr(self, "_pools", {}).values()), [])

    async def wait_for_warm(self) -> None:
        """Wait until the first warm kernel is ready or has failed; not at all if none is wanted."""
        for start in self._pool()[:1]:
            await asyncio.wait({start}, timeout=_WARM_SECONDS)
            if made := _result(start):
                await asyncio.wait({made["task"]}, timeout=_WARM_SECONDS)

    async def find_warm(self) -> str | None:
        """The id of the kernel that Voilà takes next; None if no warm kernel is ready."""
        while self.warm:
            pool = self._pool()
            pool.sort(key=_is_drawn, reverse=True)
            first, kernel_id = pool[0], str(pool[0].result()["kernel_id"])
            if not await self._answers(kernel_id):
                self._drop(first)
            elif pool and pool[0] is first:  # another visitor may have taken it meanwhile
                return kernel_id
        self._refill()
        return None

    async def _answers(self, kernel_id: str) -> bool:
        """Whether a kernel's process lives and is not stopped."""
        if kernel_id not in self or not await self._kernels[kernel_id].is_alive():
            return False
        heartbeat, answer = self._kernels[kernel_id].connect_hb(), asyncio.Future[Any]()
        heartbeat.on_recv(answer.set_result)
        heartbeat.send(b"ping")
        await asyncio.wait({answer}, timeout=_HEARTBEAT_SECONDS)
        heartbeat.close(linger=0)
        return answer.done() and kernel_id in self

    def _drop(self, start: asyncio.Task[Any]) -> None:
        if start not in self._pool():  # another visitor has dropped it meanwhile
            return
        self._pool().remove(start)
        if (made := _result(start)) and made["kernel_id"] in self:
            ending = asyncio.ensure_future(self.shutdown_kernel(made["kernel_id"], now=True))
            self._ending.add(ending)  # asyncio forgets a task that nobody holds
            ending.add_done_callback(self._ending.discard)

    def _refill(self) -> None:
        """Start warm kernels in place of those that died or could not be started."""
        if not hasattr(self, "_pools") or self.visits.is_draining:  # Voilà's preheating is off
            return
        for start in [each for each in self._pool() if each.done()]:
            made = _result(start)
            is_alive = made is not None and made["kernel_id"] in self
            if not is_alive or (made["task"].done() and not _result(made["task"])):
                self._drop(start)
        voila: Any = self  # Voilà has put its own class on top of this one
        voila.fill_if_needed(delay=0, notebook_name=voila.notebook_path)


def _result(task: asyncio.Task[Any]) -> Any:
    """What a task has returned; None if it still runs or has failed."""
    failed = not task.done() or task.cancelled() or task.exception()
    return None if failed else task.result()


def _is_drawn(start: asyncio.Task[Any]) -> bool:
    """Whether a warm kernel and its page are ready."""
    made = _result(start)
    return made is not None and _result(made["task"]) is not None


class Page(TornadoVoilaHandler):  # type: ignore[misc]  # Voilà has no types
    """Voilà's page, with a kernel of its own, if there is a place for another visit."""

    kernel_manager: VisitKernels
    _warm = _closed = False

    async def get(self, path: str | None = None) -> None:
        """Send the page, or the notice that the server is full."""
        if path:
            raise HTTPError(404)
        # Reading it sets the cookie without which a shutdown request is refused (voila #1458).
        self.xsrf_token  # noqa: B018
        if self.current_user is None:  # no place without the token; Voilà asks for it
            await super().get(path)
            return
        kernels, begun = self.kernel_manager, time.monotonic()
        try:
            visit = await self._reserve()
        except RefusedVisitError as error:
            self._refuse(error.reason)
            return
        kernels.metrics.arrivals.inc()
        self.set_cookie(SERVER_COOKIE, kernels.options.server_name, path=kernels.options.base_url)
        try:
            async with self.kernel_manager.starting:
                if not self._closed:  # a visitor who has left or reloaded needs no kernel
                    await self._send_page(visit)
        except OSError as error:  # no disk space, no memory, too many processes or files
            _log.error("no kernel for another visitor: %s", error)
            self._send_notice("trouble.html", reason=error.strerror or type(error).__name__)
        finally:
            kernels.visits.page_sent(visit)
            kernels.metrics.page_seconds.observe(time.monotonic() - begun)

    async def _reserve(self) -> Visit:
        """Take a place. A page that is reloaded comes before its old place is free."""
        kernels, request = self.kernel_manager, self.request
        proxies = parse_proxies(kernels.options.trusted_proxies)
        forwarded = request.headers.get_list("X-Forwarded-For")
        address = visitor_address(request.remote_ip, forwarded, proxies)
        deadline = time.monotonic() + _RELOAD_SECONDS
        while True:
            try:
                return kernels.visits.reserve(address)
            except RefusedVisitError as error:
                if error.reason is Refusal.DRAINING or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.05)

    def _refuse(self, reason: Refusal) -> None:
        """Send a visitor to another server, if a proxy has brought them here; else tell why."""
        kernels = self.kernel_manager
        kernels.metrics.refused.labels(reason.value).inc()
        routes = {SERVER_COOKIE: kernels.options.base_url, ROUTE_COOKIE: "/"}
        brought = [name for name in routes if self.get_cookie(name)]
        if brought and reason is not Refusal.ADDRESS:
            for name in brought:
                self.clear_cookie(name, path=routes[name])
            self.redirect(self.request.uri or "")
            return
        status = 429 if reason is Refusal.ADDRESS else 503
        self._send_notice(_NOTICES[reason], status, places=kernels.visits.places)

    async def _send_page(self, visit: Visit) -> None:
        """Send the page as it is made, with a kernel that becomes the visit's."""
        _arriving.set(visit)
        if warm := await self.kernel_manager.find_warm():
            self.kernel_manager.assign(visit, warm)
            self._warm = True
        async for html in self.get_generator(path=None):
            if visit.has_ended:  # its kernel died; Voilà would wait for it for ever
                self.write(_NOT_STARTED)
                return
            # The page's first script connects to the server while all the others load.
            self.write(html.replace(_KERNEL_PLACE, visit.kernel_id or "", 1))
            self.flush()

    def should_use_rendered_notebook(self, *_: Any) -> bool:
        """Whether to take the first warm kernel of the pool; only one that works counts."""
        return self._warm

    def on_connection_close(self) -> None:
        """Remember that nobody waits for the page."""
        self._closed = True
        super().on_connection_close()

    def _send_notice(self, template: str, status: int = 503, **facts: Any) -> None:
        self.set_status(status)
        self.set_header("Retry-After", str(_RETRY_SECONDS))
        self.finish(self.render_template(template, seconds=_RETRY_SECONDS, **facts))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Explain an error; in one line if it comes before the visitor has been recognised."""
        if self.request.method in self.SUPPORTED_METHODS:
            super().write_error(status_code, **kwargs)
        else:
            RequestHandler.write_error(self, status_code, **kwargs)


class VisitSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A socket of a visit's page. While one is open, the page is there and its kernel lives.

    The page's first script opens one that does no more, so that the page counts as open even while
    a slow network loads it. The browser answers the server's pings by itself.
    """

    kernel_manager: VisitKernels
    ws_connection: Any

    write_error = RequestHandler.write_error  # Jupyter's error page needs files of its own
    reaches_kernel = False

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        """Serve the socket to its end; refuse one too many."""
        self.kernel_id = kernel_id
        kernels = self.kernel_manager
        if kernel_id not in kernels:
            raise HTTPError(404)
        # Before the first `await`: many may come at the same moment.
        if not kernels.visits.connect(kernel_id, self):
            raise HTTPError(429, reason="This session has too many connections")
        try:
            await super().get(kernel_id=kernel_id)
        finally:
            kernels.visits.disconnect(kernel_id, self)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Tell a page that comes while the server drains."""
        if (opened := super().open(*args, **kwargs)) is not None:
            await opened
        kernels = self.kernel_manager
        if kernels.visits.is_draining:
            self.tell(draining=kernels.seconds_left())

    def tell(self, **facts: object) -> None:
        """Send the page's script a message."""
        if not self.reaches_kernel:
            with suppress(WebSocketClosedError):
                WebSocketHandler.write_message(self, json.dumps(facts))

    def on_message(self, message: str | bytes) -> None:
        """Refuse it: the page sends nothing here."""
        self.close(1008, "refused")

    def on_close(self) -> None:
        """Forget the socket, even if `get` still waits for an answer of the kernel."""
        self.kernel_manager.visits.disconnect(self.kernel_id, self)
        super().on_close()


class KernelSocket(VisitSocket, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Voilà's socket between a page and its kernel, for checked messages and without delay."""

    reaches_kernel = True

    async def get(self, kernel_id: str) -> None:
        """Refuse a session id that would fail later, or fill the memory."""
        if not _SESSION.fullmatch(self.get_argument("session_id", "")):
            raise HTTPError(400, reason="A session_id is letters, digits and dashes")
        call_later = asyncio.get_running_loop().call_later
        self._moves = Moves(self._forward, self._send_idle, call_later)
        self._answers = AnswerTimes(self.kernel_manager.metrics.answer_seconds.observe)
        await super().get(kernel_id)

    def send_ping(self) -> None:
        """Ping. While megabytes delay the answer, the page's other socket answers sooner."""
        if visit := self.kernel_manager.visits.get(self.kernel_id):
            others = [each.last_pong for each in visit.sockets if not each.reaches_kernel]
            self.last_pong = max([self.last_pong, *others])
        super().send_ping()

    async def pre_get(self) -> None:
        """Wait for the kernel's answer, but no minute as Jupyter does if the kernel is dead."""
        ready = asyncio.ensure_future(super().pre_get())
        while not (await asyncio.wait({ready}, timeout=_LOOK_SECONDS))[0]:
            if self.kernel_id not in self.kernel_manager:
                ready.cancel()
                raise HTTPError(404)
        await ready

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Send each message at once; otherwise an answer comes 40 ms later."""
        self.set_nodelay(True)
        self.ws_connection.stream.max_write_buffer_size = _MAX_UNREAD
        await super().open(*args, **kwargs)

    def on_close(self) -> None:
        """Forget the socket and what waits for the kernel."""
        self._moves.close()
        if self.connection is not None:
            super().on_close()

    def on_message(self, message: str | bytes) -> None:
        """Forward a widget's message to the kernel; anything else ends the connection."""
        try:
            self._moves.take(check_message(message, self.selected_subprotocol))
        except RefusedError as error:
            self.kernel_manager.metrics.refused_messages.inc()
            _log.warning("refused a message of a page: %.200s", error)
            self.close(1008, "refused")

    def _forward(self, message: Message) -> None:
        if self.connection is not None and self.connection.channels:
            self._answers.asked(message)
            stream = self.connection.channels[message.channel]
            # Not by Jupyter's own method, which would parse the message again.
            self.connection.session.send_raw(stream, list(message.parts))

    def _send_idle(self, message: Message) -> None:
        status = idle_status(message.header, message.protocol)
        with suppress(WebSocketClosedError):
            WebSocketHandler.write_message(self, status, isinstance(status, bytes))

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send a message of the kernel to the page.

        Voilà reads the first bytes of each binary message as a number of offsets, which is right
        in the v1 protocol only. In the legacy one, which also packs a picture that arrives just
        after the page has closed, it would count to a number of 18 digits.
        """
        if self.ws_connection is None:
            raise WebSocketClosedError
        self.kernel_manager.visits.touch(self.kernel_id)
        if isinstance(message, str | bytes):
            self._moves.answered(message)
            self._answers.answered(message)
        try:
            if isinstance(message, bytes) and self.selected_subprotocol is None:
                sent = WebSocketHandler.write_message(self, message, binary)
            else:
                sent = super().write_message(message, binary)
        except StreamBufferFullError as error:
            _log.warning("a page does not read what its kernel sends; it is disconnected")
            self.ws_connection.stream.close()
            raise WebSocketClosedError from error
        if sent is not None:  # Voilà drops the source code that a kernel runs
            # Nobody waits for it, and a page that closes meanwhile is not an error.
            sent.add_done_callback(asyncio.Future.exception)
        return sent


class _PageFile(StaticFileHandler):
    """A file of the page: compressed, and kept by the browser while it cannot change."""

    write_error = RequestHandler.write_error  # as for `VisitSocket`
    _is_copy = False

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Find the file, or its compressed copy for a browser that takes one."""
        self._file = path = super().validate_absolute_path(root, absolute_path)
        if path is None or "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            return path
        copies: CompressedCopies = self.settings["compressed_copies"]
        copy = copies.find(path)
        self._is_copy = copy is not None
        return copy or path

    def get_content_type(self) -> str:
        """The type of the file, which a copy's name does not tell."""
        return mimetypes.guess_type(str(self._file))[0] or "application/octet-stream"

    def get_content_size(self) -> int:
        """The bytes of what is sent; tornado remembers the file's."""
        return Path(str(self.absolute_path)).stat().st_size

    def set_headers(self) -> None:
        """Say how the file is packed, and whether the browser must ask for it again."""
        super().set_headers()
        is_kept = never_changes(self.path) or "v" in self.request.arguments
        kept = f"public, max-age={_KEPT_SECONDS}, immutable" if is_kept else "no-cache"
        self.set_header("Cache-Control", kept)
        self.clear_header("Expires")
        self.set_header("Vary", "Accept-Encoding")
        if self._is_copy:
            self.set_header("Content-Encoding", "gzip")


class _TemplateFile(_PageFile, MultiStaticFileHandler):  # type: ignore[misc]
    """A file of the template or of Voilà."""


class _ExtensionFile(_PageFile, FileFindHandler):
    """A script of an extension."""


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
    _is_terminating = False
    _seen_trainings = 0

    def start(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # Nobody at the terminal can act on a refused request. Failures are reported elsewhere.
        logging.getLogger("tornado").setLevel(logging.ERROR)
        logging.getLogger("tornado.access").setLevel(logging.CRITICAL)
        loop = IOLoop.current()
        signal.signal(signal.SIGTERM, lambda *_: loop.add_callback_from_signal(self._terminate))
        loop.add_callback(self._announce)  # runs when the loop does; the port is open by then
        resources.freeze_objects()
        super().start()

    async def _announce(self) -> None:
        # The first visitor would wait longer for a page that is made beside a warm one.
        await self.kernel_manager.wait_for_warm()
        self.on_start()

    def _terminate(self) -> None:
        """End when the visits have finished; at once when asked again, or if they have no time."""
        if self._is_terminating or not self.options.drain_seconds:
            IOLoop.current().stop()
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
        while len(kernels.visits) and kernels.seconds_left():
            await asyncio.sleep(_LOOK_SECONDS)
        # What is left of a visit is in its page, which finds another server with it.
        kernels.metrics.culled.labels("drained").inc(len(kernels.visits))
        kernels.visits.tell(moving=True)
        deadline = time.monotonic() + _MOVING_SECONDS
        while any(visit.sockets for visit in kernels.visits) and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_SECONDS)
        IOLoop.current().stop()

    async def _read(self) -> Readings:
        """What `/metrics` needs to be read."""
        kernels, queue = self.kernel_manager, self._queue
        running, waiting = await count_trainings(queue)
        for seconds in queue.finished(self._seen_trainings):
            self._seen_trainings += 1
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
        metrics = {"metrics": self.kernel_manager.metrics, "read": self._read}
        if self.options.metrics_port:
            pages = Application([("/metrics", MetricsPage, metrics)])
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
        """All that is served: the page, what it needs of Voilà, and `/healthz`."""
        kernel, scripts = r"api/kernels/([\w-]+)", "|".join(map(re.escape, _EXTENSIONS))
        files = (_TemplateFile, {"paths": [*self.static_paths, str(self.folder / _SCRIPTS)]})
        page = {
            "notebook_path": Path(self.notebook_path).name,
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        routes = {
            "healthz": (Health, {"queue": self._queue}),
            "readyz": (Ready, {"visits": self.kernel_manager.visits}),
            "drain": (Drain, {"drain": self.drain}),
            kernel: (KernelHandler,),  # a page that lost its socket asks whether its kernel lives
            f"{kernel}/channels": (KernelSocket,),
            f"{kernel}/presence": (VisitSocket,),
            "voila/api/shutdown/(.*)": (VoilaShutdownKernelHandler,),
            "voila/static/(.*)": files,
            "voila/templates/mnistlab/static/(.*)": files,
            f"voila/labextensions/((?:{scripts})/.+)": (
                _ExtensionFile,
                {"path": self.labextensions_path},
            ),
            **(self._pages_behind_the_token() if self.options.token else {}),
            "(.*)": (Page, page),
        }
        return [(re.escape(self.server_url) + path, *route) for path, route in routes.items()]

    def _pages_behind_the_token(self) -> dict[str, Any]:
        metrics = {"metrics": self.kernel_manager.metrics, "read": self._read}
        return {"login": (LoginFormHandler,), "metrics": (_LockedMetrics, metrics)}


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
        KernelSpecManager={"allowed_kernelspecs": {"python3"}},
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
