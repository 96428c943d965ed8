"""The end of a visitor's kernel."""

from __future__ import annotations

import threading

import pytest
from ipykernel.control import ControlThread
from ipykernel.kernelapp import IPKernelApp

from mnistlab.server.kernel import VisitKernelApp


def test_the_last_answer_is_finished_before_the_kernel_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, is_ending = threading.Event(), threading.Event()
    answered: list[str] = []

    def answer() -> None:
        begun.set()
        is_ending.wait(30)
        answered.append("the request to end")

    def serve(_: IPKernelApp) -> None:
        app.control_thread.io_loop.add_callback(answer)
        assert begun.wait(30)
        threading.Timer(0.1, is_ending.set).start()  # after this has returned

    monkeypatch.setattr(IPKernelApp, "start", serve)
    app = VisitKernelApp()  # type: ignore[no-untyped-call]  # ipykernel has few types
    app.control_thread = ControlThread(daemon=True)  # type: ignore[no-untyped-call]
    app.control_thread.start()
    app.start()
    assert answered == ["the request to end"]
    assert not app.control_thread.is_alive()
