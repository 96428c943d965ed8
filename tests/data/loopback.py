"""A server on loopback to download from, and what a test of downloads needs beside it."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server(ThreadingHTTPServer):
    """Serves bytes by path; `cut` breaks each answer off in the middle."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cut = False
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append(name)
        if name not in self.server.files:
            self.send_error(404)
            return
        body = self.server.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.server.cut else body)

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


def allow_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift `MNISTLAB_OFFLINE`, and take away proxies that would stand between."""
    monkeypatch.delenv("MNISTLAB_OFFLINE")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


class Bar:
    """A progress bar as pooch knows it."""

    total = 0
    done = 0
    closed = 0

    def update(self, n: int) -> None:
        self.done += n

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        self.closed += 1
