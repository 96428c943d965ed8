"""Two servers behind HAProxy with the shipped configuration, all on loopback."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from drivers.server import Server, serving
from drivers.waiting import until

NO_HAPROXY = "needs HAProxy: apt-get install haproxy"
CONFIGURATION = Path(__file__).parents[1] / "deploy" / "haproxy.cfg"


class Fleet:
    """The servers by the names in their cookies, and the proxy's URL."""

    def __init__(
        self, url: str, stats: str, ports: dict[str, int], folder: Path, arguments: tuple[str, ...]
    ) -> None:
        self.url, self._stats = url, stats
        self.servers: dict[str, Server] = {}
        self._ports, self._folder, self._arguments = ports, folder, arguments
        self._running = {name: ExitStack() for name in ports}
        self._starts = 0

    def start(self, name: str) -> None:
        """Start a server, or start it again on its port."""
        self._starts += 1
        folder = self._folder / f"{name}-{self._starts}"
        folder.mkdir()
        port = str(self._ports[name])
        named = ("--port", port, "--server-name", name, "--trusted-proxies", "127.0.0.1")
        made = serving(folder, *named, *self._arguments)
        self.servers[name] = self._running[name].enter_context(made)

    def kill(self, name: str) -> None:
        """End a server as a power failure would."""
        self.servers[name].process.kill()
        self._running[name].close()

    def restart(self, name: str, seconds: float) -> None:
        """Let a server drain, start it again, and wait until the proxy has seen that."""
        process = self.servers[name].process
        process.send_signal(signal.SIGTERM)
        until(lambda: process.poll() is not None, f"the end of {name}", seconds)
        self._running[name].close()
        self.start(name)
        until(lambda: self.state(name).startswith("UP"), f"{name} at the proxy", seconds)

    def state(self, name: str) -> str:
        """What the proxy's page says of a server, such as UP or NOLB."""
        with urllib.request.urlopen(f"{self._stats};csv", timeout=30) as answer:
            rows = csv.DictReader(answer.read().decode().removeprefix("# ").splitlines())
        return next(str(row["status"]) for row in rows if row["svname"] == name)

    def close(self) -> None:
        """End all servers."""
        for running in self._running.values():
            running.close()


@contextmanager
def fleet(folder: Path, *arguments: str) -> Iterator[Fleet]:
    """Two servers, `server-1` and `server-2`, with the same arguments, and the proxy."""
    haproxy = haproxy_path()
    assert haproxy, NO_HAPROXY
    bind, stats, *ports = free_ports(4)
    names = {f"server-{number}": port for number, port in enumerate(ports, 1)}
    url, pages = (f"http://127.0.0.1:{port}/" for port in (bind, stats))
    made = Fleet(url, pages, names, folder, arguments)
    addresses = {f"SERVER_{number}": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)}
    environment = {"PROXY_BIND": f"127.0.0.1:{bind}", "PROXY_STATS": f"127.0.0.1:{stats}"}
    try:
        for name in names:
            made.start(name)
        with (folder / "haproxy.log").open("wb") as log:
            proxy = subprocess.Popen(
                [haproxy, "-f", str(CONFIGURATION)],
                env={**os.environ, **environment, **addresses},
                stdout=log,
                stderr=log,
            )
        try:
            until(lambda: _answers(bind), "the proxy", 30)
            yield made
        finally:
            proxy.kill()
            proxy.wait()
    finally:
        made.close()


def haproxy_path() -> str | None:
    """The program, None where it is not installed; Debian puts it where only root looks."""
    return shutil.which("haproxy", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")


def free_ports(count: int) -> list[int]:
    with ExitStack() as probes:
        made = [probes.enter_context(socket.socket()) for _ in range(count)]
        for each in made:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in made]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
