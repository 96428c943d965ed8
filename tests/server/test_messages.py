"""Which messages of a page reach its kernel."""

from __future__ import annotations

import json
import random
import struct
from contextlib import suppress

import pytest

from mnistlab.server.messages import V1_PROTOCOL, RefusedError, check_message


def text(msg_type: str = "comm_msg", channel: str = "shell", **content: object) -> str:
    header = {"msg_type": msg_type}
    return json.dumps({"channel": channel, "header": header, "content": content})


def newer(msg_type: str = "comm_msg", channel: str = "shell", **content: object) -> bytes:
    parts = [channel, json.dumps({"msg_type": msg_type}), "{}", "{}", json.dumps(content), "buffer"]
    return packed([part.encode() for part in parts])


def packed(parts: list[bytes]) -> bytes:
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def older(message: str, buffer: bytes = b"picture") -> bytes:
    first = 4 * 3
    head = struct.pack(">3I", 2, first, first + len(message.encode()))
    return head + message.encode() + buffer


def test_a_widgets_messages_pass() -> None:
    check_message(text(comm_id="1", data={}), None)
    check_message(older(text(comm_id="1")), None)
    check_message(newer(comm_id="1"), V1_PROTOCOL)
    check_message(text("comm_open", target_name="jupyter.widget.control"), None)
    check_message(newer("kernel_info_request"), V1_PROTOCOL)


@pytest.mark.parametrize(
    "msg_type",
    ["execute_request", "complete_request", "inspect_request", "history_request", "debug_request",
     "shutdown_request", "interrupt_request", "input_reply", "create_subshell_request", ""],
)  # fmt: skip
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub"])
def test_what_could_run_code_is_refused(msg_type: str, channel: str) -> None:
    with pytest.raises(RefusedError):
        check_message(text(msg_type, channel, code="1"), None)
    with pytest.raises(RefusedError):
        check_message(newer(msg_type, channel, code="1"), V1_PROTOCOL)


def test_long_json_and_half_characters_are_refused() -> None:
    with pytest.raises(RefusedError, match="JSON"):
        check_message(text(data="x" * 2_000_000), None)
    with pytest.raises(RefusedError, match="JSON"):
        check_message(newer(data="x" * 2_000_000), V1_PROTOCOL)
    check_message(older(text(data={}), bytes(2_000_000)), None)
    with pytest.raises(RefusedError):
        check_message(text(data="\ud800"), None)


def test_a_page_makes_no_widgets() -> None:
    with pytest.raises(RefusedError):
        check_message(text("comm_open", target_name="jupyter.widget"), None)


@pytest.mark.parametrize(
    "message",
    ["", "[]", "null", "{}", "[" * 100_000, '{"header": []}', '{"header": {"msg_type": {}}}',
     '{"channel": [], "header": {"msg_type": "comm_msg"}, "content": {}}', b"", b"\x00\x00\x00\x01",
     b"\xff" * 64, struct.pack(">I", 2**31), struct.pack(">3I", 2, 12, 2**31), "\ud800"],
)  # fmt: skip
def test_malformed_messages_are_refused(message: str | bytes) -> None:
    with pytest.raises(RefusedError):
        check_message(message, None)


@pytest.mark.parametrize(
    "message",
    [b"", b"\xff" * 8, struct.pack("<Q", 10**17), struct.pack("<Q", 6) + b"\x00" * 48,
     struct.pack("<7Q", 6, 56, 55, 54, 53, 52, 51), packed([b"shell"]), packed([b"\xff"] * 6),
     "text"],
)  # fmt: skip
def test_malformed_messages_of_the_newer_protocol_are_refused(message: str | bytes) -> None:
    with pytest.raises(RefusedError):
        check_message(message, V1_PROTOCOL)


def test_noise_is_refused() -> None:
    noise = random.Random(0)
    good = [newer(comm_id="1"), older(text())]
    for _ in range(5_000):
        message = bytearray(noise.choice(good) if noise.random() < 0.5 else b"")
        for _ in range(noise.randrange(1, 9)):
            place = noise.randrange(len(message) + 1)
            message[place:place] = noise.randbytes(noise.randrange(1, 9))
        for protocol in (None, V1_PROTOCOL):
            with suppress(RefusedError):  # anything else fails the test
                check_message(bytes(message), protocol)
