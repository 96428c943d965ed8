"""Configure and Run: verbs in, state and text out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError, MnistLabError, TrainingError
from mnistlab.images.collection import Collection
from mnistlab.images.drawing import Drawing
from mnistlab.jobs import Job
from mnistlab.models import TrainingConfig
from mnistlab.settings import my_digits_file
from mnistlab.training import events
from mnistlab.training.presets import PRESETS
from mnistlab.ui.compare import CompareTab, trainer
from mnistlab.ui.compare.state import CompareState, JobState
from mnistlab.ui.compare.trainer import Trainer
from mnistlab.ui.state import AppState
from tests.ui.compare.conftest import FakeJob, SaveRun


def test_settings_reach_the_training(tab: CompareTab, jobs: list[FakeJob]) -> None:
    fields = tab.configure.fields
    fields["epochs"].value = 7
    fields["fraction"].value = 0.25
    fields["seed"].value = 5
    fields["schedule"].value = "cosine"
    tab.configure.choices["mlp"].value = False
    tab.configure.train.click()
    # All else stays as in the preset that the fields began with.
    quick = PRESETS["quick"].configs["cnn"]
    expected = replace(quick, epochs=7, fraction=0.25, seed=5, schedule="cosine")
    assert [job.config for job in jobs] == [expected]
    assert tab.configure.train.disabled
    assert not tab.configure.cancel.disabled


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("epochs", 1.5, "epochs is 1.5; give a whole number"),
        ("epochs", 1e9, "epochs is 1000000000"),
        ("epochs", 0, "epochs is 0; give a whole number from 1 to 200"),
        ("fraction", 1.5, "fraction is 1.5"),
        ("dropout", 1.0, "dropout is 1"),
        ("learning_rate", -1.0, "learning rate is -1"),
        ("seed", -3, "seed is -3"),
        ("seed", 2**31 - 1 + 1, "seed is 2147483648"),
        ("seeds", 11, "seeds is 11; give a whole number from 1 to 10"),
        ("seeds", 2.5, "seeds is 2.5"),
    ],
)
def test_a_bad_setting_blocks_the_button_and_says_why(
    tab: CompareTab, jobs: list[FakeJob], field: str, value: float, reason: str
) -> None:
    item = tab.configure.fields[field]
    good = item.value
    item.value = value
    assert tab.configure.train.disabled
    assert reason in tab.configure.problem.value
    assert "role='alert'" in tab.configure.problem.value
    item.value = good
    assert not tab.configure.train.disabled
    assert tab.configure.problem.value == ""
    assert jobs == []


def test_no_model_chosen_blocks_the_button(tab: CompareTab) -> None:
    for choice in tab.configure.choices.values():
        choice.value = False
    assert tab.configure.train.disabled
    assert "tick MLP, CNN, or both" in tab.configure.problem.value
    # A click that is sent before the page hears of it starts nothing either.
    tab.configure.train.click()
    assert not tab.state.is_training
    assert "tick MLP, CNN, or both" in tab.app.status


def test_a_preset_trains_each_model_its_own_way(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.preset.value = "quick"
    assert PRESETS["quick"].text in tab.configure.note.value
    tab.configure.fields["seed"].value = 3
    tab.configure.train.click()
    expected = [replace(PRESETS["quick"].configs[model], seed=3) for model in ("mlp", "cnn")]
    assert [job.config for job in jobs] == expected


def test_the_settings_say_which_networks_they_train(tab: CompareTab) -> None:
    note = tab.configure.note
    tab.configure.preset.value = ""
    assert "Plain networks" in note.value
    assert "<b>MLP</b> network plain 512-256" in note.value
    assert "<b>CNN</b> network plain 16-32" in note.value
    tab.configure.choices["mlp"].value = False
    assert "MLP" not in note.value
    tab.configure.preset.value = "best"
    assert "network wide 32-64-64-128" in note.value


def test_a_preset_says_where_there_are_no_pen_drawings(
    tab: CompareTab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note, best = tab.configure.note, PRESETS["best"]
    configs = {name: replace(config, pens=True) for name, config in best.configs.items()}
    monkeypatch.setitem(cast(dict[str, Any], PRESETS), "best", replace(best, configs=configs))
    monkeypatch.setenv("MNISTLAB_PENS", str(tmp_path))
    tab.configure.preset.value = "best"
    assert "There are no pen drawings on this machine" in note.value
    assert "href='https://mnistlab.github.io/mnistlab/training-recipe.html" in note.value
    assert "target='_blank' rel='noopener noreferrer'" in note.value
    tab.configure.preset.value = "quick"
    assert "pen drawings" not in note.value
    (tmp_path / "pendigits-orig.tra").write_text("")
    tab.configure.preset.value = "best"
    assert "There are no pen drawings" not in note.value


def test_the_page_says_that_the_speed_is_measured_and_that_training_may_begin(
    home: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def fails(dataset: Dataset) -> None:
        said.append(state.cost)
        raise TrainingError("It cannot be measured.")

    monkeypatch.setattr(trainer, "has_tensorflow", lambda: True)
    state = CompareState(dataset=digits, configs=(TrainingConfig("mlp"),))
    submit = cast(Callable[..., Job], None)  # nothing is trained here
    verbs = Trainer(AppState(dataset=digits), state, submit, lambda _: None, True)
    assert "half a minute" in state.cost
    assert "You can train meanwhile." in state.cost
    state.is_training = True  # a training keeps the measuring waiting
    assert state.cost == "How fast this machine trains is measured after this training."
    state.is_training = False
    monkeypatch.setattr(trainer, "calibrate", fails)
    verbs.calibrate()
    assert "half a minute" in said[0]
    assert state.cost == "It cannot be measured."


def test_a_changed_field_makes_a_preset_ones_own(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.preset.value = "standard"
    tab.configure.fields["epochs"].value = 2
    assert tab.configure.preset.value == ""
    assert "Standard with your changes, which hold for both models." in tab.configure.note.value
    tab.configure.train.click()
    standard = PRESETS["standard"].configs
    assert [job.config for job in jobs] == [replace(standard[m], epochs=2) for m in ("mlp", "cnn")]


def test_networks_of_ones_own_are_plain_and_take_all_fields(
    tab: CompareTab, jobs: list[FakeJob]
) -> None:
    tab.configure.preset.value = ""
    tab.configure.fields["epochs"].value = 3
    tab.configure.train.click()
    assert [job.config.network for job in jobs] == ["plain", "plain"]
    assert [job.config.epochs for job in jobs] == [3, 3]
    assert len({job.config.batch_size for job in jobs}) == 1


def test_a_shorter_training_of_a_preset_with_a_plain_end_is_valid(tab: CompareTab) -> None:
    tab.configure.preset.value = "best"
    tab.configure.fields["epochs"].value = 2
    assert tab.state.problem == ""
    assert all(config.plain_epochs <= 2 for config in tab.state.configs)


def test_every_preset_fits_the_fields(tab: CompareTab) -> None:
    for name in PRESETS:
        tab.configure.preset.value = name
        assert tab.configure.preset.value == name
        assert tab.state.problem == ""


def test_several_seeds_are_trained_and_told_together(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.fields["seed"].value = 4
    tab.configure.fields["seeds"].value = 2
    tab.configure.train.click()
    assert [(job.config.model, job.config.seed) for job in jobs] == [
        ("mlp", 4), ("cnn", 4), ("mlp", 5), ("cnn", 5),
    ]  # fmt: skip
    jobs[0].end(events.Failed("It broke."))
    text = tab.progress.bars["mlp"].value
    assert "MLP · 1 of 2 seeds ended" in text
    assert "seed 5 · waiting" in text
    assert "It broke." in text
    for job in jobs[1:]:
        job.end(events.Cancelled())
    assert not tab.configure.train.disabled


def test_a_long_training_tells_hours_and_not_seconds(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.train.click()
    jobs[1].tell(events.Progress(2, 5, 15, 100, 0.2, 0.93, 9.0, 78369.0))
    assert "CNN · epoch 2 of 5 · 23 % · 22 h left" in tab.progress.bars["cnn"].value


def test_progress_text_and_curves_follow_the_events(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.train.click()
    mlp, cnn = jobs
    progress, curves = tab.progress.bars, tab.progress.curves
    cnn.tell(events.Preparing("loading TensorFlow"))
    assert "CNN · loading TensorFlow" in progress["cnn"].value
    cnn.tell(events.Progress(2, 5, 15, 100, 0.2, 0.93, 9.0, 12.4))
    cnn.tell(events.EpochEnd(2, 5, 0.2, 0.93, 0.1, 0.97, 20.0))
    assert "CNN · epoch 2 of 5 · 23 % · 12 s left" in progress["cnn"].value
    assert "aria-valuenow='23'" in progress["cnn"].value
    assert "<svg" in curves.value
    before = curves.value
    cnn.tell(events.EpochEnd(3, 5, 0.2, 0.93, 0.1, 0.98, 20.0))
    assert curves.value != before
    assert "MLP · waiting" in progress["mlp"].value
    mlp.tell(events.Started(5, 100, 1000))
    assert "MLP · first step" in progress["mlp"].value


def test_cancel_ends_it_and_the_next_training_can_start(
    tab: CompareTab, jobs: list[FakeJob]
) -> None:
    tab.configure.train.click()
    jobs[0].tell(events.Progress(1, 3, 5, 10, 0.5, 0.8, 1.0, 9.0))
    tab.configure.cancel.click()
    assert "MLP · cancelled" in tab.progress.bars["mlp"].value
    assert "<svg" in tab.progress.curves.value  # what was seen stays
    assert tab.app.status == "Training cancelled; nothing was kept."
    assert not tab.configure.train.disabled
    tab.configure.train.click()
    assert len(jobs) == 4


def test_a_failed_worker_shows_its_message_and_last_words_escaped(
    tab: CompareTab, jobs: list[FakeJob]
) -> None:
    tab.configure.train.click()
    jobs[0].end(events.Failed("The training process ended <badly>.", "Traceback <script>"))
    shown = tab.progress.bars["mlp"].value
    assert "ended &lt;badly&gt;" in shown
    assert "Traceback &lt;script&gt;" in shown
    assert (tab.app.status_kind, "badly" in tab.app.status) == ("error", True)
    jobs[1].end(events.Cancelled())
    assert not tab.configure.train.disabled


def test_a_finished_run_joins_the_table_and_the_pair(
    tab: CompareTab, jobs: list[FakeJob], save_run: SaveRun
) -> None:
    tab.configure.choices["mlp"].value = False
    tab.configure.train.click()
    save_run("cnn-0000-beef", "cnn", wrong=3)
    jobs[0].end(events.Finished("cnn-0000-beef", 0.99, 12.0))
    tab.wait()
    assert tab.state.names == ("mlp", "cnn-0000-beef")
    assert "CNN beef" in tab.table.value
    assert "CNN beef" in tab.side_by_side.verdict.value
    assert tab.app.status == "Ready."


def test_my_digits_join_the_training(tab: CompareTab, jobs: list[FakeJob], home: Path) -> None:
    tab.configure.my_digits.value = True
    tab.configure.train.click()
    assert jobs == []
    assert "keep drawings as My digits" in tab.app.status
    drawing = Drawing.from_strokes([[[100, 50], [100, 120], [101, 220]]])
    Collection(my_digits_file()).add(drawing, 1)
    tab.configure.train.click()
    assert [len(job.dataset.extra_images) for job in jobs] == [1, 1]
    np.testing.assert_array_equal(jobs[0].dataset.extra_labels, [1])


def test_a_run_state_counts_from_event_to_event() -> None:
    run = JobState(TrainingConfig("mlp", epochs=2))
    run = run.after(events.Progress(1, 2, 50, 100, 0.5, 0.8, 5.0, 15.0))
    assert run.fraction == pytest.approx(0.25)
    run = run.after(events.Finished("mlp-1", 0.9731, 20.0))
    assert run.is_over
    assert run.text == "done in 20 s · test accuracy 97.31 %"


def test_the_curve_of_a_long_run_stays_small_and_whole() -> None:
    run = JobState(TrainingConfig("cnn", epochs=200))
    for epoch in range(1, 201):
        for step in range(1, 11):
            run = run.after(events.Progress(epoch, 200, step, 10, 0.1, 0.9, 1.0, 1.0))
    assert len(run.training_curve) <= 400
    assert run.training_curve[0][0] < 5
    assert run.training_curve[-1][0] > 195


# What cannot be started

NO_CLUSTER = ConfigError("Training on a cluster needs the package distributed.")
NO_THREAD = RuntimeError("can't start new thread")


@pytest.fixture
def failing_tab(
    home: Path, digits: Dataset, jobs: list[FakeJob], with_tensorflow: None
) -> Callable[..., CompareTab]:
    """Makes a tab whose submissions fail with the given errors, None for one that succeeds."""

    def make(*errors: Exception | None) -> CompareTab:
        due = list(errors)

        def submit(config: TrainingConfig, dataset: Dataset, tell: Callable[..., None]) -> Job:
            error = due.pop(0) if due else None
            if error is not None:
                raise error
            jobs.append(FakeJob(config, tell))
            return cast(Job, jobs[-1])

        return CompareTab(AppState(dataset=digits), submit, measure_cost=False)

    return make


@pytest.mark.parametrize(
    ("error", "said"),
    [(NO_CLUSTER, "needs the package distributed"), (NO_THREAD, "can't start new thread")],
    ids=["refused", "unforeseen"],
)
def test_a_training_that_cannot_be_submitted_has_failed_and_another_can_be_started(
    failing_tab: Callable[..., CompareTab], jobs: list[FakeJob], error: Exception, said: str
) -> None:
    tab = failing_tab(error, error)
    tab.configure.train.click()
    assert (tab.state.is_training, tab.configure.train.disabled) == (False, False)
    assert tab.configure.cancel.disabled
    for bar in tab.progress.bars.values():
        assert said in bar.value.replace("&#x27;", "'")
    assert (tab.app.status_kind, said in tab.app.status) == ("error", True)
    tab.configure.train.click()
    assert tab.state.is_training
    assert len(jobs) == 2
    tab.configure.cancel.click()
    assert not tab.state.is_training


@pytest.mark.parametrize("errors", [(NO_THREAD, None), (None, NO_THREAD)], ids=["first", "last"])
def test_one_that_cannot_be_submitted_leaves_the_other_to_train(
    failing_tab: Callable[..., CompareTab], jobs: list[FakeJob], errors: tuple[Exception | None]
) -> None:
    tab = failing_tab(*errors)
    tab.configure.train.click()
    assert tab.state.is_training
    assert not tab.configure.cancel.disabled
    (job,) = jobs
    job.tell(events.Preparing("loading TensorFlow"))
    assert "loading TensorFlow" in tab.progress.bars[job.config.model].value
    tab.configure.cancel.click()
    assert job.is_over
    assert not tab.state.is_training


def test_one_job_that_cannot_be_cancelled_does_not_keep_the_others_going(
    tab: CompareTab, jobs: list[FakeJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OSError("the connection is lost")

    tab.configure.train.click()
    monkeypatch.setattr(jobs[0], "cancel", fail)
    tab.configure.cancel.click()
    assert jobs[1].is_over
    assert "the connection is lost" in tab.app.status
    jobs[0].end(events.Cancelled())
    assert not tab.state.is_training


def test_no_busy_state_outlives_a_thread_that_cannot_start(
    tab: CompareTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise NO_THREAD

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        tab.report.button.click()
        assert "can't start new thread" in tab.app.status
        assert not tab.report.button.disabled
        tab.details.start.click()
        progress = tab.state.robustness_progress
        assert progress is None
        with pytest.raises(MnistLabError, match="end other programs"):
            tab.results.measure()
    tab.results.measure()
    tab.wait()
    tab.details.start.click()
    assert tab.state.robustness_progress is not None
    tab.details.cancel()
    tab.details.wait()


@pytest.mark.parametrize("text", ["{}", "[]", "{", json.dumps({"machine": "another"})])
def test_the_tab_opens_without_tensorflow_whatever_the_cost_file_holds(
    home: Path, digits: Dataset, without_tensorflow: None, text: str
) -> None:
    figures: dict[str, Any] = {name: {} for name in ("network", "augmentation", "images", "seen")}
    written = {"machine": "another", **figures, "start": 1.0, "finish": 1.0}
    (home / "cost.json").write_text(json.dumps(written) if "another" in text else text)
    tab = CompareTab(AppState(dataset=digits))
    assert "Training needs TensorFlow" in tab.configure.problem.value
    assert "pip install" in tab.configure.problem.value
    assert tab.configure.train.disabled
    assert tab.state.cost == ""
    tab.wait()


def test_a_cluster_trains_for_a_machine_without_tensorflow(
    home: Path, digits: Dataset, without_tensorflow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_SCHEDULER", "tcp://127.0.0.1:8786")
    tab = CompareTab(AppState(dataset=digits))
    assert not tab.configure.train.disabled
    assert tab.state.problem == ""
    tab.wait()


def test_each_model_can_have_a_column_of_its_own(tab: CompareTab, jobs: list[FakeJob]) -> None:
    tab.configure.preset.value = ""
    tab.configure.fields["epochs"].value = 4
    tab.configure.separate.value = True
    assert tab.configure.cnn_fields["epochs"].value == 4
    tab.configure.cnn_fields["epochs"].value = 2
    tab.configure.train.click()
    assert {job.config.model: job.config.epochs for job in jobs} == {"mlp": 4, "cnn": 2}


def test_a_preset_fills_both_columns(tab: CompareTab) -> None:
    tab.configure.separate.value = True
    tab.configure.preset.value = "standard"
    for fields, model in ((tab.configure.fields, "mlp"), (tab.configure.cnn_fields, "cnn")):
        assert fields["epochs"].value == PRESETS["standard"].configs[model].epochs
