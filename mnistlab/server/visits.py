"""What a visit is: a page with its kernel, from the request for the page to the kernel's end.

Plain data and folders: this module knows nothing of the web server and its packages.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from pathlib import Path
from typing import Protocol

# A page that is closed sends a shutdown request. If that is lost, the kernel ends within a minute:
# 15 s until a silent page counts as closed, 30 s in which it may reconnect, 5 s to the next check.
PING_SECONDS = 5
SILENCE_SECONDS = 3 * PING_SECONDS  # one late answer does not close a page
ABANDONED_SECONDS = 30
CHECK_SECONDS = 5
WARNING_SECONDS = 60  # before an idle visit ends; half of its time, if that is less
ARRIVALS = 3  # of an address within a minute, for each visit that it may have at once
_MAX_ADDRESSES = 10_000  # that are remembered until they are tidied up
MAX_SOCKETS = 8  # of a visit: two of its page, and those that a failing network has not closed yet


class State(Enum):
    """The states of a visit, in their usual order."""

    ARRIVING = "its page is being made"
    LOADING = "its page is connected to the server, not yet to the kernel"
    PRESENT = "its page is connected to the kernel"
    LEFT = "its page has no connection, and may come back"
    ENDED = "its kernel is shut down"


class Refusal(Enum):
    """Why no visit begins."""

    FULL = "full"
    DRAINING = "draining"
    ADDRESS = "address"


class RefusedVisitError(Exception):
    """Raised by `Visits.reserve`."""

    def __init__(self, reason: Refusal) -> None:
        super().__init__(reason.value)
        self.reason = reason


class PageSocket(Protocol):
    """A socket of a page; `last_pong` is when it last answered a ping, in the loop's time."""

    reaches_kernel: bool
    last_pong: float

    def tell(self, **facts: object) -> None:
        """Send the page's script a message, if this socket is for that."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close it."""


@dataclass(eq=False)
class Visit:
    """One page with one kernel; `active_at` is when something last happened in it."""

    address: str | None = None
    """Where the visitor comes from; None for one who is not limited."""
    kernel_id: str | None = None
    is_arriving: bool = True
    has_ended: bool = False
    is_warned: bool = False
    """Whether its page has been told that it ends soon, because nothing happens in it."""
    active_at: float = 0.0
    sockets: set[PageSocket] = field(default_factory=set)

    def tell(self, **facts: object) -> None:
        """Send the page's script a message."""
        for socket in tuple(self.sockets):
            socket.tell(**facts)

    @property
    def state(self) -> State:
        """Where the visit is between its arrival and its end."""
        if self.has_ended or self.is_arriving:
            return State.ENDED if self.has_ended else State.ARRIVING
        if any(socket.reaches_kernel for socket in self.sockets):
            return State.PRESENT
        return State.LOADING if self.sockets else State.LEFT


