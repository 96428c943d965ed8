"""Many visitors at once: places, the queue of their trainings, and accidents."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import threading
import urllib.error
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import websocket
from filelock import FileLock

from drivers.server import IMPATIENT, Server, serving
from drivers.visitor import Visitor
from drivers.waiting import holds, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are looked at as on Unix")
STROKES = [[[90, 60], [190, 60], [130, 220]]]


@pytest.fixture(scope="module")
def server_of_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve"), "--shared", "--max-visitors", "3") as running:
        yield running


@pytest.fixture
def three(server_of_three: Server) -> Iterator[Server]:
    """A server with three places, all of them free, whose visits' files end with them."""
    yield server_of_three
    for kernel in server_of_three.kernels():
        kernel.kill()
    until(lambda: server_of_three.health()["visitors"] == 0, "the ends of all visits", 30)
    until(lambda: not server_of_three.kernels(), "the ends of all kernels", 30)


def test_who_finds_all_places_taken_is_told_when_to_come_back(three: Server) -> None:
    visitors = [Visitor(three.url) for _ in range(3)]
    status, headers, body = three.ask()
    assert status == 503
    assert int(headers["Retry-After"]) > 0
    assert "server is full" in body
    assert len(three.kernels()) == 3
    assert three.health()["visitors"] == three.health()["max_visitors"] == 3
    visitors[0].leave()
    until(lambda: three.health()["visitors"] == 2, "a free place", 30)
    with Visitor(three.url) as next_one:
        next_one.open_pad()
    for visitor in visitors[1:]:
        visitor.open_pad()


def test_of_many_at_the_same_moment_as_many_come_in_as_there_are_places(three: Server) -> None:
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(three.ask()[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] * 3 + [503] * 5


def test_what_a_kernel_sends_while_the_server_is_busy_is_not_lost(three: Server) -> None:
    with Visitor(three.url) as visitor:
        (kernel,) = three.kernels()
        at_first = len(visitor.states)
        for tab in (1, 0):  # together more messages than ZeroMQ keeps by itself
            visitor.open_tab(tab)
        visitor.wait_for(lambda: len(visitor.states) > at_first, "the first new widget")
        three.process.send_signal(signal.SIGSTOP)
        used: list[float] = []
        until(lambda: _is_at_rest(kernel, used), "the kernel's last message")
        three.process.send_signal(signal.SIGCONT)
        visitor.wait_for(lambda: visitor.find("ml-verdict"), "Train & Compare")
        visitor.wait_for(lambda: visitor.find("ml-counts"), "Explore")
        visitor.wait_for(lambda: not visitor.missing(), "all that the widgets consist of")


def _is_at_rest(process: psutil.Process, used: list[float]) -> bool:
    """Whether a process has used no processor time for the last 50 looks."""
    used.append(sum(process.cpu_times()[:2]))
    return len(used) > 50 and used[-50] == used[-1]


def test_a_killed_kernel_ends_its_own_visit_only(three: Server) -> None:
    with Visitor(three.url) as stays:
        stays.open_pad()
        (first,) = three.kernels()
        gone = Visitor(three.url)
        victim = next(kernel for kernel in three.kernels() if kernel.pid != first.pid)
        (folder,) = (each for each in three.visits() if each.name == gone.kernel)
        victim.kill()
        gone.wait_for_end()
        with pytest.raises(urllib.error.HTTPError):
            gone._opener.open(f"{three.url}api/kernels/{gone.kernel}")
        until(lambda: three.health()["visitors"] == 1, "the free place", 30)
        until(lambda: not folder.exists(), "the end of what the visitor made", 30)
        stays.draw(STROKES)


def test_a_kernel_that_dies_while_it_starts_holds_up_nobody(three: Server) -> None:
    answers: list[str] = []
    for _ in range((os.cpu_count() or 1) + 1):
        asking = threading.Thread(target=lambda: answers.append(three.ask()[2]))
        asking.start()
        until(three.kernels, "a kernel", 30)
        three.kernels()[0].kill()
        asking.join()
    assert all("could not be started" in answer for answer in answers)
    until(lambda: three.health()["visitors"] == 0, "free places", 30)
    with Visitor(three.url) as visitor:
        visitor.open_pad()


def test_warm_kernels_are_no_visitors(tmp_path: Path) -> None:
    with serving(tmp_path, "--warm", "1", "--max-visitors", "1") as server:
        until(lambda: server.health()["warm_kernels"] == 1, "a warm kernel", 60)
        assert server.health()["visitors"] == 0
        with Visitor(server.url) as visitor:
            visitor.open_pad()
            assert server.health()["visitors"] == 1
            assert server.ask()[0] == 503
            until(lambda: server.health()["warm_kernels"] == 1, "the next one", 60)


def warm_kernel(server: Server) -> psutil.Process:
    """The one that waits, of a server without visitors."""
    until(lambda: server.health()["warm_kernels"] == 1, "a warm kernel", 60)
    until(lambda: len(server.kernels()) == 1, "the ends of all other kernels", 60)
    return server.kernels()[0]


def test_ten_dead_warm_kernels_cost_no_page(tmp_path: Path) -> None:
    with serving(tmp_path, "--warm", "1") as server:
        for number in range(10):
            kernel = warm_kernel(server)
            if number == 1:
                kernel.suspend()  # it lives, but answers no more
            else:
                kernel.kill()
            with Visitor(server.url) as visitor:
                assert visitor.text("ml-dataset"), f"page {number} is whole"


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="psutil limits files on Linux only")
def test_warm_kernels_come_back_when_they_can_be_started_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--warm", "1") as server:
        kernel, main = warm_kernel(server), psutil.Process(server.process.pid)
        _, hard = limit = main.rlimit(psutil.RLIMIT_FSIZE)
        main.rlimit(psutil.RLIMIT_FSIZE, (0, hard))  # no kernel can be told where to listen
        kernel.kill()
        assert server.ask()[0] == 503
        main.rlimit(psutil.RLIMIT_FSIZE, limit)
        warm_kernel(server)
        with Visitor(server.url) as visitor:
            visitor.open_pad()


