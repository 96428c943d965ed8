"""Runs and jobs show themselves in a notebook."""

from __future__ import annotations

from pathlib import Path

from mnistlab.data import Dataset
from mnistlab.jobs import Job, JobStatus
from mnistlab.models import Run, TrainingConfig
from mnistlab.training import events


class IdleJob(Job):
    """Ends at once with a given event."""

    last: events.LastEvent = events.Cancelled()

    def _work(self) -> events.LastEvent:
        return self.last

    def _stop(self) -> None:
        pass


def test_a_job_shows_its_state_and_settings(digits: Dataset, tmp_path: Path) -> None:
    job = IdleJob(TrainingConfig("mlp", epochs=7, seed=42), digits, None, tmp_path)
    for text in (job.id, "pending", "plain 512-256", "<td>7</td>", "<td>42</td>"):
        assert text in job._repr_html_()
    job.last = events.Failed("It broke; <try> again.")
    job.start()
    assert job.wait(60)
    assert job.status is JobStatus.FAILED
    assert "It broke; &lt;try&gt; again." in job._repr_html_()


def test_a_run_shows_its_card_or_its_damage() -> None:
    config = TrainingConfig("cnn", epochs=7, seed=42).to_dict()
    run = Run("cnn-1", Path(), {"title": "My <CNN>", "config": config, "test_accuracy": 0.987})
    for text in ("cnn-1", "My &lt;CNN&gt;", "plain 16-32", "<td>7</td>", "<td>42</td>", "98.70%"):
        assert text in run._repr_html_()
    assert "run.json is empty" in Run("cnn-1", Path(), damage="run.json is empty")._repr_html_()
