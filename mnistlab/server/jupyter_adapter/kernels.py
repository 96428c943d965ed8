"""The kernels of all visits, and warm kernels that wait for one."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
import uuid
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_core.paths import jupyter_path
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from traitlets import default
from voila.utils import ENV_VARIABLE

from mnistlab.server import resources
from mnistlab.server.kernel_client import QuickClient
from mnistlab.server.metrics import Metrics
from mnistlab.server.options import AppOptions
from mnistlab.server.visits import State, Visit, VisitFolders, Visits

_MAX_SOCKETS = 60_000  # five for each visitor; ZeroMQ would allow 1,023
_HEARTBEAT_SECONDS = 3  # a kernel answers within a millisecond, on a busy machine later
# For so long memory is freed at each sweep.
_OPENED_SECONDS = 15  # what a page was made of, 6 MB
_CLOSED_SECONDS = 65  # Jupyter keeps a connection for a minute after its end
_WARM_SECONDS = 10.0  # that the server waits for its first warm kernel
arriving: ContextVar[Visit] = ContextVar("arriving")
"""The visit whose page a request makes, known also to what Voilà calls in it."""
_log = logging.getLogger(__name__)


class LabKernelSpecs(KernelSpecManager):
    """The kernels that may be started, looked for without IPython's own folder.

    To ask for that, Jupyter loads all of IPython: 2 MB.
    """

    @default("kernel_dirs")
    def _folders_default(self) -> list[str]:
        return list(jupyter_path("kernels"))


class VisitKernel(ServerKernelManager):
    """A kernel that is reached by sockets with names, where Linux has them.

    Ports are picked before the kernel binds them. Whatever takes one meanwhile, such as a browser's
    connection, leaves a page that loads for ever.
    """

    @default("transport")
    def _transport_default(self) -> str:
        return "ipc" if sys.platform == "linux" else "tcp"

    @default("client_factory")
    def _client_factory_default(self) -> type[QuickClient]:
        return QuickClient

    @default("ip")
    def _ip_default(self) -> str:
        # "@": a name that is no file, see unix(7). Messages are signed, as over ports.
        return f"@mnistlab-{uuid.uuid4()}" if self.transport == "ipc" else "127.0.0.1"


class VisitKernels(AsyncMappingKernelManager):
    """The kernels of all visits, and warm kernels that wait for one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.context.set(zmq.MAX_SOCKETS, _MAX_SOCKETS)
        self.context.rcvhwm = 0  # no message of a kernel is dropped, see `VisitKernelApp`
        server: Any = self.parent
        self.options: AppOptions = server.options
        options = self.options
        address_places = options.address_visits or 0
        self.visits = Visits(options.max_visitors, 60 * options.idle_minutes, address_places)
        self.metrics = Metrics(self.visits)
        self._folders = VisitFolders(server.folder / "visits", options.shared)
        # When a class opens the page, the first students need not wait until all pages are made.
        self.starting = asyncio.Semaphore(os.cpu_count() or 1)
        self._free_until = float("-inf")
        self._ending: set[asyncio.Future[Any]] = set()

    async def start_kernel(self, *, kernel_id: str | None = None, **kwargs: Any) -> str:  # type: ignore[override]
        """Start a kernel with a folder of its own."""
        environment = kwargs.pop("env", os.environ)
        kernel_id = kernel_id or str(uuid.uuid4())
        try:
            own = await asyncio.to_thread(self._folders.create, kernel_id)
            await super().start_kernel(kernel_id=kernel_id, **kwargs, env={**environment, **own})
        except Exception:
            self._folders.remove(kernel_id)
            with suppress(ValueError):  # in the pool, it would make Voilà's next shutdown fail
                self._pool().remove(asyncio.current_task())  # type: ignore[arg-type]
            raise
        if environment.get(ENV_VARIABLE.VOILA_PREHEAT) != "True":  # it does not become warm
            self.assign(arriving.get(), kernel_id)
        return kernel_id

    def assign(self, visit: Visit, kernel_id: str) -> None:
        """Give a visit its kernel."""
        self.visits.assign(visit, kernel_id)
        self._free_soon(_OPENED_SECONDS)
        self._folders.set_owner(kernel_id, visit.address)

    def start_watching_activity(self, kernel_id: str) -> None:
        """Mark the kernel as ready. Reading its messages here, too, would double their cost."""
        self._kernels[kernel_id].execution_state = "idle"

    async def shutdown_kernel(self, kernel_id: str, now: bool = False, **kwargs: Any) -> Any:  # type: ignore[override]
        """End a kernel; its place is free at once."""
        # A warm kernel has nothing to lose. Asked to end, it would log the interruption.
        now = now or self.visits.get(kernel_id) is None
        self.visits.release(kernel_id)
        return await super().shutdown_kernel(kernel_id, now=now, **kwargs)  # type: ignore[no-untyped-call]

    def remove_kernel(self, kernel_id: str) -> Any:
        """Forget a kernel that has ended, its visit and its folder."""
        self.visits.end(kernel_id)
        self._free_soon(_CLOSED_SECONDS)
        asyncio.get_running_loop().run_in_executor(None, self._folders.remove, kernel_id)
        return super().remove_kernel(kernel_id)

    def _handle_kernel_died(self, kernel_id: str) -> None:
        """Log one line, and end the visit."""
        visit = self.visits.get(kernel_id)
        for socket in visit.sockets if visit else ():
            # Jupyter would write to the socket after it was closed.
            if connection := getattr(socket, "connection", None):
                self.remove_restart_callback(kernel_id, connection.on_restart_failed, "dead")
        _log.error("A kernel died, perhaps because memory ran out; its page offers a reload.")
        self.metrics.died.inc()
        self.remove_kernel(kernel_id)

    async def sweep(self) -> None:
        """Shut down overdue kernels, replace dead warm ones, and free disk space and memory."""
        self.visits.warn()
        overdue = self.visits.overdue()
        for state in overdue.values():
            self.metrics.culled.labels("left" if state is State.LEFT else "idle").inc()
        self._drop_dead()  # Voilà's shutdown asks all starts for their results, and fails with one
        ends = await asyncio.gather(*map(self.shutdown_kernel, overdue), return_exceptions=True)
        for error in filter(None, ends):
            _log.error("A kernel could not be ended: %s", error)
        self._refill()
        await asyncio.to_thread(self._folders.clean_up)
        if time.monotonic() < self._free_until:
            resources.free_memory()

    def _free_soon(self, seconds: float) -> None:
        self._free_until = max(self._free_until, time.monotonic() + seconds)

    def begin_to_drain(self, seconds: float) -> None:
        """Take no new visits, tell those that are there, and end the warm kernels."""
        self.visits.is_draining = True
        self._drained_at = time.monotonic() + seconds
        self.visits.tell(draining=seconds)
        for start in tuple(self._pool()):
            self._drop(start)

    def seconds_left(self) -> float:
        """How long visits may last while the server drains."""
        return max(0.0, self._drained_at - time.monotonic())

    def pids(self) -> list[int]:
        """The processes of all kernels."""
        provisioners = (getattr(kernel, "provisioner", None) for kernel in self._kernels.values())
        pids = (getattr(each, "pid", None) for each in provisioners)
        return [pid for pid in pids if pid]

    # Warm kernels, in Voilà's pool of tasks that start them

    @property
    def warm(self) -> int:
        """The number of warm kernels that are ready."""
        return sum(map(_is_drawn, self._pool()))

    def _pool(self) -> list[asyncio.Task[Any]]:
        """Voilà's tasks for the one notebook; empty unless its preheating is on."""
        return next(iter(getattr(self, "_pools", {}).values()), [])

    async def wait_for_warm(self) -> None:
        """Wait until the first warm kernel is ready or has failed; not at all if none is wanted."""
        for start in self._pool()[:1]:
            await asyncio.wait({start}, timeout=_WARM_SECONDS)
            if made := _result(start):
                await asyncio.wait({made["task"]}, timeout=_WARM_SECONDS)

    async def find_warm(self) -> str | None:
        """The id of the kernel that Voilà takes next; None if no warm kernel is ready."""
        while self.warm:
            pool = self._pool()
            pool.sort(key=_is_drawn, reverse=True)
            first, kernel_id = pool[0], str(pool[0].result()["kernel_id"])
            if not await self._answers(kernel_id):
                self._drop(first)
            elif pool and pool[0] is first:  # another visitor may have taken it meanwhile
                return kernel_id
        self._refill()
        return None

    async def _answers(self, kernel_id: str) -> bool:
        """Whether a kernel's process lives and is not stopped."""
        if kernel_id not in self or not await self._kernels[kernel_id].is_alive():
            return False
        heartbeat, answer = self._kernels[kernel_id].connect_hb(), asyncio.Future[Any]()
        heartbeat.on_recv(answer.set_result)
        heartbeat.send(b"ping")
        await asyncio.wait({answer}, timeout=_HEARTBEAT_SECONDS)
        heartbeat.close(linger=0)
        return answer.done() and kernel_id in self

    def _drop_dead(self) -> None:
        """Take those out of the pool that died or could not be started."""
        for start in [each for each in self._pool() if each.done()]:
            made = _result(start)
            is_alive = made is not None and made["kernel_id"] in self
            if not is_alive or (made["task"].done() and not _result(made["task"])):
                self._drop(start)

    def _drop(self, start: asyncio.Task[Any]) -> None:
        if start not in self._pool():  # another visitor has dropped it meanwhile
            return
        self._pool().remove(start)
        if not start.done():
            start.add_done_callback(self._end_dropped)
        else:
            self._end_dropped(start)

    def _end_dropped(self, start: asyncio.Task[Any]) -> None:
        if (made := _result(start)) and made["kernel_id"] in self:
            ending = asyncio.ensure_future(self.shutdown_kernel(made["kernel_id"], now=True))
            self._ending.add(ending)  # asyncio forgets a task that nobody holds
            ending.add_done_callback(self._ending.discard)

    def _refill(self) -> None:
        """Start warm kernels in place of those that died or could not be started."""
        if not hasattr(self, "_pools") or self.visits.is_draining:  # Voilà's preheating is off
            return
        self._drop_dead()
        voila: Any = self  # Voilà has put its own class on top of this one
        voila.fill_if_needed(delay=0, notebook_name=voila.notebook_path)


def _result(task: asyncio.Task[Any]) -> Any:
    """What a task has returned; None if it still runs or has failed."""
    failed = not task.done() or task.cancelled() or task.exception()
    return None if failed else task.result()


def _is_drawn(start: asyncio.Task[Any]) -> bool:
    """Whether a warm kernel and its page are ready."""
    made = _result(start)
    return made is not None and _result(made["task"]) is not None
