"""Properties that hold for all inputs of a kind, checked on inputs that Hypothesis makes."""

from __future__ import annotations

import io
import json
import math
import os
import re
import struct
from contextlib import suppress
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnistlab.data.own.reader import read_own_files
from mnistlab.errors import ConfigError, DataError, UploadError
from mnistlab.images import STAGES, Drawing, find_digits, preprocess
from mnistlab.metrics.comparison import difference_interval, mcnemar_p_value
from mnistlab.metrics.seed_comparison import compare_seeds
from mnistlab.models import TrainingConfig
from mnistlab.server.messages import ALLOWED, V1_PROTOCOL, RefusedError, check_message
from mnistlab.server.options import AppOptions, read_options

# Derandomized: a test must not fail on one machine and pass on the next.
settings.register_profile(
    "mnistlab",
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("mnistlab")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
COORDINATE = st.floats(-50, 330, allow_nan=False)
STROKES = st.lists(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=6), max_size=4)
STEPS = st.sets(st.sampled_from(sorted(STAGES)))


@given(STROKES)
def test_a_drawing_survives_json(strokes: list[list[tuple[float, float]]]) -> None:
    drawing = Drawing.from_strokes(strokes)
    again = Drawing.from_dict(json.loads(json.dumps(drawing.to_dict())))
    assert again.strokes == drawing.strokes


@given(JSON | st.fixed_dictionaries({"strokes": JSON, "size": JSON, "label": JSON}))
def test_anything_is_a_drawing_or_an_upload_error(data: object) -> None:
    with suppress(UploadError):
        drawing = Drawing.from_dict(data)
        assert all(math.isfinite(v) for s in drawing.strokes for point in s for v in point)


@given(STROKES, STEPS)
def test_any_steps_may_be_left_out_of_any_drawing(
    strokes: list[list[tuple[float, float]]], without: set[str]
) -> None:
    prepared = preprocess(Drawing.from_strokes(strokes), without)
    assert prepared.image.shape == (28, 28)
    assert prepared.image.dtype == np.uint8


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), STEPS)
def test_any_steps_may_be_left_out_of_thin_ink(
    height: int, width: int, seed: int, without: set[str]
) -> None:
    rng = np.random.default_rng(seed)
    ink = (255 * (rng.random((height, width)) > 0.97)).astype(np.uint8)
    assert preprocess(ink, without).image.shape == (28, 28)
    for digit in find_digits(ink, without=without):
        assert digit.prepared.image.any()


@given(st.binary(max_size=200) | st.text(max_size=200), st.sampled_from([V1_PROTOCOL, None]))
def test_a_message_is_a_widgets_or_refused(message: bytes | str, protocol: str | None) -> None:
    with pytest.raises(RefusedError):
        check_message(message, protocol)


@given(st.lists(st.integers(0, 2**64 - 1), max_size=6), st.binary(max_size=60))
def test_no_claimed_offsets_of_a_message_are_trusted(offsets: list[int], rest: bytes) -> None:
    message = struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + rest
    with pytest.raises(RefusedError):
        check_message(message, V1_PROTOCOL)


@given(st.fixed_dictionaries({"channel": JSON, "header": JSON, "content": JSON}))
def test_only_widget_messages_pass(whole: dict[str, Any]) -> None:
    try:
        passed = check_message(json.dumps(whole), None)
    except RefusedError:
        return
    assert passed.header["msg_type"] in ALLOWED


NAMES = [each.name for each in fields(AppOptions)]


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3))
def test_options_are_taken_or_refused_in_a_sentence(values: dict[str, Any]) -> None:
    environment = {
        f"MNISTLAB_APP_{name.upper()}": str(value).replace("\0", "")
        for name, value in values.items()
        if str(value).isprintable() and str(value).isascii()
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, text in environment.items():
            patch.setenv(name, text)
        with suppress(ConfigError):
            assert 0 <= read_options({}).max_visitors <= 10_000
    assert not any(name in os.environ for name in environment)


SETTINGS = [each.name for each in fields(TrainingConfig)]


@given(st.dictionaries(st.sampled_from([*SETTINGS, "share", "outliers"]), JSON, max_size=4))
def test_settings_of_a_training_are_taken_or_refused(values: dict[str, Any]) -> None:
    with suppress(ConfigError):
        config = TrainingConfig.from_dict(values)
        assert TrainingConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


CELL = st.sampled_from(["0", "1", "7", "255", "300", "-1", "0.5", "", "label", '"3"', "nan"])


@given(
    st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t"]),
    st.integers(0, 785),
)
def test_any_csv_is_data_or_a_data_error(rows: list[list[str]], comma: str, zeros: int) -> None:
    text = "\n".join(comma.join([*row, *["0"] * zeros]) for row in rows)
    assert is_data_or_refused("mine.csv", text.encode())


@given(
    st.sampled_from(["x", "X", "train_images", "data", "images"]),
    st.sampled_from(["y", "labels", "target", "train_labels"]),
    st.sampled_from([(12, 28, 28), (12, 784), (28, 28, 12), (12, 28, 28, 1), (12, 5), (0, 28, 28)]),
    st.sampled_from([(12,), (12, 1), (12, 10), (13,), (0,)]),
    st.sampled_from(["u1", "f4", "i8", "?", "U3"]),
    st.integers(0, 2**32 - 1),
)
def test_any_npz_is_data_or_a_data_error(
    x_name: str, y_name: str, x: tuple[int, ...], y: tuple[int, ...], kind: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 2, x).astype(kind)
    labels = rng.integers(0, 10 if len(y) == 1 else 2, y).astype("i8")
    file = io.BytesIO()
    arrays: dict[str, Any] = {x_name: images, y_name: labels}
    np.savez(file, **arrays)
    assert is_data_or_refused("mine.npz", file.getvalue())


def is_data_or_refused(name: str, content: bytes) -> bool:
    """Whether a file gives a dataset, or one `DataError` of one line with its name."""
    try:
        dataset = read_own_files({name: content}).dataset()
    except DataError as error:
        return bool(re.fullmatch(rf".*{re.escape(name)}.*\.", str(error)))
    for images, labels in (
        (dataset.x_train, dataset.y_train),
        (dataset.x_test, dataset.y_test),
    ):
        assert images.shape == (len(labels), 28, 28)
        assert images.dtype == labels.dtype == np.uint8
        assert set(np.unique(labels)) <= set(range(10))
    return True


@given(st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 7000))
def test_p_value_and_interval_agree_about_zero(only_a: int, only_b: int, others: int) -> None:
    n = max(1, only_a + only_b + others)
    low, high = difference_interval(only_a, only_b, n)
    assert -1 <= low <= (only_a - only_b) / n <= high <= 1
    assert (mcnemar_p_value(only_a, only_b) < 0.05) == (not low <= 0 <= high)


ACCURACIES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(ACCURACIES, ACCURACIES)
def test_seeds_compare_the_same_from_both_sides(a: list[float], b: list[float]) -> None:
    one, other = compare_seeds(a, b), compare_seeds(b, a)
    if one.difference:
        assert one.verdict("A", "B") == other.verdict("B", "A")
    assert one.p_value == pytest.approx(other.p_value, nan_ok=True)
    if one.difference_ci is not None:
        assert (one.p_value < 0.05) == (not one.difference_ci[0] <= 0 <= one.difference_ci[1])
