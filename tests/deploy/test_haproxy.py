"""`deploy/haproxy.cfg` in a real HAProxy, in front of stand-ins for servers.

A stand-in answers as a server does where the proxy is concerned: its cookie, `/readyz`, a socket,
and what a full or draining server says.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import websocket

from drivers.fleet import NO_HAPROXY, haproxy_path
from drivers.waiting import until
from mnistlab.server.handlers import SERVER_COOKIE as COOKIE
from tests.deploy.shipped import DEPLOY

HAPROXY = haproxy_path()
pytestmark = pytest.mark.skipif(HAPROXY is None, reason=NO_HAPROXY)


class StandIn:
    """A server as the proxy sees it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_ready = True
        self.asked: list[str] = []
        stand_in = self

        class Handler(_Handler):
            server_of = stand_in

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: HAProxy resets the connections of its checks."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: StandIn

    def do_GET(self) -> None:
        this = self.server_of
        if self.path.startswith("/readyz"):
            assert self.path == "/readyz?unready=404"
            self._answer(200 if this.is_ready else 404)
            return
        this.asked.append(self.path)
        if self.headers.get("Upgrade") == "websocket":
            self._upgrade()
        elif self.path == "/" and not this.is_ready:
            mine = f"{COOKIE}={this.name}" in self.headers.get("Cookie", "")
            gone = {"Location": "/", "Set-Cookie": f"{COOKIE}=; Max-Age=0; Path=/"}
            self._answer(302 if mine else 503, gone if mine else {})
        else:
            self._answer(200, {"Set-Cookie": f"{COOKIE}={this.name}; Path=/"})

    def do_POST(self) -> None:
        self.server_of.asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(503)

    def _answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        body = json.dumps({"server": self.server_of.name, "headers": dict(self.headers)}).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _upgrade(self) -> None:
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        # For each message from the page, the name of the server that has its kernel.
        name = self.server_of.name.encode()
        with suppress(OSError):
            while self.connection.recv(4096):
                self.connection.sendall(bytes([0x81, len(name)]) + name)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


