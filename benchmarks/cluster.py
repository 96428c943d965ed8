"""Ten seeds of two models on a Dask cluster of two workers, with and without one being killed."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from mnistlab import Dataset, TrainingConfig, load_default, submit
from mnistlab.models import events, find_run, list_runs
from tests.models.dask_processes import DaskProcesses, dask_cluster

SEEDS = 10
CONFIGS = [
    TrainingConfig(model, epochs=1, share=0.05, seed=seed)
    for seed in range(SEEDS)
    for model in ("mlp", "cnn")
]


def main() -> None:
    dataset = load_default()
    with tempfile.TemporaryDirectory() as folder:
        whole = _train_all(dataset, Path(folder) / "whole", kill=False)
        broken = _train_all(dataset, Path(folder) / "broken", kill=True)
    same = sum(a == b for a, b in zip(whole, broken, strict=True))
    print(f"  {same} of {len(CONFIGS)} runs have the weights digest they have without the kill")


def _train_all(dataset: Dataset, folder: Path, kill: bool) -> list[str]:
    """Weights digests of all configurations, trained on a cluster of its own."""
    begun = time.perf_counter()
    with dask_cluster(folder / "dask", "alpha", "beta") as dask:
        listen = _killer(dask, after=5) if kill else None
        jobs = [
            submit(config, dataset, listen, folder / "runs", dask.address) for config in CONFIGS
        ]
        names = [job.result() for job in jobs]
        left = len(dask.trainings())
    runs = list_runs(folder / "runs")
    print(
        f"  {'one worker killed' if kill else 'both workers alive'}: "
        f"{len(runs)} runs, {sum(bool(run.damage) for run in runs)} damaged, "
        f"{left} stray processes, {time.perf_counter() - begun:.0f} s"
    )
    return [find_run(name, folder / "runs").card["weights_digest"] for name in names]


def _killer(dask: DaskProcesses, after: int) -> Callable[[events.Event], None]:
    """Kills a worker at a step of a training, once so many are done."""
    lock = threading.Lock()
    finished = [0]

    def listen(event: events.Event) -> None:
        with lock:
            finished[0] += isinstance(event, events.Finished)
            if isinstance(event, events.Progress) and finished[0] >= after:
                finished[0] = -len(CONFIGS)  # once
                orphans = dask.kill("alpha")
                print(f"  alpha killed with {len(orphans)} training in it")

    return listen
