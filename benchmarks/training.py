"""Default training on the whole of MNIST, the same seed twice, and how long Cancel takes."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from mnistlab import TrainingConfig, load_mnist, submit
from mnistlab.models import events, find_run


def main() -> None:
    dataset = load_mnist()
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        for config in (TrainingConfig("mlp"), TrainingConfig("cnn")):
            names = [submit(config, dataset, runs=runs).result() for _ in range(2)]
            cards = [find_run(name, runs).card for name in names]
            same = cards[0]["weights_digest"] == cards[1]["weights_digest"]
            print(
                f"  {config.title}: {config.epochs} epochs in "
                f"{cards[0]['training_seconds']:.0f} s, {cards[0]['test_accuracy']:.2%}; "
                f"same seed again: {'identical' if same else 'DIFFERENT'} weights"
            )
        print("  Cancel:", ", ".join(f"{_cancel(dataset, runs):.2f} s" for _ in range(5)))


def _cancel(dataset, runs: Path) -> float:
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