def test_a_socket_to_a_kernel_that_has_died_does_not_hang(three: Server) -> None:
    visitor, (kernel,) = Visitor(three.url), three.kernels()
    kernel.kill()
    until(lambda: has_ended(kernel), "its end, yet unnoticed", 10)
    visitor.patience = 10  # seconds; Jupyter waits for a minute
    with suppress(websocket.WebSocketBadStatusException):
        visitor.connect()
        visitor.wait_for_end()  # where the server could not yet know


def has_ended(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:  # a forked kernel is no child of the server
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has sockets with names")
def test_no_port_is_chosen_for_a_kernel(three: Server) -> None:
    """A port could be taken between its choice and the kernel's start; then a page hangs."""
    with Visitor(three.url) as visitor:
        visitor.open_pad()
        (kernel,) = three.kernels()
        # One that the kernel itself opens, for output of its child processes; the others were five.
        assert len(kernel.net_connections("inet")) <= 1


def test_a_page_that_loads_keeps_its_kernel(tmp_path: Path) -> None:
    with serving(tmp_path, constants=IMPATIENT) as server:
        page = server.get()[1]
        (address,) = re.findall(r'<meta name="mnistlab-kernel" content="/([^"]+)"', page)
        loading = websocket.create_connection(f"ws{server.url[4:]}{address}/presence")
        threading.Thread(target=receive_all, args=(loading,), daemon=True).start()
        seconds = IMPATIENT["ABANDONED_SECONDS"] + 2 * IMPATIENT["CHECK_SECONDS"]
        holds(lambda: len(server.kernels()) == 1, "the page's kernel", seconds)
        loading.close()
        until(lambda: not server.kernels(), "the end of the kernel of a closed page", 60)


def receive_all(socket: websocket.WebSocket) -> None:
    """Answer the server's pings, as a browser does while a page loads."""
    with suppress(OSError, websocket.WebSocketException):
        while socket.connected:
            socket.recv()


def test_an_idle_visit_ends_where_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--idle-minutes", "0.05", constants=IMPATIENT) as server:
        visitor = Visitor(server.url)
        visitor.wait_for_end()
        until(lambda: not server.kernels(), "the end of the kernel", 30)
        assert server.health()["visitors"] == 0


def test_killed_kernels_leave_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, "--warm", "1") as server:
        warm_kernel(server).kill()
        visitor = Visitor(server.url)
        visitor.open_pad()
        for kernel in server.kernels():
            kernel.kill()
        visitor.wait_for_end()
        asking = threading.Thread(target=server.ask)
        asking.start()

        def kill_all_until_answered() -> bool:
            for kernel in server.kernels():  # as soon as they start
                kernel.kill()
            return not asking.is_alive()

        until(kill_all_until_answered, "the answer", 60)
        server.process.terminate()
        assert server.process.wait(30) == 0
    said = capfd.readouterr().err
    assert "A kernel died" in said
    assert "Traceback" not in said, said


def test_the_queues_lock_holds_up_nobody_but_trainings(three: Server) -> None:
    (folder,) = (three.folder / "tmp").glob("mnistlab-app-*")
    (folder / "queue").mkdir(exist_ok=True)
    with FileLock(folder / "queue" / "queue.lock"):  # as a process that was stopped holds it
        for _ in range(20):
            threading.Thread(target=three.ask, args=("healthz",), daemon=True).start()
        with Visitor(three.url) as visitor:
            visitor.open_pad()
        assert three.health()["trainings_running"] is None
    until(lambda: three.health()["trainings_running"] == 0, "the count", 10)


