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
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import FileFindHandler
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError, OutputTransform, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mnistlab.models.turns import Turns
from mnistlab.serve.kernels import Arrival
from mnistlab.serve.messages import (
    NEWER_PROTOCOL,
    Message,
    RefusedError,
    check_message,
    idle_status,
)
from mnistlab.serve.moves import Moves

RETRY_SECONDS = 20  # for a visitor who found all places taken
_NOT_STARTED = (
    "<script>document.querySelector('#loading p').textContent = "
    "'This page could not be started; please reload it.'</script>"
)
_SESSION = re.compile(r"[\w-]{0,64}")
_MOST_SOCKETS = 8  # of a visit: its page's, and those that a failing network has not ended yet
_MOST_UNREAD = 32 * 1024**2  # bytes that wait for a page which does not read
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

    @property
    def kernel_manager(self) -> Any:
        """The kernels, which learn through this which one becomes this visit's."""
        return Arrival(self.settings["kernel_manager"], self._take)

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
            self.write(html)
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


class Socket(VoilaKernelWebsocketHandler):  # type: ignore[misc]  # Voilà has no types
    """Voilà's socket, without delay and without a trap that stops the whole server.

    Voilà reads the first bytes of every binary message as a count of offsets. That is right in
    the newer protocol only. A kernel's picture that arrives just after its page has closed is
    packed in the older one, where those bytes are a number so large that the server would count
    to it, and fill its memory, for ever.
    """

    write_error = RequestHandler.write_error  # Jupyter's page for errors needs files of its own

    async def get(self, kernel_id: str) -> None:
        """Refuse what would fail only after the kernel counts on the page, or fill the memory."""
        self._moves = Moves(super().on_message, self._say_done, IOLoop.current())
        if not _SESSION.fullmatch(self.get_argument("session_id", "")):
            self.set_status(400)
            self.finish("A session_id is letters, digits and dashes.")
        elif self.kernel_manager.sockets(kernel_id) >= _MOST_SOCKETS:
            self.set_status(429)
            self.finish("This visit has too many connections; close some of its pages.")
        else:
            await super().get(kernel_id=kernel_id)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Send each message at once: held back for company, an answer comes 40 ms later."""
        self.set_nodelay(True)
        if self.ws_connection is not None:
            self.ws_connection.stream.max_write_buffer_size = _MOST_UNREAD
        self.kernel_manager.socket_opened(self.kernel_id, self)
        await super().open(*args, **kwargs)

    def on_close(self) -> None:
        """Forget the socket."""
        self._moves.close()
        self.kernel_manager.socket_closed(self.kernel_id, self)
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

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._reading: asyncio.Future[tuple[int, int]] | None = None

    async def read(self) -> tuple[int, int] | tuple[None, None]:
        """Both numbers; None where they cannot be read within a second."""
        if self._reading is None or self._reading.done():
            self._reading = _in_thread(self._turns.counts)
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
