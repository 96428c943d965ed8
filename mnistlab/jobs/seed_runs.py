"""Two settings trained with many seeds, at once on a cluster or one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, TrainingError
from mnistlab.jobs import submit
from mnistlab.jobs.job import Job
from mnistlab.metrics.seed_comparison import SeedComparison, compare_seeds
from mnistlab.models import Run, TrainingConfig, find_run
from mnistlab.training import events

MOST_SEEDS = 100
_CANCEL_WAIT = 5  # seconds
_WAIT = 0.5  # seconds


@dataclass(frozen=True)
class SeededRuns:
    """The runs of both settings, in the order of their seeds, and their comparison."""

    a: tuple[Run, ...]
    b: tuple[Run, ...]
    comparison: SeedComparison

    def to_dict(self, name_a: str, name_b: str) -> dict[str, Any]:
        """Return plain lists and numbers, ready for JSON."""
        plain = self.comparison.to_dict(name_a, name_b)
        for side, name, runs in (("a", name_a, self.a), ("b", name_b, self.b)):
            plain[side] = {
                "model": name,
                **plain[side],
                "runs": [run.id for run in runs],
                "weights_digests": [run.card["weights_digest"] for run in runs],
                "accuracies": accuracies(runs),
            }
        return plain


def accuracies(runs: Sequence[Run]) -> list[float]:
    """Return the test accuracy of each run, 0 to 1."""
    return [float(run.card["test_accuracy"]) for run in runs]


def compare_with_seeds(
    a: TrainingConfig,
    b: TrainingConfig,
    seeds: int,
    dataset: Dataset,
    on_progress: Callable[[float, int], None] | None = None,
    scheduler: str | None = None,
) -> SeededRuns:
    """Train both settings with the seeds 0 to `seeds` - 1; blocks, and keeps the runs.

    If one training fails, or on Ctrl-C, the others are cancelled; finished runs stay. Raises
    `ConfigError` when `seeds` is not from 2 to 100, `TrainingError` when a training failed.

    Parameters
    ----------
    on_progress : called with the fraction of all work that is done, 0 to 1, and the number of
        finished runs, in any thread
    scheduler : as in `mnistlab.submit`
    """
    if not 2 <= seeds <= MOST_SEEDS:
        raise ConfigError(f"seeds is {seeds}; give a whole number from 2 to {MOST_SEEDS}.")
    # In turn: if it ends early, there are pairs to compare.
    configs = [replace(config, seed=seed) for seed in range(seeds) for config in (a, b)]
    listeners = _listeners(len(configs), on_progress or (lambda fraction, finished: None))
    jobs: list[Job] = []
    try:
        for config, listener in zip(configs, listeners, strict=True):
            jobs.append(submit(config, dataset, listener, scheduler=scheduler))
        runs = tuple(find_run(_result(job)) for job in jobs)
    finally:
        left = [job for job in jobs if not job.status.is_over]
        for job in reversed(left):  # waiting ones first, so that none of them starts meanwhile
            job.cancel()
        for job in left:
            job.wait(_CANCEL_WAIT)
    by_side = runs[::2], runs[1::2]
    return SeededRuns(*by_side, compare_seeds(*map(accuracies, by_side)))


def _result(job: Job) -> str:
    while not job.wait(_WAIT):  # in steps, because on Windows Ctrl-C cannot end a wait
        pass
    try:
        return job.result()
    except TrainingError as error:
        raise TrainingError(f"{job.config.title}, seed {job.config.seed}: {error}") from error


def _listeners(
    jobs: int, show: Callable[[float, int], None]
) -> list[Callable[[events.Event], None]]:
    """Return a listener for each job, which show the progress of all of them."""
    fractions, finished = [0.0] * jobs, [False] * jobs  # one item each, so no lock is needed

    def listen(number: int, event: events.Event) -> None:
        match event:
            case events.Progress():
                fractions[number] = event.fraction
            case events.Started():  # again, after a worker of the cluster was lost
                fractions[number] = 0.0
            case events.Finished():
                finished[number] = True
            case _:
                return
        show(sum(fractions) / jobs, sum(finished))

    return [partial(listen, number) for number in range(jobs)]
