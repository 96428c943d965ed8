"""Time to accuracy against Keras's and PyTorch's own MNIST examples, and what training costs here.

Each training runs in a process of its own, the examples' and ours in turn, so that a slow spell of
the machine meets all. Only here is the test set looked at after each epoch; that takes no part in
the time.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.alternatives import environment
from benchmarks.results import Comparison
from mnistlab import Dataset, TrainingConfig, load_default, submit
from mnistlab.models import find_run
from mnistlab.texts import percent
from mnistlab.training import events
from mnistlab.training.presets import PRESETS

ALTERNATIVES = Path(__file__).parent / "alternatives"
OURS = PRESETS["quick"].configs["cnn"]
_SHORT, _LONG = replace(OURS, epochs=2), replace(OURS, epochs=5, filters=24)
GOALS = {0.990: _SHORT, 0.992: OURS, 0.994: _LONG}
"""Accuracy on the test set -> the training that is meant to reach it. Chosen on accuracy on 10,000
of the training images (docs/training-recipe.md)."""
EXAMPLES = {"Keras": 0.994, "PyTorch": 0.990}
"""Example -> the accuracy at which it is stopped; PyTorch's takes minutes for each epoch."""
REPEATS = 3
CANCELS = 5
SMALL = {
    "examples": {}, "goals": {0.0: replace(OURS, epochs=1)}, "repeats": 1, "cancels": 1,
    "fraction": 0.01,
}  # fmt: skip
QUICK = {
    "examples": {"Keras": 0.990}, "goals": {0.990: _SHORT}, "repeats": 1, "cancels": 0,
}  # fmt: skip

Story = list[tuple[float, float]]
"""Seconds of training and test accuracy after each epoch."""


def main(
    examples: Mapping[str, float] = EXAMPLES,
    goals: Mapping[float, TrainingConfig] = GOALS,
    repeats: int = REPEATS,
    cancels: int = CANCELS,
    fraction: float = 1.0,
) -> list[Comparison]:
    """Everything on a fraction of the data, 0 to 1."""
    dataset = load_default()
    print(f"  on {fraction:.0%} of {dataset.title}")
    with tempfile.TemporaryDirectory() as folder:
        found = _time_to_accuracy(examples, goals, repeats, fraction, Path(folder) / "data.npz")
        if cancels:
            _lab_only(dataset, Path(folder) / "runs", cancels, fraction)
    return found


def _time_to_accuracy(
    examples: Mapping[str, float],
    goals: Mapping[float, TrainingConfig],
    repeats: int,
    fraction: float,
    file: Path,
) -> list[Comparison]:
    commands = {
        _name(config): [
            sys.executable, "-m", "benchmarks.training",
            json.dumps(replace(config, fraction=fraction).to_dict()),
        ]
        for config in goals.values()
    }  # fmt: skip
    pythons = {"Keras": Path(sys.executable), "PyTorch": environment.torch_python()}
    scripts = {"Keras": "keras_example.py", "PyTorch": "torch_example.py"}
    if examples:
        _save(load_default(), file, fraction)
    for name, enough in examples.items():
        if python := pythons[name]:
            script = str(ALTERNATIVES / scripts[name])
            commands[name] = [str(python), script, str(file), str(enough)]
        else:
            print(f"  {name}'s example is left out: it is not installed")
    stories: dict[str, list[Story]] = {name: [] for name in commands}
    for seed in range(repeats):
        for name, command in commands.items():
            story = _story([*command, str(seed)])
            stories[name].append(story)
            text = "  ".join(f"{seconds:.1f} s {accuracy:.2%}" for seconds, accuracy in story)
            print(f"  {name} seed {seed}: {text}", flush=True)
    return [_compared(goal, config, stories, examples) for goal, config in goals.items()]


def _compared(
    goal: float,
    config: TrainingConfig,
    stories: Mapping[str, list[Story]],
    examples: Mapping[str, float],
) -> Comparison:
    """How long each takes to a goal. An example that missed it counts with all its time."""
    others, missed = {}, []
    for name, enough in examples.items():
        if name in stories and enough >= goal:
            times = [_reached(story, goal) for story in stories[name]]
            if not math.isfinite(statistics.median(times)):
                missed.append(f"{name}'s example misses it in its {len(stories[name][0])} epochs")
            whole = [story[-1][0] for story in stories[name]]
            others[f"{name}'s example"] = tuple(map(min, times, whole))
    ours = tuple(_reached(story, goal) for story in stories[_name(config)])
    note = f"The CNN of the preset Quick, {_name(config)}."
    if missed:
        note += f" {' and '.join(missed)}; the time of all of them stands instead."
    compared = Comparison(
        f"seconds to {percent(goal, 1)} of the test set", "s", ours, others,
        "make bench ARGS=training", note=note,
    )  # fmt: skip
    print(f"  {compared}\n    {note}", flush=True)
    return compared


