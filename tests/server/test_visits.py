"""A visit as plain data: its states, its place, and when its kernel may end."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from mnistlab.server.visits import (
    ABANDONED_SECONDS,
    ARRIVALS,
    CHECK_SECONDS,
    MAX_SOCKETS,
    SILENCE_SECONDS,
    Refusal,
    RefusedVisitError,
    State,
    Visit,
    Visits,
)
from tests.ui.conftest import Clock


@dataclass(eq=False)
class Socket:
    reaches_kernel: bool = True
    last_pong: float = 0.0
    closed: tuple[int | None, str | None] | None = None
    told: list[dict[str, object]] = field(default_factory=list)

    def tell(self, **facts: object) -> None:
        self.told.append(facts)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        self.closed = (code, reason)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def visits(clock: Clock) -> Visits:
    return Visits(2, 600.0, clock=clock)


def opened(visits: Visits, kernel: str = "k") -> Visit:
    """A visit whose page has been sent."""
    visit = visits.reserve()
    visits.assign(visit, kernel)
    visits.page_sent(visit)
    return visit


def refusal(visits: Visits, address: str | None = None) -> Refusal | None:
    """Why a visit from an address is refused, None when it begins."""
    try:
        visits.reserve(address)
    except RefusedVisitError as error:
        return error.reason
    return None


def state_of(visit: Visit) -> State:
    """A call, for type checkers take an attribute not to change."""
    return visit.state


def test_a_visit_arrives_loads_is_present_leaves_and_ends(visits: Visits) -> None:
    visit = visits.reserve()
    visits.assign(visit, "k")
    assert state_of(visit) is State.ARRIVING
    presence, socket = Socket(reaches_kernel=False), Socket()
    visits.connect("k", presence)
    assert state_of(visit) is State.ARRIVING, "the first script runs before the page is complete"
    visits.page_sent(visit)
    assert state_of(visit) is State.LOADING
    visits.connect("k", socket)
    assert state_of(visit) is State.PRESENT
    visits.disconnect("k", presence)
    assert state_of(visit) is State.PRESENT
    visits.disconnect("k", socket)
    assert state_of(visit) is State.LEFT
    visits.release("k")
    assert state_of(visit) is State.ENDED
    visits.end("k")
    assert visits.get("k") is None
    assert len(visits) == 0


def test_places_are_counted_from_the_arrival_to_the_shutdown(visits: Visits) -> None:
    opened(visits, "a")
    arriving = visits.reserve()
    assert refusal(visits) is Refusal.FULL
    visits.page_sent(arriving)  # no kernel could be started for it
    assert len(visits) == 1
    opened(visits, "b")
    assert refusal(visits) is Refusal.FULL
    visits.release("a")
    assert len(visits) == 1, "its kernel is still shutting down"
    visits.end("a")
    assert len(visits) == 1
    assert opened(visits, "c").state is State.LEFT


def test_one_address_cannot_take_all_places(clock: Clock) -> None:
    visits = Visits(10, 0.0, address_places=2, clock=clock)
    assert [refusal(visits, "a") for _ in range(3)] == [None, None, Refusal.ADDRESS]
    assert refusal(visits, "b") is None
    assert [refusal(visits) for _ in range(4)] == [None] * 4, "a visitor of this machine"


def test_one_address_cannot_arrive_again_and_again(clock: Clock) -> None:
    visits = Visits(10, 0.0, address_places=2, clock=clock)

    def comes_and_goes() -> Refusal | None:
        try:
            visit = visits.reserve("a")
        except RefusedVisitError as error:
            return error.reason
        visits.page_sent(visit)
        return None

    most = 2 * ARRIVALS
    assert [comes_and_goes() for _ in range(most + 1)] == [None] * most + [Refusal.ADDRESS]
    assert refusal(visits, "b") is None
    clock.now = 60 / most
    assert [comes_and_goes() for _ in range(2)] == [None, Refusal.ADDRESS]
    clock.now += 60
    assert [comes_and_goes() for _ in range(most + 1)] == [None] * most + [Refusal.ADDRESS]


def test_a_draining_server_takes_nobody_and_keeps_those_who_are_there(visits: Visits) -> None:
    visit = opened(visits)
    socket = Socket()
    visits.connect("k", socket)
    visits.is_draining = True
    assert refusal(visits) is Refusal.DRAINING
    assert visit.state is State.PRESENT
    visits.tell(draining=60)
    assert socket.told == [{"draining": 60}]


def test_an_idle_page_is_warned_once_before_it_ends(visits: Visits, clock: Clock) -> None:
    opened(visits)
    socket = Socket()
    visits.connect("k", socket)
    clock.now = 540
    visits.warn()
    assert socket.told == []
    clock.now = 550
    for _ in range(2):
        visits.warn()
    assert socket.told == [{"ending": 50}]
    visits.touch("k")
    visits.touch("k")
    assert socket.told == [{"ending": 50}, {"staying": True}]
    clock.now = 1100
    visits.warn()
    assert socket.told[2:] == [{"ending": 50}]


def test_without_a_limit_nobody_is_warned(clock: Clock) -> None:
    visits = Visits(2, 0.0, clock=clock)
    opened(visits)
    socket = Socket()
    visits.connect("k", socket)
    clock.now = 1e6
    visits.warn()
    assert socket.told == []


def test_no_limit_of_places() -> None:
    visits = Visits(0, 0.0)
    for number in range(100):
        opened(visits, str(number))
    assert len(visits) == 100


def test_a_page_that_arrives_or_loads_keeps_its_kernel(visits: Visits, clock: Clock) -> None:
    visit = visits.reserve()
    visits.assign(visit, "k")
    clock.now = 10_000
    assert [*visits.overdue()] == []
    visits.connect("k", Socket(reaches_kernel=False))
    visits.page_sent(visit)
    clock.now = 20_000
    assert [*visits.overdue()] == []


def test_a_kernel_without_a_page_is_overdue_after_a_while(visits: Visits, clock: Clock) -> None:
    opened(visits)
    clock.now = ABANDONED_SECONDS
    assert [*visits.overdue()] == []
    clock.now += 1
    assert [*visits.overdue()] == ["k"]
    socket = Socket()
    visits.connect("k", socket)
    assert [*visits.overdue()] == [], "the page is back"
    visits.disconnect("k", socket)
    visits.disconnect("k", socket)  # reported twice
    clock.now += ABANDONED_SECONDS
    assert [*visits.overdue()] == []
    clock.now += 1
    assert [*visits.overdue()] == ["k"]
    visits.release("k")
    assert [*visits.overdue()] == [], "its kernel is being shut down"


def test_a_closed_page_loses_its_kernel_within_a_minute() -> None:
    assert SILENCE_SECONDS + ABANDONED_SECONDS + 2 * CHECK_SECONDS < 60


@pytest.mark.parametrize(("limit", "ends"), [(600.0, True), (0.0, False)])
def test_an_idle_page_is_overdue_where_idleness_is_limited(
    clock: Clock, limit: float, ends: bool
) -> None:
    visits = Visits(0, limit, clock=clock)
    opened(visits)
    visits.connect("k", Socket())
    clock.now = 500
    visits.touch("k")
    clock.now = 1100
    assert [*visits.overdue()] == []
    clock.now = 1101
    assert [*visits.overdue()] == (["k"] if ends else [])


def test_a_visit_has_a_few_sockets_only_and_they_are_closed_with_it(visits: Visits) -> None:
    opened(visits)
    sockets = [Socket() for _ in range(MAX_SOCKETS)]
    assert all(visits.connect("k", socket) for socket in sockets)
    assert not visits.connect("k", Socket())
    visits.disconnect("k", sockets[0])
    assert visits.connect("k", sockets[0])
    visits.end("k")
    assert {socket.closed for socket in sockets} == {(1001, "the session has ended")}
    visits.disconnect("k", sockets[0])  # what the closed socket reports


def test_a_kernel_without_a_visit_is_ignored(visits: Visits) -> None:
    assert not visits.connect("warm", Socket())
    for act in (visits.touch, visits.release, visits.end):
        act("warm")
    visits.disconnect("warm", Socket())
    assert len(visits) == 0


def test_visits_need_no_web_server() -> None:
    code = (
        "import sys, mnistlab.server.visits, mnistlab.server.messages\n"
        "print({name.partition('.')[0] for name in sys.modules}"
        " & {'voila', 'jupyter_server', 'jupyter_client', 'tornado', 'traitlets'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
