"""A training process and the pipe to it, for a job on this machine and for a Dask worker alike."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from mnistlab.jobs.leftovers import discard
from mnistlab.models.config import TrainingConfig
from mnistlab.training import events

CANCEL_GRACE = 0.7  # seconds between asking a process to stop and killing it
_MAX_OUTPUT = 4000  # characters of the process's output that a failure shows
_log = logging.getLogger(__name__)


class LostProcessError(Exception):
    """A training process was killed or crashed; its arguments are those of `Failed`."""


class TrainingProcess:
    """A running `python -m mnistlab.jobs.worker`; it ends with the process that made it.

    Parameters
    ----------
    dataset : folder of the data
    run : the run's id
    runs : folder in which the run is to appear
    scratch : folder for the log and for all temporary files of the process
    without : environment variables that the process does not inherit
    """

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Path,
        run: str,
        runs: Path,
        scratch: Path,
        without: Collection[str] = (),
    ) -> None:
        self._run, self._runs = run, runs
        self._log = scratch / "worker.log"
        self._stopped = threading.Event()
        environment = {k: v for k, v in os.environ.items() if k not in without}
        environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUNBUFFERED": "1"}
        # The temporary files of a killed process are removed with the scratch folder.
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        with self._log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mnistlab.jobs.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                errors="replace",
                env=environment,
            )
        self.pid = self._process.pid
        places = {"dataset": str(dataset), "run": run, "runs": str(runs)}
        self._send(json.dumps({"config": config.to_dict(), **places}))

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask the process to stop, and kill it shortly after if it has not. Returns at once."""
        self._stopped.set()
        self._send("stop")
        killer = threading.Timer(CANCEL_GRACE, self._process.kill)
        killer.daemon = True
        try:
            killer.start()
        except RuntimeError:  # the system allows no further thread
            self._process.kill()

    def listen(self, emit: Callable[[events.Event], None]) -> events.LastEvent:
        """Pass events on until the process has ended; return the last, which is not passed on.

        Unless that is `Finished`, nothing is left of the run. Raises `LostProcessError` when the
        process ended without a last event.
        """
        last: events.LastEvent | None = None
        try:
            with self._process as process:
                assert process.stdout is not None
                for line in process.stdout:
                    event = _parse(line)
                    if isinstance(event, events.LastEvent):
                        last = event
                    elif event is not None and not self._stopped.is_set():
                        emit(event)
        finally:
            if not isinstance(last, events.Finished):
                discard(self._run, self._runs)
        if last is None and not self._stopped.is_set():
            output = self._log.read_text(encoding="utf-8", errors="replace")[-_MAX_OUTPUT:]
            message = (
                "The training process ended without a result "
                f"({_reason(self._process.returncode)}); the next training starts a new one."
            )
            raise LostProcessError(message, output)
        return last or events.Cancelled()

    def _send(self, line: str) -> None:
        with suppress(OSError, ValueError):  # the process may have ended already
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()


def _parse(line: str) -> events.Event | None:
    try:
        return events.from_json(line)
    except (ValueError, TypeError):  # a line that was cut when the process was killed
        _log.warning("not an event: %.200r", line)
        return None


def _reason(returncode: int) -> str:
    if returncode == -9:
        return "killed, perhaps because memory ran out: try a smaller batch size"
    if returncode < 0:
        return f"ended by {signal.Signals(-returncode).name}"
    return f"exit status {returncode}"
