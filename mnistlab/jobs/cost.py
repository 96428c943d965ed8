"""Estimates how long a training takes on this machine, from a short calibration.

The calibration, `python -m mnistlab.jobs.cost FOLDER`, trains each network for about a second on
the dataset of a folder. The result is kept under `MNISTLAB_HOME` with a name of the machine, and
each finished run corrects it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mnistlab.data import Dataset, open_folder
from mnistlab.data.pens import training_files
from mnistlab.errors import TrainingError
from mnistlab.files import atomic_write
from mnistlab.jobs.leftovers import folder_of
from mnistlab.jobs.remote import versions
from mnistlab.jobs.worker import lower_priority
from mnistlab.models.config import TrainingConfig
from mnistlab.settings import home
from mnistlab.training.events import Event, Progress, Testing
from mnistlab.training.examples import DATASET_COPIES, VALIDATION_FRACTION
from mnistlab.training.loop import TrainingCancelledError, has_tensorflow, no_tensorflow, train

_FILE = "cost.json"
_PEN_IMAGES = 37_000  # of both open collections of pen drawings, with changed copies
_TIMEOUT = 240  # seconds; a calibration takes about 30
_TIMED_SECONDS = 1.5  # of each network, from its second report on
_FRACTION = 0.4  # of the training set: an epoch then takes longer than its beginning and end
_MAX_FIGURE = 1e6  # seconds; no figure of a calibration is near it

_MLP = TrainingConfig("mlp", batch_size=256, network="normalised")
_TIMED_NETWORKS = (
    _MLP,
    replace(_MLP, network="wide"),
    TrainingConfig("cnn", network="lean"),
    *(TrainingConfig("cnn", network=network) for network in ("plain", "deep", "wide")),
)
_TIMED_LEVELS = (
    _MLP,
    replace(_MLP, augmentation="light"),
    replace(_MLP, augmentation="full"),
    replace(_MLP, augmentation="full", non_digits=True),
)
# Multiplications for an image, per first width and per its square. The two kinds of MLP differ by
# a few percent only.
_WORK = {
    "mlp": (784, 1 / 2),
    "plain": (784 * 9, 196 * 9 * 2),
    "deep": (784 * 9, 196 * 9 * 6 + 49 * 9 * 8),
    "lean": (20 * 20 * 25, 8 * 8 * 9 * 2),
}


@dataclass(frozen=True)
class Cost:
    """The time of trainings on one machine, in seconds."""

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
    """After the last: exporting the model, evaluating it on the test set, saving."""
    seen: dict[str, float]
    """Settings -> seconds an image and epoch, of the last run with these settings."""

    def seconds(self, config: TrainingConfig, n_train: int) -> float:
        """Return the estimate for one run on `n_train` training images."""
        each = self.seen.get(_settings(config)) or (
            self._network_seconds(config) + _at(self.augmentation, config)
        )
        return self.start + self.finish + self._images(config, n_train) * each

    def learned(self, config: TrainingConfig, n_train: int, seconds: float) -> Cost:
        """Return the same, corrected by the seconds that a run's steps took."""
        each = seconds / self._images(config, n_train)
        return replace(self, seen={**self.seen, _settings(config): each})

    def save(self) -> None:
        """Keep it for the next visit; if that fails, the next visit calibrates again."""
        path = home() / _FILE
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, json.dumps(asdict(self)).encode())

    def _images(self, config: TrainingConfig, n_train: int) -> float:
        part = n_train * config.fraction * (1 - VALIDATION_FRACTION)
        each = part * _at(self.images, config)
        if _has_pens(config):
            each += part * (DATASET_COPIES[config.model] - 1) + _PEN_IMAGES * config.fraction
        return config.epochs * each

    def _network_seconds(self, config: TrainingConfig) -> float:
        """Scale from the network of the same kind that was timed and is nearest in width."""
        timed = [other for other in _TIMED_NETWORKS if _kind(other) == _kind(config)]
        nearest = min(timed, key=lambda other: abs(other.widths[0] - config.widths[0]))
        return self.network[_network_key(nearest)] * _work(config) / _work(nearest)


def load_cost() -> Cost | None:
    """Return the result of an earlier calibration of this machine, or None.

    A damaged file counts as none.
    """
    try:
        cost = Cost(**json.loads((home() / _FILE).read_text(encoding="utf-8")))
        is_sound = cost.machine == _machine() and _is_sound(cost)
    # AttributeError where a table is none, RecursionError from nested brackets.
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return cost if is_sound else None


def _is_sound(cost: Cost) -> bool:
    """Whether all figures are there and are numbers that an estimate can be made of."""
    tables = (cost.network, cost.augmentation, cost.images, cost.seen)
    figures = [cost.start, cost.finish, *(value for table in tables for value in table.values())]
    return (
        all(0 <= each < _MAX_FIGURE for each in figures)
        and cost.network.keys() >= {_network_key(config) for config in _TIMED_NETWORKS}
        and min(cost.images.values()) > 0
        and bool(cost.augmentation)
    )


