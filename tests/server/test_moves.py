"""Moves of a pointer, joined while the kernel is busy: fewer messages, the same points."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from mnistlab.server.messages import V1_PROTOCOL, Message, Moves, check_message, idle_status
from tests.server.test_messages import packed

PROTOCOLS = pytest.mark.parametrize("protocol", [None, V1_PROTOCOL], ids=["older", "newer"])


class Clock:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        self.due.append(callback)
        return SimpleNamespace(cancel=lambda: self.due.remove(callback))


class Page:
    """A page that sends events, and what its kernel gets."""

    def __init__(self, protocol: str | None) -> None:
        self.protocol, self.clock, self.sent = protocol, Clock(), 0
        self.kernel: list[Message] = []
        self.done: list[str] = []
        self.moves = Moves(
            self.kernel.append,
            lambda message: self.done.append(message.header["msg_id"]),
            self.clock.call_later,
        )

    def send(self, event: str, comm: object = "canvas", **facts: object) -> str:
        self.sent += 1
        header = {"msg_type": "comm_msg", "msg_id": f"id-{self.sent}"}
        data = {"method": "custom", "content": {"event": event, **facts}}
        content = {"comm_id": comm, "data": data}
        whole: str | bytes = json.dumps({"channel": "shell", "header": header, "content": content})
        if self.protocol == V1_PROTOCOL:
            parts = ["shell", json.dumps(header), "{}", "{}", json.dumps(content)]
            whole = packed([part.encode() for part in parts])
        self.moves.take(check_message(whole, self.protocol))
        return header["msg_id"]

    def answer(self, of: str) -> None:
        self.moves.answered(idle_status({"msg_id": of}, self.protocol))

    @property
    def events(self) -> list[dict[str, object]]:
        """What the kernel got, joined moves taken apart."""
        contents = [each.content["data"]["content"] for each in self.kernel]
        return [move for each in contents for move in each.get("moves", [each])]


@PROTOCOLS
def test_moves_wait_for_a_busy_kernel_and_none_is_lost(protocol: str | None) -> None:
    page = Page(protocol)
    page.send("mouse_down", x=0, y=0)
    first = page.send("mouse_move", x=1, y=0)
    for x in range(2, 50):
        page.send("mouse_move", x=x, y=0)
    assert len(page.kernel) == 2
    page.answer("another message")
    assert len(page.kernel) == 2
    page.answer(first)
    assert len(page.kernel) == 3
    page.send("mouse_move", x=50, y=0)
    page.send("mouse_up", x=51, y=0)
    assert [event["x"] for event in page.events] == list(range(52))
    assert [event["event"] for event in page.events][-2:] == ["mouse_move", "mouse_up"]
    assert len(page.kernel) == 5


@PROTOCOLS
def test_an_idle_kernel_gets_each_move_at_once(protocol: str | None) -> None:
    page = Page(protocol)
    for x in range(5):
        page.answer(page.send("mouse_move", x=x, y=0))
        assert len(page.kernel) == x + 1
    assert not page.done


@PROTOCOLS
def test_the_page_is_told_that_joined_messages_are_done(protocol: str | None) -> None:
    page = Page(protocol)
    ids = [page.send("touch_move", touches=[{"x": x, "y": 0}]) for x in range(5)]
    page.send("touch_end", touches=[])
    # The first and the joined one, which has the last one's header, are the kernel's to answer.
    assert page.done == ids[1:-1]
    assert [each.header["msg_id"] for each in page.kernel[:-1]] == [ids[0], ids[-1]]


def test_moves_of_different_canvases_keep_their_order() -> None:
    page = Page(None)
    for comm in ("a", "a", "b", "a"):
        page.send("mouse_move", comm, x=page.sent, y=0)
    page.send("mouse_up", "a", x=4, y=0)
    assert [event["x"] for event in page.events] == list(range(5))
    assert [each.content["comm_id"] for each in page.kernel] == ["a", "a", "b", "a", "a"]


def test_a_kernel_that_does_not_answer_gets_them_all_the_same() -> None:
    page = Page(None)
    for x in range(3):
        page.send("mouse_move", x=x, y=0)
    page.clock.due[0]()
    assert [event["x"] for event in page.events] == [0, 1, 2]
    page.moves.close()
    assert not page.clock.due


def test_what_is_no_move_passes_unchanged() -> None:
    page = Page(None)
    page.send("mouse_move", x=0, y=0)
    page.send("mouse_move", comm=7, x=0, y=0)
    page.send("mouse_move", x=0, y="0" * 10_000)
    page.send("client_ready")
    assert len(page.kernel) == 4
