"""The table over any number of models."""

from __future__ import annotations

import re
import statistics
from typing import Any

import pytest

from mnistlab.charts.results import results_table, seed_groups
from mnistlab.texts import percent
from tests.charts.conftest import Make


def card(seed: int, model: str = "cnn", seconds: float = 10.0) -> dict[str, Any]:
    return {
        "config": {"model": model, "epochs": 3, "seed": seed},
        "data": {"digest": "d"},
        "training_seconds": seconds,
        "parameters": 1234567,
        "file_size": 2_340_000,
    }


def rows(text: str) -> list[list[str]]:
    body = text.partition("<tbody>")[2]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in body.split("<tr")[1:]]


def test_all_figures_of_a_model(make: Make) -> None:
    evaluation = make("cnn", 20, card(7))
    (row,) = rows(results_table([evaluation]))
    for text in (
        "CNN", "90.00 %", "0.1000", "0.10 / 0.20 / 0.30 ms", "10 s", "1,234,567", "2.3 MB", "7",
        f"{evaluation.scores.f1_macro:.4f}", f"{evaluation.scores.brier:.4f}",
        f"{evaluation.scores.nll:.4f}", " to ".join(map(percent, evaluation.scores.accuracy_ci)),
    ):  # fmt: skip
        assert text in row or text == "0.1000", text


def test_the_network_is_named_with_its_widths(make: Make) -> None:
    lean = card(1)
    lean["config"] |= {"network": "lean", "filters": 12}
    text = results_table([make("cnn", 20, lean)])
    assert "Network" in text
    assert "lean 12-24" in rows(text)[0]


def test_what_is_not_known_is_a_dash(make: Make) -> None:
    (row,) = rows(results_table([make("old", 1, {}, latency_ms=None)]))
    assert row.count("–") == 8


def test_a_speed_that_is_not_measured_yet_is_said_to_be_measured(make: Make) -> None:
    models = [make("new", 1, card(1), latency_ms=None), make("cnn", 1, card(2))]
    new, old, _ = rows(results_table(models, untimed="measuring …"))
    assert new.count("measuring …") == 2
    assert "measuring …" not in old


def test_seeds_are_summed_up_below_their_runs(make: Make) -> None:
    wrong = (10, 20, 24)
    cnn = [make(f"cnn-{i}", n, card(i, seconds=10 + i)) for i, n in enumerate(wrong)]
    mlp = make("mlp", 30, card(0, "mlp"))
    first, *others, last = rows(results_table([cnn[0], mlp, *cnn[1:]]))
    assert [first[0], *(row[0] for row in others), last[0]] == [
        "CNN-0",
        "CNN-1",
        "CNN-2",
        "CNN, mean ± sd, 3 seeds",
        "MLP",
    ]
    accuracies = [1 - n / 200 for n in wrong]
    mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
    assert others[-1][1] == f"{100 * mean:.2f} ± {100 * spread:.2f} %"
    assert "11 ± 1 s" in others[-1]


def test_the_same_seed_twice_is_one_observation(make: Make) -> None:
    text = results_table([make("a", 10, card(1)), make("b", 10, card(1))])
    assert "seeds" not in text


@pytest.mark.parametrize("change", [{"epochs": 4}, {"model": "mlp"}])
def test_other_settings_are_another_group(make: Make, change: dict[str, Any]) -> None:
    other = card(2)
    other["config"] |= change
    groups = seed_groups([make("a", 1, card(1)), make("b", 1, other)])
    assert [len(group) for group in groups] == [1, 1]


def test_other_data_is_another_group(make: Make) -> None:
    other = card(2) | {"data": {"digest": "e"}}
    assert len(seed_groups([make("a", 1, card(1)), make("b", 1, other)])) == 2


def test_titles_are_escaped(make: Make) -> None:
    assert "<b>" not in results_table([make("<b>", 1)])
