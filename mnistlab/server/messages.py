"""What a page may send to its kernel: the widgets' messages, and nothing that runs code.

Jupyter's own readers trust a message's counts of its parts, so a hostile one could make the whole
server count to 10**18. Here every message is checked before they see it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEWER_PROTOCOL = "v1.kernel.websocket.jupyter.org"
ALLOWED = ("comm_msg", "comm_open", "comm_close", "comm_info_request", "kernel_info_request")
_CHANNELS = ("shell", "control")
# Opened by a page that wants the state of the kernel's widgets; any other target would make new
# ones of the page's choice.
_TARGET = "jupyter.widget.control"
_MOST_PARTS = 128
# Reading JSON takes a third of a second and 50 times its size per million characters at worst, and
# all visitors wait meanwhile. What widgets say is smaller; their uploads come as binary parts.
_MOST_JSON = 1 << 20
_V1_PARTS = 6  # offsets of channel, header, parent header, metadata, content, and the end


class RefusedError(ValueError):
    """Raised by `check_message`; the text is for the log."""


@dataclass(frozen=True)
class Message:
    """A message of a page that may reach its kernel."""

    header: Mapping[str, Any]
    content: Mapping[str, Any]
    raw: str | bytes
    """As it came over the socket."""
    protocol: str | None

    def with_content(self, content: Mapping[str, Any]) -> str | bytes:
        """The raw message, but with another content and without binary parts."""
        text = json.dumps(content)
        if self.protocol == NEWER_PROTOCOL:
            assert isinstance(self.raw, bytes)
            return _joined([*_parts(self.raw, "<Q")[: _V1_PARTS - 2], text.encode()])
        return json.dumps({**_older(self.raw), "content": content})


def check_message(message: str | bytes, protocol: str | None) -> Message:
    """Read a message of a page; raise `RefusedError` unless it is a widget's in good form.

    Parameters
    ----------
    message : what came over the socket
    protocol : the socket's subprotocol, `NEWER_PROTOCOL` or None for the older one
    """
    try:
        channel, header, content = _read(message, protocol)
        # Half a character can be written in JSON, but nothing can pass it on.
        json.dumps((header, content), ensure_ascii=False).encode()
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
    return Message(header, content, message, protocol)


def idle_status(parent: Mapping[str, Any], protocol: str | None) -> str | bytes:
    """What a kernel says when it is done with a message of that header."""
    header = {
        **{name: parent.get(name, "") for name in ("session", "username", "date", "version")},
        "msg_id": f"{parent.get('msg_id')}_done",
        "msg_type": "status",
    }
    content = {"execution_state": "idle"}
    if protocol == NEWER_PROTOCOL:
        parts = [json.dumps(part).encode() for part in (header, parent, {}, content)]
        return _joined([b"iopub", *parts])
    return json.dumps(
        {
            "channel": "iopub",
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": parent,
            "metadata": {},
            "content": content,
            "buffers": [],
        }
    )


def _read(message: str | bytes, protocol: str | None) -> tuple[Any, Any, Any]:
    """Channel, header and content."""
    if protocol == NEWER_PROTOCOL:
        if isinstance(message, str):
            raise RefusedError("malformed: text in the binary protocol")
        parts = _parts(message, "<Q")
        if len(parts) < _V1_PARTS - 1:
            raise RefusedError("malformed: too few parts")
        return parts[0].decode(), _from_json(parts[1]), _from_json(parts[4])
    whole = _older(message)
    return whole.get("channel", "shell"), whole.get("header"), whole.get("content")


def _older(message: str | bytes) -> dict[str, Any]:
    whole = _from_json(message if isinstance(message, str) else _parts(message, ">I")[0])
    if not isinstance(whole, dict):
        raise RefusedError("malformed: no object")
    return whole


def _from_json(text: str | bytes) -> Any:
    if len(text) > _MOST_JSON:
        raise RefusedError(f"JSON of {len(text)} characters")
    return json.loads(text)


def _joined(parts: list[bytes]) -> bytes:
    """A message of the newer protocol, which `_parts` takes apart."""
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def _parts(message: bytes, kind: str) -> list[bytes]:
    """What lies between a binary message's offsets, which begin it after their count."""
    size = struct.calcsize(kind)
    (count,) = struct.unpack_from(kind, message)
    if not 1 <= count <= _MOST_PARTS:
        raise RefusedError(f"malformed: {count} parts")
    offsets = struct.unpack_from(f"{kind[0]}{count}{kind[1]}", message, size)
    ends = (*offsets[1:], len(message)) if kind == ">I" else offsets[1:]
    bounds = list(zip(offsets, ends, strict=False))
    if any(not size * (count + 1) <= start <= end <= len(message) for start, end in bounds):
        raise RefusedError("malformed: parts out of bounds")
    return [message[start:end] for start, end in bounds]
