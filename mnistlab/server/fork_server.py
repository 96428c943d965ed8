"""The process that kernels are forked from: it has imported all that they import.

`python -m mnistlab.server.fork_server SOCKET NAME ...`, which `mnistlab.server.forks` starts, forks
once for each request that comes over the socket. It is not specific to kernels: a request is a
command `python -m MODULE ...` with its environment and folder. It has one thread, because locks
that other threads hold would stay locked in the new process.
"""

from __future__ import annotations

import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from threading import Thread
from typing import Any

from threadpoolctl import ThreadpoolController

from mnistlab.server.resources import trim_heap

READY = b"ready"
MOST_BYTES = 2**20  # of a request; Linux sends 200 kB at once
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""What this process has in its environment, so that NumPy starts no threads in it."""


def main() -> None:
    """Import, answer requests until the server ends, and run what is requested in each process."""
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]  # as `ipykernel_launcher` does: no file of the folder counts as a module
    server = os.pidfd_open(os.getppid())
    number, *names = sys.argv[1:]
    with socket.socket(fileno=int(number)) as requests:
        prepare(names)
        libraries = ThreadpoolController()
        request = _serve(requests, server)
    if request is not None:
        Thread(target=_end_with, args=(server,), daemon=True).start()
        _become(request)
        libraries.limit(limits=_threads(), user_api="blas")
        runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def prepare(names: Iterable[str]) -> None:
    """Import modules, and call functions that are given as `module:function`."""
    gc.disable()
    for name in names:
        found = resolve_name(name)
        if ":" in name:
            found()
    gc.collect()
    trim_heap()
    gc.freeze()  # a collection would write to all these objects, and so copy their memory


def _serve(requests: socket.socket, server: int) -> dict[str, Any] | None:
    """Fork for each request; returns it in the new process, and None when the server has ended."""
    woken, wake = os.pipe()
    for each in (woken, wake):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # any handler makes `woken` readable
    requests.send(READY)
    channel = requests.fileno()
    # Not `select`, which knows no file above 1,024: the channel has its number in the server.
    look = select.poll()
    for each in (channel, server, woken):
        look.register(each, select.POLLIN)
    while True:
        ready = {each for each, _ in look.poll()}
        message = b""
        with suppress(ConnectionResetError):  # a killed server: it has ended, as below
            message = requests.recv(MOST_BYTES) if channel in ready else b""
        if message and _fork(requests):
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.close(woken)
            os.close(wake)
            request: dict[str, Any] = json.loads(message)
            return request
        if server in ready or (channel in ready and not message):
            return None
        _reap(woken)


def _fork(requests: socket.socket) -> bool:
    """Whether this is the new process. The old one answers with its id and a handle of it."""
    try:
        pid = os.fork()
    except OSError as error:  # too many processes, or no memory
        requests.send(json.dumps({"errno": error.errno}).encode())
        return False
    if pid == 0:
        return True
    try:
        handle = os.pidfd_open(pid)  # before it is reaped, when its id could become another's
    except OSError as error:
        os.kill(pid, signal.SIGKILL)
        requests.send(json.dumps({"errno": error.errno}).encode())
        return False
    socket.send_fds(requests, [json.dumps({"pid": pid}).encode()], [handle])
    os.close(handle)
    return False


def _reap(woken: int) -> None:
    with suppress(BlockingIOError):
        os.read(woken, 4096)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: dict[str, Any]) -> None:
    """Take on what a process of its own would have been started with."""
    # Loaded before the fork by what was prepared. The server, which imports this module for its
    # names, does not need it.
    import numpy as np

    os.setsid()
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.argv = [request["module"], *request["arguments"]]
    tempfile.tempdir = None  # where it has been asked for, it is remembered
    random.seed()
    np.random.seed()
    gc.enable()


def _threads() -> int:
    """How many threads NumPy would have used."""
    with suppress(KeyError, ValueError):
        return int(os.environ["OPENBLAS_NUM_THREADS"])
    return len(os.sched_getaffinity(0))


def _end_with(server: int) -> None:
    """End this process with the server: its parent may have ended, or may outlive the server."""
    look = select.poll()
    look.register(server, select.POLLIN)
    look.poll()
    os._exit(1)


if __name__ == "__main__":
    main()