@pytest.mark.tensorflow
@pytest.mark.timeout(400)
def test_trainings_of_all_visitors_queue_and_end_by_cancel_or_with_their_visits(
    three: Server,
) -> None:
    first, second = Visitor(three.url), Visitor(three.url)
    first.start_training()
    until(lambda: three.health()["trainings_running"] == 1, "a training", 60)
    second.start_training()
    second.wait_for(lambda: "place 1" in second.text("ml-progress-mlp"), "a place in the queue")
    assert three.health()["trainings_waiting"] == 1
    workers = [
        child
        for kernel in three.kernels()
        for child in kernel.children(recursive=True)
        if "mnistlab.jobs.worker" in child.cmdline()
    ]
    assert len(workers) == 1
    first.leave()
    assert not psutil.wait_procs(workers, timeout=15)[1]
    second.wait_for(lambda: "place" not in second.text("ml-progress-mlp"), "its turn")
    second.click("ml-cancel")
    second.wait_for(lambda: "Training cancelled" in second.text("ml-status"), "the message")
    assert "cancelled" in second.text("ml-progress-mlp")
    until(lambda: three.health()["trainings_running"] == 0, "the end of the training", 30)
    second.leave()
    until(lambda: not three.kernels(), "the end of the kernels", 60)
    assert not list((three.folder / "tmp").glob("mnistlab-job-*"))


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("limit", "said"), [("--training-memory=150", "memory"), ("--training-minutes=0.02", "minutes")]
)
def test_a_training_beyond_the_servers_limits_ends_with_a_sentence(
    tmp_path: Path, limit: str, said: str
) -> None:
    with serving(tmp_path, limit) as server, Visitor(server.url) as visitor:
        visitor.start_training()
        visitor.wait_for(lambda: said in visitor.text("ml-status"), "the message")
        assert "this server allows" in visitor.text("ml-status")


def test_the_app_lives_below_a_path_and_behind_a_name(tmp_path: Path) -> None:
    with serving(tmp_path, "--base-url=/lab", "--host=lab.example", "--shared") as server:
        assert server.url.endswith("/lab/")
        assert server.ask("", Host="lab.example")[0] == 200
        assert server.ask("", Host="other.example")[0] == 403
        with Visitor(server.url) as visitor:
            visitor.open_pad()
            visitor.draw(STROKES)


def test_a_restarted_server_begins_clean_after_it_was_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--shared") as server:
        visitor = Visitor(server.url)
        visitor.open_pad()
        kernels = server.kernels()
        server.process.send_signal(signal.SIGKILL)
        assert not psutil.wait_procs(kernels, timeout=15)[1]
    left = list((tmp_path / "tmp").glob("mnistlab-app-*"))
    for folder in left:  # as if a minute had passed: what is new may be another server's
        for path in (folder, *folder.iterdir()):
            os.utime(path, (1, 1))
    with serving(tmp_path, "--shared") as server, Visitor(server.url) as visitor:
        visitor.open_pad()
        visitor.draw(STROKES)
        assert left
        assert not any(folder.exists() for folder in left)


def test_a_removed_cache_leaves_the_visits_at_work(three: Server) -> None:
    with Visitor(three.url) as visitor:
        visitor.open_pad()
        shutil.rmtree(three.folder / "home", ignore_errors=True)
        visitor.draw(STROKES)
        with Visitor(three.url) as late:
            late.open_pad()
            late.draw(STROKES)
            assert (visitor.answers, late.answers) == (1, 1)


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="psutil limits files on Linux only")
def test_a_full_disk_loses_nothing_and_says_so(tmp_path: Path) -> None:
    with serving(tmp_path, "--shared") as server, Visitor(server.url) as visitor:
        visitor.open_pad()
        visitor.draw(STROKES)
        visitor.click("ml-keep")
        visitor.wait_for(lambda: "My digits has 1" in visitor.text("ml-status"), "a kept drawing")

        main = psutil.Process(server.process.pid)
        limits = [(each, each.rlimit(psutil.RLIMIT_FSIZE)) for each in (main, *server.kernels())]
        for process, (_, hard) in limits:
            process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))  # no file may get a byte longer
        visitor.click("ml-clear")
        visitor.draw([[[100, 50], [100, 200]]])
        visitor.click("ml-keep")
        visitor.wait_for(lambda: "cannot be saved" in visitor.text("ml-status"), "the message")
        visitor.start_training()
        visitor.wait_for(lambda: "could not be saved" in visitor.text("ml-status"), "the message")
        status, headers, body = server.ask()
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert "disk space" in body
        assert server.health()["visitors"] == 1

        for process, limit in limits:
            process.rlimit(psutil.RLIMIT_FSIZE, limit)
        visitor.open_tab(2)
        visitor.click("ml-keep")
        visitor.wait_for(
            lambda: "My digits has 2" in visitor.text("ml-status"), "the second drawing"
        )
        with Visitor(server.url) as late:
            late.open_pad()
