"""Kernels that are forked from one process: each is its own, and none outlives the server."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from drivers.server import Server, serving
from drivers.visitor import Visitor
from drivers.waiting import until
from mnistlab.server import fork_server, forks
from mnistlab.server.forks import Forked, Forks, NoForkError, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="kernels are forked on Linux only")
STROKES = [[[90, 60], [190, 60], [130, 220]]]

# What a forked process tells of itself. Then it waits for its end.
_CHILD = """
import json, os, pathlib, random, signal, sys, tempfile, threading
import numpy as np
random.random()
fds = [os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd")
       if os.path.exists(f"/proc/self/fd/{name}")]
told = {
    "environment": dict(os.environ), "folder": os.getcwd(), "arguments": sys.argv[1:],
    "session": os.getsid(0), "temporary": tempfile.gettempdir(), "files": fds,
    "random": [random.random(), float(np.random.random())],
    "signals": [signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL, signal.set_wakeup_fd(-1)],
}
pathlib.Path(sys.argv[1]).with_suffix(".new").write_text(json.dumps(told))
pathlib.Path(sys.argv[1]).with_suffix(".new").rename(sys.argv[1])
signal.pause()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the module that a forked process runs."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "what_it_is.py").write_text(_CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"), prepend=os.pathsep)
    return "what_it_is"


def start(source: Forks, module: str, told: Path, **environment: str) -> tuple[Forked, Any]:
    """Fork a process, and return it with what it tells."""
    forked = source.fork(module, [str(told)], os.environ | environment, str(told.parent))
    until(told.exists, "what the process tells", 30)
    return forked, json.loads(told.read_text())


def test_each_process_is_its_own(tmp_path: Path, module: str) -> None:
    with Forks(["tempfile:gettempdir"], tmp_path) as source:
        made = []
        for name in "ab":
            (tmp_path / name).mkdir()
            there = {"TMPDIR": str(tmp_path / name), "NAME": name}
            made.append(start(source, module, tmp_path / name / "told", **there))
        for name, (forked, told) in zip("ab", made, strict=True):
            assert told["environment"]["NAME"] == name
            assert "OPENBLAS_NUM_THREADS" not in told["environment"]
            assert told["folder"] == told["temporary"] == str(tmp_path / name)
            assert told["arguments"] == [str(tmp_path / name / "told")]
            assert told["session"] == forked.pid
            assert told["signals"] == [True, -1]
            # Besides input and output, only the handle of the server, which ends it.
            assert not [each for each in told["files"] if each.startswith("socket")]
            assert len([each for each in told["files"] if "pidfd" in each]) == 1
        (first, one), (second, other) = made
        assert set(one["random"]).isdisjoint(other["random"])
        assert len(one["files"]) == len(other["files"])

        assert first.poll() is None
        first.terminate()
        assert first.wait()
        first.kill()  # no error, and no other process that has got its id
        assert second.poll() is None
        second.kill()
        until(lambda: second.poll() is not None, "its end", 10)
        until(lambda: not psutil.Process(source.pid).children(), "no zombies", 10)


def test_forked_processes_outlive_what_they_were_forked_from_and_another_takes_its_place(
    tmp_path: Path, module: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Forks([], tmp_path) as source:
        first, _ = start(source, module, tmp_path / "first")
        before = psutil.Process(source.pid)
        before.kill()
        before.wait(10)
        with pytest.raises(NoForkError):
            source.fork(module, [], os.environ, str(tmp_path))
        assert [record.message for record in caplog.records] == [
            "The process that kernels are forked from has ended; another one starts."
        ]
        second, _ = start(source, module, tmp_path / "second")
        assert source.pid != before.pid
        assert first.poll() is second.poll() is None
        for each in (first, second):
            each.kill()
            each.wait()


def test_what_cannot_be_imported_is_given_up(tmp_path: Path) -> None:
    with Forks(["no_such_module"], tmp_path) as source:
        for _ in range(forks._FAILURES + 1):
            with pytest.raises(NoForkError):
                source.fork("this", [], os.environ, str(tmp_path))
        assert source.pid is None


def test_a_system_without_place_for_a_process_is_an_os_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with Forks([], tmp_path) as source, theirs:
        source._ask(b'{"module": "this", "arguments": [], "environment": {}, "folder": "/"}')
        monkeypatch.setattr(os, "fork", lambda: (_ for _ in ()).throw(OSError(errno.EAGAIN, "")))
        assert not fork_server._fork(theirs)
        source._socket.close()
        source._socket = ours
        with pytest.raises(OSError, match=os.strerror(errno.EAGAIN)):
            source.fork("this", [], os.environ, "/")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_all_end_with_the_server(tmp_path: Path, sig: signal.Signals) -> None:
    with serving(tmp_path, "--warm", "1") as server:
        until(lambda: server.health()["warm_kernels"] == 1, "a warm kernel", 60)
        Visitor(server.url).open_pad()
        started = psutil.Process(server.process.pid).children(recursive=True)
        assert {each.pid for each in server.kernels()} < {each.pid for each in started}
        server.process.send_signal(sig)
        assert not psutil.wait_procs(started, timeout=15)[1]


def test_kernels_end_with_the_server_also_without_what_they_were_forked_from(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        visitor = Visitor(server.url)
        kernels = server.kernels()
        fork_process(server).kill()
        visitor.open_pad()
        server.process.kill()
        assert not psutil.wait_procs(kernels, timeout=15)[1]


def test_a_server_with_thousands_of_open_files_forks(tmp_path: Path, module: str) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):  # `select` knows 1,024
            opened.enter_context(open(os.devnull))  # noqa: PTH123  # as many as a hundred visitors
        source = opened.enter_context(Forks([], tmp_path))
        forked, _ = start(source, module, tmp_path / "told.json")
        assert forked.poll() is None
        forked.kill()
        until(lambda: forked.poll() is not None, "the end of the process", 30)


def fork_process(server: Server) -> psutil.Process:
    """The process that a server's kernels are forked from."""
    (found,) = {kernel.ppid() for kernel in server.kernels()}
    assert found != server.process.pid
    return psutil.Process(found)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("serve"), "--shared") as running:
        yield running


