"""What a training will take on this machine: measured in a short calibration, not guessed.

`python -m mnistlab.jobs.cost` reads a dataset's folder from standard input, trains each network
for about a second in a process of its own, prints what it found as one JSON line, and is gone as
soon as its parent is. The result is kept under `MNISTLAB_HOME`, with the machine it holds for, and
corrected by every run that ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import util
from pathlib import Path
from typing import Any

from mnistlab.data import Dataset, open_folder, save_folder
from mnistlab.errors import MnistLabError, TrainingError
from mnistlab.files import atomic_write
from mnistlab.jobs.remote import versions
from mnistlab.models.config import TrainingConfig
from mnistlab.settings import home
from mnistlab.training.events import Event, Progress, Started, Testing
from mnistlab.training.loop import (
    NO_TENSORFLOW,
    VALIDATION_SHARE,
    TrainingCancelledError,
    train,
)

_FILE = "cost.json"
_LIMIT = 240  # seconds until a calibration counts as failed; it takes about 30
_TIMED_SECONDS = 1.5  # of each network, from its second report on
_SHARE = 0.4  # of the training set: an epoch then outlasts what its beginning and end take
_NICENESS = 10  # the page that asks has right of way
_LONGEST = 1e6  # seconds; no figure of a calibration is near it
_NETWORK = re.compile(r"(mlp|lean|deep) [1-9][0-9]{0,4}")  # a key of `Cost.network`
_log = logging.getLogger(__name__)

_TIMED = (
    TrainingConfig("mlp", batch_size=256),
    TrainingConfig("mlp", batch_size=256, units=1024),
    TrainingConfig("cnn", network="lean", filters=12),
    TrainingConfig("cnn"),
    TrainingConfig("cnn", filters=32),
    TrainingConfig("mlp", batch_size=256, augmentation="light"),
    TrainingConfig("mlp", batch_size=256, augmentation="full"),
    TrainingConfig("mlp", batch_size=256, augmentation="full", outliers=True),
)


@dataclass(frozen=True)
class Cost:
    """What trainings take on one machine, in seconds."""

    machine: str
    network: dict[str, float]
    """Network and width -> seconds an image and epoch without augmentation, validation included."""
    augmentation: dict[str, float]
    """Level -> additional seconds an image."""
    images: dict[str, float]
    """Level -> images in an epoch for each image of the training part."""
    start: float
    """Before the first step: loading TensorFlow, building the network."""
    finish: float
    """After the last: exporting the model, reading the test set, saving."""
    seen: dict[str, float]
    """What runs have really taken, a second an image and epoch, by their settings."""

    def seconds(self, config: TrainingConfig, n_train: int) -> float:
        """The estimate for one run on `n_train` training images."""
        images = config.epochs * n_train * config.share * (1 - VALIDATION_SHARE)
        images *= self.images.get(_level(config), max(self.images.values()))
        known = self.seen.get(_settings(config))
        more = self.augmentation.get(_level(config), max(self.augmentation.values()))
        each = self._network_seconds(config) + more
        return self.start + self.finish + images * (known or each)

    def learned(self, config: TrainingConfig, n_train: int, seconds: float) -> Cost:
        """The same, corrected by what a run's steps really took."""
        images = config.epochs * n_train * config.share * (1 - VALIDATION_SHARE)
        images *= self.images.get(_level(config), max(self.images.values()))
        return replace(self, seen={**self.seen, _settings(config): seconds / images})

    def save(self) -> None:
        """Keep it for the next visit; a disk that refuses only costs another calibration."""
        path = home() / _FILE
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, json.dumps(asdict(self)).encode())

    def _network_seconds(self, config: TrainingConfig) -> float:
        """From the network of the same kind that was timed and is nearest in size."""
        kind, width = _network(config)
        timed = {
            int(name.split()[1]): s for name, s in self.network.items() if name.split()[0] == kind
        }
        nearest = min(timed, key=lambda other: abs(other - width))
        return timed[nearest] * _work(kind, width) / _work(kind, nearest)


