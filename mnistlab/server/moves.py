"""Pointer moves, joined when they come faster than the kernel handles them.

A stroke of fifty moves is fifty messages. Each costs server and kernel about a millisecond, and
two answers, which matters with forty visitors. So only one move at a time is sent to a kernel.
Those that come meanwhile wait and are then sent as one message, which
`mnistlab.ui.predict.pointers` reads. No point of a drawing is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mnistlab.server.messages import Message

EVENTS = ("mouse_move", "touch_move")
JOINED = "moves"  # the event that holds them all
PATIENCE = 0.3  # seconds after which the kernel's answer counts as lost
_MAX_MOVES = 500  # in one message
_MAX_BYTES = 4096  # of a move; anything larger is not a move and does not wait in memory


class Moves:
    """The moves of one page, in order."""

    def __init__(
        self,
        forward: Callable[[Message], None],  # to the kernel
        done: Callable[[Message], None],  # tells the page that a joined message has been handled
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
    ) -> None:
        self._forward, self._done, self._call_later = forward, done, call_later
        self._waiting: list[Message] = []
        self._sent_id: str | None = None
        self._timeout: asyncio.TimerHandle | None = None

    def take(self, message: Message) -> None:
        """Forward a message, at once or joined with later ones."""
        if not _is_move(message):
            self.flush()
            self._forward(message)
        elif self._sent_id is None:
            self._send(message)
        else:
            last = self._waiting[-1] if self._waiting else message
            is_full = len(self._waiting) == _MAX_MOVES
            if is_full or last.content["comm_id"] != message.content["comm_id"]:
                self.flush()
            elif self._waiting:
                self._done(last)
            self._waiting.append(message)

    def answered(self, answer: str | bytes) -> None:
        """Send what waits if this message of the kernel says that it handled the last move."""
        if self._sent_id is not None:
            text = answer.encode() if isinstance(answer, str) else answer
            if b'"idle"' in text and self._sent_id.encode() in text:
                self.flush()

    def flush(self) -> None:
        """Send what waits."""
        self._settle()
        if self._waiting:
            last, moves = self._waiting[-1], [_event(each) for each in self._waiting]
            self._waiting = []
            data = {**last.content["data"], "content": {"event": JOINED, JOINED: moves}}
            self._send(last.with_content({**last.content, "data": data}))

    def close(self) -> None:
        """Forget what waits: the page is gone."""
        self._waiting = []
        self._settle()

    def _send(self, message: Message) -> None:
        self._sent_id = message.header["msg_id"]
        self._timeout = self._call_later(PATIENCE, self.flush)
        self._forward(message)

    def _settle(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._sent_id = self._timeout = None


def _is_move(message: Message) -> bool:
    event, msg_id = _event(message), message.header.get("msg_id")
    return (
        isinstance(event, dict)
        and event.get("event") in EVENTS
        and message.content["data"].get("method") == "custom"
        and isinstance(message.content.get("comm_id"), str)
        and isinstance(msg_id, str)
        and msg_id != ""
        and sum(map(len, message.parts)) <= _MAX_BYTES
    )


def _event(message: Message) -> Any:
    data = message.content.get("data")
    return data.get("content") if isinstance(data, dict) else None
