"""Processes that are forked from one that has imported what they need; see `fork_server`."""

from __future__ import annotations

import errno
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mnistlab.errors import MnistLabError

_SECONDS = 30  # until it has imported everything, on a slow machine, or has forked
_FAILURES = 3  # in a row, after which it is not started again
_log = logging.getLogger(__name__)


class NoForkError(MnistLabError):
    """Nothing can be forked now; start a process instead."""


def can_fork() -> bool:
    """Whether processes can be forked: on Linux, where handles of processes are allowed.

    macOS has no such handles, and its libraries do not support forking; Windows has neither.
    """
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # an old kernel, or a container that forbids it
        return False
    return True


class Forked:
    """A forked process: the methods of `subprocess.Popen` that a kernel's provisioner needs.

    The server is not its parent, so its exit status is unknown.
    """

    stdin = stdout = stderr = None
    _ENDED = 1

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._handle = handle

    def poll(self) -> int | None:
        """None while it runs."""
        if self.returncode is None and self._has_ended(0):
            self._close()
        return self.returncode

    def wait(self) -> int:
        """Wait until it has ended."""
        if self.returncode is None:
            self._has_ended(None)
            self._close()
        return self._ENDED

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _has_ended(self, milliseconds: int | None) -> bool:
        # Not `select`, which knows 1,024 open files only: those of a hundred visitors.
        look = select.poll()
        look.register(self._handle, select.POLLIN)
        return bool(look.poll(milliseconds))

    def _close(self) -> None:
        self.returncode = self._ENDED
        os.close(self._handle)


class Forks:
    """Starts the process that others are forked from, and asks it to fork.

    It is started again after it was killed. The processes that were forked from it go on.

    Parameters
    ----------
    names : what to import, and functions to call then, as `module:function`
    folder : the working folder of the process, from which nothing is imported
    """

    def __init__(self, names: Iterable[str], folder: Path) -> None:
        self._names, self._folder = list(names), folder
        self._lock = threading.Lock()
        self._failures = 0
        self._socket: socket.socket
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._start()

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """The process that others are forked from; None if there is none any more."""
        return self._process.pid if self._process else None

    def fork(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str
    ) -> Forked:
        """Run `python -m module arguments` in a forked process, in a session of its own.

        Waits until everything is imported. Raises `OSError` if the system has no place for another
        process, as `subprocess.Popen` does, and `NoForkError` if the process to fork from does not
        answer.
        """
        request = {
            "module": module,
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": folder,
        }
        with self._lock:
            if self._process is None and self._failures < _FAILURES:
                self._try_to_start()
            if self._process is None:
                raise NoForkError("No process to fork from; start one.")
            try:
                answer, handles = self._ask(json.dumps(request).encode())
            except (OSError, ValueError) as error:
                self._restart()
                raise NoForkError("The process to fork from does not answer.") from error
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        if not handles:  # this process has no place for another open file
            os.kill(answer["pid"], signal.SIGKILL)
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        self._failures = 0
        return Forked(answer["pid"], handles[0])

    def _ask(self, request: bytes) -> tuple[dict[str, Any], list[int]]:
        if not self._is_ready:
            self._is_ready = bool(self._socket.recv(100))  # nothing comes if it has ended
        self._socket.send(request)
        message, handles, _, _ = socket.recv_fds(self._socket, 100, 1)
        answer: dict[str, Any] = json.loads(message)
        return answer, handles

    def _start(self) -> None:
        from mnistlab.server import fork_server  # only its names: it imports what it needs itself

        self._is_ready = False
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", fork_server.__name__, str(theirs.fileno()), *self._names],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                env=os.environ | fork_server.ONE_THREAD,
                start_new_session=True,  # Ctrl-C is for the server
            )

    def _try_to_start(self) -> None:
        try:
            self._start()
        except OSError as error:  # no memory or no files: the next request tries again
            self._failures += 1
            _log.error("The process to fork kernels from cannot be started: %s", error)

    def _restart(self) -> None:
        self.close()
        self._failures += 1
        if self._failures < _FAILURES:
            _log.error("The process that kernels are forked from has ended; another one starts.")
            self._try_to_start()
        else:
            _log.error("Kernels are no longer forked, because that has failed several times.")

    def close(self) -> None:
        """End the process that others are forked from."""
        if self._process is not None:
            self._socket.close()
            self._process.kill()
            self._process.wait()
            self._process = None
