"""Each promise of SECURITY.md, and an attempt to break it."""

from __future__ import annotations

import http.client
import json
import os
import random
import struct
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import websocket

from drivers.server import Server, serving
from drivers.visitor import Visitor
from drivers.waiting import until
from mnistlab.server.visits import MAX_SOCKETS

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are looked at as on Unix")
STROKES = [[[90, 60], [190, 60], [130, 220]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve"), "--shared") as running:
        yield running


@pytest.fixture(scope="module")
def other(server: Server) -> Iterator[Visitor]:
    with Visitor(server.url) as visitor:
        visitor.open_pad()
        yield visitor


@pytest.fixture
def bystander(other: Visitor) -> Iterator[Visitor]:
    """Another visitor, whose answers must keep coming whatever happens."""
    yield other
    other.draw(STROKES)


def raw(server: Server, target: str) -> tuple[int, bytes]:
    """An answer to a path that no client library would send as it is."""
    host = urllib.parse.urlsplit(server.url).netloc
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest("GET", target, skip_host=False)
    connection.endheaders()
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("root", ["voila/static", "voila/templates/mnistlab/static",
                                  "voila/templates/..", "voila/labextensions", "voila/files",
                                  "voila/api/themes", "static", "api/contents"])  # fmt: skip
@pytest.mark.parametrize("up", ["../", "%2e%2e/", "..%2f", "%252e%252e/", "....//", "..\\"])
def test_no_path_leads_to_a_file(server: Server, root: str, up: str) -> None:
    for goal in ("etc/passwd", "dashboard.ipynb", "mnistlab/settings.py"):
        status, body = raw(server, f"/{root}/{up * 12}{goal}")
        assert status in (400, 403, 404, 405)
        assert b"root:" not in body
        assert b"Dashboard()" not in body
        assert b"Traceback" not in body


@pytest.mark.parametrize(
    "path", ["voila/files/dashboard.ipynb", "api/contents", "api/kernels", "api/sessions",
             "api/terminals", "api/kernelspecs", "api/me", "voila/query/a-b-c-d-e", "lab", "tree",
             "login", "logout", "voila/api/themes/", "voila/static/", "voila/templates/",
             "voila/templates/mnistlab/static", "voila/templates/mnistlab/static/",
             "voila/templates/lab/static/index.css", "voila/labextensions/ipycanvas/",
             "voila/labextensions/@jupyterlab/apputils-extension/package.json"],
)  # fmt: skip
def test_nothing_else_is_served(server: Server, path: str) -> None:
    before = server.health()["visitors"]
    status, body = server.get(path)
    assert status in (403, 404)
    assert body
    assert "Traceback" not in body
    assert server.health()["visitors"] == before


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "CONNECT", "NONSENSE"])
@pytest.mark.parametrize("path", ["", "healthz", "nothing", "voila/static/voila.js"])
def test_no_other_method_is_answered(server: Server, method: str, path: str) -> None:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
    connection.request(method, f"/{path}")
    answer = connection.getresponse()
    assert answer.status in (403, 405)
    assert answer.read()
    connection.close()


def test_no_kernel_is_started_but_by_the_page(server: Server) -> None:
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
    connection.request("POST", "/api/kernels", body=json.dumps({"name": "python3"}))
    assert connection.getresponse().status in (403, 404, 405)
    connection.close()


