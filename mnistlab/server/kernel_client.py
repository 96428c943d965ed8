"""The server's own connection to a kernel, which runs the notebook in it."""

from __future__ import annotations

import time
from math import inf
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient

_REPLY_SECONDS = 1  # until the kernel is asked again
_STATUS_SECONDS = 0.2  # from its reply to the last message of this request


class QuickClient(AsyncKernelClient):
    """A client that takes a kernel as ready once it has answered.

    Jupyter's own waits for 0.2 s then, in which no message may come.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers on both channels that a notebook needs.

        Raises `RuntimeError` if it ends before that, or after `timeout` seconds.
        """
        deadline = time.monotonic() + (inf if timeout is None else timeout)
        while not await self._has_answered(self.kernel_info()):
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    async def _has_answered(self, asked: str) -> bool:
        try:
            while not _belongs(await self.get_shell_msg(timeout=_REPLY_SECONDS), asked):
                pass
            while True:
                message = await self.get_iopub_msg(timeout=_STATUS_SECONDS)
                if _belongs(message, asked) and message["content"].get("execution_state") == "idle":
                    return True
        except Empty:  # not started yet, or its messages are not subscribed to yet
            return False


def _belongs(message: dict[str, Any], asked: str) -> bool:
    return bool(message["parent_header"].get("msg_id") == asked)