def _name(config: TrainingConfig) -> str:
    return f"{config.network_title}, {config.epochs} epochs"


def _reached(story: Story, goal: float) -> float:
    return next((seconds for seconds, accuracy in story if accuracy >= goal), math.inf)


def _story(command: Sequence[str]) -> Story:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(seconds, accuracy) for seconds, accuracy in json.loads(done.stdout.splitlines()[-1])]


def _save(dataset: Dataset, file: Path, fraction: float) -> None:
    """Write the arrays for the examples, which know nothing of this package."""
    names = ("x_train", "y_train", "x_test", "y_test")
    arrays = {name: _part(getattr(dataset, name), fraction) for name in names}
    np.savez(file, allow_pickle=False, **arrays)


def _lab_only(dataset: Dataset, runs: Path, cancels: int, fraction: float) -> None:
    """What the presets reach, whether a seed repeats, and how fast Cancel is."""
    _preset("quick", dataset, runs, fraction)
    config = TrainingConfig("mlp", fraction=fraction)
    names = [submit(config, dataset, runs=runs).result() for _ in range(2)]
    digests = {find_run(name, runs).card["weights_digest"] for name in names}
    print(f"  same seed again: {'identical' if len(digests) == 1 else 'DIFFERENT'} weights")
    print("  Cancel:", ", ".join(f"{_cancel(dataset, runs):.2f} s" for _ in range(cancels)))


def _preset(name: str, dataset: Dataset, runs: Path, fraction: float) -> None:
    begun = time.perf_counter()
    for preset in PRESETS[name].configs.values():
        config = replace(preset, fraction=fraction)
        card = find_run(submit(config, dataset, runs=runs).result(), runs).card
        print(
            f"  preset {name}, {config.title}: {card['test_accuracy']:.2%} in "
            f"{card['training_seconds']:.0f} s of training"
        )
    print(f"  preset {name}, both, from the button to the end: {time.perf_counter() - begun:.0f} s")


def _cancel(dataset: Dataset, runs: Path) -> float:
    running = threading.Event()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step > 50:
            running.set()

    job = submit(TrainingConfig("cnn", epochs=20), dataset, listen, runs)
    running.wait()
    begun = time.perf_counter()
    job.cancel()
    job.wait()
    return time.perf_counter() - begun


# In a process of its own


def _ours(config: TrainingConfig) -> Story:
    """The lab's CNN through our own training, the test set read after each epoch."""
    import keras

    from mnistlab.training import loop as training

    dataset = load_default()
    x_test, y_test = (_part(each, config.fraction) for each in (dataset.x_test, dataset.y_test))
    accuracy: list[float] = []
    spent = [0.0]  # seconds at the test set

    class Look(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            begun = time.perf_counter()
            accuracy.append(_accuracy(self.model, x_test, y_test))
            spent.append(spent[-1] + time.perf_counter() - begun)

    fit = keras.Model.fit

    def fit_and_look(self: Any, *args: Any, callbacks: list[Any], **kwargs: Any) -> Any:
        return fit(self, *args, callbacks=[*callbacks, Look()], **kwargs)

    keras.Model.fit = fit_and_look
    seconds = [event.seconds for event in training.train(config, dataset).history]
    return [(s - t, a) for s, t, a in zip(seconds, spent, accuracy, strict=False)]


def _part(values: NDArray[Any], fraction: float) -> NDArray[Any]:
    """The first of some images or labels, at least a hundred."""
    return np.asarray(values[: max(100, round(fraction * len(values)))])


def _accuracy(model: Any, x: NDArray[Any], y: NDArray[np.uint8]) -> float:
    parts = [model(x[i : i + 1000], training=False).numpy() for i in range(0, len(x), 1000)]
    return float((np.concatenate(parts).argmax(1) == y).mean())


if __name__ == "__main__":
    given = TrainingConfig.from_dict(json.loads(sys.argv[1]))
    print(json.dumps(_ours(replace(given, seed=int(sys.argv[2])))))
