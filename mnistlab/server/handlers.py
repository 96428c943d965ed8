"""What the server answers: the page, its socket, its health; and the headers of every answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
import threading
from asyncio import Future
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from jinja2 import Template
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError, OutputTransform, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mnistlab.jobs.queue import JobQueue
from mnistlab.server.kernels import Arrival
from mnistlab.server.messages import (
    NEWER_PROTOCOL,
    Message,
    RefusedError,
    check_message,
    idle_status,
)
from mnistlab.server.moves import Moves

RETRY_SECONDS = 20  # for a visitor who found all places taken
_NOT_STARTED = (
    "<script>document.querySelector('#loading p').textContent = "
    "'This page could not be started; please reload it.'</script>"
)
_SESSION = re.compile(r"[\w-]{0,64}")
_KERNEL_PLACE = "[kernel-id]"  # in the page's template
_MOST_UNREAD = 32 * 1024**2  # bytes that wait for a page which does not read
_LOOK_SECONDS = 0.5
_QUEUE_SECONDS = 1
_HOST = re.compile(r"[\w.:\[\]-]+")
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Page(TornadoVoilaHandler):  # type: ignore[misc]  # Voilà has no types
    """Voilà's page: for so many visitors only, and with the cookie that its farewell must carry.

    Without that the server refuses a closing page's request to end its kernel (voila #1458).
    """

    _kernel_id: str | None = None
    _closed = False
    _warm = False

    @property
    def kernel_manager(self) -> Any:
        """The kernels, which learn through this which one becomes this visit's."""
        return Arrival(self.settings["kernel_manager"], self._take, self._warm)

    def _take(self, kernel_id: str) -> None:
        self._kernel_id = kernel_id

    async def get(self, path: str | None = None) -> None:
        """Send the page, or a friendly one where all places are taken."""
        if path:
            raise HTTPError(404)
        self.xsrf_token  # noqa: B018  (reading it sets the cookie)
        if self.current_user is None:  # without the token no place; Voilà asks for it
            await super().get(path)
            return
        kernels = self.settings["kernel_manager"]
        if not await kernels.arrive():
            self._send_away("full.html", places=kernels.max_visitors)
            return
        try:
            async with kernels.starting:
                if not self._closed:  # who went away or reloaded meanwhile needs no kernel
                    self._warm = await kernels.find_warm()
                    await self._make_page()
        except OSError as error:  # no room on the disk, no memory, too many processes or files
            _log.error("no kernel for another visitor: %s", error)
            self._send_away("trouble.html", reason=error.strerror or type(error).__name__)
        finally:
            kernels.arrived(self._kernel_id)

    async def _make_page(self) -> None:
        kernels = self.settings["kernel_manager"]
        async for html in self.get_generator(path=None):
            if self._kernel_id and self._kernel_id not in kernels:
                # Voilà would wait for it for ever.
                self.write(_NOT_STARTED)
                return
            # The page's first script says that the page is there while all the others load.
            self.write(html.replace(_KERNEL_PLACE, self._kernel_id or "", 1))
            self.flush()

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say what is wrong; in one line where it is so early that nobody has been recognised."""
        if self.request.method in self.SUPPORTED_METHODS:
            super().write_error(status_code, **kwargs)
        else:
            RequestHandler.write_error(self, status_code, **kwargs)

    def on_connection_close(self) -> None:
        """Remember that nobody waits for the page."""
        self._closed = True
        super().on_connection_close()

    def _send_away(self, template: str, **facts: Any) -> None:
        self.set_status(503)
        self.set_header("Retry-After", str(RETRY_SECONDS))
        self.finish(self.render_template(template, seconds=RETRY_SECONDS, **facts))


class VisitSocket(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A socket of a visit's page. While one is there, so is the page, and its kernel lives."""

    kernel_manager: Any  # `VisitKernels`
    ws_connection: Any

    write_error = RequestHandler.write_error  # Jupyter's page for errors needs files of its own
    reaches_kernel = False

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        """Serve the socket to its end; refuse one too many, and one to a kernel that has died."""
        self.kernel_id = kernel_id
        kernels = self.kernel_manager
        if kernel_id not in kernels:
            raise HTTPError(404)
        # Before anything is waited for: many may come in the same moment.
        if not kernels.admit(kernel_id, self):
            self.set_status(429)
            self.finish("This visit has too many connections; close some of its pages.")
            return
        try:
            if not await kernels.get_kernel(kernel_id).is_alive():
                raise HTTPError(404)  # Jupyter would wait a minute for it
            await super().get(kernel_id=kernel_id)
        finally:
            kernels.socket_closed(kernel_id, self)

    def on_close(self) -> None:
        """Forget the socket, though `get` may still wait for an answer of the kernel."""
        self.kernel_manager.socket_closed(self.kernel_id, self)
        super().on_close()


class Presence(VisitSocket):
    """The socket by which a page says that it is there, from its first script on.

    The browser answers the server's pings by itself, even while a slow network brings the scripts
    that open the kernel's socket.
    """

    def on_message(self, message: str | bytes) -> None:
        """Refuse what no page of ours sends."""
        self.close(1008, "refused")


