"""A comparison is computed once, and everything shows the same object."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnistlab
from mnistlab.cli import main
from mnistlab.data import Dataset
from mnistlab.metrics.evaluation import ORDERS, Group, Pair, Robustness, pair_up
from mnistlab.texts import percent

PACKAGE = Path(mnistlab.__file__).parent


@pytest.fixture(scope="module")
def study(digits: Dataset) -> mnistlab.Study:
    return mnistlab.compare("mlp", "cnn", digits)


def test_a_study_has_what_the_contract_names(study: mnistlab.Study, digits: Dataset) -> None:
    n = len(digits.y_test)
    paired = study.paired
    assert (study.a.model, study.b.model) == ("mlp", "cnn")
    assert paired.both_right + paired.only_a + paired.only_b + paired.neither == n
    assert study.a.latency_ms is not None
    assert study.b.latency_ms is not None
    assert (paired.p_value < 0.05) == (not paired.difference_ci[0] <= 0 <= paired.difference_ci[1])
    assert study.verdict == paired.verdict("MLP", "CNN")
    assert study.seeds is None
    assert study.robustness == ()


def test_its_dictionary_is_json_and_its_page_and_summary_say_the_same(
    study: mnistlab.Study,
) -> None:
    facts = json.loads(json.dumps(study.to_dict(), allow_nan=False))
    assert facts["verdict"] == study.verdict
    assert facts["a"]["accuracy"] == study.a.scores.accuracy
    for page in (study.to_html(), study._repr_html_()):
        text = re.sub(r"\s+", " ", page).replace("&lt;", "<")
        assert study.verdict in text
        assert percent(study.a.scores.accuracy) in text


def test_an_evaluation_shows_itself_in_a_notebook(study: mnistlab.Study) -> None:
    shown = study.a._repr_html_()
    assert percent(study.a.scores.accuracy) in shown
    assert "Latency p50" in shown


def test_the_command_prints_the_study(
    digits: Dataset,
    study: mnistlab.Study,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    assert main(["compare", "mlp", "cnn", "--json"]) == 0
    printed, ours = json.loads(capsys.readouterr().out), study.to_dict()
    for side in ("a", "b"):
        for timed in ("latency_ms", "images_per_second"):
            del printed[side][timed], ours[side][timed]
    assert printed.pop("notice")
    assert ours.pop("notice") == digits.notice
    assert printed == json.loads(json.dumps(ours))


def test_classifiers_of_ones_own_are_compared_too(digits: Dataset) -> None:
    mlp = mnistlab.load_classifier("mlp")
    mine = mnistlab.Classifier("mine", mlp.tflite, {**mlp.card, "title": mlp.title})
    study = mnistlab.compare(mine, mlp, digits)
    assert (study.paired.only_a, study.paired.only_b, study.paired.p_value) == (0, 0, 1.0)
    assert "MLP (mine)" in study.verdict  # two models of one title are told by their names


def test_groups_of_images_are_those_the_counts_speak_of(study: mnistlab.Study) -> None:
    pair = study.pair
    for kind, count in (
        ("only A", study.paired.only_a),
        ("only B", study.paired.only_b),
        ("neither", study.paired.neither),
    ):
        chosen = pair.select(Group(kind))
        assert len(chosen) == count
        for order in ORDERS:
            assert set(pair.select(Group(kind), order)) == set(chosen)
    cell = Group("cell", side=1, true=4, predicted=9)
    assert len(pair.select(cell)) == study.b.scores.confusion[4, 9]


def test_corrected_labels_leave_images_out(study: mnistlab.Study) -> None:
    assert study.corrected is None  # the digits have no published corrections
    keep = np.ones(len(study.pair.y_true), bool)
    keep[:5] = False
    part = pair_up(study.a, study.b, study.pair.y_true, keep)
    assert isinstance(part, Pair)
    assert part.comparison.n == keep.sum()
    assert part.a.scores.n == keep.sum()
    assert list(part.rows[:1]) == [5]


def test_answers_are_paired_in_one_place_only() -> None:
    """No second p-value: whatever compares two models goes through `pair_up`."""
    users = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in ("compare_predictions", "mcnemar_p_value"):
                users.add((path.relative_to(PACKAGE).as_posix(), name))
    assert users == {
        ("metrics/evaluation.py", "compare_predictions"),
        ("metrics/comparison.py", "mcnemar_p_value"),
    }


def test_known_robustness_is_shown_not_measured_again(study: mnistlab.Study) -> None:
    assert "Robustness" not in re.findall(r"<h2[^>]*>(.*?)</h2>", study.to_html())
    shape = (1, 1)
    known = Robustness("mlp", "MLP", 10, ("fog",), (1,), np.full(shape, 0.5), clean=0.9)
    page = replace(study, robustness=(known,)).to_html()
    assert "fog" in page