def test_a_kernel_is_forked_from_a_process_with_one_thread(server: Server) -> None:
    with Visitor(server.url) as visitor:
        visitor.open_pad()
        visitor.draw(STROKES)
        source = fork_process(server)
        status = Path(f"/proc/{source.pid}/status").read_text()
        assert "\nThreads:\t1\n" in status
        assert source.ppid() == server.process.pid


class Ink(Visitor):
    """A visitor who counts what is sent to the canvas."""

    commands = 0

    def _take(self, message: dict[str, Any]) -> None:
        data = message["content"].get("data") or {}
        self.commands += data.get("method") == "custom"
        super()._take(message)


def test_ink_is_painted_from_a_forked_kernel(server: Server) -> None:
    visitor = Ink(server.url)
    with visitor:
        visitor.open_pad()
        before = visitor.commands
        visitor.draw(STROKES)
        visitor.wait_for(lambda: visitor.commands > before, "ink")


def has_answers(visitor: Visitor, number: int) -> bool:
    return visitor.answers == number


def test_random_digits_of_two_visitors_differ(server: Server) -> None:
    chosen = []
    for _ in range(2):
        with Visitor(server.url) as visitor:
            visitor.open_pad()
            notes = []
            for number in range(1, 4):
                visitor.click("ml-sample")
                visitor.wait_for(partial(has_answers, visitor, number), "an answer")
                notes.append(visitor.text("ml-panel"))
            chosen.append(notes)
    assert chosen[0] != chosen[1]


def test_a_page_comes_after_the_process_to_fork_from_was_killed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, "--shared") as server, Visitor(server.url) as first:
        first.open_pad()
        fork_process(server).kill()
        with Visitor(server.url) as second:
            second.open_pad()
            second.draw(STROKES)
        first.draw(STROKES)
        with Visitor(server.url) as third:
            third.open_pad()
            third.draw(STROKES)
        assert server.health()["visitors"] >= 1
    said = capfd.readouterr().err
    assert said.count("another one starts") == 1
    assert "Traceback" not in said, said


def test_kernels_are_started_one_by_one_where_that_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-fork") as server, Visitor(server.url) as visitor:
        visitor.open_pad()
        visitor.draw(STROKES)
        (kernel,) = psutil.Process(server.process.pid).children()
        assert "mnistlab.server.kernel" in kernel.cmdline()
        assert server.kernels() == [kernel]


def test_nothing_is_forked_where_the_system_has_no_handles(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(errno.ENOSYS, "")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert not can_fork()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not can_fork()


def test_a_library_with_threads_uses_all_cores_in_a_forked_process(
    tmp_path: Path, module: str
) -> None:
    told = tmp_path / "told"
    code = (
        "import pathlib, signal, sys, threadpoolctl\n"
        "blas = [x['num_threads'] for x in threadpoolctl.threadpool_info()]\n"
        f"pathlib.Path({str(told)!r}).write_text(str(max(blas)))\n"
    )
    (tmp_path / "modules" / "counts.py").write_text(code)
    with Forks(["numpy"], tmp_path) as source:
        source.fork("counts", [], os.environ | {"OPENBLAS_NUM_THREADS": "3"}, str(tmp_path)).wait()
    assert told.read_text() == "3"


def test_a_process_ends_with_a_server_that_was_killed(tmp_path: Path, module: str) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom mnistlab.server.forks import Forks\n"
        f"forks = Forks([], Path({str(tmp_path)!r}))\n"
        f"made = forks.fork({module!r}, [{str(tmp_path / 'told')!r}], os.environ, '/')\n"
        "print(forks.pid, made.pid, flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        processes = [psutil.Process(int(pid)) for pid in owner.stdout.readline().split()]
        until((tmp_path / "told").exists, "that it runs", 30)
        owner.kill()
        assert not psutil.wait_procs(processes, timeout=15)[1]
