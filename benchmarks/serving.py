"""What a visitor costs, Binder, a class of forty, warm pages, and two hundred visits in a row."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.drawings import rows
from benchmarks.pad import WATCH
from drivers.browser import launch
from drivers.jupyter import jupyter
from drivers.lab import Lab
from drivers.memory import MEGABYTE, pss
from drivers.server import Server, serving
from drivers.visitor import Visitor
from drivers.waiting import until
from mnistlab.settings import local_mnist

CLASS = 40
DRAWINGS = 20  # of each visitor
PAUSE = 1.0  # seconds between a person's drawings
VISITS = 200
AFTERWARDS = 85  # seconds after the last visit, in which the server may tidy up
PAGES = 7
PATIENCE = 300  # seconds; that a visitor waits too long is what is measured, not an error
WATCHED = 120  # seconds of a training


PARTS = ("costs", "explore", "binder", "class", "warm", "visits")
SMALL = {
    "parts": ("costs",), "visitors": 2, "drawings": 1, "pause": 0.0, "pages": 1,
    "visits": 1, "afterwards": 0, "training": False,
}  # fmt: skip


def main(
    parts: Sequence[str] = PARTS,
    visitors: int = CLASS,
    drawings: int = DRAWINGS,
    pause: float = PAUSE,
    pages: int = PAGES,
    visits: int = VISITS,
    afterwards: float = AFTERWARDS,
    training: bool = True,
) -> None:
    """Some of `PARTS`; without `training`, costs are those of looking and drawing only."""
    measure: dict[str, Callable[[], None]] = {
        "costs": lambda: _costs(drawings, training),
        "explore": _explore,
        "binder": lambda: _binder(training),
        "class": lambda: _class(visitors, drawings, pause),
        "warm": lambda: _warm_pages(pages),
        "visits": lambda: _visits_in_a_row(visits, afterwards),
    }
    for part in parts:
        measure[part]()


@contextmanager
def _server(*arguments: str) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder:
        data: dict[str, Any] = {"MNISTLAB_MNIST": str(local_mnist() or "")}
        with serving(Path(folder), *arguments, **data) as server:
            server.get("healthz")
            yield server


def _first_visit(server: Server) -> None:
    """Visit a server that has no warm kernels, until it has all that other visits find."""
    Visitor(server.url, PATIENCE).leave()
    until(lambda: not server.kernels(), "the kernel's end", 90)


def _patient_page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    context.set_default_timeout(1000 * PATIENCE)
    return context.new_page()


def _costs(drawings: int, training: bool) -> None:
    with _server("--shared") as server:
        pid = server.process.pid
        _first_visit(server)
        alone = pss(pid)
        visitor = Visitor(server.url)
        idle = pss(pid)
        visitor.open_pad()
        for strokes in _drawings(0, drawings):
            visitor.draw(strokes)
            visitor.click("ml-clear")
        drawing = pss(pid)
        print(
            f"  server {alone:.0f} MB; a visitor who looks {idle - alone:.0f}, has drawn "
            f"{drawing - alone:.0f} (PSS)"
        )
        if training:
            visitor.start_training()
            until(lambda: server.health()["trainings_running"] == 1, "a training", 60)
            peak = _peak(pid, lambda: server.health()["trainings_running"] == 0)
            print(f"  a training at most {peak - drawing:.0f} MB more (PSS)")


def _explore() -> None:
    """One visitor's kernel while every part of Explore is opened, but for the t-SNE map."""
    with _server("--shared") as server:
        _first_visit(server)
        visitor = Visitor(server.url, PATIENCE)
        kernel = server.kernels()[0].pid
        before, peaks, is_over = pss(kernel), [0.0], threading.Event()

        def watch() -> None:
            while not is_over.wait(0.02):
                peaks[0] = max(peaks[0], pss(kernel))

        def shows(box: str, sign: str) -> bool:
            return sign in visitor.text(box)

        visitor.open_tab(0)
        visitor.wait_for(lambda: visitor.find("ml-explore"), "Explore")
        watcher = threading.Thread(target=watch)
        watcher.start()
        for choice, box, sign in _EXPLORED:
            visitor.choose(choice)
            visitor.wait_for(partial(shows, box, sign), choice)
        is_over.set()
        watcher.join()
        print(
            f"  the kernel of a visitor who looks {before:.0f} MB; every part of Explore opened "
            f"{pss(kernel):.0f} MB, at most {peaks[0]:.0f} MB (PSS)"
        )


