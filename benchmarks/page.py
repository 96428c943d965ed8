"""The web app's page in a real Chromium: what a visit transfers, and when the pad can be used.

A first visit finds nothing in the browser's cache, a return visit all that may be kept. Usable is
the pad when a stroke on it is answered; the stroke is drawn as soon as the page shows a pad. The
transfers are counted until then. A server with a warm kernel is timed too, as one that was started
a while ago with `--warm 1`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from drivers.browser import launch
from drivers.lab import PAD, SECONDS, SEVEN, draw_stroke
from drivers.server import Server, serving
from drivers.waiting import until
from mnistlab import settings

VISITS = 5
SMALL = {"visits": 1, "networks": ("loopback",)}
NETWORKS = {
    "loopback": None,
    "10 Mbit/s, 40 ms": (1_250_000, 40),
    "2 Mbit/s, 100 ms": (250_000, 100),
}
"""Bytes a second and milliseconds; None for what the machine itself does."""


@dataclass(frozen=True)
class Visit:
    """One visit, until the first answer."""

    shown: float  # seconds until there is a pad to draw on
    usable: float  # seconds until its stroke is answered
    requests: int
    transferred: int  # bytes


def main(visits: int = VISITS, networks: tuple[str, ...] = tuple(NETWORKS)) -> None:
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for warm in (0, 1):
            with _server(warm) as server:
                for network in networks:
                    made = [_two_visits(browser, server, network, warm) for _ in range(visits)]
                    kernel = "a warm kernel" if warm else "no warm kernel"
                    for name, each in zip(
                        ("first", "return"), zip(*made, strict=True), strict=True
                    ):
                        print(f"  {network}, {kernel}, {name} visit: {_summary(each)}")
        browser.close()


@contextmanager
def _server(warm: int) -> Iterator[Server]:
    with TemporaryDirectory() as folder:
        local = str(settings.local_mnist() or "")
        arguments = ("--warm", str(warm))
        with serving(Path(folder), *arguments, MNISTLAB_MNIST=local) as server:
            yield server


def _two_visits(browser: Browser, server: Server, network: str, warm: int) -> tuple[Visit, Visit]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        visits = []
        for _ in range(2):
            if warm:
                until(lambda: server.health()["warm_kernels"] == warm, "a warm kernel", 60)
            visits.append(_visit(context, server.url, NETWORKS[network]))
        return visits[0], visits[1]


def _visit(context: BrowserContext, url: str, network: tuple[int, int] | None) -> Visit:
    page = context.new_page()
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    if network:
        speed = {"downloadThroughput": network[0], "uploadThroughput": network[0]}
        cdp.send(
            "Network.emulateNetworkConditions", {"offline": False, "latency": network[1], **speed}
        )
    sizes: list[int] = []
    cdp.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    begun = time.perf_counter()
    page.goto(url, wait_until="commit")
    pad = page.locator(PAD).first
    expect(pad).to_be_visible(timeout=SECONDS)
    shown = time.perf_counter() - begun
    draw_stroke(page, pad, SEVEN[0])
    expect(page.locator(".ml-answer")).to_have_text("answer 1", timeout=SECONDS)
    visit = Visit(shown, time.perf_counter() - begun, len(sizes), sum(sizes))
    page.close()
    return visit


def _summary(visits: tuple[Visit, ...]) -> str:
    shown, usable = (
        statistics.median(getattr(v, name) for v in visits) for name in ("shown", "usable")
    )
    requests, size = max(v.requests for v in visits), max(v.transferred for v in visits)
    return (
        f"a pad after {shown:.1f} s, answered after {usable:.1f} s; {requests} requests, "
        f"{size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
