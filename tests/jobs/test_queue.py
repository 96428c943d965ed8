"""The queue in which trainings of several processes wait."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from mnistlab.jobs.queue import Turns

HOLD = """
import sys
from pathlib import Path
from mnistlab.jobs.queue import Turns
with Turns(Path(sys.argv[1]), 1).queued():
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    """Another process at work."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str], kill: bool = False) -> None:
    if kill:
        process.kill()
    process.communicate(timeout=30)


def test_tickets_are_served_in_order_over_the_places(tmp_path: Path) -> None:
    turns = Turns(tmp_path, 2)
    with turns.queued() as first, turns.queued() as second, turns.queued() as third:
        assert [turns.ahead(each._path) for each in (first, second, third)] == [0, 0, 1]
        assert turns.counts() == (2, 1)
    assert turns.counts() == (0, 0)


@pytest.mark.parametrize("kill", [False, True])
def test_a_turn_comes_when_the_process_before_ends_or_is_killed(tmp_path: Path, kill: bool) -> None:
    other = holder(tmp_path)
    told: list[int] = []
    came: list[bool] = []
    waiting = threading.Event()

    def tell(ahead: int) -> None:
        told.append(ahead)
        waiting.set()

    with Turns(tmp_path, 1).queued() as ticket:
        thread = threading.Thread(target=lambda: came.append(ticket.wait(threading.Event(), tell)))
        thread.start()
        assert waiting.wait(30)
        end(other, kill)
        thread.join(30)
    assert came == [True]
    assert told == [1]


def test_no_file_is_deleted_while_it_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    delete = Path.unlink

    def delete_as_windows_does(path: Path, missing_ok: bool = False) -> None:
        try:
            with FileLock(path, timeout=0):
                pass
        except Timeout:
            raise PermissionError(13, "The process cannot access the file", str(path)) from None
        delete(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", delete_as_windows_does)
    end(holder(tmp_path), kill=True)
    with Turns(tmp_path, 1).queued() as ticket:  # the killed one's ticket goes
        assert ticket.wait(threading.Event(), lambda ahead: None)
    assert Turns(tmp_path, 1).counts() == (0, 0)
    assert not list(tmp_path.glob("*.ticket"))


def test_a_cancelled_one_leaves_the_queue(tmp_path: Path) -> None:
    other = holder(tmp_path)
    cancelled = threading.Event()
    with Turns(tmp_path, 1).queued() as ticket:
        assert not ticket.wait(cancelled, lambda ahead: cancelled.set())
    assert Turns(tmp_path, 1).counts() == (1, 0)
    end(other)