_EXPLORED = (  # what is chosen, where its result is shown, and by which words it is known
    ("Averages", "ml-averages", "root mean square"),
    ("Map", "ml-map-section", "of another digit"),
    ("The CNN's last hidden layer", "ml-map-section", "hidden layer varies"),
    ("Handwriting", "ml-handwriting", "median"),
    ("Outliers", "ml-odd", "farthest"),
    ("Least confident", "ml-odd", "misreads"),
    ("Published label errors", "ml-odd", "rror"),
    ("Duplicates across train and test", "ml-odd", "pixel for pixel"),
)


def _binder(training: bool) -> None:
    """As Binder runs it: the notebook's server, Voilà in it, one page, both models trained."""
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyter(Path(folder)) as (url, server),
        sync_playwright() as playwright,
    ):
        browser = launch(playwright)
        lab = Lab(_patient_page(browser), f"{url}voila/render/dashboard.ipynb")
        lab.open_predict()
        lab.open("Train & Compare")
        print(f"  as on Binder: {pss(server.pid):.0f} MB (PSS)")
        if training:
            lab.at("ml-train").click()
            lab.at("ml-progress-mlp").get_by_text("epoch").first.wait_for()
            peak = _peak(server.pid, lambda: not lab.at("ml-cancel").is_enabled())
            print(f"  while training at most {peak:.0f} MB (PSS)")
        browser.close()


def _peak(pid: int, is_over: Callable[[], bool]) -> float:
    """The most megabytes until it is over, or for two minutes."""
    peak, end = 0.0, time.monotonic() + WATCHED
    while not is_over() and time.monotonic() < end:
        peak = max(peak, pss(pid))
        time.sleep(0.25)
    return peak


def _class(visitors: int, drawings: int, pause: float) -> None:
    with _server("--shared", "--max-visitors", str(visitors)) as server, sync_playwright() as pw:
        _first_visit(server)
        alone = pss(server.process.pid)
        command = [sys.executable, "-m", "benchmarks.serving", server.url, str(pause)]
        clients = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert clients.stdout is not None
        assert clients.stdin is not None
        begun = time.perf_counter()
        theirs = [_drawings(number, drawings) for number in range(1, visitors)]
        clients.stdin.write(json.dumps(theirs) + "\n")
        clients.stdin.flush()
        browser = launch(pw)
        lab = Lab(_patient_page(browser), server.url)
        print(f"  {clients.stdout.readline().strip()}")
        print(f"  all {visitors} pages at once: {time.perf_counter() - begun:.0f} s until the last")
        until(lambda: server.health()["visitors"] == visitors, "all visitors", 60)
        idle = pss(server.process.pid)
        print(f"  server {alone:.0f} MB, with {visitors} idle visitors {idle:.0f} MB (PSS)")
        status, headers, body = server.ask()
        print(f"  one more: {status}, Retry-After {headers['Retry-After']}, {len(body)} bytes")
        lab.open_predict()
        lab.page.evaluate(WATCH)
        clients.stdin.write("draw\n")
        clients.stdin.flush()
        for strokes in _drawings(0, drawings):
            lab.draw(strokes)
            lab.clear()
            lab.page.wait_for_timeout(1000 * pause)
        waits = np.array(lab.page.evaluate("() => window.waits")) / 1000
        print(f"  {_figures('Chromium', waits)}")
        print(f"  {clients.stdout.readline().strip()}")
        there = server.health()["visitors"]
        print(f"  after drawing: {pss(server.process.pid):.0f} MB; visitors {there}")
        clients.stdin.close()
        clients.wait()
        browser.close()
        until(lambda: not server.kernels(), "the end of all kernels", 90)


def _drawings(visitor: int, count: int) -> list[list[list[list[float]]]]:
    data = rows()
    return [data[(visitor * count + i) * 7 % len(data)]["strokes"] for i in range(count)]


def _figures(who: str, seconds: NDArray[np.float64]) -> str:
    p50, p95 = np.percentile(seconds, [50, 95])
    return (
        f"{who}: {len(seconds)} strokes, p50 {p50:.2f} s, p95 {p95:.2f} s, max {seconds.max():.2f}"
    )


