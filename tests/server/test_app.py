"""The served page: it answers, gives away no file, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import psutil
import pytest
from tornado.web import Application
from tornado.websocket import WebSocketClosedError

from drivers.server import IMPATIENT, Server, serving
from drivers.visitor import Visitor
from drivers.waiting import holds, until
from mnistlab.server import app, visits
from mnistlab.server.jupyter_adapter.sockets import KernelSocket
from mnistlab.server.options import AppOptions

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGTERM is a signal of Unix")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_page_has_the_dashboard_and_no_source(server: Server) -> None:
    status, page = server.get()
    assert status == 200
    assert "<title>MNIST Lab</title>" in page
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Dashboard(" not in page, "what Jupyter shows where the widgets' scripts fail"
    assert "Traceback" not in page


def test_kernel_runs_the_servers_python_in_an_empty_folder(server: Server) -> None:
    server.get()
    kernel = server.kernels()[-1]
    assert Path(kernel.exe()) == Path(psutil.Process(server.process.pid).exe())
    assert kernel.cmdline()[0] == sys.executable
    assert [path.name for path in Path(kernel.cwd()).iterdir()] == ["dashboard.ipynb"]


@pytest.mark.parametrize(
    "path",
    [
        "voila/files/dashboard.ipynb",
        "voila/files/../../../../etc/passwd",
        "voila/files/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "voila/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "voila/render/dashboard.ipynb",
        "dashboard.ipynb",
        "api/kernels",
        "api/contents",
    ],
)
def test_no_file_is_served(server: Server, path: str) -> None:
    kernels = len(server.kernels())
    status, body = server.get(path)
    assert status in (403, 404)
    assert "root:" not in body
    assert "import Dashboard" not in body
    assert len(server.kernels()) == kernels


def test_template_cannot_be_chosen_by_a_visitor(server: Server) -> None:
    ours, theirs = server.get()[1], server.get("?template=classic&theme=dark")[1]
    loaded = re.compile(r"voila/templates/\w+")
    assert set(loaded.findall(ours)) == set(loaded.findall(theirs))
    assert 'data-jp-theme-light="false"' not in theirs


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
@pytest.mark.parametrize("warm", [0, 1])
def test_signal_ends_it_without_leftovers(tmp_path: Path, sig: signal.Signals, warm: int) -> None:
    with serving(tmp_path, "--warm", str(warm)) as running:
        assert running.get()[0] == 200
        until(lambda: len(running.kernels()) == 1 + warm, "the visitor's kernel, and warm", 30)
        kernels = running.kernels()
        running.process.send_signal(sig)
        assert running.process.wait(20) == 0
        assert not psutil.wait_procs(kernels, timeout=5)[1]
        left = [path.name for path in (tmp_path / "tmp").iterdir()]
        assert not [name for name in left if name.startswith(("mnistlab", "voila"))]


def test_a_kernel_that_is_just_starting_ends_with_the_server() -> None:
    code = (
        "import psutil, subprocess, sys\nfrom mnistlab.server.app import _end_unknown_kernels\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "_end_unknown_kernels(None)\nprint(psutil.pid_exists(child.pid))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_kernels_end_with_a_killed_server(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        assert running.get()[0] == 200
        kernels = running.kernels()
        assert kernels
        running.process.kill()
        assert not psutil.wait_procs(kernels, timeout=15)[1]


def test_kernel_without_a_page_is_gone_within_a_minute(tmp_path: Path) -> None:
    assert visits.SILENCE_SECONDS + visits.ABANDONED_SECONDS + visits.CHECK_SECONDS < 60
    with serving(tmp_path, "--warm", "1", constants=IMPATIENT) as running:
        until(lambda: running.health()["warm_kernels"] == 1, "a warm kernel", 60)
        (visitors,) = running.kernels()
        assert running.get()[0] == 200  # a visitor who loads the page and never connects
        until(lambda: not visitors.is_running(), "the end of the visitor's kernel", 60)
        until(lambda: len(running.kernels()) == 1, "another warm kernel", 30)
        seconds = IMPATIENT["ABANDONED_SECONDS"] + 2 * IMPATIENT["CHECK_SECONDS"]
        holds(lambda: len(running.kernels()) == 1, "a warm kernel waits for its visitor", seconds)


def test_it_ends_with_its_parent_without_leftovers(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with serving(tmp_path, "--parent", str(parent.pid)) as server:
        Visitor(server.url).open_pad()
        kernels = server.kernels()
        parent.communicate(b"\n")
        assert server.process.wait(60) == 0
        until(lambda: not any(each.is_running() for each in kernels), "the end of the kernels", 30)
        assert not server.visits()


def test_a_parent_that_is_gone_is_one_line_with_the_remedy() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    done = subprocess.run(
        [sys.executable, "-m", "mnistlab", "app", "--no-browser", "--parent", str(parent.pid)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--parent" in done.stderr
    assert done.stderr.count("\n") == 1


def test_taken_port_is_one_line_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "mnistlab", "app", "--port", port, "--no-browser"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--port" in done.stderr


def test_kernels_share_what_is_compiled_where_python_has_not(tmp_path: Path) -> None:
    unused = str(tmp_path / "unused")  # as where nothing has been compiled
    with serving(tmp_path, PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX=unused) as server:
        compiled = set(tmp_path.rglob("*.pyc"))
        assert len(compiled) > 100
        with Visitor(server.url) as visitor:
            visitor.open_pad()
            visitor.draw([[[90, 60], [190, 60], [130, 220]]])
            assert len(set(tmp_path.rglob("*.pyc")) - compiled) < 10
    assert not Path(unused).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="psutil tells what is loaded on Linux only")
def test_kernels_load_no_debugger(server: Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open_pad()
        loaded = [place.path for place in server.kernels()[-1].memory_maps()]
        assert any("numpy" in path for path in loaded)
        assert not any("debugpy" in path for path in loaded)


@pytest.mark.parametrize("arguments", [[], ["--port", "0"]])
def test_an_address_of_another_machine_is_refused(arguments: list[str]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mnistlab",
            "app",
            "--ip=192.0.2.1",
            "--shared",
            "--no-browser",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "192.0.2.1" in done.stderr
    assert "--ip" in done.stderr


def test_the_browser_and_other_machines_are_led_to_the_page(tmp_path: Path) -> None:
    opened, script = tmp_path / "opened", tmp_path / "browser"
    script.write_text(f'echo "$1" > {opened}.new && mv {opened}.new {opened}\n')
    token = "two words & 100 %"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mnistlab",
            "app",
            "--port=0",
            "--ip=0.0.0.0",
            "--base-url=/a+b",
            "--shared",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BROWSER": f"sh {script} %s", "MNISTLAB_APP_TOKEN": token},
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        here, elsewhere = (
            re.findall(r"(http://\S+):(\d+)/a\+b/(\?token=\S+)", process.stdout.readline())[0]
            for _ in range(2)
        )
        assert here[0] == "http://127.0.0.1"
        assert elsewhere == (f"http://{socket.gethostname()}", *here[1:])
        until(opened.exists, "the browser", 30)
        # Whoever sees this machine's processes would see the token there.
        assert opened.read_text() == f"http://127.0.0.1:{here[1]}/a+b/\n"
        with Visitor(f"http://127.0.0.1:{here[1]}/a+b/{here[2]}") as visitor:
            visitor.open_pad()
            visitor.draw([[[90, 60], [190, 60], [130, 220]]])
        process.terminate()
        assert process.stderr.read() == ""


def test_relative_paths_hold_in_the_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MNISTLAB_MNIST", "mnist.npz")
    monkeypatch.setenv("MNISTLAB_HOME", "home")
    for variable in ("WORKERS", "QUEUE", "TRAINING_MEMORY", "TRAINING_MINUTES"):
        monkeypatch.setenv(f"MNISTLAB_{variable}", "")
    for variable in ("JUPYTER_PATH", "PYTHONPATH"):
        monkeypatch.setenv(variable, "")
    app.set_kernel_environment(AppOptions(), tmp_path)
    assert os.environ["MNISTLAB_MNIST"] == str(tmp_path / "mnist.npz")
    assert os.environ["MNISTLAB_HOME"] == str(tmp_path / "home")


class _Connection:
    """Where a socket's messages go, in a protocol of the test's choice."""

    def __init__(self, protocol: str | None) -> None:
        self.selected_subprotocol = protocol
        self.sent: list[bytes] = []

    def is_closing(self) -> bool:
        return False

    def write_message(self, message: bytes, binary: bool = False) -> Future[None]:
        self.sent.append(message)
        return Future()


@pytest.mark.timeout(20)
def test_a_picture_for_a_page_that_is_gone_does_not_stop_the_server() -> None:
    # Two parts and their offsets, packed in the older protocol. Its first eight bytes, read as
    # the newer protocol's count, are a number with 18 digits.
    message = b"\x00\x00\x00\x02\x00\x00\x00\x0c\x00\x00\x00\x20" + b"{}" * 20
    page = KernelSocket.__new__(KernelSocket)
    page.kernel_id = ""
    page.application = cast("Application", SimpleNamespace(settings={"kernel_manager": Mock()}))
    page._moves = page._answers = Mock()
    page.ws_connection = None
    with pytest.raises(WebSocketClosedError):
        page.write_message(message, binary=True)
    page.ws_connection = _Connection(None)
    page.write_message(message, binary=True)
    assert page.ws_connection.sent == [message]


def test_visits_of_a_shared_server_are_apart_and_end_with_their_kernel(tmp_path: Path) -> None:
    with serving(tmp_path, "--shared") as server:
        for _ in range(2):
            server.get()
        folders = server.visits()
        assert len(folders) == 2
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "my-digits.jsonl").write_text("mine")
        server.kernels()[0].kill()
        gone, stays = folders
        until(lambda: not gone.exists() or not stays.exists(), "the visit's folder gone", 60)
        assert gone.exists() != stays.exists()


def test_a_server_of_several_tests_outlives_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers = Mock()
    monkeypatch.setattr(threading, "Timer", timers)
    with serving(tmp_path):
        timers.assert_called_once()
        timers.return_value.cancel.assert_called()
