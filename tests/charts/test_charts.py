"""Curves, reliability, robustness and pictures, as a browser would read them."""

from __future__ import annotations

import base64
import io
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from mnistlab.charts.by_digit import counts_chart, distribution_chart
from mnistlab.charts.curves import Curves, draw_curves, reliability_diagram
from mnistlab.charts.pair import robustness_table
from mnistlab.charts.pictures import picture_sheet
from mnistlab.charts.plot import round_ticks
from mnistlab.markup import signed
from mnistlab.metrics.calibration import calibrate
from mnistlab.metrics.evaluation import Robustness
from tests.charts.conftest import answers

EVIL = "<script>&'\""
RUN = Curves(
    "cnn",
    tuple((i / 50, 0.5 - i / 500, 0.9 + i / 2000) for i in range(1, 151)),
    ((1.0, 0.3, 0.95), (2.0, 0.2, 0.97), (3.0, 0.1, 0.98)),
)


def charts(text: str) -> list[ElementTree.Element]:
    found = [ElementTree.fromstring(s) for s in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    for chart in found:
        assert chart.get("role") == "img"
    return found


def plots(text: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(s) for s in re.findall(r"<figure.*?</figure>", text, re.DOTALL)]


def test_curves_are_two_panels_that_say_the_latest_values() -> None:
    accuracy, loss = plots(draw_curves({EVIL: RUN, "MLP": Curves("mlp")}, 3))
    assert accuracy.get("aria-label") == f"Accuracy by epoch. Validation: {EVIL} 98.00 %"
    assert loss.get("aria-label") == f"Loss by epoch. Validation: {EVIL} 0.100"
    for panel in (accuracy, loss):
        thick = [line for line in panel.iter("polyline") if "ml-thick" in line.get("class", "")]
        assert len(thick[0].get("points", "").split()) == 3
        places = [
            tuple(map(float, pair.split(",")))
            for line in panel.iter("polyline")
            for pair in line.get("points", "").split()
        ]
        assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places)