def calibrate(dataset: Dataset) -> Cost:
    """Measure how fast this machine trains, in a separate process; blocks for half a minute.

    One process on a machine calibrates at a time, and the others wait for its result. Raises
    `TrainingError` when TensorFlow is missing, `OSError` when the calibration fails.
    """
    import filelock  # imported here: most visits find the result

    if not has_tensorflow():
        raise TrainingError(no_tensorflow())
    home().mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(home() / f"{_FILE}.lock", timeout=_TIMEOUT):
        # Another process may have calibrated while this one waited.
        status = None if load_cost() else _run(dataset)
        cost = load_cost()
    if cost is None:
        raise OSError(f"the calibration ended with status {status}")
    return cost


def duration_text(seconds: float) -> str:
    """Return a rounded time such as `about 40 s`, `about 3 min` or `about 1 h 10 min`."""
    if seconds < 100:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(5 * round(minutes / 5), 60)
    return f"about {hours} h" + (f" {rest} min" if rest else "")


def _run(dataset: Dataset) -> int:
    """Calibrate in a process; return its exit status."""
    with tempfile.TemporaryDirectory(prefix="mnistlab-cost-") as scratch:
        process = subprocess.Popen(
            [sys.executable, "-m", "mnistlab.jobs.cost", folder_of(dataset, Path(scratch))],
            stdin=subprocess.PIPE,  # its end tells the process that this one is gone
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TMPDIR": scratch},
        )
        with process:
            try:
                return process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                raise OSError(f"the calibration took more than {_TIMEOUT} s") from None


def _machine() -> str:
    """Name what an estimate is valid for."""
    cpus, tensorflow = os.cpu_count(), versions()["tensorflow"]
    return f"{platform.machine()} {platform.node()} {cpus} CPUs, TensorFlow {tensorflow}"


# Keys of the tables


def _kind(config: TrainingConfig) -> str:
    if config.model == "mlp":
        return "mlp"
    return "deep" if config.network == "wide" else config.network


def _network_key(config: TrainingConfig) -> str:
    return f"{_kind(config)} {config.widths[0]}"


def _work(config: TrainingConfig) -> float:
    per_width, per_square = _WORK[_kind(config)]
    return per_width * config.widths[0] + per_square * config.widths[0] ** 2


def _level(config: TrainingConfig) -> str:
    # A shift costs next to nothing.
    augmentation = "none" if config.augmentation == "shift" else config.augmentation
    return f"{augmentation}{' non-digits' if config.non_digits else ''}"


def _at(levels: dict[str, float], config: TrainingConfig) -> float:
    """Return the figure of the settings' level, or the largest if that was not timed."""
    return levels.get(_level(config), max(levels.values()))


def _has_pens(config: TrainingConfig) -> bool:
    return config.pens and bool(training_files())


def _settings(config: TrainingConfig) -> str:
    pens = " pens" if _has_pens(config) else ""
    return f"{_network_key(config)} {config.batch_size} {_level(config)}{pens}"


# In the process


def main() -> None:
    """Time the networks on the dataset of the folder that is the argument."""
    begun = time.perf_counter()
    lower_priority()
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    measure(open_folder(Path(sys.argv[1])), begun).save()
    os._exit(0)


def measure(dataset: Dataset, begun: float) -> Cost:
    """Time trainings on a dataset; `begun` is when this process began, by `perf_counter`."""
    start, finish = _time_whole_run(dataset, begun)
    seconds, ratio = {}, {}
    for config in dict.fromkeys((*_TIMED_NETWORKS, *_TIMED_LEVELS)):
        seconds[config], ratio[config] = _time_steps(config, dataset)
    return Cost(
        machine=_machine(),
        network={_network_key(c): seconds[c] for c in _TIMED_NETWORKS},
        augmentation={_level(c): max(0.0, seconds[c] - seconds[_MLP]) for c in _TIMED_LEVELS},
        images={_level(c): ratio[c] for c in _TIMED_LEVELS},
        start=start,
        finish=finish,
        seen={},
    )


def _time_whole_run(dataset: Dataset, begun: float) -> tuple[float, float]:
    """Return the seconds before the first step and after the last of the smallest run."""
    at: dict[type[Event], float] = {}

    def note(event: Event) -> None:
        at.setdefault(type(event), time.perf_counter())

    train(TrainingConfig("cnn", network="lean", epochs=1, fraction=0.01), dataset, note)
    return at[Progress] - begun, time.perf_counter() - at[Testing]


def _time_steps(config: TrainingConfig, dataset: Dataset) -> tuple[float, float]:
    """Return the seconds an image in mid-training, and the ratio of `Cost.images`."""
    seen: list[Progress] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append(event)

    def is_enough() -> bool:
        return len(seen) > 2 and seen[-1].seconds - seen[1].seconds >= _TIMED_SECONDS

    with suppress(TrainingCancelledError):
        train(replace(config, epochs=200, fraction=_FRACTION), dataset, note, is_enough)
    first, last = seen[1], seen[-1]
    images = (last.fraction - first.fraction) * last.epochs * last.steps * config.batch_size
    part = len(dataset.x_train) * _FRACTION * (1 - VALIDATION_FRACTION)
    return (last.seconds - first.seconds) / images, last.steps * config.batch_size / part


def _exit_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
