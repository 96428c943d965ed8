"""The server's answers: the page, its sockets, `/healthz`, and the headers of every answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import HTTPError, OutputTransform, RequestHandler

from mnistlab.server.jupyter_adapter import KernelSocket, VisitSocket, VoilaPage
from mnistlab.server.messages import Message, RefusedError, check_message, idle_status
from mnistlab.server.moves import Moves
from mnistlab.server.visits import Visit, Visits

RETRY_SECONDS = 20  # for a visitor who finds the server full
_RELOAD_SECONDS = 1  # the request for a reloaded page comes before the old one's place is free
_QUEUE_SECONDS = 1
_NOT_STARTED = (
    "<script>document.querySelector('#loading p').textContent = "
    "'This page could not be started; please reload it.'</script>"
)
_KERNEL_PLACE = "[kernel-id]"  # in the page's template
_SESSION = re.compile(r"[\w-]{0,64}")
_HOST = re.compile(r"[\w.:\[\]-]+")
_log = logging.getLogger(__name__)

Counts = tuple[int, int] | tuple[None, None]
"""How many trainings run, and how many wait."""


class Page(VoilaPage):
    """The page, if there is a place for another visit."""

    _closed = False

    async def get(self, path: str | None = None) -> None:
        """Send the page, or the notice that the server is full."""
        if path:
            raise HTTPError(404)
        # Reading it sets the cookie without which a shutdown request is refused (voila #1458).
        self.xsrf_token  # noqa: B018
        if self.current_user is None:  # no place without the token; Voilà asks for it
            await super().get(path)
            return
        visits = self.kernel_manager.visits
        visit = await _find_place(visits)
        if visit is None:
            self._send_notice("full.html", places=visits.places)
            return
        try:
            async with self.kernel_manager.starting:
                if not self._closed:  # a visitor who has left or reloaded needs no kernel
                    await self._send_page(visit)
        except OSError as error:  # no disk space, no memory, too many processes or files
            _log.error("no kernel for another visitor: %s", error)
            self._send_notice("trouble.html", reason=error.strerror or type(error).__name__)
        finally:
            visits.page_sent(visit)

    async def _send_page(self, visit: Visit) -> None:
        async for html in self.page_parts(visit):
            if visit.has_ended:  # its kernel died; Voilà would wait for it for ever
                self.write(_NOT_STARTED)
                return
            # The page's first script connects to the server while all the others load.
            self.write(html.replace(_KERNEL_PLACE, visit.kernel_id or "", 1))
            self.flush()

    def on_connection_close(self) -> None:
        """Remember that nobody waits for the page."""
        self._closed = True
        super().on_connection_close()

    def _send_notice(self, template: str, **facts: Any) -> None:
        self.set_status(503)
        self.set_header("Retry-After", str(RETRY_SECONDS))
        self.finish(self.render_template(template, seconds=RETRY_SECONDS, **facts))


async def _find_place(visits: Visits) -> Visit | None:
    """Take a place, or None if all are taken and still are a second later."""
    deadline = time.monotonic() + _RELOAD_SECONDS
    while (visit := visits.reserve()) is None and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return visit


class Presence(VisitSocket):
    """The socket by which a page shows that it is open, from its first script on.

    The browser answers the server's pings by itself, even while a slow network loads the scripts
    that open the kernel's socket.
    """

    def on_message(self, message: str | bytes) -> None:
        """Refuse it: the page sends nothing here."""
        self.close(1008, "refused")


class Socket(KernelSocket):
    """The socket between a page's widgets and its kernel."""

    async def get(self, kernel_id: str) -> None:
        """Refuse a session id that would fail later, or fill the memory."""
        call_later = asyncio.get_running_loop().call_later
        self._moves = Moves(self.forward, self._send_idle, call_later)
        if _SESSION.fullmatch(self.get_argument("session_id", "")):
            await super().get(kernel_id)
        else:
            self.set_status(400)
            self.finish("A session_id is letters, digits and dashes.")

    def on_message(self, message: str | bytes) -> None:
        """Forward a widget's message to the kernel; anything else ends the connection."""
        try:
            self._moves.take(check_message(message, self.selected_subprotocol))
        except RefusedError as error:
            _log.warning("refused a message of a page: %.200s", error)
            self.close(1008, "refused")

    def write_message(self, message: Any, binary: bool = False) -> Any:
        """Send a message of the kernel to the page."""
        if isinstance(message, str | bytes):
            self._moves.answered(message)
        return super().write_message(message, binary)

    def on_close(self) -> None:
        """Forget what waits for the kernel."""
        self._moves.close()
        super().on_close()

    def _send_idle(self, message: Message) -> None:
        self.send_to_page(idle_status(message.header, message.protocol))


class Health(RequestHandler):
    """`/healthz`: how full the server is, as JSON, without any personal data."""

    def initialize(self, trainings: TrainingCounts) -> None:
        """Take the counts of trainings."""
        self._trainings = trainings

    async def get(self) -> None:
        """Answer."""
        kernels = self.settings["kernel_manager"]
        running, waiting = await self._trainings.read()
        self.set_header("Cache-Control", "no-store")
        self.write(
            {
                "status": "ok",
                "visitors": len(kernels.visits),
                "max_visitors": kernels.visits.places or None,
                "warm_kernels": kernels.warm,
                "trainings_running": running,
                "trainings_waiting": waiting,
            }
        )


class TrainingCounts:
    """The counts of the training queue, read in a thread.

    The queue has a lock on disk, which another process may hold for long. A daemon thread does
    not keep the server from ending.
    """

    def __init__(self, counts: Callable[[], tuple[int, int]]) -> None:
        self._counts = counts
        self._result: concurrent.futures.Future[Counts] | None = None

    async def read(self) -> Counts:
        """Both counts; None if they cannot be read within a second."""
        if self._result is None or self._result.done():
            self._result = concurrent.futures.Future()
            threading.Thread(target=self._read, args=(self._result,), daemon=True).start()
        reading = asyncio.wrap_future(self._result)  # all who ask at the same time share it
        done, _ = await asyncio.wait({reading}, timeout=_QUEUE_SECONDS)
        return reading.result() if done else (None, None)

    def _read(self, result: concurrent.futures.Future[Counts]) -> None:
        try:
            result.set_result(self._counts())
        except OSError:
            result.set_result((None, None))


class SecurityHeaders(OutputTransform):
    """Headers that every answer gets, files included."""

    def __init__(self, request: HTTPServerRequest) -> None:
        # 'self' alone does not include sockets in every browser.
        host = request.host if _HOST.fullmatch(request.host or "") else ""
        sockets = f" ws://{host} wss://{host}" if host else ""
        self._policy = (
            "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'self'; "
            "frame-ancestors 'self'; "
            # Voilà's page and plotly write scripts and styles into the page, but never what a
            # visitor or a file contains, see SECURITY.md.
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
