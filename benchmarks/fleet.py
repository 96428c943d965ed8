"""Two servers behind HAProxy: visitors who stick, a lost server, a rolling restart, /metrics."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
from prometheus_client.parser import text_string_to_metric_families

from drivers.fleet import Fleet, fleet, free_ports
from drivers.server import Server, serving
from drivers.visitor import Visitor

T = TypeVar("T")
SEVEN = [[[90, 60], [190, 60], [130, 220]]]
SMALL = {"visitors": 2, "scrapes": 1}
PATIENCE = 300.0  # seconds; that a visitor waits too long is what is measured, not an error
ARGUMENTS = ("--shared", "--max-visitors", "60", "--drain-seconds", "5", "--warm", "0")


def main(visitors: int = 40, scrapes: int = 20) -> None:
    with tempfile.TemporaryDirectory() as folder, fleet(Path(folder), *ARGUMENTS) as two:
        _stay(two, visitors)
    with tempfile.TemporaryDirectory() as folder, fleet(Path(folder), *ARGUMENTS) as two:
        _restart(two, visitors // 2)
    _metrics(visitors, scrapes)


def _stay(two: Fleet, number: int) -> None:
    """Forty visitors, and the loss of a server with half of them."""
    visitors, seconds = _arrive(two.url, number)
    names = Counter(visitor.server for visitor in visitors)
    health = {name: each.health()["visitors"] for name, each in two.servers.items()}
    print(f"{number} visitors behind HAProxy, all there after {seconds:.1f} s: {dict(names)}")
    print(f"  still where they were: {health == names}")
    lost = [visitor for visitor in visitors if visitor.server == "server-1"]
    drawing = _Drawing(visitors)
    two.kill("server-1")
    begun = time.perf_counter()
    waits = sorted(_at_once([partial(_go_on, each, begun) for each in lost]))
    drawing.stop()
    print(
        f"a server lost under {len(lost)} drawing visitors of its own: drawing and tab back on the "
        f"other after {waits[0]:.1f} to {waits[-1]:.1f} s (median {np.median(waits):.1f})"
    )
    print(f"  now on server-2: {sum(each.server == 'server-2' for each in visitors)} of {number}")


def _restart(two: Fleet, number: int) -> None:
    visitors, _ = _arrive(two.url, number)
    over, pages, errors = threading.Event(), Counter[str](), []

    def arrive_again_and_again() -> None:
        while not over.is_set():
            try:
                with Visitor(two.url, PATIENCE) as visitor:
                    pages[visitor.server] += 1
            except Exception as error:  # whatever a visitor sees is what is counted
                errors.append(repr(error))

    def stay(visitor: Visitor) -> None:
        try:
            _go_on(visitor, time.perf_counter())
        except Exception as error:
            errors.append(repr(error))

    begun = time.perf_counter()
    with ThreadPoolExecutor(number + 2) as pool:
        newcomers = [pool.submit(arrive_again_and_again) for _ in range(2)]
        staying = [pool.submit(stay, visitor) for visitor in visitors]
        for name in two.servers:
            two.restart(name, PATIENCE)
        over.set()
        for each in [*newcomers, *staying]:
            each.result(PATIENCE)
    print(
        f"rolling restart of both servers under {number} visitors and {pages.total()} newcomers, "
        f"{time.perf_counter() - begun:.0f} s: {len(errors)} errors {errors[:3]}"
    )


def _metrics(number: int, scrapes: int) -> None:
    (port,) = free_ports(1)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), *ARGUMENTS, "--metrics-port", str(port)) as server,
    ):
        visitors, _ = _arrive(server.url, number)
        page = Server(server.process, f"http://127.0.0.1:{port}/metrics", server.folder)
        process = psutil.Process(server.process.pid)
        before = sum(process.cpu_times()[:2])
        for _ in range(scrapes):
            families = list(text_string_to_metric_families(page.get()[1]))
        used = (sum(process.cpu_times()[:2]) - before) / scrapes
        print(
            f"/metrics with {len(visitors)} visitors: {len(families)} families, "
            f"{1000 * used:.0f} ms of processor time: {100 * used / 15:.2f} % of a core, "
            "asked every 15 s"
        )


class _Drawing:
    """Visitors who draw again and again, in threads of their own, as long as their server lives."""

    def __init__(self, visitors: Sequence[Visitor]) -> None:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._draw, args=(v,)) for v in visitors[::2]]
        for thread in self._threads:
            thread.start()

    def _draw(self, visitor: Visitor) -> None:
        try:
            while not self._over.wait(1) and not visitor.has_ended:
                visitor.draw(SEVEN)
        except (OSError, TimeoutError):
            pass  # its server is lost, which is measured elsewhere

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def _arrive(url: str, number: int) -> tuple[list[Visitor], float]:
    begun = time.perf_counter()
    visitors = _at_once([partial(Visitor, url, PATIENCE)] * number)
    seconds = time.perf_counter() - begun
    for visitor in visitors:
        visitor.open_pad()
        visitor.draw(SEVEN)
    return visitors, seconds


def _go_on(visitor: Visitor, begun: float) -> float:
    """Seconds until a visitor has their drawing back, on whichever server."""
    visitor.wait_for_end()
    visitor.come_back()
    visitor.wait_for(lambda: visitor.text("ml-digit-cnn") == "7", "the drawing")
    return time.perf_counter() - begun


def _at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [each.result() for each in [pool.submit(call) for call in calls]]
