"""What a page may send to its kernel: widget messages, and nothing that runs code.

Each message is checked and parsed once, here. Jupyter's own readers trust the number of parts that
a binary message claims to have: a hostile one could make the server count to 10**18.
"""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

V1_PROTOCOL = "v1.kernel.websocket.jupyter.org"  # the other one, called legacy, has no name
ALLOWED = ("comm_msg", "comm_open", "comm_close", "comm_info_request", "kernel_info_request")
_CHANNELS = ("shell", "control")
# A page opens this comm to get the state of the kernel's widgets. Any other target would let it
# create widgets of its choice.
_TARGET = "jupyter.widget.control"
_MAX_PARTS = 128
# At worst, parsing takes a third of a second and 50 times the size per million characters, while
# all visitors wait. Widgets send less, and their uploads are binary parts.
_MAX_JSON = 1 << 20
_JSON_PARTS = ("header", "parent_header", "metadata", "content")

_MOVES = ("mouse_move", "touch_move")
_ENDS = ("mouse_up", "touch_end")
_JOINED = "moves"  # the event that holds them all
_PATIENCE = 0.3  # seconds after which the kernel's answer counts as lost
_MAX_MOVES = 500  # in one message
_MAX_BYTES = 4096  # of a move; anything larger is not a move and does not wait in memory


class RefusedError(ValueError):
    """Raised by `check_message`; the text is for the log."""


@dataclass(frozen=True)
class Message:
    """A message of a page that may reach its kernel."""

    channel: str
    header: Mapping[str, Any]
    content: Mapping[str, Any]
    parts: tuple[bytes, ...]
    """Header, parent header, metadata and content as JSON, then the binary buffers."""
    protocol: str | None

    def with_content(self, content: Mapping[str, Any]) -> Message:
        """The message with another content and without buffers."""
        return replace(self, content=content, parts=(*self.parts[:3], _to_json(content)))


def check_message(message: str | bytes, protocol: str | None) -> Message:
    """Parse a message that came over a socket of a subprotocol, None for the legacy one.

    Raises `RefusedError` unless it is a well-formed widget message.
    """
    try:
        channel, header, content, parts = _read(message, protocol)
    except (ValueError, struct.error, RecursionError) as error:
        raise RefusedError(f"malformed: {error}") from error
    if channel not in _CHANNELS:
        raise RefusedError(f"channel {channel!r}")
    if not isinstance(header, dict) or not isinstance(content, dict):
        raise RefusedError("malformed: no header or content")
    kind = header.get("msg_type")
    if kind not in ALLOWED:
        raise RefusedError(f"message of type {kind!r}")
    if kind == "comm_open" and content.get("target_name") != _TARGET:
        raise RefusedError(f"comm of target {content.get('target_name')!r}")
    return Message(channel, header, content, tuple(parts), protocol)


def idle_status(parent: Mapping[str, Any], protocol: str | None) -> str | bytes:
    """A kernel's message that it has handled the message with header `parent`."""
    header = {name: parent.get(name, "") for name in ("session", "username", "date", "version")}
    header |= {"msg_id": f"{parent.get('msg_id')}_done", "msg_type": "status"}
    values: tuple[Any, ...] = (header, parent, {}, {"execution_state": "idle"})
    if protocol == V1_PROTOCOL:
        return _join([b"iopub", *map(_to_json, values)])
    ids = {name: header[name] for name in ("msg_id", "msg_type")}
    parts = dict(zip(_JSON_PARTS, values, strict=True))
    return json.dumps({"channel": "iopub", **ids, **parts, "buffers": []})


def _read(message: str | bytes, protocol: str | None) -> tuple[Any, Any, Any, list[bytes]]:
    """Channel, header, content and parts."""
    if protocol == V1_PROTOCOL:
        if isinstance(message, str):
            raise RefusedError("text in the binary protocol")
        channel, *parts = _split(message, "<Q")
        if len(parts) < len(_JSON_PARTS):
            raise RefusedError("too few parts")
        return channel.decode(), _from_json(parts[0]), _from_json(parts[3]), parts
    first, *buffers = [message.encode()] if isinstance(message, str) else _split(message, ">I")
    whole = _from_json(first)
    if not isinstance(whole, dict):
        raise RefusedError("no object")
    parts = [_to_json(whole.get(name, {})) for name in _JSON_PARTS]
    channel = whole.get("channel", "shell")
    return channel, whole.get("header"), whole.get("content"), [*parts, *buffers]


