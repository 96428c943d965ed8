"""Train & Compare without a browser: verbs in, state and text out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistlab.data import load_default
from mnistlab.models import TrainingConfig, events
from mnistlab.ui.compare import CompareTab
from mnistlab.ui.state import AppState, RunState


class FakeJob:
    """Stands where a worker would: the test says what it reports."""

    def __init__(self, config: TrainingConfig, tell: Callable[[events.Event], None]) -> None:
        self.config, self.tell = config, tell

    def cancel(self) -> None:
        self.tell(events.Cancelled())

    def wait(self, timeout: float | None = None) -> bool:
        return True


@pytest.fixture
def jobs() -> list[FakeJob]:
    return []


@pytest.fixture
def tab(jobs: list[FakeJob], monkeypatch: pytest.MonkeyPatch) -> CompareTab:
    # Other tests' runs lie in the same folder.
    monkeypatch.setattr("mnistlab.ui.compare.list_runs", lambda: [])

    def submit(config: TrainingConfig, dataset: Any, tell: Callable[..., None]) -> FakeJob:
        jobs.append(FakeJob(config, tell))
        return jobs[-1]

    app = AppState()
    app.dataset = load_default()
    tab = CompareTab(app, submit)
    tab.controller.wait()
    return tab


def test_the_pretrained_pair_stands_there_from_the_start(tab: CompareTab) -> None:
    assert list(tab.state.evaluations) == ["mlp", "cnn"]
    for text in (
        "Accuracy",
        "F1 macro",
        "F1 weighted",
        "Latency p50 / p90 / p99",
        "Parameters",
        "File",
    ):
        assert text in tab.results.value
    assert tab.matrices.value.count("<caption>") == 2
    a, b = tab.state.evaluations.values()
    confusion = np.asarray(a.scores.confusion)
    assert f"<td class='ml-right'>{confusion[0, 0]}</td>" in tab.matrices.value
    assert a.title in tab.verdict.value or b.title in tab.verdict.value


def test_settings_reach_the_training(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.fields["epochs"].value = 7
    tab.fields["share"].value = 0.25
    tab.fields["seed"].value = 5
    tab.choices["mlp"].value = False
    tab.train.click()
    expected = TrainingConfig("cnn", epochs=7, share=0.25, seed=5)
    assert [job.config for job in jobs] == [expected]
    assert tab.train.disabled
    assert not tab.cancel.disabled


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("epochs", 1.5, "epochs is 1.5; give a whole number"),
        ("epochs", 1e9, "epochs is 1000000000"),
        ("epochs", 0, "epochs is 0; give a whole number from 1 to 200"),
        ("share", 1.5, "share is 1.5"),
        ("learning_rate", -1.0, "learning rate is -1"),
        ("seed", -3, "seed is -3"),
    ],
)
def test_a_bad_setting_blocks_the_button_and_says_why(
    tab: CompareTab, jobs: list[FakeJob], field: str, value: float, reason: str
) -> None:
    good = tab.fields[field].value
    tab.fields[field].value = value
    assert tab.train.disabled
    assert reason in tab.problem.value
    tab.fields[field].value = good
    assert not tab.train.disabled
    assert tab.problem.value == ""
    assert jobs == []


def test_no_model_chosen_blocks_the_button(tab: CompareTab) -> None:
    for choice in tab.choices.values():
        choice.value = False
    assert tab.train.disabled
    assert "tick MLP, CNN, or both" in tab.problem.value


def test_progress_text_and_curves_follow_the_events(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.train.click()
    mlp, cnn = jobs
    cnn.tell(events.Preparing("loading TensorFlow"))
    assert "CNN · loading TensorFlow" in tab.progress["cnn"].value
    cnn.tell(events.Progress(2, 5, 15, 100, 0.2, 0.93, 9.0, 12.4))
    assert "CNN · epoch 2 of 5 · 23 % · 12 s left" in tab.progress["cnn"].value
    assert "aria-valuenow='23'" in tab.progress["cnn"].value
    assert "<svg" in tab.curves.value
    before = tab.curves.value
    cnn.tell(events.EpochEnd(2, 5, 0.2, 0.93, 0.1, 0.97, 20.0))
    assert tab.curves.value != before
    assert "CNN 97%" in tab.curves.value
    assert "not started" not in tab.progress["mlp"].value
    assert "MLP · waiting" in tab.progress["mlp"].value
    mlp.tell(events.Started(5, 100, 1000))


def test_cancel_ends_it_and_the_next_training_can_start(
    tab: CompareTab, jobs: list[FakeJob]
) -> None:
    tab.train.click()
    jobs[0].tell(events.Progress(1, 3, 5, 10, 0.5, 0.8, 1.0, 9.0))
    tab.cancel.click()
    assert "MLP · cancelled" in tab.progress["mlp"].value
    assert "<svg" in tab.curves.value  # what was seen stays
    assert tab.app.status == "Training cancelled; nothing was kept."
    assert not tab.train.disabled
    tab.train.click()
    assert len(jobs) == 4


def test_a_failed_worker_shows_its_message_and_last_words_escaped(
    tab: CompareTab, jobs: list[FakeJob]
) -> None:
    tab.train.click()
    jobs[0].tell(events.Failed("The training process ended <badly>.", "Traceback <script>"))
    shown = tab.progress["mlp"].value
    assert "ended &lt;badly&gt;" in shown
    assert "Traceback &lt;script&gt;" in shown
    assert (tab.app.status_kind, "badly" in tab.app.status) == ("error", True)
    jobs[1].tell(events.Cancelled())
    assert not tab.train.disabled


def test_choosing_a_pair_changes_the_verdict(tab: CompareTab) -> None:
    first = tab.verdict.value
    tab.pair[0].value, tab.pair[1].value = "cnn", "mlp"
    assert tab.state.pair == ("cnn", "mlp")
    assert tab.verdict.value != first
    tab.pair[1].value = "cnn"
    assert "No telling them apart" in tab.verdict.value


def test_a_run_state_counts_from_event_to_event() -> None:
    run = RunState(TrainingConfig("mlp", epochs=2))
    run = run.after(events.Progress(1, 2, 50, 100, 0.5, 0.8, 5.0, 15.0))
    assert run.fraction == pytest.approx(0.25)
    run = run.after(events.Finished("mlp-1", 0.9731, 20.0))
    assert run.is_over
    assert run.text == "done in 20 s · test accuracy 97.31%"


def test_the_curve_of_a_long_run_stays_small_and_whole() -> None:
    run = RunState(TrainingConfig("cnn", epochs=200))
    for epoch in range(1, 201):
        for step in range(1, 11):
            run = run.after(events.Progress(epoch, 200, step, 10, 0.1, 0.9, 1.0, 1.0))
    assert len(run.training_curve) <= 400
    assert run.training_curve[0][0] < 5
    assert run.training_curve[-1][0] > 195