@dataclass
class Visits:
    """The visits of a server."""

    places: int  # the largest number of visits at once; 0 for no limit
    idle_seconds: float  # a visit without activity for longer ends; 0 for no limit
    address_places: int = 0  # the same for the visits of one address
    clock: Callable[[], float] = time.monotonic
    is_draining: bool = False
    """Whether the visits that are there may finish, and no others begin."""
    _counted: set[Visit] = field(default_factory=set, init=False)
    _by_kernel: dict[str, Visit] = field(default_factory=dict, init=False)
    _arrivals: dict[str, float] = field(default_factory=dict, init=False)

    def __len__(self) -> int:
        """The number of places taken."""
        return len(self._counted)

    def __iter__(self) -> Iterator[Visit]:
        """The visits that have a place."""
        return iter(tuple(self._counted))

    @property
    def free(self) -> int | None:
        """The number of free places; None if there is no limit."""
        return max(0, self.places - len(self)) if self.places else None

    @property
    def are_over(self) -> bool:
        """Whether nobody is there, and all kernels have ended."""
        return not self._counted and not self._by_kernel

    def get(self, kernel_id: str) -> Visit | None:
        """The visit of a kernel."""
        return self._by_kernel.get(kernel_id)

    def reserve(self, address: str | None = None) -> Visit:
        """Take a place for a visit that arrives from an address, None for one without limits.

        Raises `RefusedVisitError` when there is no place, when the server drains, and when the
        address has as many visits as it may, or has begun too many within a minute.
        """
        if self.is_draining:
            raise RefusedVisitError(Refusal.DRAINING)
        if self.free == 0:
            raise RefusedVisitError(Refusal.FULL)
        if address is not None and self.address_places:
            present = sum(visit.address == address for visit in self._counted)
            if present >= self.address_places or not self._may_arrive(address):
                raise RefusedVisitError(Refusal.ADDRESS)
        visit = Visit(address)
        self._counted.add(visit)
        return visit

    def _may_arrive(self, address: str) -> bool:
        """Whether the address stays within `ARRIVALS` a minute for each of its places.

        Counted by the generic cell rate algorithm: `_arrivals` holds when an address that came at
        just that rate would be due next, so that one number an address is enough.
        """
        now, rate = self.clock(), ARRIVALS * self.address_places / 60
        if len(self._arrivals) > _MAX_ADDRESSES:
            self._arrivals = {a: due for a, due in self._arrivals.items() if due > now}
        due = max(now, self._arrivals.get(address, now))
        if due - now > 60 - 1 / rate:
            return False
        self._arrivals[address] = due + 1 / rate
        return True

    def assign(self, visit: Visit, kernel_id: str) -> None:
        """Give a visit its kernel."""
        visit.kernel_id = kernel_id
        self._by_kernel[kernel_id] = visit

    def page_sent(self, visit: Visit) -> None:
        """End the arrival of a visit; without a kernel its place is free again."""
        visit.is_arriving = False
        visit.active_at = self.clock()
        if visit.kernel_id is None:
            self._counted.discard(visit)

    def connect(self, kernel_id: str, socket: PageSocket) -> bool:
        """Count a socket before it is open; False if it must be refused."""
        visit = self.get(kernel_id)
        if visit is None or len(visit.sockets) >= MAX_SOCKETS:
            return False
        visit.sockets.add(socket)
        return True

    def disconnect(self, kernel_id: str, socket: PageSocket) -> None:
        """Forget a socket that has closed or failed, if it is not forgotten yet."""
        visit = self.get(kernel_id)
        if visit is not None and socket in visit.sockets:
            visit.sockets.remove(socket)
            visit.active_at = self.clock()

    def touch(self, kernel_id: str) -> None:
        """Count something that happened as activity."""
        if visit := self.get(kernel_id):
            visit.active_at = self.clock()
            if visit.is_warned:
                visit.is_warned = False
                visit.tell(staying=True)

    def warn(self) -> None:
        """Tell the pages that are about to end for idleness, once each."""
        patience = self.idle_seconds - min(WARNING_SECONDS, self.idle_seconds / 2)
        for visit in self._by_kernel.values():
            idle = self.clock() - visit.active_at
            is_present = visit.state is State.PRESENT
            if self.idle_seconds and is_present and idle > patience and not visit.is_warned:
                visit.is_warned = True
                visit.tell(ending=self.idle_seconds - idle)

    def overdue(self) -> dict[str, State]:
        """Kernels to be shut down, and why: their page is closed, or present and idle for too long.

        What a training sends to its page counts as activity. A page that loads is not idle.
        """
        limits = {State.LEFT: ABANDONED_SECONDS, State.PRESENT: self.idle_seconds or inf}
        return {
            kernel_id: visit.state
            for kernel_id, visit in self._by_kernel.items()
            if self.clock() - visit.active_at > limits.get(visit.state, inf)
        }

    def tell(self, **facts: object) -> None:
        """Send all pages' scripts a message."""
        for visit in self._by_kernel.values():
            visit.tell(**facts)

    def release(self, kernel_id: str) -> None:
        """Free the place of a visit whose kernel is being shut down."""
        if visit := self.get(kernel_id):
            visit.has_ended = True
            self._counted.discard(visit)

    def end(self, kernel_id: str) -> None:
        """Forget a visit whose kernel has ended, and close its sockets."""
        self.release(kernel_id)
        if visit := self._by_kernel.pop(kernel_id, None):
            for socket in visit.sockets:
                socket.close(1001, "the session has ended")


class VisitFolders:
    """The folders of all kernels, below `parent`: temporary files, and a shared visit's runs."""

    def __init__(self, parent: Path, shared: bool) -> None:
        self._parent, self._shared = parent, shared
        self._kernels: set[str] = set()
        self._salt = secrets.token_bytes(16)

    def create(self, kernel_id: str) -> dict[str, str]:
        """Create a kernel's folder; returns the environment variables that name it."""
        self._kernels.add(kernel_id)
        folder = self._parent / kernel_id
        (folder / "tmp").mkdir(parents=True)
        variables = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder / "tmp"))
        variables["MNISTLAB_OWNER"] = str(folder / "owner")
        return variables | ({"MNISTLAB_VISIT": str(folder)} if self._shared else {})

    def set_owner(self, kernel_id: str, address: str | None) -> None:
        """Say for whom a kernel's trainings count; not the address itself, which is personal."""
        if address is not None:
            owner = hashlib.sha256(self._salt + address.encode()).hexdigest()[:16]
            with suppress(OSError):  # the kernel has ended, or the disk is full
                (self._parent / kernel_id / "owner").write_text(owner, encoding="utf-8")

    def remove(self, kernel_id: str) -> None:
        """Delete a kernel's folder."""
        self._kernels.discard(kernel_id)
        shutil.rmtree(self._parent / kernel_id, ignore_errors=True)

    def clean_up(self) -> None:
        """Delete the folders of ended kernels, into which a training may have written later."""
        for folder in self._parent.glob("*"):
            if folder.name not in self._kernels:
                self.remove(folder.name)