def load_cost() -> Cost | None:
    """What an earlier calibration of this very machine found, or None.

    A file that is damaged or that someone else wrote counts as none: measuring again costs half
    a minute, and a page that does not open costs the page.
    """
    try:
        cost = Cost(**json.loads((home() / _FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):  # the last from nested brackets
        return None
    return cost if cost.machine == _machine() and _is_sound(cost) else None


def _is_sound(cost: Cost) -> bool:
    """Whether all figures are there and are numbers that an estimate can be made of."""
    tables = (cost.network, cost.augmentation, cost.images, cost.seen)
    if not all(isinstance(table, dict) for table in tables):
        return False
    figures = [cost.start, cost.finish, *(value for table in tables for value in table.values())]
    return (
        all(isinstance(each, int | float) and 0 <= each < _LONGEST for each in figures)
        and all(_NETWORK.fullmatch(name) for name in cost.network)
        and {_network(config)[0] for config in _TIMED} <= {n.split()[0] for n in cost.network}
        and min(cost.images.values(), default=0) > 0
        and bool(cost.augmentation)
    )


def start_calibration(dataset: Dataset, on_done: Callable[[Cost | None, str], None]) -> None:
    """Calibrate in a thread and a process of its own, one at a time on a machine.

    Parameters
    ----------
    on_done : called in that thread with the cost, or with None and the reason
    """

    def work() -> None:
        try:
            cost, problem = _calibrated(dataset), ""
        except MnistLabError as error:
            cost, problem = None, str(error)
        except Exception as error:  # an estimate is no reason to disturb a page
            _log.warning("calibration failed", exc_info=True)
            cost, problem = None, f"How long it takes could not be measured ({error})."
        on_done(cost, problem)

    try:
        threading.Thread(target=work, name="calibration", daemon=True).start()
    except RuntimeError as error:  # the system allows no further thread
        on_done(None, f"How long it takes could not be measured ({error}).")


def duration_text(seconds: float) -> str:
    """Such as `about 40 s`, `about 3 min` or `about 1 h 10 min`; no more exact than it is known."""
    if seconds < 100:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h" + (f" {rest} min" if rest else "")


def _calibrated(dataset: Dataset) -> Cost:
    import filelock  # imported here: most visits find the result

    if util.find_spec("tensorflow") is None:
        raise TrainingError(NO_TENSORFLOW)
    home().mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(home() / f"{_FILE}.lock", timeout=_LIMIT):
        cost = load_cost()  # another process may have measured while this one waited
        if cost is None:
            cost = _run(dataset)
            cost.save()
        return cost


def _run(dataset: Dataset) -> Cost:
    with tempfile.TemporaryDirectory(prefix="mnistlab-cost-") as scratch:
        folder = dataset.folder
        if folder is None:
            folder = Path(scratch) / "data"
            save_folder(dataset, folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "mnistlab.jobs.cost"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TMPDIR": scratch},
        )
        killer = threading.Timer(_LIMIT, process.kill)
        killer.start()
        try:
            with process:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"{folder}\n")
                process.stdin.flush()  # not closed: its end tells the process that we are gone
                line = process.stdout.readline()
        finally:
            killer.cancel()
    if not line:
        raise OSError(f"the process ended with status {process.returncode}")
    return Cost(machine=_machine(), seen={}, **json.loads(line))


def _machine() -> str:
    """What an estimate holds for; where TensorFlow is not installed, for no training at all."""
    cpus, tensorflow = os.cpu_count(), versions()["tensorflow"]
    return f"{platform.machine()} {platform.node()} {cpus} CPUs, TensorFlow {tensorflow}"


# Names of settings


def _network(config: TrainingConfig) -> tuple[str, int]:
    return ("mlp", config.units) if config.model == "mlp" else (config.network, config.filters)


def _level(config: TrainingConfig) -> str:
    return f"{config.augmentation}{' outliers' if config.outliers else ''}"


def _settings(config: TrainingConfig) -> str:
    kind, width = _network(config)
    return f"{kind} {width} {config.batch_size} {_level(config)}"


def _work(kind: str, width: int) -> float:
    """Multiplications for an image, to compare widths of one kind of network."""
    if kind == "mlp":
        return 784 * width + width * width / 2
    if kind == "lean":
        return 24 * 24 * 25 * width + 8 * 8 * 25 * 2 * width**2
    return 784 * 9 * width + 196 * 9 * 6 * width**2 + 49 * 9 * 8 * width**2


# In the process


def main() -> None:
    """Time the networks as told on standard input."""
    begun = time.perf_counter()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    folder = sys.stdin.readline().strip()
    threading.Thread(target=_watch_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    out.write(json.dumps(measure(open_folder(Path(folder)), begun)) + "\n")
    out.close()
    os._exit(0)


def measure(dataset: Dataset, begun: float) -> dict[str, Any]:
    """All of `Cost` but the machine and what was seen."""
    start, finish = _whole_run(dataset, begun)
    each, ratio = {}, {}
    for config in _TIMED:
        each[config], ratio[config] = _time_steps(config, dataset)
    plain = _TIMED[0]
    network = {" ".join(map(str, _network(c))): each[c] for c in _TIMED if _level(c) == "none"}
    more = {
        _level(c): max(0.0, each[c] - each[plain]) for c in _TIMED if _network(c) == _network(plain)
    }
    images = {_level(c): ratio[c] for c in _TIMED if _network(c) == _network(plain)}
    return {
        "network": network, "augmentation": more, "images": images,
        "start": start, "finish": finish,
    }  # fmt: skip


def _whole_run(dataset: Dataset, begun: float) -> tuple[float, float]:
    """Seconds before the first step and after the last, of the smallest run there is."""
    at: dict[type[Event], float] = {}

    def note(event: Event) -> None:
        at.setdefault(type(event), time.perf_counter())

    train(TrainingConfig("cnn", network="lean", epochs=1, share=0.01), dataset, note)
    return at[Progress] - begun, time.perf_counter() - at[Testing]


def _time_steps(config: TrainingConfig, dataset: Dataset) -> tuple[float, float]:
    """Seconds an image in mid-training, and images in an epoch for each of the training part."""
    seen: list[Progress] = []
    steps = 1

    def note(event: Event) -> None:
        nonlocal steps
        if isinstance(event, Started):
            steps = event.steps
        elif isinstance(event, Progress):
            seen.append(event)

    def enough() -> bool:
        return len(seen) > 2 and seen[-1].seconds - seen[1].seconds >= _TIMED_SECONDS

    with contextlib.suppress(TrainingCancelledError):
        train(replace(config, epochs=200, share=_SHARE), dataset, note, enough)
    done = [(event.epoch - 1) * steps + event.step for event in seen]
    images = (done[-1] - done[1]) * config.batch_size
    part = len(dataset.x_train) * _SHARE * (1 - VALIDATION_SHARE)
    return (seen[-1].seconds - seen[1].seconds) / images, steps * config.batch_size / part


def _watch_parent() -> None:
    sys.stdin.readline()
    os._exit(1)


if __name__ == "__main__":
    main()
