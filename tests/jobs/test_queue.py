"""The queue in which trainings of several processes wait."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from mnistlab.jobs.queue import JobQueue

HOLD = """
import sys
from pathlib import Path
from mnistlab.jobs.queue import JobQueue
with JobQueue(Path(sys.argv[1]), 1).joined():
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


def test_entries_are_served_in_order_over_the_places(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path, 2)
    with queue.joined() as first, queue.joined() as second, queue.joined() as third:
        assert [queue.ahead(each) for each in (first, second, third)] == [0, 0, 1]
        assert queue.counts() == (2, 1)
    assert queue.counts() == (0, 0)


def test_nobody_takes_all_places(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path, 1)
    with queue.joined("a") as first, queue.joined("a") as second, queue.joined("a") as third:
        assert [queue.ahead(each) for each in (first, second, third)] == [0, 1, 2]
        with queue.joined("b") as other, queue.joined("c") as another:
            assert [queue.ahead(each) for each in (first, other, another)] == [0, 1, 2]
            assert [queue.ahead(each) for each in (second, third)] == [3, 4]
        with queue.joined() as unowned, queue.joined() as last:
            assert [queue.ahead(each) for each in (unowned, last, second)] == [1, 2, 3]


def test_a_job_that_runs_is_never_put_back(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path, 2)
    with queue.joined("a") as first, queue.joined("a") as second:
        assert [queue.ahead(each) for each in (first, second)] == [0, 0]
        with queue.joined("b") as other:
            assert queue.ahead(other) == 1
            assert [queue.ahead(each) for each in (first, second)] == [0, 0]


def test_what_ran_is_told_and_what_was_cancelled_before_is_not(tmp_path: Path) -> None:
    queue = JobQueue(tmp_path, 1)
    assert queue.finished() == []
    with queue.joined() as first, queue.joined() as second:
        assert [queue.ahead(each) for each in (first, second)] == [0, 1]
    (seconds,) = queue.finished()
    assert 0 <= seconds < 60
    assert queue.finished(skip=1) == []
    assert not list(tmp_path.glob("*.owner"))
    assert not list(tmp_path.glob("*.running"))


def test_a_line_that_a_full_disk_has_cut_counts_as_a_job_without_a_time(tmp_path: Path) -> None:
    (tmp_path / "finished.txt").write_text("12.45.6\n3.5\n")
    first, second = JobQueue(tmp_path, 1).finished()
    assert math.isnan(first)
    assert second == 3.5


@pytest.mark.parametrize("kill", [False, True])
def test_a_turn_comes_when_the_process_before_ends_or_is_killed(tmp_path: Path, kill: bool) -> None:
    other = holder(tmp_path)
    reported: list[int] = []
    came: list[bool] = []
    waiting = threading.Event()

    def on_ahead(ahead: int) -> None:
        reported.append(ahead)
        waiting.set()

    queue = JobQueue(tmp_path, 1)
    with queue.joined() as entry:
        thread = threading.Thread(
            target=lambda: came.append(queue.wait(entry, threading.Event(), on_ahead))
        )
        thread.start()
        assert waiting.wait(30)
        end(other, kill)
        thread.join(30)
    assert came == [True]
    assert reported == [1]


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
    queue = JobQueue(tmp_path, 1)
    with queue.joined() as entry:  # the killed one's entry goes
        assert queue.wait(entry, threading.Event(), lambda ahead: None)
    assert queue.counts() == (0, 0)
    assert not list(tmp_path.glob("*.job"))


def test_a_cancelled_one_leaves_the_queue(tmp_path: Path) -> None:
    other = holder(tmp_path)
    cancelled = threading.Event()
    queue = JobQueue(tmp_path, 1)
    with queue.joined() as entry:
        assert not queue.wait(entry, cancelled, lambda ahead: cancelled.set())
    assert queue.counts() == (1, 0)
    end(other)