def test_every_answer_carries_the_headers(server: Server) -> None:
    paths = ("", "healthz", "nothing", "voila/static/voila.js", "api/kernels/a-b-c-d-e")
    for path in paths:
        headers = server.ask(path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'self'" in policy
        assert "unsafe-eval" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"


def test_a_visitors_code_is_not_run(server: Server, bystander: Visitor, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w')"
    for kind, content in (
        ("execute_request", {"code": code, "silent": False}),
        ("debug_request", {"command": "evaluate", "arguments": {"expression": code}}),
        ("complete_request", {"code": code, "cursor_pos": 1}),
        ("comm_open", {"comm_id": "1", "target_name": "jupyter.widget",
                       "data": {"state": {"_model_name": "ButtonModel"}}}),
    ):  # fmt: skip
        visitor = Visitor(server.url)
        for channel in ("shell", "control"):
            with suppress(websocket.WebSocketException, OSError):  # refused after the first
                visitor.send(kind, channel=channel, **content)
        visitor.wait_for_end()
        visitor.leave()
    assert not mark.exists()


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost"])
def test_another_sites_page_gets_no_socket(server: Server, origin: str) -> None:
    with Visitor(server.url) as visitor:
        url = f"ws{server.url[4:]}api/kernels/{visitor.kernel}/channels"
        with pytest.raises(websocket.WebSocketBadStatusException):
            websocket.create_connection(url, origin=origin, timeout=60)


def test_another_name_for_this_machine_is_refused(server: Server) -> None:
    status, _, body = server.ask("", Host="evil.example")
    assert status == 403
    assert "jupyter-config-data" not in body


def test_another_visits_kernel_cannot_be_found_or_ended(server: Server, bystander: Visitor) -> None:
    assert server.get("api/kernels")[0] == 404
    assert bystander.kernel not in json.dumps(server.health())
    # Its id alone does not end it: the shutdown request must carry the page's cookie.
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(server.url).netloc, timeout=60)
    connection.request("POST", f"/voila/api/shutdown/{bystander.kernel}")
    assert connection.getresponse().status == 403
    connection.close()


def test_ten_thousand_malformed_frames(server: Server, bystander: Visitor) -> None:
    noise = random.Random(0)
    sent = 0
    with Visitor(server.url) as visitor:
        while sent < 10_000:
            with suppress(websocket.WebSocketException, OSError):
                for _ in range(50):
                    data = noise.randbytes(noise.randrange(200))
                    if sent % 3 == 0:
                        data = struct.pack(">I", noise.randrange(2**32)) + data
                    sent += 1
                    if sent % 2:
                        visitor.socket.send_binary(data)
                    else:
                        visitor.socket.send(data.decode("latin-1"))
            visitor.socket.close()
            visitor.connect()
            if sent % 1_000 < 50:
                bystander.draw(STROKES)
        visitor.open_pad()
        visitor.draw(STROKES)
    assert psutil.Process(server.process.pid).memory_info().rss < 600 * 2**20


def test_an_oversize_frame_ends_its_own_socket_only(server: Server, bystander: Visitor) -> None:
    with Visitor(server.url) as visitor:
        with suppress(OSError, websocket.WebSocketException):
            visitor.socket.send_binary(bytes(30 * 2**20))
        visitor.wait_for_end()
        assert visitor.has_ended
        visitor.connect()
        visitor.open_pad()
        assert len(visitor.draw(STROKES)) == len(STROKES)


def test_a_socket_that_jupyter_could_not_set_up_is_refused(
    server: Server, bystander: Visitor
) -> None:
    with Visitor(server.url) as visitor:
        url = f"ws{server.url[4:]}api/kernels/{visitor.kernel}/channels?session_id="
        for session in ("x" * 5000, "../x"):
            with pytest.raises(websocket.WebSocketBadStatusException):
                websocket.create_connection(url + session, timeout=60)


@pytest.mark.parametrize("address", ["channels", "presence"])
def test_a_visit_has_a_few_sockets_only(server: Server, bystander: Visitor, address: str) -> None:
    with Visitor(server.url) as visitor:
        url = f"ws{server.url[4:]}api/kernels/{visitor.kernel}/{address}"
        opened: list[websocket.WebSocket] = []
        refused: list[int] = []

        def open_one(_: int) -> None:
            try:
                opened.append(websocket.create_connection(url, timeout=60))
            except websocket.WebSocketBadStatusException as error:
                refused.append(error.status_code)

        with ThreadPoolExecutor(60) as threads:  # at once, and then again one after the other
            list(threads.map(open_one, range(60)))
        for number in range(4):
            open_one(number)
        assert len(opened) == MAX_SOCKETS - 1, "one is the page's own"
        assert set(refused) == {429}
        for socket in opened:
            socket.close()


def test_text_that_takes_long_to_read_ends_its_own_socket_only(
    server: Server, bystander: Visitor
) -> None:
    with Visitor(server.url) as visitor:
        with suppress(OSError, websocket.WebSocketException):
            visitor.socket.send("[" + "[]," * 4_000_000 + "[]]")
        visitor.wait_for_end()
        assert visitor.has_ended
        visitor.connect()
        visitor.open_pad()
        assert len(visitor.draw(STROKES)) == len(STROKES)


def test_a_page_that_does_not_read_is_disconnected(server: Server, bystander: Visitor) -> None:
    with Visitor(server.url) as visitor:
        url = f"ws{server.url[4:]}api/kernels/{visitor.kernel}/channels"
        deaf = websocket.create_connection(url, timeout=60)

        def is_disconnected() -> bool:
            visitor.request_states()  # what the kernel says goes to all its sockets
            try:
                deaf.ping()
            except OSError:
                return True
            return False

        until(is_disconnected, "the end of the socket that is not read", 60)
        visitor.open_pad()
        assert len(visitor.draw(STROKES)) == len(STROKES)


def test_a_token_keeps_strangers_out(tmp_path: Path) -> None:
    with serving(tmp_path, MNISTLAB_APP_TOKEN="open-sesame") as server:
        url, _, token = server.url.partition("?token=")
        assert token == "open-sesame"
        server.url = url
        body = server.get()[1]
        assert "jupyter-config-data" not in body
        assert server.get("?token=wrong")[1].find("jupyter-config-data") < 0
        assert server.health()["visitors"] == 0
        with Visitor(f"{url}?token=open-sesame") as visitor:
            stranger = f"ws{url[4:]}api/kernels/{visitor.kernel}/channels"
            with pytest.raises(websocket.WebSocketBadStatusException):
                websocket.create_connection(stranger, timeout=60)
            visitor.open_pad()


def test_what_a_visitor_made_goes_with_the_visit(server: Server) -> None:
    before = {kernel.pid for kernel in server.kernels()}
    visitor = Visitor(server.url)
    visitor.open_pad()
    kernel = next(each for each in server.kernels() if each.pid not in before)
    (folder,) = (each for each in server.visits() if each.name == visitor.kernel)
    assert (folder / "tmp").is_dir()
    visitor.leave()
    until(lambda: not folder.exists() and not kernel.is_running(), "the end of the visit", 30)
