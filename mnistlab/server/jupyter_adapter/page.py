"""The page of a visit, or the notice why there is none."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import zmq
from tornado.web import HTTPError, RequestHandler
from voila.tornado.handler import TornadoVoilaHandler

from mnistlab.server.addresses import parse_proxies, visitor_address
from mnistlab.server.handlers import ROUTE_COOKIE, SERVER_COOKIE
from mnistlab.server.jupyter_adapter.kernels import VisitKernels, arriving
from mnistlab.server.visits import Refusal, RefusedVisitError, Visit

_MOVED_COOKIE = "mnistlab_moved"  # a visitor has just been sent elsewhere
_MOVED_SECONDS = 5
_RETRY_SECONDS = 20  # for a visitor who finds the server full
_RELOAD_SECONDS = 1  # the request for a reloaded page comes before the old one's place is free
_KERNEL_PLACE = "[kernel-id]"  # in the page's template
_NOT_STARTED = """<script>document.querySelector("#loading p").textContent =
"The session could not be started. Please reload the page."</script>"""
_NOTICES = {
    Refusal.FULL: "full.html",
    Refusal.DRAINING: "draining.html",
    Refusal.ADDRESS: "address.html",
}
_log = logging.getLogger(__name__)


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
        # No disk space, no memory, too many processes or files.
        except (OSError, zmq.ZMQError) as error:
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
        # Not again and again where a cookie is not cleared, such as one with another path.
        if brought and reason is not Refusal.ADDRESS and not self.get_cookie(_MOVED_COOKIE):
            self.set_cookie(_MOVED_COOKIE, "1", max_age=_MOVED_SECONDS)
            for name in brought:
                self.clear_cookie(name, path=routes[name])
            self.redirect(self.request.uri or "")
            return
        status = 429 if reason is Refusal.ADDRESS else 503
        self._send_notice(_NOTICES[reason], status, places=kernels.visits.places)

    async def _send_page(self, visit: Visit) -> None:
        """Send the page as it is made, with a kernel that becomes the visit's."""
        arriving.set(visit)
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
