"""`/healthz`, and the headers of every answer."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import OutputTransform, RequestHandler

from mnistlab.jobs.queue import JobQueue

_QUEUE_SECONDS = 1
_QUEUE_THREAD = ThreadPoolExecutor(1)  # the queue has a lock on disk
_HOST = re.compile(r"[\w.:\[\]-]+")


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
