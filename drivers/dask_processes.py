"""A real Dask scheduler and real workers on loopback, as a shell would start them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

START = 120  # seconds; generous, for a loaded machine


class DaskProcesses:
    """One scheduler, and workers by name; every process ends in `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._file = folder / "scheduler.json"
        self._scheduler = self._start(
            "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-show",
            "--scheduler-file", str(self._file),
        )  # fmt: skip
        self.address = self._read_address()

    def add_worker(self, name: str) -> None:
        self.workers[name] = self._start(
            "dask_worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny",
            "--host", "127.0.0.1", "--local-directory", str(self.folder / name),
        )  # fmt: skip

    def kill(self, name: str) -> list[psutil.Process]:
        """SIGKILL a worker; returns the processes that it had started."""
        worker = self.workers.pop(name)
        children: list[psutil.Process] = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
        worker.wait()
        return children

    def kill_scheduler(self) -> None:
        self._scheduler.kill()
        self._scheduler.wait()

    @contextmanager
    def stopped_scheduler(self) -> Iterator[None]:
        """The scheduler, alive but doing nothing, as on a machine that is out of reach."""
        scheduler = psutil.Process(self._scheduler.pid)
        scheduler.suspend()
        try:
            yield
        finally:
            scheduler.resume()

    def trainings(self) -> list[psutil.Process]:
        """The training processes that run on the workers."""
        found: list[psutil.Process] = []
        for worker in self.workers.values():
            if worker.poll() is None:
                children = psutil.Process(worker.pid).children(recursive=True)
                found += [child for child in children if _is_training(child)]
        return found

    def close(self) -> None:
        for process in (*self.workers.values(), self._scheduler):
            process.kill()
            process.wait()

    def _start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *arguments, "--no-dashboard"]
        with (self.folder / "dask.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)

    def _read_address(self) -> str:
        deadline = time.monotonic() + START
        while self._scheduler.poll() is None and time.monotonic() < deadline:
            try:
                return str(json.loads(self._file.read_text())["address"])
            except (OSError, ValueError):  # not written, or half
                time.sleep(0.05)
        self.close()
        raise RuntimeError((self.folder / "dask.log").read_text())


def _is_training(process: psutil.Process) -> bool:
    """Dask's own helpers (a resource tracker, a compiler asked for its version) are none."""
    try:
        return "mnistlab.jobs.worker" in process.cmdline()
    except psutil.NoSuchProcess:
        return False


@contextmanager
def dask_cluster(folder: Path, *names: str) -> Iterator[DaskProcesses]:
    """A scheduler and a worker for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    dask = DaskProcesses(folder)
    try:
        for name in names:
            dask.add_worker(name)
        yield dask
    finally:
        dask.close()
