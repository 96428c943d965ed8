"""The page beside a Streamlit and a Gradio app of the same job, all in the same Chromium.

The apps are in `benchmarks/alternatives`: a pad, both models' digits and ten probabilities. They
have plain Keras models; the lab has its pretrained pair, which are larger, and all of its page.

- A server is started and left alone until it is ready, which is not counted. The lab's server has
  its warm kernel then, and Gradio's its models. Streamlit loads models in the first visit.
- A page is usable when a stroke on it is answered. The stroke is drawn as soon as there is a pad,
  and on Gradio's once the brush is chosen. A first visit finds nothing in the browser's cache.
- Transfers are what the browser receives until that answer, WebSockets' messages included.
- Memory is the PSS of all processes of a server. That of the first visitor is all that it needs
  so that one visitor can draw and gets answers, once all have rested.
- An answer takes from the pointer's release to the change of the page that shows it, by the page's
  own clock.

The others predict in three ways, as `benchmarks/alternatives/reading.py` says; `model(x)`, which
prepares least, has all but the times of answers. In those the fastest way counts. The servers take
turns, so that a slow spell of the machine hits all.
"""

from __future__ import annotations

import base64
import os
import socket
import statistics
import subprocess
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from benchmarks.alternatives import environment
from benchmarks.results import Comparison
from drivers.browser import launch
from drivers.lab import PAD, SECONDS, SEVEN
from drivers.memory import pss
from drivers.server import serving
from drivers.waiting import until
from mnistlab.settings import local_mnist

COMMAND = "make bench ARGS=apps"
ROUNDS = 3
STROKES = 20  # in each round
VISITORS = 10  # after the first
REST_SECONDS = 12  # before memory is read
OTHERS = ("Streamlit", "Gradio")
SOCKETS = "sockets"  # beside the ids of requests
CALLS = {"call": "model(x)", "function": "a tf.function", "predict": "model.predict"}
SMALL = {"rounds": 1, "strokes": 2, "visitors": 1, "others": (), "fill": False}
QUICK = {"rounds": 1, "strokes": 10, "visitors": 4, "calls": ("call", "predict")}
DRAWINGS = (
    *SEVEN,
    [[140, 40], [85, 100], [85, 190], [140, 240], [195, 190], [195, 100], [140, 40]],
    [[110, 80], [140, 40], [138, 140], [135, 240]],
    [[90, 60], [150, 45], [190, 80], [140, 130], [195, 170], [160, 230], [85, 220]],
)
"""Digits of one stroke each, on a pad of 280 pixels."""

# Times, in milliseconds, from each release of the pointer to the change of the answers' number.
WATCH = """selector => {
  window.waits = [];
  const number = () => document.querySelector(selector)?.textContent.match(/answer (\\d+)/)?.[1];
  let up = null, seen = number();
  document.addEventListener('pointerup', () => { up = performance.now() }, { capture: true });
  new MutationObserver(() => {
    const now = number();
    if (!now || now === seen) return;
    seen = now;
    if (up !== null) window.waits.push(performance.now() - up);
    up = null;
  }).observe(document.body, { childList: true, subtree: true, characterData: true });
}"""
# The first answer with both models' charts, for whose code a first visit may wait longer.
HAS_ANSWER = """([selector, charts]) =>
  document.querySelector(selector)?.textContent.trim() === 'answer 1'
  && document.querySelectorAll(charts).length >= 2"""

IS_CLEARED = "() => document.querySelector('.latency textarea, .latency input').value === ''"


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    url: str
    pid: int
    settle: Callable[[int], None] = lambda visitors: None
    """Wait until the server has so many visitors and is ready for the next one."""


@dataclass(frozen=True)
class App:
    """How an app is started and used."""

    start: Callable[[], AbstractContextManager[Running]]
    pad: str
    """The canvas."""
    answer: str
    """The element with the number of the answer."""
    charts: str
    """What shows the probabilities of each model."""
    begin: Callable[[Page], None]
    """What a person does before the first stroke."""
    clear: Callable[[Page], None]


@dataclass
class Measured:
    """Of one app, a value for each round."""

    first: list[float] = field(default_factory=list)  # seconds until usable
    again: list[float] = field(default_factory=list)
    first_bytes: list[float] = field(default_factory=list)
    again_bytes: list[float] = field(default_factory=list)
    first_requests: list[float] = field(default_factory=list)
    again_requests: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)  # megabytes
    one_visitor: list[float] = field(default_factory=list)
    more_visitors: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)  # milliseconds
    p95: list[float] = field(default_factory=list)


