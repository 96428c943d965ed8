"""Ten seeds of two models on a Dask cluster of two workers, with and without one being killed."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from drivers.dask_processes import DaskProcesses, dask_cluster
from mnistlab import Dataset, TrainingConfig, load_default, submit
from mnistlab.models import find_run, list_runs
from mnistlab.training import events

SEEDS = 10
KILL_AFTER = 5  # runs that are finished
SMALL = {"seeds": 1, "kill_after": 0}


def main(seeds: int = SEEDS, kill_after: int = KILL_AFTER) -> None:
    dataset = load_default()
    configs = [
        TrainingConfig(model, epochs=1, fraction=0.05, seed=seed)
        for seed in range(seeds)
        for model in ("mlp", "cnn")
    ]
    with tempfile.TemporaryDirectory() as folder:
        whole = _train_all(configs, dataset, Path(folder) / "whole")
        broken = _train_all(configs, dataset, Path(folder) / "broken", kill_after)
    same = sum(a == b for a, b in zip(whole, broken, strict=True))
    print(f"  {same} of {len(configs)} runs have the weights digest they have without the kill")


def _train_all(
    configs: Sequence[TrainingConfig],
    dataset: Dataset,
    folder: Path,
    kill_after: int | None = None,
) -> list[str]:
    """Weights digests of all configurations, trained on a cluster of its own."""
    begun = time.perf_counter()
    with dask_cluster(folder / "dask", "alpha", "beta") as dask:
        listen = None if kill_after is None else _killer(dask, kill_after)
        jobs = [
            submit(config, dataset, listen, folder / "runs", dask.address) for config in configs
        ]
        names = [job.result() for job in jobs]
        left = len(dask.trainings())
    runs = list_runs(folder / "runs")
    print(
        f"  {'both workers alive' if kill_after is None else 'one worker killed'}: "
        f"{len(runs)} runs, {sum(bool(run.damage) for run in runs)} damaged, "
        f"{left} stray processes, {time.perf_counter() - begun:.0f} s"
    )
    return [find_run(name, folder / "runs").card["weights_digest"] for name in names]


def _killer(dask: DaskProcesses, after: int) -> Callable[[events.Event], None]:
    """Kills a worker at a step of a training, once so many are done."""
    lock = threading.Lock()
    finished = 0
    is_due = True

    def listen(event: events.Event) -> None:
        nonlocal finished, is_due
        with lock:
            finished += isinstance(event, events.Finished)
            if is_due and isinstance(event, events.Progress) and finished >= after:
                is_due = False
                orphans = dask.kill("alpha")
                print(f"  alpha killed with {len(orphans)} training in it")

    return listen