class Socket(VisitSocket, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """Voilà's socket, without delay and without a trap that stops the whole server.

    Voilà reads the first bytes of every binary message as a count of offsets. That is right in
    the newer protocol only. A kernel's picture that arrives just after its page has closed is
    packed in the older one, where those bytes are a number so large that the server would count
    to it, and fill its memory, for ever.
    """

    reaches_kernel = True

    async def get(self, kernel_id: str) -> None:
        """Refuse what would fail only after the kernel counts on the page, or fill the memory."""
        forward: Any = super().on_message
        self._moves = Moves(forward, self._say_done, IOLoop.current())
        if not _SESSION.fullmatch(self.get_argument("session_id", "")):
            self.set_status(400)
            self.finish("A session_id is letters, digits and dashes.")
        else:
            await super().get(kernel_id)

    def send_ping(self) -> None:
        """Ping; where megabytes lie before the answer, the page's other socket answers sooner."""
        self.last_pong = max(self.last_pong, self.kernel_manager.last_pong(self.kernel_id))
        super().send_ping()

    async def pre_get(self) -> None:
        """Wait for the kernel's answer, but not for one that dies meanwhile."""
        ready = asyncio.ensure_future(super().pre_get())
        while not (await asyncio.wait({ready}, timeout=_LOOK_SECONDS))[0]:
            if self.kernel_id not in self.kernel_manager:
                ready.cancel()
                raise HTTPError(404)
        await ready

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Send each message at once: held back for company, an answer comes 40 ms later."""
        self.set_nodelay(True)
        if self.ws_connection is not None:
            self.ws_connection.stream.max_write_buffer_size = _MOST_UNREAD
        await super().open(*args, **kwargs)

    def on_close(self) -> None:
        """Forget the socket."""
        self._moves.close()
        if self.connection is not None:
            super().on_close()

    def on_message(self, message: str | bytes) -> None:
        """Pass a widget's message on to the kernel; anything else ends the connection."""
        try:
            self._moves.take(check_message(message, self.selected_subprotocol))
        except RefusedError as error:
            _log.warning("refused a message of a page: %.200s", error)
            self.close(1008, "refused")

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Pass a kernel's message on to the page, if that is still there."""
        if self.ws_connection is None:
            raise WebSocketClosedError
        self.kernel_manager.seen(self.kernel_id)
        if isinstance(message, str | bytes):
            self._moves.answered(message)
        try:
            if isinstance(message, bytes) and self.selected_subprotocol != NEWER_PROTOCOL:
                sent = WebSocketHandler.write_message(self, message, binary)
            else:
                sent = super().write_message(message, binary)
        except StreamBufferFullError as error:
            _log.warning("a page does not read what its kernel says; it is disconnected")
            self.ws_connection.stream.close()
            raise WebSocketClosedError from error
        if sent is not None:  # Voilà drops the kernel's word of what it runs
            # Nobody waits for it, and a page that closes in between is no error to report.
            sent.add_done_callback(Future.exception)
        return sent

    def _say_done(self, message: Message) -> None:
        status = idle_status(message.header, message.protocol)
        with suppress(WebSocketClosedError):
            WebSocketHandler.write_message(self, status, isinstance(status, bytes))


class Login(LoginFormHandler):
    """The form that asks for the token."""

    def get_template(self, name: str) -> Template:
        """The form as part of this lab; Jupyter's speaks of Jupyter, to whom that is known."""
        template: Template = self.settings["voila_jinja2_env"].get_template(name)
        return template


class ExtensionFile(FileFindHandler):
    """A script of the page."""

    write_error = RequestHandler.write_error  # as for `Socket`


class TrainingCounts:
    """How many trainings run and wait, read in a thread.

    The queue has a lock on the disk, which another process may hold for long.
    """

    def __init__(self, queue: JobQueue) -> None:
        self._queue = queue
        self._reading: asyncio.Future[tuple[int, int]] | None = None

    async def read(self) -> tuple[int, int] | tuple[None, None]:
        """Both numbers; None where they cannot be read within a second."""
        if self._reading is None or self._reading.done():
            self._reading = _in_thread(self._queue.counts)
        reading = self._reading  # one for all who ask at the same time
        done, _ = await asyncio.wait({reading}, timeout=_QUEUE_SECONDS)
        if not done or reading.exception() is not None:
            return None, None
        return reading.result()


def _in_thread(function: Callable[[], _Result]) -> asyncio.Future[_Result]:
    """Call in a thread that does not keep the server from ending."""
    result: concurrent.futures.Future[_Result] = concurrent.futures.Future()

    def call() -> None:
        try:
            result.set_result(function())
        except Exception as error:
            result.set_exception(error)

    threading.Thread(target=call, daemon=True).start()
    return asyncio.wrap_future(result)


class Health(RequestHandler):
    """`/healthz`: how full the lab is, as JSON. It tells nothing of anyone."""

    def initialize(self, trainings: TrainingCounts) -> None:
        """Take what tells of the trainings."""
        self._trainings = trainings

    async def get(self) -> None:
        """Answer."""
        kernels = self.settings["kernel_manager"]
        running, waiting = await self._trainings.read()
        self.set_header("Cache-Control", "no-store")
        self.write(
            {
                "status": "ok",
                "visitors": kernels.visitors,
                "max_visitors": kernels.max_visitors or None,
                "warm_kernels": kernels.warm,
                "trainings_running": running,
                "trainings_waiting": waiting,
            }
        )


class SecurityHeaders(OutputTransform):
    """Headers that every answer gets, files included."""

    def __init__(self, request: HTTPServerRequest) -> None:
        # "self" alone does not cover sockets in every browser.
        host = request.host if _HOST.fullmatch(request.host or "") else ""
        sockets = f" ws://{host} wss://{host}" if host else ""
        self._policy = (
            "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'; "
            "frame-ancestors 'self'; "
            # Voilà's page and plotly write scripts and styles into the page; what a visitor or a
            # file says is never among them, see SECURITY.md.
            "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
            f"connect-src 'self'{sockets}"
        )

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        """Add them."""
        headers["Content-Security-Policy"] = self._policy
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if "Server" in headers:
            del headers["Server"]
        return status_code, headers, chunk