def test_each_epoch_and_the_test_accuracy_can_be_read() -> None:
    run = replace(RUN, test_accuracy=0.985)
    accuracy, _ = plots(draw_curves({"CNN": run}, 3))
    said = [mark.get("aria-label") for mark in accuracy.iter("span") if mark.get("tabindex") == "0"]
    assert said == [
        "CNN, epoch 1: 95.00 % on validation",
        "CNN, epoch 2: 97.00 % on validation",
        "CNN, epoch 3: 98.00 % on validation",
        "CNN: 98.50 % on the test set",
    ]


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (0.85, 1, [0.85, 0.9, 0.95, 1]),
        (0, 6742, [0, 2000, 4000, 6000]),
        (0, 3, [0, 1, 2, 3]),
        (-12, 31, [-10, 0, 10, 20, 30]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert round_ticks(low, high) == ticks


def test_whole_ticks_have_no_halves() -> None:
    assert round_ticks(0, 2, whole=True) == [0, 1, 2]
    assert round_ticks(0, 75, 7, whole=True) == [0, 20, 40, 60]


def test_bars_say_their_counts() -> None:
    (plot,) = plots(counts_chart([5] * 10, [1] * 10))
    said = [mark.get("aria-label") for mark in plot.iter("span") if mark.get("tabindex") == "0"]
    assert said[3] == "digit 3: 5 training, 1 test"


def test_a_digit_without_values_has_no_box() -> None:
    quantiles = np.tile(np.arange(5.0), (10, 1))
    quantiles[4] = np.nan
    (plot,) = plots(distribution_chart(quantiles, "slant"))
    said = [mark.get("aria-label") or "" for mark in plot.iter("span") if mark.get("tabindex")]
    assert len(said) == 9
    assert not any(text.startswith("digit 4") for text in said)
    assert plots(distribution_chart(np.full((10, 5), np.nan), "slant"))


def test_before_the_first_point_there_is_a_sentence() -> None:
    assert "<svg" not in draw_curves({}, 3)
    assert "<svg" not in draw_curves({"CNN": Curves("cnn", ((0.1, math.nan, 0.1),))}, 3)


def test_twenty_long_runs_stay_small_and_each_is_there() -> None:
    training = tuple((i / 100, 0.3, 0.95) for i in range(400))
    series = {f"CNN {i}": Curves("cnn", training, RUN.validation) for i in range(20)}
    text = draw_curves(series, 4)
    accuracy, _ = plots(text)
    assert len(list(accuracy.iter("polyline"))) == 40
    assert len(text) < 100_000
    assert "98.00 % to 98.00 % in 20 runs" in accuracy.get("aria-label", "")
    assert "CNN, 20 runs" in text
    fades = [float(line.get("opacity", 1)) for line in accuracy.iter("polyline")]
    assert fades == sorted(fades, reverse=True)
    assert fades[0] == 1 > fades[-1] > 0.3


def test_a_loss_that_leaves_the_numbers_breaks_nothing() -> None:
    run = Curves("mlp", ((1.0, math.inf, 0.1), (2.0, 0.4, 0.9)), ((2.0, math.nan, 0.9),))
    assert "nan" not in "".join(
        mark.get("points", "") + mark.get("style", "")
        for plot in plots(draw_curves({"MLP": run}, 2))
        for mark in plot.iter()
    )


def test_reliability_before_and_after(labels: NDArray[np.uint8]) -> None:
    # Half as often right as it says.
    proba = answers(labels, 100, 0.9)
    calibration = calibrate(labels, proba, labels, proba)
    text = reliability_diagram(calibration, EVIL, "cnn")
    before, after = charts(text)
    assert f"calibration error {calibration.before.ece:.4f}" in before.get("aria-label", "")
    assert f"calibration error {calibration.after.ece:.4f}" in after.get("aria-label", "")
    assert len(list(before.iter("circle"))) == 1
    for figure in (calibration.nll_before, calibration.nll_after, calibration.brier_after):
        assert f"{figure:.4f}" in text
    assert f"temperature {calibration.temperature:.2f}" in text
    assert "it is overconfident" in text
    assert "makes the loss smaller" in text
    assert "<details>" in text
    assert "<td>200</td><td>0.9000</td><td>0.5000</td>" in text
    assert "<script" not in text


def test_a_temperature_that_does_not_help_the_test_set_is_told(labels: NDArray[np.uint8]) -> None:
    calibration = calibrate(labels, answers(labels, 100), labels, answers(labels, 0))
    assert "On these test images, that makes the loss larger" in reliability_diagram(
        calibration, "A"
    )


def test_robustness_of_two_models() -> None:
    results = [
        Robustness(m, title, 50, ("Blur", EVIL), (1, 2), np.array(a), 0.98)
        for m, title, a in (
            ("a", "A", [[0.9, 0.8], [0.7, 0.6]]),
            ("b", EVIL, [[1.0, 0.5], [0.25, 0.25]]),
        )
    ]
    text = robustness_table(results)
    blur = next(row for row in text.split("<tr>") if "Blur" in row)
    cells = re.findall(r"--fraction:([\d.]+)'>([\d.]+)</td>", blur)
    assert cells == [
        ("0.10", "90.0"), ("0.20", "80.0"), ("0.15", "85.0"),
        ("0.00", "100.0"), ("0.50", "50.0"), ("0.25", "75.0"),
    ]  # fmt: skip
    assert "75.0 %" in text  # the mean of A
    assert "50 images in each cell" in text
    assert "<script" not in text
    assert robustness_table([]) == ""


def test_pictures_are_cut_from_one_png() -> None:
    images = np.arange(3 * 784, dtype=np.uint16).astype(np.uint8).reshape(3, 28, 28)
    text = picture_sheet(images, [["one"], ["two", EVIL], ["three"]], "sheet", "pictures")
    assert text.count("data:image/png;base64,") == 1
    data = base64.b64decode(re.findall(r"base64,([^']+)'", text)[0])
    strip = np.asarray(Image.open(io.BytesIO(data)))
    np.testing.assert_array_equal(strip[:, 28:56], images[1])
    assert text.count("<use href='#sheet'/>") == 3
    assert "viewBox='56 0 28 28' role='img' aria-label='three'" in text
    assert "<script" not in text
    assert picture_sheet(images[:0], [], "none", "none") == ""


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(3, ",", "+3"), (-1200, ",", "−1,200"), (0, ",", "0"), (-0.001, ".2f", "0.00")],
)
def test_signs_are_written_out(value: float, form: str, text: str) -> None:
    assert signed(value, form) == text
