"""Presets are what they say; an estimate follows what was measured on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mnistlab.data import Dataset
from mnistlab.errors import TrainingError
from mnistlab.jobs import cost as cost_module
from mnistlab.jobs.cost import Cost, calibrate, duration_text, load_cost
from mnistlab.models import TrainingConfig, load_classifier
from mnistlab.training.loop import phases
from mnistlab.training.presets import PRESETS
from tests.cost import known_cost


def test_every_preset_has_both_models() -> None:
    for preset in PRESETS.values():
        assert {name: config.model for name, config in preset.configs.items()} == {
            "mlp": "mlp",
            "cnn": "cnn",
        }


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_best_is_the_recipe_of_the_pretrained_pair(name: str) -> None:
    known = TrainingConfig.from_dict(load_classifier(name).card["config"])
    assert PRESETS["best"].configs[name] == known


@pytest.fixture
def cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cost:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    monkeypatch.setattr(cost_module, "_machine", lambda: "this one")
    return known_cost("this one")


def test_an_estimate_is_the_sum_of_its_parts(cost: Cost) -> None:
    seconds = cost.seconds(TrainingConfig("mlp", epochs=4), 60_000)
    assert seconds == pytest.approx(7 + 4 * 55_000 * 1e-4)
    half = cost.seconds(TrainingConfig("mlp", epochs=4, fraction=0.5), 60_000)
    assert half - 7 == pytest.approx((seconds - 7) / 2)
    full = TrainingConfig("mlp", epochs=1, augmentation="full", non_digits=True)
    assert cost.seconds(full, 60_000) == pytest.approx(7 + 1.5 * 55_000 * 3e-4)


def test_pen_drawings_take_time_where_there_are_any(
    cost: Cost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_PENS", str(tmp_path))
    plain = TrainingConfig("cnn", epochs=2)
    pens = replace(plain, pens=True)
    assert cost.seconds(pens, 60_000) == cost.seconds(plain, 60_000)
    (tmp_path / "pendigits-orig.tra").write_text("")
    # The CNN sees the dataset twice, and 37,000 images of drawings.
    times = 2 + 37_000 / 55_000
    expected = 7 + times * (cost.seconds(plain, 60_000) - 7)
    assert cost.seconds(pens, 60_000) == pytest.approx(expected)
    after = cost.learned(pens, 60_000, seconds=99.0)
    assert after.seconds(plain, 60_000) == cost.seconds(plain, 60_000)


def test_the_last_epochs_may_leave_images_as_they_are() -> None:
    config = TrainingConfig("cnn", epochs=5, augmentation="full", noise=0.1, plain_epochs=2)
    (first, *before), (last, *after) = phases(config)
    assert (first, before, after) == (config, [0, 3], [3, 5])
    assert (last.augmentation, last.noise) == ("none", 0.1)
    assert [phase[1:] for phase in phases(replace(config, plain_epochs=0))] == [(0, 5)]
    assert [phase[1:] for phase in phases(replace(config, plain_epochs=9))] == [(0, 5)]


def test_a_width_that_was_not_timed_is_scaled_from_the_nearest(cost: Cost) -> None:
    config = TrainingConfig("cnn", epochs=1)
    known, wider = (cost.seconds(replace(config, filters=f), 60_000) for f in (16, 32))
    assert 2 < (wider - 7) / (known - 7) < 5


def test_a_run_corrects_the_estimate_of_the_next(cost: Cost) -> None:
    config = TrainingConfig("cnn", epochs=3, seed=4)
    after = cost.learned(config, 60_000, seconds=33.0)
    again = replace(config, epochs=6, seed=5)
    assert after.seconds(again, 60_000) == pytest.approx(7 + 66)


def test_what_was_measured_is_kept_for_this_machine_only(cost: Cost, tmp_path: Path) -> None:
    assert load_cost() is None
    cost.save()
    assert load_cost() == cost
    (tmp_path / "cost.json").write_text(json.dumps(asdict(replace(cost, machine="another"))))
    assert load_cost() is None
    (tmp_path / "cost.json").write_text("{")
    assert load_cost() is None


@pytest.mark.parametrize(
    "change",
    [
        {"network": {}},
        {"network": {"mlp 512": 1e-4}},
        {"network": {"mlp": 1e-4, "lean 16": 2e-4, "plain 16": 3e-4, "deep 16": 4e-4}},
        {"network": {"mlp 0": 1e-4, "lean 16": 2e-4, "plain 16": 3e-4, "deep 16": 4e-4}},
        {"network": ["mlp 512"]},
        {"augmentation": {}},
        {"augmentation": {"none": None}},
        {"images": {"none": 0}},
        {"images": 1},
        {"start": "5"},
        {"finish": float("nan")},
        {"seen": {"mlp 512 128 none": 1e400}},
        {"machine": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_damaged_file_counts_as_none(
    cost: Cost, tmp_path: Path, change: dict[str, object]
) -> None:
    (tmp_path / "cost.json").write_text(json.dumps(asdict(cost) | change))
    assert load_cost() is None


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "[" * 100_000, "\x00", '{"machine": "this one"}']
)
def test_a_file_that_is_no_cost_counts_as_none(cost: Cost, tmp_path: Path, text: str) -> None:
    (tmp_path / "cost.json").write_text(text)
    assert load_cost() is None


@pytest.mark.tensorflow
@pytest.mark.timeout(900)
def test_a_calibration_measures_this_machine(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_module, "_TIMEOUT", 800)  # other tests keep the machine busy
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    cost = calibrate(digits)
    assert load_cost() == cost
    configs = TrainingConfig("mlp"), TrainingConfig("cnn", filters=64)
    quick, slow = (cost.seconds(config, 60_000) for config in configs)
    assert 0 < 2 * quick < slow


def test_where_tensorflow_is_missing_that_is_what_is_said(
    cost: Cost, digits: Dataset, without_tensorflow: None
) -> None:
    with pytest.raises(TrainingError, match=r'install it with: pip install "mnistlab\[train\]"'):
        calibrate(digits)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2, "about 5 s"), (43, "about 45 s"), (130, "about 2 min"), (1600, "about 27 min"),
     (4300, "about 1 h 10 min"), (7200, "about 2 h")],
)  # fmt: skip
def test_durations_are_no_more_exact_than_they_are_known(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