def main(
    rounds: int = ROUNDS,
    strokes: int = STROKES,
    visitors: int = VISITORS,
    others: Sequence[str] = OTHERS,
    calls: Sequence[str] = tuple(CALLS),
    fill: bool = True,
) -> list[Comparison]:
    """Of the lab and some of `OTHERS`.

    Parameters
    ----------
    calls : ways in which these predict, of `CALLS`, `"call"` among them
    fill : visit each app once before, so that all later visits find the same on the disk: the lab's
        copy of MNIST, and files that the system has read
    """
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        apps = _apps(Path(folder), others, calls)
        browser = launch(playwright)
        for name in ("warm 1", "Streamlit call", "Gradio call"):
            if fill and name in apps:
                _measure(apps[name], browser, 1, 0, Measured())
        measured = {name: Measured() for name in apps}
        for _ in range(rounds):
            for name, app in apps.items():
                full = "function" not in name and "predict" not in name
                _measure(app, browser, strokes, visitors if full else 0, measured[name])
                print(f"  {_progress(name, measured[name])}", flush=True)
        browser.close()
    comparisons = _comparisons(measured, others if len(apps) > 2 else (), calls, visitors)
    for each in comparisons:
        print(f"  {each}")
    return comparisons


def _progress(name: str, measured: Measured) -> str:
    return (
        f"{name}: usable after {measured.first[-1]:.1f} s, {measured.first_bytes[-1] / 1e6:.2f} MB "
        f"received, {measured.one_visitor[-1]:.0f} MB of memory; answers p50 "
        f"{measured.p50[-1]:.0f} ms, p95 {measured.p95[-1]:.0f} ms"
    )


def _apps(folder: Path, others: Sequence[str], calls: Sequence[str]) -> dict[str, App]:
    """By name, such as `"Streamlit call"`; the folder is theirs."""
    apps = {
        f"warm {warm}": App(
            partial(_lab, folder, warm),
            PAD,
            ".ml-answer",
            ".ml-bars",
            lambda page: None,
            lambda page: page.locator(".ml-clear").click(),
        )
        for warm in (1, 0)
    }
    python = environment.python() if others else None
    if python is None:
        return apps
    saved = folder / "models"
    saved.mkdir()
    command = [str(python), "-m", "benchmarks.alternatives.models", str(saved)]
    subprocess.run(command, env=_variables(saved), check=True, capture_output=True)
    for call in calls:
        if "Streamlit" in others:
            apps[f"Streamlit {call}"] = App(
                partial(_streamlit, python, saved, call),
                ".upper-canvas",
                ".st-key-answer",
                ".stVegaLiteChart svg",
                lambda page: None,
                _clear_streamlit,
            )
        if "Gradio" in others:
            apps[f"Gradio {call}"] = App(
                partial(_gradio, python, saved, call),
                ".pixi-target",
                "#answer",
                "[data-testid=label-output-value]",
                _choose_brush,
                _clear_gradio,
            )
    return apps


# The servers


@contextmanager
def _lab(folder: Path, warm: int) -> Iterator[Running]:
    # Its copy of MNIST is made once, not once for each server.
    home, local = str(folder / "home"), str(local_mnist() or "")
    with serving(folder, "--warm", str(warm), MNISTLAB_HOME=home, MNISTLAB_MNIST=local) as server:

        def is_settled(visitors: int) -> bool:
            health = server.health()
            return bool(health["warm_kernels"] == warm and health["visitors"] == visitors)

        def settle(visitors: int) -> None:
            until(partial(is_settled, visitors), f"{visitors} visitors and a warm kernel")

        yield Running(server.url, server.process.pid, settle)


@contextmanager
def _streamlit(python: Path, models: Path, call: str) -> Iterator[Running]:
    port = _free_port()
    app = str(Path(__file__).parent / "alternatives" / "streamlit_app.py")
    command = [
        *(str(python), "-m", "streamlit", "run", app, "--server.headless", "true"),
        *("--server.address", "127.0.0.1", "--server.port", str(port)),
        # As where an app is served: it would watch all modules for changes.
        *("--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false"),
    ]
    with _process(command, models, call, port, "_stcore/health") as running:
        yield running