def _from_json(text: bytes) -> Any:
    if len(text) > _MAX_JSON:
        raise RefusedError(f"JSON of {len(text)} characters")
    value = json.loads(text.decode())
    if b"\\u" in text:  # perhaps half a character: JSON can express it, UTF-8 cannot
        _to_json(value)
    return value


def _to_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _join(parts: list[bytes]) -> bytes:
    """A message of the v1 protocol; the opposite of `_split`."""
    offsets = list(accumulate(map(len, parts), initial=8 * (len(parts) + 2)))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def _split(message: bytes, kind: str) -> list[bytes]:
    """The parts of a binary message, which begins with their number and their offsets.

    `kind` is the format of these numbers; with ">I" the last part ends with the message.
    """
    size = struct.calcsize(kind)
    (count,) = struct.unpack_from(kind, message)
    if not 1 <= count <= _MAX_PARTS:
        raise RefusedError(f"{count} parts")
    offsets = struct.unpack_from(f"{kind[0]}{count}{kind[1]}", message, size)
    ends = (*offsets[1:], len(message)) if kind == ">I" else offsets[1:]
    bounds = list(zip(offsets, ends, strict=False))
    if any(not size * (count + 1) <= start <= end <= len(message) for start, end in bounds):
        raise RefusedError("parts out of bounds")
    return [message[start:end] for start, end in bounds]


class Moves:
    """Pointer moves of one page, joined when they come faster than the kernel handles them.

    A stroke of fifty moves is fifty messages. Each costs server and kernel about a millisecond, and
    two answers, which matters with forty visitors. So only one move at a time is sent to a kernel.
    Those that come meanwhile wait and are then sent as one message, which
    `mnistlab.ui.predict.pens` reads. No point of a drawing is lost.
    """

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
            data = {**last.content["data"], "content": {"event": _JOINED, _JOINED: moves}}
            self._send(last.with_content({**last.content, "data": data}))

    def close(self) -> None:
        """Forget what waits: the page is gone."""
        self._waiting = []
        self._settle()

    def _send(self, message: Message) -> None:
        self._sent_id = message.header["msg_id"]
        self._timeout = self._call_later(_PATIENCE, self.flush)
        self._forward(message)

    def _settle(self) -> None:
        if self._timeout is not None:
            self._timeout.cancel()
        self._sent_id = self._timeout = None


class AnswerTimes:
    """How long the kernel of a page takes from the end of a stroke to its answer.

    Parameters
    ----------
    observe : called with the seconds of each
    """

    def __init__(self, observe: Callable[[float], object]) -> None:
        self._observe = observe
        self._asked: tuple[str, float] | None = None

    def asked(self, message: Message) -> None:
        """Begin to measure, if a message ends a stroke."""
        event, msg_id = _event(message), message.header.get("msg_id")
        if isinstance(event, dict) and event.get("event") in _ENDS and isinstance(msg_id, str):
            self._asked = msg_id, time.perf_counter()

    def answered(self, answer: str | bytes) -> None:
        """End, if the kernel says that it has handled that message."""
        if self._asked is not None:
            msg_id, begun = self._asked
            text = answer.encode() if isinstance(answer, str) else answer
            if msg_id and b'"idle"' in text and msg_id.encode() in text:
                self._observe(time.perf_counter() - begun)
                self._asked = None


def _is_move(message: Message) -> bool:
    event, msg_id = _event(message), message.header.get("msg_id")
    return (
        isinstance(event, dict)
        and event.get("event") in _MOVES
        and message.content["data"].get("method") == "custom"
        and isinstance(message.content.get("comm_id"), str)
        and isinstance(msg_id, str)
        and msg_id != ""
        and sum(map(len, message.parts)) <= _MAX_BYTES
    )


def _event(message: Message) -> Any:
    data = message.content.get("data")
    return data.get("content") if isinstance(data, dict) else None
