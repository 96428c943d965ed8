"""The visitors' kernels: which one is started, how many there may be, and when one ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Bool, Float, Integer, Unicode
from voila.utils import ENV_VARIABLE

from mnistlab.serve import memory

# A closed page asks for its kernel's end itself. Where that word is lost, the kernel is gone
# within a minute: 20 s until a silent page counts as closed, 30 s in which it may come back, 5 s
# to the next look.
PING_MILLISECONDS = 5_000
SILENCE_MILLISECONDS = 3 * PING_MILLISECONDS  # one late answer is no closed page
ABANDONED_SECONDS = 30
CHECK_SECONDS = 5
_FREED_SECONDS = 65  # Jupyter holds on to a connection for a minute after its end
_RELOAD_SECONDS = 1
_DRAWN_SECONDS = 4  # a warm kernel's page, on a slow machine
_STARTING_SECONDS = 120  # a visit's folder is made before its kernel is known


class OwnKernel(KernelSpecManager):
    """Knows one kernel: the interpreter that runs this server.

    A kernel named `python3` in the user's folders may belong to another environment, where
    mnistlab is not installed.
    """

    def find_kernel_specs(self) -> dict[str, str]:
        """The one kernel, which has no folder of its own."""
        return {NATIVE_KERNEL_NAME: ""}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """That kernel, whatever the notebook was last run with."""
        return KernelSpec(
            argv=[
                *(sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"),
                # Visitors type no code: there is no history to keep in the user's file.
                "--HistoryManager.enabled=False",
                # It warns of unencrypted messages, which stay on this machine and are signed.
                "--log-level=ERROR",
            ],
            display_name="Python 3",
            language="python",
        )


class VisitKernels(AsyncMappingKernelManager):
    """The visitors' kernels; one without a page ends soon.

    A kernel is a visit's from the moment a page is made with it; before that it is warm.
    """

    folder = Unicode("", config=True, help="Where each kernel gets a folder of its own.")
    shared = Bool(False, config=True, help="Whether visits keep their runs in that folder.")
    max_visitors = Integer(0, config=True, help="0 for any number.")
    idle_seconds = Float(0.0, config=True, help="After which a silent visit ends; 0 for never.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        # When a class comes in at once, the first ones need not wait until the last one's page is
        # made as well.
        self.starting = asyncio.Semaphore(os.cpu_count() or 1)
        self._next_warm = asyncio.Event()
        self._next_warm.set()
        self._visits: set[str] = set()
        self._arriving = 0
        self._last_end: float | None = None
        self._sockets: dict[str, set[Any]] = {}

    @property
    def visitors(self) -> int:
        """Visits that are or are about to be."""
        return self._arriving + sum(kernel in self._kernels for kernel in self._visits)

    @property
    def warm(self) -> int:
        """Kernels that wait for a visitor, ready."""
        pools = getattr(self, "_pools", {}).values()  # where Voilà's preheating is on
        return sum(task.done() and not task.exception() for pool in pools for task in pool)

    async def arrive(self) -> bool:
        """Take a place for a visitor; false where all are taken, and still are a second later.

        Who reloads a page asks for the new one before the old one's farewell has done its work.
        """
        deadline = time.monotonic() + _RELOAD_SECONDS
        while self.max_visitors and self.visitors >= self.max_visitors:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        self._arriving += 1
        if not self.warm:
            self._next_warm.set()
        return True

    def postpone_next_warm(self) -> None:
        """Let a page that took a warm kernel be drawn before another one starts in its place."""
        self._next_warm.clear()
        asyncio.get_running_loop().call_later(_DRAWN_SECONDS, self._next_warm.set)

    def arrived(self, kernel_id: str | None) -> None:
        """The place is now that kernel's, or free again where no kernel came of it."""
        self._arriving -= 1
        if kernel_id in self._kernels:
            self._visits.add(kernel_id)
            self.seen(kernel_id)

    async def start_kernel(self, *, kernel_id: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel with a folder of its own, for its temporary files at least."""
        environment = kwargs.get("env") or os.environ
        if environment.get(ENV_VARIABLE.VOILA_PREHEAT) == "True":
            await self._next_warm.wait()
        kernel_id = kernel_id or str(uuid.uuid4())
        folder = Path(self.folder) / kernel_id
        temporary = folder / "tmp"
        temporary.mkdir(parents=True)
        own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        if self.shared:
            own["MNISTLAB_VISIT"] = str(folder)
        kwargs["env"] = {**environment, **own}
        started: str = await super().start_kernel(kernel_id=kernel_id, **kwargs)
        return started

    async def shutdown_kernel(self, kernel_id: str, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """End a kernel; its place is free from now on."""
        self._visits.discard(kernel_id)
        return await super().shutdown_kernel(kernel_id, *args, **kwargs)  # type: ignore[no-untyped-call]

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, and what its visitor made; its page is told."""
        self._visits.discard(kernel_id)
        self._last_end = time.monotonic()
        for socket in self._sockets.pop(kernel_id, set()):
            socket.close(1001, "the visit has ended")
        shutil.rmtree(Path(self.folder) / kernel_id, ignore_errors=True)
        return super().remove_kernel(kernel_id)

    def sweep(self) -> None:
        """Remove what ended visits left: folders that a dying training wrote into, and memory."""
        for folder in Path(self.folder).glob("*"):
            with suppress(OSError):  # it goes this very moment
                old = time.time() - folder.stat().st_mtime > _STARTING_SECONDS
                if old and folder.name not in self._kernels:
                    shutil.rmtree(folder, ignore_errors=True)
        if self._last_end is not None:
            if time.monotonic() - self._last_end > _FREED_SECONDS:
                self._last_end = None
            memory.give_back()

    def start_watching_activity(self, kernel_id: str) -> None:
        """Nothing but the kernel's end: `seen` is told of what it says.

        Jupyter would read each of its messages once more, as much work as passing it on.
        """
        kernel = self._kernels[kernel_id]
        kernel.execution_state = "idle"
        kernel.last_activity = utcnow()

    def seen(self, kernel_id: str) -> None:
        """Something happened in the visit."""
        if kernel_id in self._kernels:
            self._kernels[kernel_id].last_activity = utcnow()

    def socket_opened(self, kernel_id: str, socket: Any) -> None:
        """The page is there, for the first time or again after a failure of the network."""
        self._sockets.setdefault(kernel_id, set()).add(socket)
        if kernel_id in self._kernels:
            self._kernels[kernel_id].left_at = None

    def socket_closed(self, kernel_id: str, socket: Any) -> None:
        """Count the time without a page from here, so that a short network failure is survived."""
        left = self._sockets.get(kernel_id, set())
        if socket not in left:  # it was refused, or given up before it was open
            return
        left.remove(socket)
        if not left:
            self._sockets.pop(kernel_id, None)
            if kernel_id in self._kernels:
                self.seen(kernel_id)
                self._kernels[kernel_id].left_at = time.monotonic()

    def sockets(self, kernel_id: str) -> int:
        """How many connections its page has."""
        return len(self._sockets.get(kernel_id, ()))

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel without a page, even one that a training keeps active, or an idle one."""
        if kernel_id not in self._visits:
            return  # it is warm, or its page is still being made
        kernel = self._kernels[kernel_id]
        left_at = getattr(kernel, "left_at", None)
        if self.sockets(kernel_id):
            # What a training tells its page counts as activity.
            silent = (utcnow() - kernel.last_activity).total_seconds()
            if self.idle_seconds and silent > self.idle_seconds:
                await self.shutdown_kernel(kernel_id)
        elif left_at is None:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]
        elif time.monotonic() - left_at > ABANDONED_SECONDS:
            await self.shutdown_kernel(kernel_id)


class Arrival:
    """The kernels as one request for a page sees them: what it starts or takes is its visit's."""

    def __init__(self, kernels: Any, taken: Callable[[str], None]) -> None:
        self._kernels = kernels
        self._taken = taken

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernels, name)

    async def start_kernel(self, **kwargs: Any) -> str:
        """A new kernel."""
        kernel_id: str = await self._kernels.start_kernel(**kwargs)
        self._taken(kernel_id)
        return kernel_id

    async def get_rendered_notebook(self, **kwargs: Any) -> Any:
        """A warm kernel and its page."""
        found = await self._kernels.get_rendered_notebook(**kwargs)
        self._kernels.postpone_next_warm()
        self._taken(found[2])
        return found
