"""The sockets between pages, the server and kernels."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from contextlib import suppress
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado.iostream import StreamBufferFullError
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from mnistlab.server.jupyter_adapter.kernels import VisitKernels
from mnistlab.server.messages import (
    AnswerTimes,
    Message,
    Moves,
    RefusedError,
    check_message,
    idle_status,
)

_MAX_UNREAD = 32 * 2**20  # bytes that wait for a page which does not read
_LOOK_SECONDS = 0.5  # between looks whether a kernel that starts is alive
_SESSION = re.compile(r"[\w-]{0,64}")
_log = logging.getLogger(__name__)


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