class Fleet:
    """HAProxy with two servers."""

    def __init__(self, port: int, stats: int, servers: dict[str, StandIn]) -> None:
        self.port, self._stats, self.servers = port, stats, servers

    def ask(
        self, path: str = "/", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        body = json.loads(text) if text.startswith("{") else {}
        answered = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, answered, body

    def server_for(self, cookie: str = "") -> str:
        status, _, body = self.ask(**({"Cookie": f"{COOKIE}={cookie}"} if cookie else {}))
        assert status == 200
        return str(body["server"])

    def socket(self, cookie: str) -> websocket.WebSocket:
        return websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/api/kernels/x/channels", timeout=20,
            cookie=f"{COOKIE}={cookie}",
        )  # fmt: skip

    def state(self, name: str) -> str:
        """What HAProxy says about a server, such as `UP` or `NOLB`."""
        connection = http.client.HTTPConnection("127.0.0.1", self._stats, timeout=20)
        connection.request("GET", "/;csv")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next(line.split(",")[17] for line in lines if line.startswith(f"servers,{name},"))

    def wait_for(self, name: str, state: str) -> None:
        until(lambda: self.state(name).startswith(state), f"{name} to be {state}", 20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    servers = {name: StandIn(name) for name in ("server-1", "server-2")}
    port, stats = free_port(), free_port()
    variables = {
        "PROXY_BIND": f"127.0.0.1:{port}",
        "PROXY_STATS": f"127.0.0.1:{stats}",
        "SERVER_1": servers["server-1"].address,
        "SERVER_2": servers["server-2"].address,
    }
    log = (tmp_path / "haproxy.log").open("w")
    assert HAPROXY
    proxy = subprocess.Popen(
        [HAPROXY, "-db", "-f", str(DEPLOY / "haproxy.cfg")],
        env={**os.environ, **variables}, stdout=log, stderr=log,
    )  # fmt: skip
    fleet = Fleet(port, stats, servers)

    def answers() -> bool:
        assert proxy.poll() is None, (tmp_path / "haproxy.log").read_text()
        try:
            return all(fleet.state(name) == "UP" for name in servers)
        except OSError:
            return False

    try:
        until(answers, "HAProxy to find both servers", 20)
        yield fleet
    finally:
        proxy.kill()
        proxy.wait()
        log.close()
        for server in servers.values():
            server.close()


@pytest.mark.parametrize("variables", [{}, {"SERVER_3": "127.0.0.1:8870", "SERVER_8": "h:8866"}])
def test_the_configuration_is_valid(variables: dict[str, str]) -> None:
    assert HAPROXY
    checked = subprocess.run(
        [HAPROXY, "-c", "-f", str(DEPLOY / "haproxy.cfg")],
        env={**os.environ, **variables}, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    warnings = [line for line in checked.stderr.splitlines() if "WARNING" in line]
    assert [line for line in warnings if "could not resolve" not in line] == []


def test_a_visitor_stays_with_the_server_that_set_the_cookie(fleet: Fleet) -> None:
    assert {fleet.server_for() for _ in range(10)} == {"server-1", "server-2"}
    for name in fleet.servers:
        assert {fleet.server_for(name) for _ in range(10)} == {name}
        page = fleet.socket(name)
        page.send("hello")
        assert page.recv() == name
        page.close(timeout=0)
    # The proxy sets no cookie of its own.
    _, headers, body = fleet.ask()
    assert headers["set-cookie"] == f"{COOKIE}={body['server']}; Path=/"


def test_visitors_are_spread_by_their_open_pages(fleet: Fleet) -> None:
    pages = [fleet.socket("server-1") for _ in range(4)]
    assert {fleet.server_for() for _ in range(6)} == {"server-2"}
    for page in pages:
        page.close(timeout=0)


def test_a_draining_server_keeps_its_visitors_and_gets_no_new_ones(fleet: Fleet) -> None:
    page = fleet.socket("server-1")
    fleet.servers["server-1"].is_ready = False
    fleet.wait_for("server-1", "NOLB")
    page.send("hello")
    assert page.recv() == "server-1"
    assert fleet.ask("/static/page.js", Cookie=f"{COOKIE}=server-1")[2]["server"] == "server-1"
    again = fleet.socket("server-1")  # after a failure of the network
    again.send("hello")
    assert again.recv() == "server-1"
    assert {fleet.server_for() for _ in range(6)} == {"server-2"}
    # A page that is opened again is sent on, and the cookie with it.
    status, headers, _ = fleet.ask(Cookie=f"{COOKIE}=server-1")
    assert (status, headers["location"]) == (302, "/")
    assert headers["set-cookie"].startswith(f"{COOKIE}=; Max-Age=0")
    page.close(timeout=0)
    again.close(timeout=0)


def test_a_server_that_ends_loses_its_visitors_to_another_at_once(fleet: Fleet) -> None:
    fleet.servers["server-1"].close()
    assert {fleet.server_for("server-1") for _ in range(3)} == {"server-2"}  # by a retry
    fleet.wait_for("server-1", "DOWN")
    assert fleet.server_for("server-1") == "server-2"


def test_a_full_server_is_passed_over_before_its_check_says_so(fleet: Fleet) -> None:
    fleet.servers["server-1"].is_ready = False
    assert {fleet.server_for() for _ in range(6)} == {"server-2"}


def test_a_full_fleet_says_so_by_the_page_of_a_server(fleet: Fleet) -> None:
    for name, server in fleet.servers.items():
        server.is_ready = False
        fleet.wait_for(name, "NOLB")
    status, _, body = fleet.ask()
    assert status == 503
    assert body["server"] in fleet.servers
    # One of the two may even be lost.
    fleet.servers["server-1"].close()
    assert {fleet.ask()[2]["server"] for _ in range(3)} == {"server-2"}
    # A place that becomes free is taken at once, and its visitor stays there.
    fleet.servers["server-2"].is_ready = True
    fleet.wait_for("server-2", "UP")
    assert fleet.server_for() == "server-2"


def test_a_fleet_that_is_gone_has_a_page_that_retries(fleet: Fleet) -> None:
    for server in fleet.servers.values():
        server.close()
    connection = http.client.HTTPConnection("127.0.0.1", fleet.port, timeout=20)
    connection.request("GET", "/")
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 503
    assert "http-equiv=refresh" in text


def test_only_requests_that_change_nothing_are_repeated(fleet: Fleet) -> None:
    for server in fleet.servers.values():
        server.asked.clear()
    assert fleet.ask("/voila/api/shutdown/x", "POST")[0] == 503
    assert sum(len(server.asked) for server in fleet.servers.values()) == 1


@pytest.mark.parametrize("path", ["/drain", "/metrics", "/lab/drain", "/%64rain", "/metrics?x=1"])
def test_operators_pages_are_not_for_visitors(fleet: Fleet, path: str) -> None:
    for method in ("GET", "POST"):
        assert fleet.ask(path, method)[0] == 404
    assert all(path not in server.asked for server in fleet.servers.values())


def test_servers_learn_the_visitors_address_from_the_proxy_alone(fleet: Fleet) -> None:
    claims = {"X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "https"}
    seen = {name.lower(): value for name, value in fleet.ask(**claims)[2]["headers"].items()}
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"


def test_the_proxy_has_metrics_of_its_own(fleet: Fleet) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", fleet._stats, timeout=20)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    assert 'haproxy_server_status{proxy="servers",server="server-1"' in text
