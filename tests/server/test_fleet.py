"""Two servers behind HAProxy: who stays where, and what a lost or restarted one costs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import websocket
from prometheus_client.parser import text_string_to_metric_families

from drivers.fleet import NO_HAPROXY, Fleet, fleet, free_ports, haproxy_path
from drivers.server import Server, serving
from drivers.visitor import Visitor
from drivers.waiting import until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="HAProxy runs on Unix")
SEVEN = [[[90, 60], [190, 60], [130, 220]]]


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Fleet]:
    if haproxy_path() is None:
        pytest.skip(NO_HAPROXY)
    with fleet(tmp_path, "--shared", "--drain-seconds", "2") as made:
        yield made


def arrive(url: str, number: int) -> list[Visitor]:
    """Visitors who have drawn a seven."""

    def draw(_: int) -> Visitor:
        visitor = Visitor(url)
        visitor.open_pad()
        visitor.draw(SEVEN)
        assert visitor.text("ml-digit-cnn") == "7"
        return visitor

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(draw, range(number)))


def go_on(visitor: Visitor) -> None:
    """Come back when the server closes the page, and find the drawing there."""
    visitor.wait_for_end()
    visitor.come_back()
    visitor.wait_for(lambda: visitor.text("ml-digit-cnn") == "7", "the drawing")
    visitor.open_pad_again()
    visitor.draw([[[40, 60], [60, 220]]])


def test_each_visitor_sticks_to_a_server_and_a_lost_one_costs_nothing(two: Fleet) -> None:
    visitors = arrive(two.url, 4)
    names = [visitor.server for visitor in visitors]
    assert sorted(names) == ["server-1", "server-1", "server-2", "server-2"]
    for visitor in visitors:
        visitor.ask("readyz")
    assert [each.health()["visitors"] for each in two.servers.values()] == [2, 2]

    lost = [visitor for visitor in visitors if visitor.server == "server-1"]
    two.kill("server-1")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(go_on, lost))
    assert {visitor.server for visitor in visitors} == {"server-2"}
    for visitor in visitors:
        visitor.draw([[[250, 60], [250, 220]]])


def test_a_rolling_restart_shows_nobody_an_error(two: Fleet) -> None:
    visitors, over = arrive(two.url, 2), threading.Event()
    seen: list[str] = []

    def arrive_again_and_again() -> None:
        while not over.is_set():
            with Visitor(two.url) as visitor:
                seen.append(visitor.server)

    with ThreadPoolExecutor(1) as newcomers, ThreadPoolExecutor(2) as residents:
        newcomer = newcomers.submit(arrive_again_and_again)
        staying = [residents.submit(go_on, visitor) for visitor in visitors]
        for name in ("server-1", "server-2"):
            two.restart(name, 60)
        over.set()
        newcomer.result(60)
        for each in staying:
            each.result(60)
    assert set(seen) == {"server-1", "server-2"}


@pytest.fixture
def one(tmp_path: Path) -> Iterator[tuple[Server, int]]:
    (port,) = free_ports(1)
    with serving(
        tmp_path, "--shared", "--max-visitors", "2", "--metrics-port", str(port)
    ) as server:
        yield server, port


def metrics(server: Server, port: int) -> dict[str, float]:
    """Samples by name and labels, as the official parser reads them."""
    url = f"http://127.0.0.1:{port}/metrics"
    _, _, text = Server(server.process, url, server.folder).ask()
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_what_happened(one: tuple[Server, int]) -> None:
    server, port = one
    visitors = arrive(server.url, 2)
    assert server.ask()[0] == 503
    visitors[0].send("execute_request", code="1")
    visitors[0].wait_for_end()
    found = metrics(server, port)
    assert found["mnistlab_arrivals_total"] == 2
    assert found["mnistlab_arrivals_refused_total full"] == 1
    assert found["mnistlab_visits present"] + found["mnistlab_visits left"] == 2
    assert found["mnistlab_places"] == 2
    assert found["mnistlab_messages_refused_total"] == 1
    assert found["mnistlab_page_seconds_count"] == 2
    assert found["mnistlab_answer_seconds_count"] == 2
    assert 20e6 < found["mnistlab_kernel_memory_bytes"] < 1e9
    assert found["mnistlab_trainings running"] == 0
    assert server.ask("metrics")[0] == 404, "there is no token to lock it"


def test_a_draining_server_ends_when_the_last_visit_does(one: tuple[Server, int]) -> None:
    server, port = one
    (visitor,) = arrive(server.url, 1)
    assert server.ready() == (200, {"ready": True, "draining": False, "places": 2, "free": 1})
    for forbidden in ({"X-Forwarded-For": "127.0.0.1"}, {"Origin": "http://example.org"}):
        assert server.ask("drain", "POST", True, **forbidden)[0] == 403
    assert server.ready()[0] == 200
    assert server.ask("drain", "POST")[0] == 202
    assert server.ready() == (503, {"ready": False, "draining": True, "places": 2, "free": 1})
    assert server.ask("readyz?full=ready")[0] == 503
    assert server.ask("readyz?unready=404")[0] == 404
    status, headers, body = server.ask()
    assert (status, "about to restart" in body) == (503, True)
    assert int(headers["Retry-After"]) > 0
    assert metrics(server, port)["mnistlab_draining"] == 1
    visitor.draw(SEVEN)
    visitor.leave()
    until(lambda: server.process.poll() is not None, "the end of the server", 60)


def test_who_asks_through_a_proxy_that_does_not_say_so_drains_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--shared", "--host", "lab.example.org") as server:
        assert server.ask("drain", "POST")[0] == 403
        assert server.ask("drain", "POST", True, Host="lab.example.org")[0] == 403
        assert server.ready()[0] == 200


def test_a_full_server_is_ready_for_those_who_are_there(one: tuple[Server, int]) -> None:
    server, _ = one
    visitors = arrive(server.url, 2)
    assert server.ready()[0] == 503
    assert server.ask("readyz?full=ready")[0] == 200
    # With its cookie a visitor comes through a proxy, which may know another server.
    status, headers, _ = server.ask(Cookie=f"mnistlab_server={visitors[0].server}", follow=False)
    assert status == 302
    assert 'mnistlab_server="";' in str(headers.get_all("Set-Cookie"))
    # Once: a cookie that cannot be cleared, such as one with another path, must not go round.
    cookies = f"mnistlab_server={visitors[0].server}; mnistlab_moved=1"
    assert server.ask(Cookie=cookies, follow=False)[0] == 503


def test_a_server_that_does_not_drain_ends_without_a_word(one: tuple[Server, int]) -> None:
    server, _ = one
    with Visitor(server.url) as visitor:
        address = f"api/kernels/{visitor.kernel}/presence"
        page = websocket.create_connection(f"ws{server.url[4:]}{address}")
        server.process.terminate()
        with suppress(OSError, websocket.WebSocketException):  # closed by the server, or cut
            assert page.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
        until(lambda: server.process.poll() is not None, "the end of the server", 30)
        visitor.leave = lambda: None  # type: ignore[method-assign]


def test_one_address_cannot_take_all_places(tmp_path: Path) -> None:
    def ask(server: Server, address: str) -> tuple[int, Any]:
        status, _, body = server.ask("", "GET", True, **{"X-Forwarded-For": address})
        return status, "from your network" in body

    with serving(
        tmp_path, "--shared", "--max-visitors", "4", "--trusted-proxies", "127.0.0.1"
    ) as server:
        taken = [ask(server, "198.51.100.1") for _ in range(3)]
        assert taken == [(200, False), (200, False), (429, True)]
        assert ask(server, "198.51.100.2") == (200, False)
        assert ask(server, "127.0.0.1") == (200, False)
