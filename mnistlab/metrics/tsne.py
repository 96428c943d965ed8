"""A t-SNE map (van der Maaten and Hinton 2008) in a process of its own, with progress and cancel.

scikit-learn would cost the page's kernel 116 MB and hold its lock for a minute. The process reads
points from standard input. On standard output, the lines that scikit-learn prints show its
progress, and after a last line the map follows. The process ends with its parent.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import MnistLabError

ITERATIONS = 1000
_PERPLEXITY = 30.0
_LEAST = 5  # points that a map is computed of
_LAST_LINE = b"The map follows."

Floats = NDArray[np.float32]


class MapCancelledError(MnistLabError):
    """`should_stop` of `tsne_map` returned true."""


def tsne_map(
    points: Floats,
    on_progress: Callable[[float], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    seed: int = 0,
) -> Floats:
    """Map points (n, d) to (n, 2) float32, so that near points stay near; repeatable by seed.

    Parameters
    ----------
    points : array (n, d) of floats, n of at least 5
    on_progress : called with the fraction done, 0 to 1
    should_stop : asked a few times a second; `MapCancelledError` follows when it returns true

    Raises
    ------
    MnistLabError
        When there are too few points, or the process failed.
    """
    if len(points) < _LEAST:
        raise MnistLabError(
            f"A t-SNE map takes {_LEAST} images or more, and there are {len(points)}; choose "
            "another map."
        )
    if not np.ptp(points, axis=0).any():  # all in one place, on which scikit-learn fails
        return np.zeros((len(points), 2), np.float32)
    command = [sys.executable, "-m", "mnistlab.metrics.tsne", *map(str, (seed, *points.shape))]
    pipe, silent = subprocess.PIPE, subprocess.DEVNULL
    # Its threads meet ten thousand times. Where other work has the processors, threads that wait by
    # computing take seven times the processor time and ten times as long.
    env = {"OMP_WAIT_POLICY": "passive", **os.environ}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=silent, env=env) as process:
        stopped = threading.Event()
        watcher = threading.Thread(
            target=_stop_on_request, args=(process, should_stop, stopped), daemon=True
        )
        watcher.start()
        found = _talk(process, points.astype(np.float32), on_progress)
    watcher.join()
    if stopped.is_set():
        raise MapCancelledError("The map was cancelled.")
    if found is None:
        raise MnistLabError(
            f"The map's process ended without a result (status {process.returncode}); try again."
        )
    return found


def _talk(
    process: subprocess.Popen[bytes],
    points: Floats,
    on_progress: Callable[[float], None] | None,
) -> Floats | None:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(points.tobytes())
        process.stdin.flush()  # not closed: its end would mean that the parent is gone
    except OSError:
        return None
    for line in process.stdout:
        found = re.search(rb"Iteration (\d+)", line)
        if found and on_progress is not None:
            on_progress(min(1.0, int(found[1]) / ITERATIONS))
        if line.strip() == _LAST_LINE:
            data = process.stdout.read()
            is_whole = len(data) == 8 * len(points)
            return np.frombuffer(data, np.float32).reshape(-1, 2).copy() if is_whole else None
    return None


def _stop_on_request(
    process: subprocess.Popen[bytes],
    should_stop: Callable[[], bool] | None,
    stopped: threading.Event,
) -> None:
    while process.poll() is None:
        if should_stop is not None and should_stop():
            stopped.set()
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)


# In the process


def main() -> None:
    """Compute one map of the points on standard input; arguments are the seed and their shape."""
    seed, n, d = map(int, sys.argv[1:])
    data = sys.stdin.buffer.read(4 * n * d)
    if len(data) < 4 * n * d:
        return
    threading.Thread(target=_watch_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(10)  # the page goes first
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(line_buffering=True)  # so that progress is sent while it is made
    places = _compute(np.frombuffer(data, np.float32).reshape(n, d), seed)
    sys.stdout.flush()
    sys.stdout.buffer.write(_LAST_LINE + b"\n" + places.tobytes())
    sys.stdout.buffer.flush()
    os._exit(0)


def _compute(points: Floats, seed: int) -> Floats:
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    # Verbose, since the printed iterations are its only sign of progress.
    tsne = TSNE(
        init="pca", random_state=seed, perplexity=perplexity, max_iter=ITERATIONS, verbose=2
    )
    places: Floats = tsne.fit_transform(points).astype(np.float32)
    return places


def _watch_parent() -> None:
    sys.stdin.buffer.read(1)
    os._exit(1)


if __name__ == "__main__":
    main()
