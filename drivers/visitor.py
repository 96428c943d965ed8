"""A visitor without a browser: speaks the widgets' protocol over a page's socket.

A Chromium takes 200 MB and a second of processor time; forty of these take neither.
"""

from __future__ import annotations

import html
import json
import re
import struct
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from http.cookiejar import CookieJar
from typing import Any

import websocket

_CONFIG = re.compile(r'<script id="jupyter-config-data"[^>]*>\s*(\{.*?\})\s*</script>', re.DOTALL)
PATIENCE = 60.0  # seconds until something that does not come is a failure


class Visitor:
    """An opened page, its widgets' states kept up to date as a browser would."""

    def __init__(self, url: str, patience: float = PATIENCE) -> None:
        self.patience = patience
        self.url = url
        self.states: dict[str, dict[str, Any]] = {}
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        self._changed = threading.Condition()
        self._load()

    def _load(self) -> None:
        with self._opener.open(self.url, timeout=self.patience) as answer:
            page = answer.read().decode()
        found = _CONFIG.search(page)
        assert found, "no page of a dashboard"
        config = json.loads(found[1])
        self.kernel = config["kernelId"]
        host = re.match(r"https?://[^/]+", self.url)
        assert host, "no URL"
        self._root = host[0] + config["baseUrl"]
        self._session = uuid.uuid4().hex
        self.connect()
        self.request_states()

    def ask(self, path: str) -> str:
        """The body of an answer to this visitor's browser."""
        with self._opener.open(self._root + path, timeout=self.patience) as answer:
            return str(answer.read().decode())

    @property
    def server(self) -> str:
        """The name of the server that a proxy keeps this visitor to."""
        return next((c.value or "" for c in self.cookies if c.name == "mnistlab_server"), "")

    def memory(self) -> dict[str, Any]:
        """What the page would keep in the browser."""
        value = self.states[self.find("ml-remembered")]["value"]
        found = re.search(r"data-memory='([^']*)'", value)
        return json.loads(html.unescape(found[1])) if found else {}

    def come_back(self) -> None:
        """Load the page again, with what was on it, as `page.js` does when a server is gone."""
        memory = self.memory()
        self.socket.close()
        self._load()
        self.update(self.find("ml-recall"), value=json.dumps({"memory": memory}))

    def connect(self) -> None:
        """Open the socket, as a page does and does again after a failure of the network."""
        self.socket = websocket.create_connection(
            f"ws{self._root[4:]}api/kernels/{self.kernel}/channels?session_id={self._session}",
            timeout=self.patience,
            cookie="; ".join(f"{c.name}={c.value}" for c in self.cookies),
        )
        self.socket.settimeout(None)
        self.has_ended = False
        threading.Thread(target=self._listen, args=(self.socket,), daemon=True).start()

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close the page, with the shutdown request that ends its kernel."""
        token = next((c.value for c in self.cookies if c.name == "_xsrf"), "")
        request = urllib.request.Request(
            f"{self._root}voila/api/shutdown/{self.kernel}", method="POST",
            headers={"X-XSRFToken": token or ""}, data=b"",
        )  # fmt: skip
        self.socket.close()
        self._opener.open(request, timeout=self.patience).close()

    # What a person does

    def open_tab(self, index: int) -> None:
        """Open a tab of the dashboard, 0 to 2."""
        tabs = next(
            key for key, state in self.states.items()
            if state.get("_model_name") == "TabModel" and len(state["children"]) == 3
        )  # fmt: skip
        self.update(tabs, selected_index=index)

    def start_training(self) -> None:
        """Open Train & Compare and click Train as soon as that is possible."""
        self.open_tab(1)
        self.wait_for(lambda: self.find("ml-train"), "Train & Compare")
        self.wait_for(lambda: not self.states[self.find("ml-train")].get("disabled"), "Train")
        self.click("ml-train")

    def open_pad(self) -> None:
        """Open Predict and announce its canvas."""
        self.open_tab(2)
        self.wait_for(self._canvas, "the pad")
        self.custom(self._canvas(), event="client_ready")
        self.wait_for(lambda: self.text("ml-answer").endswith("answer 0"), "answer 0")

    def open_pad_again(self) -> None:
        """Announce the canvas of a page that has its drawing back."""
        self.custom(self._canvas(), event="client_ready")

    def draw(self, strokes: Sequence[Sequence[Sequence[float]]]) -> list[float]:
        """Draw, and give for each stroke the seconds from its end to its answer."""
        canvas, seconds = self._canvas(), []
        for stroke in strokes:
            answers = self.answers
            (x, y), *rest = stroke
            self.custom(canvas, event="mouse_down", x=x, y=y)
            for x, y in rest:
                self.custom(canvas, event="mouse_move", x=x, y=y)
            begun = time.perf_counter()
            self.custom(canvas, event="mouse_up", x=x, y=y)
            self.wait_for(partial(self._has_answered, answers + 1), "an answer")
            seconds.append(time.perf_counter() - begun)
        return seconds

    def _has_answered(self, times: int) -> bool:
        return self.answers >= times

    def click(self, name: str) -> None:
        """Click the button of a class."""
        self.custom(self.find(name), event="click")

    def choose(self, text: str) -> None:
        """Choose the option of that text, in whichever dropdown or toggle buttons have it."""
        key, labels = next(
            (key, list(state["_options_labels"])) for key, state in self.states.items()
            if text in state.get("_options_labels", ())
        )  # fmt: skip
        self.update(key, index=labels.index(text))

    @property
    def answers(self) -> int:
        return int(self.text("ml-answer").rsplit(maxsplit=1)[-1])

    def text(self, name: str) -> str:
        """What the element of a class says, be it a widget or a part of one's HTML."""
        state = self.states.get(self.find(name))
        part = re.compile(rf"<(\w+)[^>]*class=['\"][^'\"]*\b{name}\b[^>]*>(.*?)</\1>", re.DOTALL)
        if state is not None:
            found = " ".join(self._values(state))
        else:
            values = (str(each.get("value", "")) for each in self.states.values())
            found = next((m[2] for m in map(part.search, values) if m), "")
        return " ".join(re.sub(r"<[^>]+>", " ", found).split())

    def _values(self, state: dict[str, Any]) -> list[str]:
        children = [str(child).removeprefix("IPY_MODEL_") for child in state.get("children", ())]
        below = [value for key in children for value in self._values(self.states.get(key, {}))]
        return [str(state.get("value", "")), *below]

    def find(self, name: str) -> str:
        """The model of a class, or an empty string."""
        return next(
            (key for key, state in self.states.items() if name in state.get("_dom_classes", ())), ""
        )

    def missing(self) -> set[str]:
        """Models that others refer to and that never came."""
        return set(re.findall(r"IPY_MODEL_(\w+)", json.dumps(self.states))) - {*self.states}

    def _canvas(self) -> str:
        box = self.states.get(self.find("ml-pad"), {})
        children = [child.removeprefix("IPY_MODEL_") for child in box.get("children", ())]
        return next(
            (c for c in children if self.states.get(c, {}).get("_model_name") == "CanvasModel"), ""
        )

    # Messages

    def update(self, model: str, **state: Any) -> None:
        self.send("comm_msg", comm_id=model, data={"method": "update", "state": state})
        self.states[model] |= state

    def custom(self, model: str, **content: Any) -> None:
        self.send("comm_msg", comm_id=model, data={"method": "custom", "content": content})

    def send(self, kind: str, **content: Any) -> None:
        header = {
            "msg_id": uuid.uuid4().hex, "msg_type": kind, "session": self._session,
            "username": "", "date": "2026-01-01T00:00:00Z", "version": "5.3",
        }  # fmt: skip
        message = {
            "channel": "shell",
            "header": header,
            "parent_header": {},
            "metadata": {"version": "1.0.0"},
        }
        self.socket.send(json.dumps(message | {"content": content}))

    def request_states(self) -> None:
        """Ask for all widgets as they are, as a page does when it opens."""
        control, self.states = uuid.uuid4().hex, {}
        self.send("comm_open", comm_id=control, target_name="jupyter.widget.control", data={})
        self.send("comm_msg", comm_id=control, data={"method": "request_states"})
        self.wait_for(lambda: self.states, "the widgets' states")

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds; it is looked at after each message."""
        with self._changed:
            came = self._changed.wait_for(lambda: condition() or self.has_ended, self.patience)
            if not condition():
                why = (
                    f"not within {self.patience} s" if not came else "the server closed the socket"
                )
                raise TimeoutError(f"{what}: {why}")

    def wait_for_end(self) -> None:
        """Wait until the server closes the socket."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.has_ended, self.patience), "it stays open"

    def _listen(self, socket: websocket.WebSocket) -> None:
        """Take what comes; in a thread of its own, for a page answers the server's pings always."""
        try:
            while True:
                kind, data = socket.recv_data()
                if kind == websocket.ABNF.OPCODE_CLOSE:
                    break
                parts = _parts(data) if kind == websocket.ABNF.OPCODE_BINARY else [data]
                with self._changed:
                    self._take(json.loads(parts[0]))
                    self._changed.notify_all()
        except (OSError, websocket.WebSocketException):
            pass  # the connection is over, which is what follows says
        with self._changed:
            if socket is self.socket:
                self.has_ended = True
            self._changed.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        content, kind = message["content"], message["header"]["msg_type"]
        if kind == "comm_open":
            self.states[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_close":
            self.states.pop(content["comm_id"], None)
        elif kind == "comm_msg":
            data = content["data"]
            if data.get("method") in ("update", "echo_update"):
                self.states.setdefault(content["comm_id"], {}).update(data["state"])
            elif data.get("method") == "update_states":
                for key, each in data["states"].items():
                    self.states[key] = dict(each["state"])


def _parts(message: bytes) -> list[bytes]:
    (count,) = struct.unpack_from(">I", message)
    offsets = struct.unpack_from(f">{count}I", message, 4)
    ends = (*offsets[1:], len(message))
    return [message[start:end] for start, end in zip(offsets, ends, strict=True)]
