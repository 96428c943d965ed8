"""The server's answers: the page, its sockets, `/healthz`, and the headers of every answer."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import HTTPError, OutputTransform, RequestHandler

from mnistlab.jobs.queue import JobQueue
from mnistlab.server.jupyter_adapter import VoilaPage
from mnistlab.server.visits import Visit

RETRY_SECONDS = 20  # for a visitor who finds the server full
_RELOAD_SECONDS = 1  # the request for a reloaded page comes before the old one's place is free
_QUEUE_SECONDS = 1
_QUEUE_THREAD = ThreadPoolExecutor(1)  # the queue has a lock on disk
_NOT_STARTED = """<script>document.querySelector("#loading p").textContent =
"The session could not be started. Please reload the page."</script>"""
_KERNEL_PLACE = "[kernel-id]"  # in the page's template
_HOST = re.compile(r"[\w.:\[\]-]+")
_log = logging.getLogger(__name__)


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
        deadline = time.monotonic() + _RELOAD_SECONDS
        while (visit := visits.reserve()) is None and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
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


class Health(RequestHandler):
    """`/healthz`: how full the server is, as JSON, without any personal data."""

    def initialize(self, queue: JobQueue) -> None:
        """Take the queue of trainings."""
        self._queue = queue

    async def get(self) -> None:
        """Answer; counts of trainings are None if they cannot be read within a second."""
        kernels = self.settings["kernel_manager"]
        loop, running, waiting = asyncio.get_running_loop(), None, None
        reading = loop.run_in_executor(_QUEUE_THREAD, self._queue.counts, _QUEUE_SECONDS)
        with suppress(OSError):  # another process holds the queue's lock
            running, waiting = await asyncio.wait_for(reading, _QUEUE_SECONDS)
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
        headers["Referrer-Policy"] = headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers.pop("Server", None)
        return status_code, headers, chunk
