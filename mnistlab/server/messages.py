"""What a page may send to its kernel: widget messages, and nothing that runs code.

Each message is checked and parsed once, here. Jupyter's own readers trust the number of parts that
a binary message claims to have: a hostile one could make the server count to 10**18.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
        read = _read_v1 if protocol == V1_PROTOCOL else _read_legacy
        channel, header, content, parts = read(message)
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
    return Message(channel, header, content, parts, protocol)


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


def _read_v1(message: str | bytes) -> tuple[str, Any, Any, tuple[bytes, ...]]:
    """Channel, header, content and parts."""
    if isinstance(message, str):
        raise RefusedError("text in the binary protocol")
    channel, *parts = _split(message, "<Q")
    if len(parts) < len(_JSON_PARTS):
        raise RefusedError("too few parts")
    return channel.decode(), _from_json(parts[0]), _from_json(parts[3]), tuple(parts)


def _read_legacy(message: str | bytes) -> tuple[Any, Any, Any, tuple[bytes, ...]]:
    """Channel, header, content and parts."""
    first, *buffers = [message.encode()] if isinstance(message, str) else _split(message, ">I")
    whole = _from_json(first)
    if not isinstance(whole, dict):
        raise RefusedError("no object")
    parts = [_to_json(whole.get(name, {})) for name in _JSON_PARTS]
    channel = whole.get("channel", "shell")
    return channel, whole.get("header"), whole.get("content"), (*parts, *buffers)


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
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
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
