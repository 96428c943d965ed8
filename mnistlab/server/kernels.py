"""The visitors' kernels: which one is started, how many there may be, and when one ends."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpec, KernelSpecManager
from jupyter_server._tz import utcnow
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets import Bool, Float, Integer, Unicode
from voila.utils import ENV_VARIABLE

from mnistlab.server import memory

# A closed page asks for its kernel's end itself. Where that request is lost, the kernel is gone
# within a minute: 20 s until a silent page counts as closed, 30 s in which it may come back, 5 s
# to the next check.
PING_MILLISECONDS = 5_000
SILENCE_MILLISECONDS = 3 * PING_MILLISECONDS  # one late answer is no closed page
ABANDONED_SECONDS = 30
CHECK_SECONDS = 5
MOST_SOCKETS = 8  # of a visit: its page's, and those that a failing network has not ended yet
_WARM_SECONDS = 10  # until a visitor gets a kernel of their own rather than wait for a warm one
_HEARTBEAT_SECONDS = 3  # a living kernel answers within a millisecond, on a busy machine later
_FREED_SECONDS = 65  # Jupyter holds on to a connection for a minute after its end
_RELOAD_SECONDS = 1
_DRAWN_SECONDS = 4  # a warm kernel's page, on a slow machine
_STARTING_SECONDS = 120  # a visit's folder is made before its kernel is known
_log = logging.getLogger(__name__)


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
        self._ending: set[asyncio.Future[Any]] = set()

    @property
    def visitors(self) -> int:
        """Visits that are or are about to be."""
        return self._arriving + sum(kernel in self._kernels for kernel in self._visits)

    @property
    def warm(self) -> int:
        """Kernels that wait for a visitor, ready."""
        return sum(_is_drawn(start) for start in self._pool())

    def _pool(self) -> list[asyncio.Task[Any]]:
        """Voilà's tasks that start warm kernels; empty unless its preheating is on."""
        pools: dict[str, list[asyncio.Task[Any]]] = getattr(self, "_pools", {})
        return next(iter(pools.values()), [])  # there is one notebook

    async def find_warm(self) -> bool:
        """Whether the first warm kernel in the pool, which Voilà takes next, lives.

        Those that do not are dropped.
        """
        pool = self._pool()
        while pool:
            pool.sort(key=_is_drawn, reverse=True)
            first = pool[0]
            try:
                lives = await asyncio.wait_for(self._lives(first), _WARM_SECONDS)
            except TimeoutError:  # it starts too slowly, or was stopped
                return False
            if not lives:
                self._drop_warm(first)
            elif pool and pool[0] is first:  # another visitor may have taken it meanwhile
                return True
        self.refill()
        return False

    async def _lives(self, start: asyncio.Task[Any]) -> bool:
        """Wait until a warm kernel has drawn its page; whether that went well and it answers."""
        try:
            made = await asyncio.shield(start)
            await asyncio.shield(made["task"])
        except Exception as error:
            _log.warning("a warm kernel could not be started: %s", error)
            return False
        return await self.answers(made["kernel_id"])

    async def answers(self, kernel_id: str) -> bool:
        """Whether a kernel's process lives and is not stopped."""
        kernel = self._kernels.get(kernel_id)
        if kernel is None or not await kernel.is_alive():
            return False
        heartbeat, answer = kernel.connect_hb(), asyncio.get_running_loop().create_future()
        heartbeat.on_recv(answer.set_result)
        heartbeat.send(b"ping")
        try:
            return bool((await asyncio.wait({answer}, timeout=_HEARTBEAT_SECONDS))[0])
        finally:
            heartbeat.close(linger=0)

    def _drop_warm(self, start: asyncio.Task[Any]) -> None:
        pool = self._pool()
        if start in pool:
            pool.remove(start)
        if not _has_failed(start) and start.result()["kernel_id"] in self._kernels:
            kernel_id = start.result()["kernel_id"]
            ending = asyncio.ensure_future(self.shutdown_kernel(kernel_id, now=True))
            self._ending.add(ending)  # asyncio forgets a task that nobody holds
            ending.add_done_callback(self._ending.discard)

    def refill(self) -> None:
        """Start warm kernels in place of those that died or could not be started."""
        if not hasattr(self, "_pools"):  # where Voilà's preheating is off
            return
        for start in [each for each in self._pool() if each.done()]:
            if (
                _has_failed(start)
                or _has_failed(start.result()["task"])
                or start.result()["kernel_id"] not in self._kernels
            ):
                self._drop_warm(start)
        voila: Any = self  # which has put its own class on top of this one
        voila.fill_if_needed(delay=0, notebook_name=voila.notebook_path)

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
            if not self._sockets.get(kernel_id):
                self._kernels[kernel_id].left_at = time.monotonic()

    async def start_kernel(self, *, kernel_id: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel with a folder of its own, for its temporary files at least."""
        environment = kwargs.get("env") or os.environ
        if environment.get(ENV_VARIABLE.VOILA_PREHEAT) == "True":
            await self._next_warm.wait()
        kernel_id = kernel_id or str(uuid.uuid4())
        folder = Path(self.folder) / kernel_id
        temporary = folder / "tmp"
        own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
        if self.shared:
            own["MNISTLAB_VISIT"] = str(folder)
        kwargs["env"] = {**environment, **own}
        try:
            await asyncio.to_thread(temporary.mkdir, parents=True)
            started: str = await super().start_kernel(kernel_id=kernel_id, **kwargs)
        except Exception:
            self._forget_start(asyncio.current_task())
            raise
        return started

    def _forget_start(self, task: asyncio.Task[Any] | None) -> None:
        """Take a failed start from the pool, where it would make Voilà's next shutdown fail."""
        pool = self._pool()
        if task is not None and task in pool:
            pool.remove(task)
            task.add_done_callback(_log_failure)

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
        folder = Path(self.folder) / kernel_id
        asyncio.get_running_loop().run_in_executor(None, _remove, folder)  # nobody waits for it
        return super().remove_kernel(kernel_id)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        """Say it in one line, and end the visit."""
        for socket in self._sockets.get(kernel_id, ()):
            # Jupyter would write to each socket once more, after it was closed.
            connection = getattr(socket, "connection", None)
            if connection is not None:
                self.remove_restart_callback(kernel_id, connection.on_restart_failed, "dead")
        _log.error("A kernel died, perhaps because memory ran out; its page offers a reload.")
        self.remove_kernel(kernel_id)

    async def sweep(self) -> None:
        """Replace warm kernels that died; remove what ended visits left on disk and in memory."""
        self.refill()
        await asyncio.to_thread(_remove_others, Path(self.folder), set(self._kernels))
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

    def admit(self, kernel_id: str, socket: Any) -> bool:
        """Count a page's socket, before it is open; false where the visit has too many.

        The page is there from here on, for the first time or again after a failure of the network.
        """
        sockets = self._sockets.setdefault(kernel_id, set())
        if len(sockets) >= MOST_SOCKETS:
            return False
        sockets.add(socket)
        self._kernels[kernel_id].left_at = None
        return True

    def socket_closed(self, kernel_id: str, socket: Any) -> None:
        """Count the time without a page from here, so that a short network failure is survived."""
        left = self._sockets.get(kernel_id, set())
        if socket not in left:  # it was refused, or its kernel has ended
            return
        left.remove(socket)
        if not left:
            self._sockets.pop(kernel_id, None)
            if kernel_id in self._kernels:
                self.seen(kernel_id)
                self._kernels[kernel_id].left_at = time.monotonic()

    def last_pong(self, kernel_id: str) -> float:
        """When the page's own socket last answered a ping, in the loop's time; 0 for never."""
        sockets = self._sockets.get(kernel_id, ())
        answers = (getattr(each, "last_pong", 0.0) for each in sockets if not each.reaches_kernel)
        return max(answers, default=0.0)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel without a page, even one that a training keeps active, or an idle one."""
        if kernel_id not in self._visits:
            return  # it is warm, or its page is still being made
        kernel = self._kernels[kernel_id]
        if sockets := self._sockets.get(kernel_id):
            # What a training tells its page counts as activity. A page that loads is not idle.
            silent = (utcnow() - kernel.last_activity).total_seconds()
            loaded = any(each.reaches_kernel for each in sockets)
            if self.idle_seconds and silent > self.idle_seconds and loaded:
                await self.shutdown_kernel(kernel_id)
        elif time.monotonic() - kernel.left_at > ABANDONED_SECONDS:
            await self.shutdown_kernel(kernel_id)


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _is_drawn(start: asyncio.Task[Any]) -> bool:
    """Whether a warm kernel and its page are ready."""
    if not start.done() or _has_failed(start):
        return False
    page: asyncio.Task[Any] = start.result()["task"]
    return page.done() and not _has_failed(page)


def _log_failure(task: asyncio.Task[Any]) -> None:
    _log.error("a warm kernel could not be started: %s", task.exception())


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _remove_others(parent: Path, kernels: Collection[str]) -> None:
    """Remove folders that a dying training wrote into after its visit."""
    for folder in parent.glob("*"):
        with suppress(OSError):  # it goes this very moment
            old = time.time() - folder.stat().st_mtime > _STARTING_SECONDS
            if old and folder.name not in kernels:
                _remove(folder)


class Arrival:
    """The kernels as one request for a page sees them: what it starts or takes is its visit's."""

    def __init__(self, kernels: Any, taken: Callable[[str], None], warm: bool) -> None:
        self._kernels = kernels
        self._taken = taken
        self._warm = warm

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernels, name)

    async def start_kernel(self, **kwargs: Any) -> str:
        """A new kernel."""
        kernel_id: str = await self._kernels.start_kernel(**kwargs)
        self._taken(kernel_id)
        return kernel_id

    def get_pool_size(self, notebook: str) -> int:
        """Whether there is a warm kernel for this page; only a living one counts."""
        return int(self._warm)

    async def get_rendered_notebook(self, **kwargs: Any) -> Any:
        """A warm kernel and its page."""
        found = await self._kernels.get_rendered_notebook(**kwargs)
        self._kernels.postpone_next_warm()
        self._taken(found[2])
        return found
