"""What operators and proxies ask, and the headers of every answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.web import HTTPError, OutputTransform, RequestHandler

from mnistlab.jobs.queue import JobQueue
from mnistlab.server.addresses import visitor_address
from mnistlab.server.metrics import CONTENT_TYPE, Metrics, Readings
from mnistlab.server.visits import Visits

_QUEUE_SECONDS = 1
_QUEUE_THREAD = ThreadPoolExecutor(1)  # the queue has a lock on disk
SERVER_COOKIE = "mnistlab_server"  # by its value a proxy keeps a visitor to the server that set it
ROUTE_COOKIE = "mnistlab_route"  # a gateway's own, see deploy/kubernetes/gateway.yaml
INSTANCE_HEADER = "Mnistlab-Instance"
# A proxy adds one of the first four, a browser one of the others.
_FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via", "Origin", "Sec-Fetch-Site")
_HERE = re.compile(r"(localhost|127\.[\d.]+|\[::1\])(:\d+)?")
_HOST = re.compile(r"[\w.:\[\]-]+")


async def count_trainings(queue: JobQueue) -> tuple[int | None, int | None]:
    """The numbers that run and that wait; None where they cannot be read within a second."""
    loop = asyncio.get_running_loop()
    with suppress(OSError):  # another process holds the queue's lock
        reading = loop.run_in_executor(_QUEUE_THREAD, queue.counts, _QUEUE_SECONDS)
        return await asyncio.wait_for(reading, _QUEUE_SECONDS)
    return None, None


class Health(RequestHandler):
    """`/healthz`: how full the server is, as JSON, without any personal data."""

    def initialize(self, queue: JobQueue) -> None:
        """Take the queue of trainings."""
        self._queue = queue

    async def get(self) -> None:
        """Answer; counts of trainings are None if they cannot be read within a second."""
        kernels = self.settings["kernel_manager"]
        running, waiting = await count_trainings(self._queue)
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


class Ready(RequestHandler):
    """`/readyz`: whether another visit may begin here, as JSON; the status says so too.

    `?full=ready` counts a full server as ready, `?unready=404` answers 404 and not 503: HAProxy
    then sends no new visitors but those who are there already.
    """

    def initialize(self, visits: Visits) -> None:
        """Take the visits."""
        self._visits = visits

    def get(self) -> None:
        """Answer 200 when ready."""
        visits = self._visits
        has_room = visits.free != 0 or self.get_argument("full", "") == "ready"
        ready = has_room and not visits.is_draining
        if not ready:
            self.set_status(404 if self.get_argument("unready", "") == "404" else 503)
        self.set_header("Cache-Control", "no-store")
        self.write(
            {
                "ready": ready,
                "draining": visits.is_draining,
                "places": visits.places or None,
                "free": visits.free,
            }
        )


class Drain(RequestHandler):
    """`POST /drain`: let the visits finish and then end, for whoever can log in to this machine."""

    def initialize(self, drain: Callable[[], float], is_hidden: bool) -> None:
        """Take what begins it, and returns the seconds that visits have.

        `is_hidden` means that requests may come through a proxy that does not say so.
        """
        self._drain, self._is_hidden = drain, is_hidden

    def check_xsrf_cookie(self) -> None:
        """Pages of other sites are refused by their origin: who asks here has no cookies."""

    def post(self) -> None:
        """Begin, unless the request came through a proxy, from elsewhere or from a page."""
        request = self.request
        is_direct = not (self._is_hidden or any(name in request.headers for name in _FORWARDED))
        is_here = visitor_address(request.remote_ip, (), ()) is None
        if not (is_direct and is_here and _HERE.fullmatch(request.host)):
            raise HTTPError(403, reason="Drain the server from its own machine, or send it SIGTERM")
        self.set_status(202)
        self.write({"draining": True, "seconds": self._drain()})


class MetricsPage(RequestHandler):
    """`/metrics`, on a port of its own."""

    def initialize(self, metrics: Metrics, read: Callable[[], Awaitable[Readings]]) -> None:
        """Take the metrics, and what reads the rest."""
        self._metrics, self._read = metrics, read

    async def get(self) -> None:
        """Answer in the text format of Prometheus."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.write(self._metrics.text(await self._read()))


class SecurityHeaders(OutputTransform):
    """Headers that every answer gets, files included.

    Parameters
    ----------
    instance : a name of this process; when a page's requests are answered by another one, its
        kernel is gone
    """

    def __init__(self, instance: str, request: HTTPServerRequest) -> None:
        self._instance = instance
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
        headers[INSTANCE_HEADER] = self._instance
        return status_code, headers, chunk
