"""Settings are checked where they are made; events survive the pipe."""

from __future__ import annotations

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import ConfigError
from mnistlab.models import TrainingConfig
from mnistlab.training import events
from mnistlab.training.examples import with_extra_images


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("model", "resnet"),
        ("epochs", 0),
        ("epochs", 2.5),
        ("batch_size", 100_000),
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("fraction", 1.5),
        ("seed", -1),
        ("dropout", 1.0),
        ("augmentation", "wild"),
        ("epochs", True),
    ],
)
def test_a_bad_setting_is_named_with_what_is_allowed(setting: str, value: object) -> None:
    with pytest.raises(
        ConfigError, match=f"{setting.replace(chr(95), chr(32))} is .*; (give|choose)"
    ):
        TrainingConfig(**{setting: value})  # type: ignore[arg-type]  # that is the point


def test_a_config_survives_json() -> None:
    config = TrainingConfig("mlp", epochs=7, seed=3)
    assert TrainingConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="Unknown training setting layers"):
        TrainingConfig.from_dict({"layers": 3})


@pytest.mark.parametrize(
    "event",
    [
        events.Preparing("loading TensorFlow"),
        events.Progress(2, 5, 10, 40, 0.1, 0.9, 3.0, 6.0),
        events.EpochEnd(1, 5, 0.1, 0.9, 0.2, 0.8, 3.0),
        events.Failed("It broke; try again.", "Traceback …\n  line"),
        events.Cancelled(),
    ],
)
def test_events_survive_the_pipe(event: events.Event) -> None:
    line = events.to_json(event)
    assert "\n" not in line
    assert events.from_json(line) == event


def test_progress_counts_the_whole_run() -> None:
    assert events.Progress(2, 4, 5, 10, 0.0, 0.0, 0.0, 0.0).fraction == pytest.approx(0.375)


def test_additional_images_are_repeated_until_they_count(digits: Dataset) -> None:
    x, y = np.asarray(digits.x_train[:1000]), np.asarray(digits.y_train[:1000])
    assert with_extra_images(x, y, digits) == (x, y)
    few = digits.with_extra(digits.x_test[:5], digits.y_test[:5])
    more_x, more_y = with_extra_images(x, y, few)
    assert len(more_x) == len(more_y) == 1050  # a twentieth, each ten times
    np.testing.assert_array_equal(more_x[1000:1005], digits.x_test[:5])
    one = digits.with_extra(digits.x_test[:1], digits.y_test[:1])
    assert (
        len(with_extra_images(np.repeat(x, 6, 0), np.repeat(y, 6), one)[0]) == 6050
    )  # fifty at most
