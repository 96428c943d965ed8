"""The client takes a kernel as ready as soon as it has answered, and not before."""

from __future__ import annotations

from queue import Empty
from typing import Any

import pytest

from mnistlab.server.kernel_client import QuickClient
from tests.server.alone import run_alone


class Kernel(QuickClient):
    """A client whose messages are given: lists for the first, the second ... request."""

    def __init__(self, shell: list[list[Any]], iopub: list[list[Any]], lives: bool = True) -> None:
        self._shell, self._iopub, self._lives = shell, iopub, lives
        self.asked = 0

    def kernel_info(self, *_: Any, **__: Any) -> str:
        self.asked += 1
        return str(self.asked)

    async def get_shell_msg(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self._next(self._shell)

    async def get_iopub_msg(self, *_: Any, **__: Any) -> dict[str, Any]:
        return self._next(self._iopub)

    async def is_alive(self) -> bool:
        return self._lives

    def _next(self, messages: list[list[Any]]) -> dict[str, Any]:
        if not messages[self.asked - 1]:
            raise Empty
        parent, state = messages[self.asked - 1].pop(0)
        return {
            "header": {"msg_type": "status" if state else "iopub_welcome"},
            "parent_header": {"msg_id": parent} if parent else {},
            "content": {"execution_state": state} if state else {},
        }


REPLY, BUSY, IDLE, WELCOME = ("1", None), ("1", "busy"), ("1", "idle"), (None, None)


def test_a_kernel_that_answers_on_both_channels_is_ready() -> None:
    kernel = Kernel([[REPLY]], [[WELCOME, BUSY, IDLE]])
    run_alone(kernel.wait_for_ready(10))
    assert kernel.asked == 1


def test_a_kernel_that_is_not_heard_yet_is_asked_again() -> None:
    late = ("2", "idle")
    kernel = Kernel([[], [REPLY, ("2", None)]], [[], [("1", "idle"), late]])
    run_alone(kernel.wait_for_ready(10))
    assert kernel.asked == 2


def test_a_kernel_that_has_ended_or_says_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="died"):
        run_alone(Kernel([[]], [[]], lives=False).wait_for_ready(10))
    with pytest.raises(RuntimeError, match="respond"):
        run_alone(Kernel([[]], [[]]).wait_for_ready(-1))
