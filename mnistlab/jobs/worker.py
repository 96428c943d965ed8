"""The process that trains: `python -m mnistlab.jobs.worker`.

It reads one JSON line from standard input (config, dataset folder, run id, runs folder), writes
events as JSON lines to standard output, stops when it reads another line, and is gone as soon as
standard input ends, which is what happens when its parent does, however that died.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import psutil

from mnistlab.data import open_folder
from mnistlab.errors import MnistLabError
from mnistlab.jobs.scratch import discard_partial
from mnistlab.models.config import TrainingConfig
from mnistlab.settings import training_memory, training_seconds
from mnistlab.training import events
from mnistlab.training.loop import TrainingCancelledError, train
from mnistlab.training.save import check_writable, save_run

LAST_WORDS = 4000  # characters of a traceback
_LIMIT_CHECK = 0.2  # seconds
NICENESS = 10  # the page that asked for the training has right of way on a small machine


def main() -> None:
    """Run one training as told on standard input."""
    out = _claim_stdout()
    # Keras looks for scikit-learn, whose wrappers nothing here uses; that is a fifth of the start.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    request = json.loads(sys.stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_watch_parent, args=(stop, request), daemon=True).start()
    lock = threading.Lock()
    if hasattr(os, "nice"):
        os.nice(NICENESS)

    def tell(event: events.Event) -> None:
        with lock:
            out.write(events.to_json(event) + "\n")
            out.flush()

    _work(request, tell, stop.is_set)
    # TensorFlow's threads and atexit handlers have nothing left to do, and take a second over it.
    out.close()
    os._exit(0)


def _claim_stdout() -> TextIO:
    """The stream for events; whatever else prints goes to standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _watch_parent(stop: threading.Event, request: dict[str, Any]) -> None:
    # readline blocks without holding Python's lock, so this thread wakes even while
    # TensorFlow computes.
    if sys.stdin.readline():
        stop.set()
        sys.stdin.readline()
    # The other thread may be saving. Either its run is complete and keeps its name, or it is none.
    discard_partial(request["run"], Path(request["runs"]))
    os._exit(1)


def _keep_limits(tell: Callable[[events.Event], None], request: dict[str, Any]) -> None:
    """End the training when it takes more memory or time than whoever serves it allows."""
    limits = training_memory(), training_seconds()
    if any(limits):
        arguments = (*limits, tell, request)
        threading.Thread(target=_watch_limits, args=arguments, daemon=True).start()


def _watch_limits(
    memory: float | None,
    seconds: float | None,
    tell: Callable[[events.Event], None],
    request: dict[str, Any],
) -> None:
    process, begun = psutil.Process(), time.monotonic()
    while True:
        time.sleep(_LIMIT_CHECK)
        message = ""
        if memory and process.memory_info().rss > memory:
            message = (
                f"The training needed more than the {memory / 2**20:,.0f} MB of memory that this "
                "server allows; try a smaller batch size or model."
            )
        elif seconds and time.monotonic() - begun > seconds:
            message = (
                f"The training took longer than the {seconds / 60:g} minutes that this server "
                "allows; try fewer epochs or a smaller share of the training set."
            )
        if message:
            discard_partial(request["run"], Path(request["runs"]))
            tell(events.Failed(message))
            os._exit(1)


def _work(
    request: dict[str, Any], tell: Callable[[events.Event], None], stop: Callable[[], bool]
) -> None:
    try:
        _keep_limits(tell, request)
        config = TrainingConfig.from_dict(request["config"])
        check_writable(request["run"], Path(request["runs"]))
        dataset = open_folder(Path(request["dataset"]))
        trained = train(config, dataset, tell, stop)
        if stop():
            raise TrainingCancelledError("Training was cancelled.")
        save_run(trained, request["run"], Path(request["runs"]))
        tell(events.Finished(request["run"], trained.test_accuracy, trained.seconds))
    except TrainingCancelledError:
        tell(events.Cancelled())
    except MnistLabError as error:
        tell(events.Failed(str(error)))
    except Exception as error:  # whatever it is, the parent shows it rather than a silent end
        tell(events.Failed(_explain(error), traceback.format_exc()[-LAST_WORDS:]))


def _explain(error: Exception) -> str:
    kind = type(error).__name__
    # TensorFlow calls that an exhausted resource too.
    if os.strerror(errno.ENOSPC) in str(error):
        return "The disk is full; make room on it, then train again."
    if isinstance(error, MemoryError) or kind == "ResourceExhaustedError":  # TensorFlow's own
        return "Training ran out of memory; try a smaller batch size or model."
    return f"Training failed ({kind}); try other settings."


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
