"""The training process, `python -m mnistlab.jobs.worker`.

It reads one JSON line from standard input (config, dataset folder, run id, runs folder) and writes
events as JSON lines to standard output. Another line of input asks it to stop. When the input
ends, its parent is gone, and it exits.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn, TextIO

import psutil

from mnistlab.data import open_folder
from mnistlab.errors import MnistLabError
from mnistlab.jobs.leftovers import discard
from mnistlab.models.config import TrainingConfig
from mnistlab.settings import training_memory, training_seconds
from mnistlab.training import events
from mnistlab.training.loop import TrainingCancelledError, train
from mnistlab.training.save import check_writable, save_run

_MAX_TRACEBACK = 4000  # characters
_LIMIT_INTERVAL = 0.2  # seconds
_NICENESS = 10  # on a small machine the page stays responsive


def main() -> None:
    """Run the training that standard input asks for."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints goes to standard error
    # Keras looks for scikit-learn, whose wrappers nothing here uses; that is a fifth of the start.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    lower_priority()
    worker = _Worker(json.loads(sys.stdin.readline()), out)
    threading.Thread(target=worker.watch_parent, daemon=True).start()
    worker.work()
    # TensorFlow's threads and atexit handlers have nothing left to do, and take a second over it.
    os._exit(0)


def lower_priority() -> None:
    """Let other processes run first, where the system knows priorities."""
    if hasattr(os, "nice"):
        os.nice(_NICENESS)


class _Worker:
    """One training; `request` is the line from standard input."""

    def __init__(self, request: dict[str, Any], out: TextIO) -> None:
        self._request, self._out = request, out
        self._run, self._runs = request["run"], Path(request["runs"])
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def _emit(self, event: events.Event) -> None:
        with self._lock:
            self._out.write(events.to_json(event) + "\n")
            self._out.flush()

    def watch_parent(self) -> None:
        """Set `_stop` at a line of input, and exit when the input ends."""
        # readline blocks without holding Python's lock, so this thread wakes even while
        # TensorFlow computes.
        if sys.stdin.readline():
            self._stop.set()
            sys.stdin.readline()
        self._exit()

    def _exit(self, last: events.Event | None = None) -> NoReturn:
        # The other thread may be saving. Either the run is complete and stays, or nothing does.
        discard(self._run, self._runs, complete=False)
        if last is not None:
            self._emit(last)
        os._exit(1)

    def work(self) -> None:
        """Train and save; the last event says how it ended."""
        try:
            limits = training_memory(), training_seconds()
            if any(limits):
                threading.Thread(target=self._watch_limits, args=limits, daemon=True).start()
            config = TrainingConfig.from_dict(self._request["config"])
            check_writable(self._run, self._runs)
            dataset = open_folder(Path(self._request["dataset"]))
            trained = train(config, dataset, self._emit, self._stop.is_set)
            if self._stop.is_set():
                raise TrainingCancelledError("Training was cancelled.")
            save_run(trained, self._run, self._runs)
            self._emit(events.Finished(self._run, trained.test_accuracy, trained.seconds))
        except TrainingCancelledError:
            self._emit(events.Cancelled())
        except MnistLabError as error:
            self._emit(events.Failed(str(error)))
        except Exception as error:  # the parent shows it, whatever it is
            details = traceback.format_exc()[-_MAX_TRACEBACK:]
            self._emit(events.Failed(_explain(error), details))

    def _watch_limits(self, memory: float | None, seconds: float | None) -> None:
        """End the process when it exceeds the limits that a server sets."""
        process, begun = psutil.Process(), time.monotonic()
        while True:
            time.sleep(_LIMIT_INTERVAL)
            if memory and process.memory_info().rss > memory:
                message = (
                    f"The training needed more than the {memory / 2**20:,.0f} MB of memory that "
                    "this server allows; try a smaller batch size or model."
                )
            elif seconds and time.monotonic() - begun > seconds:
                message = (
                    f"The training took longer than the {seconds / 60:g} minutes that this server "
                    "allows; try fewer epochs or a smaller fraction of the training set."
                )
            else:
                continue
            self._exit(events.Failed(message))


def _explain(error: Exception) -> str:
    kind = type(error).__name__
    # TensorFlow raises ResourceExhaustedError for a full disk too.
    if os.strerror(errno.ENOSPC) in str(error):
        return "The disk is full; make room on it, then train again."
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":
        return "Training ran out of memory; try a smaller batch size or model."
    return f"Training failed ({kind}); try other settings."


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