@contextmanager
def _gradio(python: Path, models: Path, call: str) -> Iterator[Running]:
    port = _free_port()
    command = [str(python), "-m", "benchmarks.alternatives.gradio_app", str(port)]
    with _process(command, models, call, port, "config") as running:
        yield running


@contextmanager
def _process(
    command: Sequence[str], models: Path, call: str, port: int, health: str
) -> Iterator[Running]:
    """A server as a process; it answers."""
    url = f"http://127.0.0.1:{port}/"
    log = models / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=_variables(models) | {"MNIST_CALL": call}, stdout=file, stderr=file
        )
    try:
        until(lambda: _answers(url + health, process, log), f"{url}{health}")
        yield Running(url, process.pid)
    finally:
        process.kill()
        process.wait()


def _variables(models: Path) -> dict[str, str]:
    own = {
        "PYTHONPATH": str(environment.ROOT),
        "MNIST_MODELS": str(models),
        "KERAS_BACKEND": "tensorflow",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    return os.environ | own


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _answers(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"the server has ended: {log.read_text()[-1000:]}"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


# The visits


def _measure(app: App, browser: Browser, strokes: int, visitors: int, into: Measured) -> None:
    """A first visit and its strokes; with `visitors`, a return visit and so many more."""
    with app.start() as server:
        server.settle(0)
        into.alone.append(pss(server.pid))
        contexts = [_context(browser)]
        page = _visit(app, server, contexts[0], into.first, into.first_bytes, into.first_requests)
        server.settle(1)
        if visitors:
            sleep(REST_SECONDS)
        into.one_visitor.append(pss(server.pid))
        waits = _draw(app, page, strokes)
        into.p50.append(float(np.percentile(waits, 50)))
        into.p95.append(float(np.percentile(waits, 95)))
        if visitors:
            page.close(run_before_unload=True)  # as a person closes it, which ends the visit
            server.settle(0)
            _visit(app, server, contexts[0], into.again, into.again_bytes, into.again_requests)
            for _ in range(visitors):
                contexts.append(_context(browser))
                _visit(app, server, contexts[-1], [], [], [])
            server.settle(visitors + 1)
            into.more_visitors.append(pss(server.pid))
        for context in contexts:
            context.close()


def _context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(4 * SECONDS)
    return context


def _visit(
    app: App,
    server: Running,
    context: BrowserContext,
    seconds: list[float],
    transferred: list[float],
    requests: list[float],
) -> Page:
    """Open the page, draw as soon as there is a pad, and note what it took to the answer."""
    page = context.new_page()
    received = _received(context, page)
    begun = perf_counter()
    page.goto(server.url, wait_until="commit")
    page.locator(app.pad).first.wait_for()
    app.begin(page)
    _draw_stroke(page, app, DRAWINGS[0])
    page.wait_for_function(HAS_ANSWER, arg=[app.answer, app.charts])
    seconds.append(perf_counter() - begun)
    transferred.append(sum(received.values()))
    requests.append(sum(size > 0 for name, size in received.items() if name != SOCKETS))
    return page


def _received(context: BrowserContext, page: Page) -> dict[str, int]:
    """The bytes of each request of a page and of its sockets, which grow from now on."""
    cdp = context.new_cdp_session(page)
    cdp.send("Network.enable")
    sizes: dict[str, int] = {}

    def add(name: str, size: float) -> None:
        sizes[name] = sizes.get(name, 0) + int(size)

    def finish(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    # Chromium tells messages as they are after it has unpacked them; here they are packed again.
    packers: dict[str, Any] = {}

    def handshake(event: dict[str, Any]) -> None:
        headers = {name.lower(): each for name, each in event["response"]["headers"].items()}
        if "permessage-deflate" in headers.get("sec-websocket-extensions", ""):
            packers[event["requestId"]] = zlib.compressobj(wbits=-zlib.MAX_WBITS)

    def message(event: dict[str, Any]) -> None:
        frame = event["response"]
        is_text = frame["opcode"] == 1
        data = frame["payloadData"].encode()
        data = data if is_text else base64.b64decode(data)
        if packer := packers.get(event["requestId"]):
            data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        add(SOCKETS, len(data))

    # A stream that is still open has received something, too.
    cdp.on(
        "Network.dataReceived", lambda event: add(event["requestId"], event["encodedDataLength"])
    )
    cdp.on("Network.loadingFinished", finish)
    cdp.on("Network.webSocketHandshakeResponseReceived", handshake)
    cdp.on("Network.webSocketFrameReceived", message)
    return sizes


def _draw(app: App, page: Page, strokes: int) -> list[float]:
    """Draw digit after digit on an emptied pad; return the milliseconds to each answer."""
    page.evaluate(WATCH, app.answer)
    for number in range(strokes):
        app.clear(page)
        _draw_stroke(page, app, DRAWINGS[number % len(DRAWINGS)])
        page.wait_for_function("count => window.waits.length === count", arg=number + 1)
    waits: list[float] = page.evaluate("() => window.waits")
    return waits


def _draw_stroke(page: Page, app: App, stroke: Sequence[Sequence[float]]) -> None:
    """Draw in the middle of the pad: Gradio's has a margin."""
    box = page.locator(app.pad).first.bounding_box()
    assert box is not None
    side = min(box["width"], box["height"])
    left, top = box["x"] + (box["width"] - side) / 2, box["y"] + (box["height"] - side) / 2
    points = [(left + side * x / 280, top + side * y / 280) for x, y in _shrunk(stroke)]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def _shrunk(stroke: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(140 + 0.7 * (x - 140), 140 + 0.7 * (y - 140)) for x, y in stroke]


def _clear_streamlit(page: Page) -> None:
    page.get_by_label("Reset canvas").click()
    page.locator(".st-key-answer").wait_for(state="detached")


def _choose_brush(page: Page) -> None:
    page.get_by_label("Brush", exact=True).click()


def _clear_gradio(page: Page) -> None:
    page.get_by_label("Clear canvas").click()
    page.wait_for_function(IS_CLEARED)
    _choose_brush(page)


# The results


def _comparisons(
    measured: dict[str, Measured], others: Sequence[str], calls: Sequence[str], visitors: int
) -> list[Comparison]:
    lab, without = measured["warm 1"], measured["warm 0"]
    rows: list[Comparison] = []

    def add(claim: str, unit: str, what: str, ours: Measured = lab, per: float = 1) -> None:
        values = {name: _values(measured[f"{name} call"], what, per) for name in others}
        rows.append(Comparison(claim, unit, _values(ours, what, per), values, COMMAND))

    add("page usable, first visit", "s", "first")
    add("page usable, first visit, without a warm kernel", "s", "first", without)
    add("page usable, return visit", "s", "again")
    add("page usable, return visit, without a warm kernel", "s", "again", without)
    add("received in a first visit", "MB", "first_bytes", per=1e6)
    add("received in a return visit", "kB", "again_bytes", per=1e3)
    add("requests of a first visit", "", "first_requests")
    add("requests of a return visit", "", "again_requests")
    add("memory before any visitor", "MB", "alone")
    add("memory before any visitor, without a warm kernel", "MB", "alone", without)
    add("memory of the first visitor", "MB", "one_visitor", without)
    add("the same, with a warm kernel for the next one", "MB", "one_visitor")
    add(f"memory with {visitors + 1} visitors", "MB", "more_visitors", without)
    for what, title in (("p50", "median"), ("p95", "95 %")):
        fastest = {name: _fastest(measured, name, calls) for name in others}
        note = ", ".join(f"{name} calls {CALLS[call]}" for name, call in fastest.items())
        claim = f"mouse-up to answer shown, {title}"
        ours = tuple(getattr(lab, what))
        values = {n: tuple(getattr(measured[f"{n} {c}"], what)) for n, c in fastest.items()}
        note = f"{note}: the fastest of the ways that were tried." if note else ""
        rows.append(Comparison(claim, "ms", ours, values, COMMAND, note=note))
        if others and "predict" in calls:
            values = {n: tuple(getattr(measured[f"{n} predict"], what)) for n in others}
            note = "The others call model.predict, as tutorials do."
            rows.append(Comparison(claim, "ms", ours, values, COMMAND, note=note))
    return rows


def _values(measured: Measured, what: str, per: float) -> tuple[float, ...]:
    return tuple(value / per for value in getattr(measured, what))


def _fastest(measured: dict[str, Measured], name: str, calls: Sequence[str]) -> str:
    return min(calls, key=lambda call: statistics.median(measured[f"{name} {call}"].p50))