def _clients(url: str, pause: float) -> None:
    """All visitors but the Chromium, a thread each, in a process of their own.

    Their drawings come in the first line of standard input; at the second they begin to draw.
    """
    drawings = json.loads(sys.stdin.readline())
    count = len(drawings)
    visitors: list[Visitor] = []
    seconds: list[float] = []
    failures: list[str] = []

    def draw(visitor: Visitor, number: int) -> None:
        try:
            visitor.open_pad()
            for strokes in drawings[number]:
                seconds.extend(visitor.draw(strokes))
                visitor.click("ml-clear")
                time.sleep(pause)
        except Exception as error:
            failures.append(repr(error))

    def come() -> None:
        try:
            visitors.append(Visitor(url, patience=PATIENCE))
        except Exception as error:
            failures.append(repr(error))

    def at_once(threads: list[threading.Thread]) -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    at_once([threading.Thread(target=come) for _ in range(count)])
    print(f"{len(visitors)} of {count} clients are there; failures: {failures}", flush=True)
    sys.stdin.readline()
    at_once([threading.Thread(target=draw, args=(each, n)) for n, each in enumerate(visitors)])
    print(f"{_figures('clients', np.array(seconds))}; failures: {failures}", flush=True)
    sys.stdin.read()
    for visitor in visitors:
        visitor.leave()


def _is_empty(server: Server) -> bool:
    return bool(server.health()["visitors"] == 0)


def _warm_pages(pages: int) -> None:
    times: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    with _server("--warm", "0") as cold, _server("--warm", "1") as warm, sync_playwright() as pw:
        browser = launch(pw)
        # One for all pages: a shutdown request would be lost with a context of its own.
        context = browser.new_context()
        for _ in range(pages):
            for name, server in (("cold", cold), ("warm", warm)):
                if name == "warm":
                    until(lambda: warm.health()["warm_kernels"] == 1, "a warm kernel", 60)
                times[name].append(_page_times(context, server.url))
                for each in (cold, warm):  # the machine is quiet before the next page
                    until(partial(_is_empty, each), "the kernel's end", 90)
        browser.close()
    served, usable = (
        {name: statistics.median(pair[i] for pair in found) for name, found in times.items()}
        for i in (0, 1)
    )
    for what, found in (("the server's part", served), ("the usable page", usable)):
        share = found["warm"] / found["cold"]
        print(f"  {what}: cold {found['cold']:.2f} s, warm {found['warm']:.2f} s: {share:.0%}")


def _page_times(context: BrowserContext, url: str) -> tuple[float, float]:
    """Seconds until the server has sent the page, and until its samples are there."""
    page = context.new_page()
    begun = time.perf_counter()
    Lab(page, url)
    usable = time.perf_counter() - begun
    sent = page.evaluate(
        "() => { const n = performance.getEntriesByType('navigation')[0];"
        " return (n.responseEnd - n.requestStart) / 1000 }"
    )
    page.close(run_before_unload=True)
    return sent, usable


def _visits_in_a_row(visits: int, afterwards: float) -> None:
    with _server("--shared") as server:
        for number in range(visits + 1):
            visitor = Visitor(server.url)
            visitor.open_pad()
            visitor.draw(_drawings(number, 1)[0])
            visitor.leave()
            if number == 0:
                time.sleep(afterwards)
                before = _footprint(server)
        begun = time.perf_counter()
        until(lambda: not server.kernels(), "the end of all kernels", 90)
        ended = time.perf_counter() - begun
        time.sleep(afterwards)
        print(f"  after one visit   {before}")
        print(f"  after {visits} more   {_footprint(server)} (kernels gone within {ended:.0f} s)")


def _footprint(server: Server) -> str:
    process = psutil.Process(server.process.pid)
    temporary = Path(process.environ()["TMPDIR"])
    files = sum(len(names) for _, _, names in os.walk(temporary))
    return (
        f"{len(process.children(recursive=True))} processes, {process.num_fds()} open files, "
        f"{files} temporary files, {process.memory_full_info().pss / MEGABYTE:.0f} MB"
    )


if __name__ == "__main__":
    _clients(sys.argv[1], float(sys.argv[2]))
