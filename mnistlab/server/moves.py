"""A pointer's moves, joined where they come faster than the kernel takes them.

A stroke of fifty moves is fifty messages, each of which costs server and kernel about a
millisecond, and two answers. With one visitor nobody notices; with forty the machine does little
else. So only one move is on its way to a kernel at a time. Those that come meanwhile wait, and
then go as one message, which `mnistlab.ui.predict.pointers` reads: the busier the kernel, the
fewer the messages, and no point of a drawing is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mnistlab.server.messages import Message

EVENTS = ("mouse_move", "touch_move")
JOINED = "moves"  # the event that has them all
PATIENCE = 0.3  # seconds after which a kernel's word that it is done counts as lost
_MOST = 500  # in one message
_LARGEST = 4096  # bytes of a move; what is larger is none, and does not wait in memory


class Loop(Protocol):
    """What is used of an event loop."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> Any:
        """Call back after so many seconds."""

    def remove_timeout(self, timeout: Any) -> None:
        """Do not."""


class Moves:
    """The moves of one page, in the order in which they came.

    Parameters
    ----------
    forward : sends a raw message to the kernel
    done : tells the page that a message, joined to a later one, is done with
    loop : the event loop
    """

    def __init__(
        self,
        forward: Callable[[str | bytes], None],
        done: Callable[[Message], None],
        loop: Loop,
    ) -> None:
        self._forward, self._done, self._loop = forward, done, loop
        self._waiting: list[Message] = []
        self._on_its_way: str | None = None
        self._timeout: Any = None

    def take(self, message: Message) -> None:
        """Forward a message, at once or joined with others that come after it."""
        if not _is_move(message):
            self.flush()
            self._forward(message.raw)
        elif self._on_its_way is None:
            self._send(message, message.raw)
        else:
            last = self._waiting[-1] if self._waiting else message
            if len(self._waiting) == _MOST or last.content["comm_id"] != message.content["comm_id"]:
                self.flush()
            elif self._waiting:
                self._done(last)
            self._waiting.append(message)

    def answered(self, answer: str | bytes) -> None:
        """Look at a message of the kernel: is it done with the move that is on its way?"""
        if self._on_its_way is None:
            return
        said = answer.encode() if isinstance(answer, str) else answer
        if b'"idle"' in said and self._on_its_way.encode() in said:
            self._arrived()

    def flush(self) -> None:
        """Send what waits."""
        if self._waiting:
            last, moves = self._waiting[-1], [_move(each) for each in self._waiting]
            self._waiting = []
            data = {**last.content["data"], "content": {"event": JOINED, JOINED: moves}}
            self._send(last, last.with_content({**last.content, "data": data}))

    def close(self) -> None:
        """The page is gone."""
        self._waiting = []
        self._settle()

    def _send(self, message: Message, raw: str | bytes) -> None:
        self._settle()
        self._on_its_way = message.header["msg_id"]
        self._timeout = self._loop.call_later(PATIENCE, self._arrived)
        self._forward(raw)

    def _arrived(self) -> None:
        self._settle()
        self.flush()

    def _settle(self) -> None:
        if self._timeout is not None:
            self._loop.remove_timeout(self._timeout)
        self._on_its_way = self._timeout = None


def _is_move(message: Message) -> bool:
    data = message.content.get("data")
    return (
        len(message.raw) <= _LARGEST
        and isinstance(data, dict)
        and data.get("method") == "custom"
        and isinstance(data.get("content"), dict)
        and data["content"].get("event") in EVENTS
        and isinstance(message.content.get("comm_id"), str)
        and isinstance(message.header.get("msg_id"), str)
        and message.header["msg_id"] != ""
    )


def _move(message: Message) -> Any:
    return message.content["data"]["content"]
