"""Results, side by side, gallery and history: verbs in, state and text out."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

from mnistlab.charts.plotly_charts import PLOTLY_MIME
from mnistlab.metrics.evaluation import Group, Pair
from mnistlab.metrics.latency import MeasurementStopped
from mnistlab.metrics.seed_comparison import compare_seeds
from mnistlab.study.study import compare
from mnistlab.ui.compare import CompareTab, results
from mnistlab.ui.compare.runs import Runs
from tests.ui.compare.conftest import SaveRun


def pair_of(tab: CompareTab) -> Pair:
    assert tab.state.pair is not None
    return tab.state.pair


def test_the_pretrained_pair_stands_there_from_the_start(tab: CompareTab) -> None:
    assert list(tab.state.evaluations) == ["mlp", "cnn"]
    for name in ("mlp", "cnn"):
        assert tab.state.evaluations[name].latency_ms is not None
        assert tab.state.evaluations[name].images_per_second > 0
    for text in ("Accuracy", "F1", "p50", "Training"):
        assert text in tab.table.value
    assert tab.table.value.count("<th scope='col'>") == 5
    tab.every.value = True
    for text in ("Accuracy", "F1", "ECE", "Brier", "p50", "Parameters"):
        assert text in tab.table.value
    a, b = pair_of(tab).evaluations
    for matrix, each in zip(tab.side_by_side.matrices, (a, b), strict=True):
        shown = [[int(cell.description) for cell in row] for row in matrix.cells]
        np.testing.assert_array_equal(shown, each.scores.confusion)
    assert a.title in tab.side_by_side.verdict.value
    assert a.title in tab.side_by_side.difference.value


def test_the_table_says_that_latencies_are_being_measured(
    tab: CompareTab, save_run: SaveRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def slowly(known: Any, classifiers: Any, x: Any, **options: Any) -> Any:
        seen.append(tab.table.value)
        raise MeasurementStopped

    monkeypatch.setattr(results, "time_models", slowly)
    save_run("mlp-0001-aaaa", wrong=5)
    tab.results.add(["mlp-0001-aaaa"])
    tab.wait()
    assert seen[0].count("measuring …") == 1
    assert "measuring" not in tab.table.value
    tab.state.is_training = True
    assert tab.table.value.count("after the training") == 1
    tab.state.is_training = False
    assert "after the training" not in tab.table.value


def test_choosing_a_pair_changes_the_verdict(tab: CompareTab) -> None:
    panel = tab.side_by_side
    first = panel.verdict.value
    panel.pair[0].value, panel.pair[1].value = "cnn", "mlp"
    assert tab.state.names == ("cnn", "mlp")
    assert panel.verdict.value != first
    panel.pair[1].value = "cnn"
    assert "No significant difference" in panel.verdict.value


def test_a_cell_opens_its_images_and_one_is_seen_large_and_sent(tab: CompareTab) -> None:
    pair = pair_of(tab)
    errors = np.array(pair.evaluations[0].scores.confusion)
    np.fill_diagonal(errors, 0)
    true, predicted = map(int, np.unravel_index(errors.argmax(), errors.shape))
    tab.side_by_side.matrices[0].cells[true][predicted].click()
    images = tab.side_by_side.images
    assert tab.state.group == Group("cell", 0, true, predicted)
    assert len(images.shown) == min(20, errors.max())
    shown = [item for item in images.items if item.layout.display != "none"]
    assert len(shown) == len(images.shown)
    assert all(item.description.startswith(f"{true}: {predicted}") for item in shown)
    shown[0].click()
    position = tab.state.item
    assert pair.y_true[position] == true
    assert f"reads {predicted}: wrong" in images._large.value
    images._send.click()
    assert tab.app.sent is not None
    np.testing.assert_array_equal(tab.app.sent.image, tab.app.dataset.x_test[pair.rows[position]])
    assert f"true label {true}" in tab.app.sent.note


def test_the_groups_are_the_four_kinds_of_images(tab: CompareTab) -> None:
    pair, images = pair_of(tab), tab.side_by_side.images
    a, b = (guess == pair.y_true for guess in pair.predicted)
    for kind, expected in (("only A", a & ~b), ("only B", ~a & b), ("neither", ~a & ~b)):
        images._groups.value = kind
        behind = pair.select(tab.state.group, "by index")
        np.testing.assert_array_equal(behind, np.flatnonzero(expected))


def test_the_most_confident_mistakes_come_first(tab: CompareTab) -> None:
    pair = pair_of(tab)
    found = pair.select(Group("only B"), "most confident first")
    sure = pair.evaluations[0].y_proba.max(1)[found]
    assert len(sure) > 1
    assert np.all(np.diff(sure) <= 0)
    again = pair.select(Group("only B"), "least confident first")
    assert sorted(found) == sorted(again)


def test_a_long_list_is_turned_page_by_page(tab: CompareTab) -> None:
    images = tab.side_by_side.images
    matrix = pair_of(tab).evaluations[1].scores.confusion
    digit = int(np.argmax(np.diag(matrix)))
    images.open(Group("cell", 1, digit, digit))
    first = images.shown
    assert (images._previous.disabled, images._next.disabled) == (True, False)
    images._next.click()
    assert set(first).isdisjoint(images.shown)
    tab.side_by_side.pair[0].value = "cnn"
    assert tab.state.page == 0


def test_the_keyboard_reaches_a_cell_in_three_choices(tab: CompareTab) -> None:
    images = tab.side_by_side.images
    images._side.value, images._true.value, images._read_as.value = 1, 3, 3
    assert tab.state.group == Group("cell", 1, 3, 3)


def test_runs_are_listed_chosen_and_compared(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("mlp-0001-aaaa", wrong=5)
    save_run("mlp-0002-bbbb", wrong=60, seed=1)
    tab.results.refresh()
    boxes = tab.runs._boxes
    assert list(boxes) == ["mlp", "cnn", "mlp-0002-bbbb", "mlp-0001-aaaa"]
    for name in ("mlp-0001-aaaa", "mlp-0002-bbbb"):
        boxes[name].value = True
    tab.wait()
    assert "MLP aaaa" in tab.table.value
    assert "2 seeds" in tab.table.value
    tab.side_by_side.pair[0].value = "mlp-0001-aaaa"
    tab.side_by_side.pair[1].value = "mlp-0002-bbbb"
    assert "MLP aaaa is significantly better" in tab.side_by_side.verdict.value
    boxes["mlp-0001-aaaa"].value = False
    tab.wait()
    assert "MLP aaaa" not in tab.table.value


def test_a_run_is_renamed_saved_and_deleted(tab: CompareTab, save_run: SaveRun, home: Path) -> None:
    save_run("mlp-0001-aaaa", wrong=5)
    tab.results.open()
    tab.wait()
    history = tab.runs
    history.run.value = "mlp-0001-aaaa"
    history.title.value = "  my <first>  one "
    press(history, "ml-run-rename")
    assert "my &lt;first&gt; one" in tab.table.value
    history.file.value = "LiteRT model"
    press(history, "ml-run-save")
    content = re.search(r"base64,([^']+)'", history.link.value)
    assert content is not None
    stored = (home / "runs" / "mlp-0001-aaaa" / "model.tflite").read_bytes()
    assert base64.b64decode(content[1]) == stored
    assert history.delete.disabled
    history.confirm.value = True
    history.delete.click()
    assert not (home / "runs" / "mlp-0001-aaaa").exists()
    assert "first" not in tab.table.value
    assert history.delete.disabled


def test_a_deleted_run_leaves_no_widgets(tab: CompareTab, save_run: SaveRun) -> None:
    tab.results.refresh()
    before = len(_instances)
    save_run("mlp-0001-aaaa")
    tab.results.refresh()
    assert len(_instances) > before
    tab.results.remove("mlp-0001-aaaa")
    assert len(_instances) == before


def test_deleting_one_of_the_pair_brings_the_pretrained_one_back(
    tab: CompareTab, save_run: SaveRun
) -> None:
    save_run("mlp-0001-aaaa", wrong=5)
    tab.results.open()
    tab.wait()
    tab.side_by_side.pair[0].value = "mlp-0001-aaaa"
    tab.results.remove("mlp-0001-aaaa")
    tab.wait()
    assert tab.state.names == ("mlp", "cnn")
    assert "aaaa" not in tab.side_by_side.verdict.value


@pytest.mark.parametrize("damage", ["missing", "unreadable"])
def test_a_damaged_run_is_listed_and_can_be_deleted(
    tab: CompareTab, save_run: SaveRun, home: Path, damage: str
) -> None:
    folder = home / "runs" / save_run("cnn-0001-aaaa", "cnn")
    if damage == "missing":
        (folder / "model.tflite").unlink()
    else:
        (folder / "run.json").write_text("{")
    tab.results.open()
    tab.wait()
    assert "Damaged runs" in tab.runs._damaged.value
    assert "cnn-0001-aaaa" in tab.runs._damaged.value
    assert list(tab.state.evaluations) == ["mlp", "cnn"]
    tab.runs.run.value = "cnn-0001-aaaa"
    tab.runs.confirm.value = True
    tab.runs.delete.click()
    assert tab.runs._damaged.value == ""


def test_answers_that_changed_on_disk_are_told_and_not_used(
    tab: CompareTab, save_run: SaveRun, home: Path
) -> None:
    folder = home / "runs" / save_run("cnn-0001-aaaa", "cnn")
    (folder / "predictions.npz").write_bytes(b"something else")
    tab.results.open()
    tab.wait()
    assert "cnn-0001-aaaa is damaged" in tab.app.status
    assert list(tab.state.evaluations) == ["mlp", "cnn"]


def test_runs_on_other_data_are_left_out(tab: CompareTab, save_run: SaveRun, home: Path) -> None:
    card_file = home / "runs" / save_run("cnn-0001-aaaa", "cnn") / "run.json"
    card = json.loads(card_file.read_text())
    card["data"]["digest"] = "of other data"
    card_file.write_text(json.dumps(card))
    tab.results.open()
    assert "cnn-0001-aaaa" not in tab.runs._boxes


def test_several_seeds_say_what_each_figure_answers(tab: CompareTab, save_run: SaveRun) -> None:
    for seed in range(3):
        save_run(f"mlp-000{seed}-aaa{seed}", wrong=40 + 3 * seed, seed=seed)
        save_run(f"cnn-000{seed}-bbb{seed}", "cnn", wrong=4 + seed, seed=seed)
    tab.results.open()
    tab.wait()
    tab.side_by_side.pair[0].value = "mlp-0000-aaa0"
    tab.side_by_side.pair[1].value = "cnn-0000-bbb0"
    text = tab.side_by_side.verdict.value
    assert "about these two trained networks" in text
    assert "would training again" in text
    sentence = "CNN and MLP trained with several seeds (3 each): CNN is significantly better"
    assert sentence in text
    # The page, the report and the library say the same.
    report = compare("mlp-0000-aaa0", "cnn-0000-bbb0", tab.app.dataset).to_html()
    assert sentence in report
    accuracies = [
        [1 - (first + step * seed) / len(tab.app.dataset.y_test) for seed in range(3)]
        for first, step in ((40, 3), (4, 1))
    ]
    assert compare_seeds(*accuracies).verdict("MLP", "CNN") in text
    assert compare_seeds(*accuracies).verdict("MLP", "CNN") in report


def test_by_digit_calibration_and_robustness_fill_when_opened(
    tab: CompareTab, save_run: SaveRun
) -> None:
    save_run("mlp-0001-aaaa", wrong=20)
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    tab.results.open()
    tab.wait()
    tab.results.compare("mlp-0001-aaaa", "cnn-0001-bbbb")
    details = tab.details
    assert "MLP aaaa" in details.by_digit.value
    assert details.calibration.value == ""
    details.folds.selected_index = 1
    traces = details.charts["curves"].outputs[0]["data"][PLOTLY_MIME]["data"]
    assert [trace["name"] for trace in traces][:2] == ["MLP aaaa, training", "MLP aaaa, validation"]
    details.folds.selected_index = 2
    assert details.calibration.value.count("Brier") >= 2
    assert details.charts["calibration"].outputs[0]["data"][PLOTLY_MIME]["data"]
    assert "temperature" in details.calibration.value
    details.folds.selected_index = 3
    assert details.robustness.value == ""
    details.start.click()
    details.wait(300)
    assert tab.state.robustness_progress is None
    assert "MLP aaaa reads" in details.robustness.value
    bars = details.charts["robustness"].outputs[0]["data"][PLOTLY_MIME]["data"]
    assert [bar["name"] for bar in bars] == ["MLP aaaa", "CNN bbbb"]


def test_the_pretrained_pair_has_no_training_curves(tab: CompareTab) -> None:
    tab.details.folds.selected_index = 1
    assert "No training curves are kept of MLP and CNN" in tab.details.curves.value
    assert tab.details.charts["curves"].layout.display == "none"


def test_robustness_is_cancelled(tab: CompareTab) -> None:
    tab.details.start.click()
    tab.details.stop.click()
    tab.details.wait()
    assert tab.state.robustness == ()
    assert "cancelled" in tab.app.status
    assert not tab.details.start.disabled


def test_the_report_is_offered_as_a_file(tab: CompareTab) -> None:
    tab.report.button.click()
    tab.report.wait()
    found = re.search(r"base64,([^']+)'", tab.report.link.value)
    assert found is not None, tab.app.status
    page = base64.b64decode(found[1]).decode()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert pair_of(tab).titles[0] in page


def test_a_run_is_used_in_predict(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("cnn-0001-bbbb", "cnn")
    tab.results.open()
    tab.runs.run.value = "cnn-0001-bbbb"
    press(tab.runs, "ml-run-load")
    assert tab.app.loaded == {"cnn": "cnn-0001-bbbb"}
    assert tab.app.status.startswith("Predict now uses the pretrained MLP and CNN")
    tab.runs.run.value = "cnn"
    press(tab.runs, "ml-run-load")
    assert tab.app.loaded == {}


def press(history: Runs, name: str) -> None:
    """Click the button with a CSS class."""
    buttons = [item for row in history.manage.children for item in row.children]
    next(item for item in buttons if name in item._dom_classes).click()
