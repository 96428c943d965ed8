"""A `run.json` with odd values is listed as damaged, and hurts nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from mnistlab.charts.results import results_table
from mnistlab.cli import main
from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.metrics.evaluation import Evaluation, distinct_titles, pair_up
from mnistlab.models import Run, find_run, list_runs, load_classifier
from mnistlab.models.card import RUN_FILES
from mnistlab.models.store import read_predictions, rename_run
from mnistlab.report.export import export_model, read_history
from mnistlab.report.html import build_report
from mnistlab.study.evaluation import score
from mnistlab.study.study import compare
from tests.odd_cards import GOOD, write_runs

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def data(digits: Dataset) -> Dataset:
    """The digits with few test images, for models are measured here."""
    return replace(digits, x_test=digits.x_test[:50], y_test=digits.y_test[:50])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, data: Dataset) -> Path:
    """A home with one good run among a thousand odd ones; tests do not change it."""
    home = tmp_path_factory.mktemp("odd")
    write_runs(home / "runs", data)
    return home


@pytest.fixture
def listed(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    monkeypatch.setenv("MNISTLAB_HOME", str(home))
    return list_runs()


def strict(text: str) -> Any:
    """JSON as every other language reads it."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(constant)

    return json.loads(text, parse_constant=refuse)


def unseen(text: str) -> set[str]:
    return {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs")}


def test_each_run_is_listed_once_and_the_good_one_is_good(home: Path, listed: list[Run]) -> None:
    folders = sorted(path.name for path in (home / "runs").iterdir())
    assert sorted(run.id for run in listed) == folders
    assert len(folders) > 1000
    good = next(run for run in listed if run.id == GOOD)
    assert not good.damage
    assert good.card == json.loads((home / "runs" / GOOD / "run.json").read_text())
    damaged = [run for run in listed if run.damage]
    assert len(damaged) > 0.7 * len(listed)
    for run in damaged:
        assert run.card == {}
        assert len(run.damage) < 200
        assert not unseen(run.damage)
    for run in listed:
        json.dumps(run.card, allow_nan=False, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("data", "a text", "data is not a table"),
        ("data", None, "data is not a table"),
        ("test_accuracy", 10**400, "numbers of usual size"),
        ("test_accuracy", float("nan"), "numbers of usual size"),
        ("test_accuracy", 1.5, "test accuracy is not a number from 0 to 1"),
        ("test_accuracy", True, "test accuracy is not a number from 0 to 1"),
        ("title", ["a", "list"], "title is not a text"),
        ("title", "x" * 61, "title is not a text of 1 to 60 characters"),
        ("digit_threshold", "a", "digit threshold is not a number from 0 to 1"),
        ("config", {"model": "mlp", "seed": 0, "epochs": -1}, "epochs in config"),
        ("config", {"model": "cnn", "seed": 0}, "the model in config is not the same"),
        ("config", {"model": "mlp"}, "the seed in config is missing"),
        ("created", 2026, "created is not a text"),
        ("data", {"name": "x", "digest": "x", "pens": "7"}, "data is not a table"),
        ("files", {}, "files is not a table of all files"),
        ("files", {"model.tflite": "0" * 64}, "files is not a table of all files"),
        (
            "files",
            dict.fromkeys((*RUN_FILES, "../x"), "0" * 64),
            "files is not a table of all files",
        ),
        ("files", ["model.tflite"], "files is not a table of all files"),
        ("more", [[[[[[[[1]]]]]]]], "nested too deeply"),
    ],
)
def test_the_reason_names_what_does_not_fit(
    home: Path, tmp_path: Path, key: str, value: object, reason: str
) -> None:
    card = json.loads((home / "runs" / GOOD / "run.json").read_text())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text(json.dumps({**card, key: value}))
    (run,) = list_runs(tmp_path)
    assert reason in run.damage
    with pytest.raises(ModelError, match="models remove run"):
        load_classifier("run", tmp_path)


def test_what_is_no_file_is_damaged_and_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe", "folder", "loop", "gone"):
        (tmp_path / name).mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe" / "run.json")
    (tmp_path / "folder" / "run.json").mkdir()
    (tmp_path / "loop" / "run.json").symlink_to("run.json")
    assert all("run.json cannot be read" in run.damage for run in list_runs(tmp_path))


def test_cards_of_other_versions_are_no_damage(home: Path, tmp_path: Path) -> None:
    good = home / "runs" / GOOD
    card = json.loads((good / "run.json").read_text())
    card["config"]["momentum"] = 0.9
    del card["config"]["network"], card["layers"], card["weights_digest"]
    card |= {"later": {"a": [1, 2]}}
    (tmp_path / "run").mkdir()
    for name in card["files"]:
        (tmp_path / "run" / name).symlink_to(good / name)
    (tmp_path / "run" / "run.json").write_text(json.dumps(card))
    (run,) = list_runs(tmp_path)
    assert (run.damage, run.card) == ("", card)
    rename_run("run", "Ein schöner Name", tmp_path)
    assert find_run("run", tmp_path).card == {**card, "title": "Ein schöner Name"}


def test_models_list_stands(listed: list[Run], capsys: Captured) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(listed)
    assert not unseen("".join(lines))
    (good,) = [line for line in lines if line.startswith(GOOD)]
    assert "98.00 %" in good
    for line in lines:
        assert "% of its test set" in line or "; remove it with: mnistlab models remove" in line
    assert main(["models", "list", "--json"]) == 0
    rows = strict(capsys.readouterr().out)
    assert [row["model"] for row in rows[2:]] == [run.id for run in listed]


def test_tables_and_the_report_stand(listed: list[Run], data: Dataset) -> None:
    fine = [run for run in listed if not run.damage]
    good = load_classifier(GOOD)
    base = score(good, data.y_test, read_predictions(find_run(GOOD))["test_proba"])

    def evaluation(run: Run) -> Evaluation:
        return replace(base, model=run.id, title=run.card["title"], card=dict(run.card))

    evaluations = [evaluation(run) for run in fine]
    assert results_table(evaluations).count("<tr") > len(fine)
    for each in evaluations:
        json.dumps(each.to_dict(), allow_nan=False)
    first, second, *others = distinct_titles(evaluations)
    build_report(pair_up(first, second, data.y_test), data, others=others).encode("utf-8")


def test_a_comparison_of_the_good_run_stands(
    listed: list[Run], data: Dataset, capsys: Captured
) -> None:
    assert "MLP good" in compare(GOOD, "cnn", data).to_html()
    assert strict(export_model(GOOD, "json").data.decode())["title"] == "MLP good"


def test_a_model_opens_where_its_card_is_fine(listed: list[Run]) -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    kinds = {json.dumps([run.card.get(k) for k in ("title", "digit_threshold", "digits_kept")]): run
             for run in listed if not run.damage}  # fmt: skip
    assert len(kinds) > 5
    for run in list(kinds.values()):
        classifier = load_classifier(run.id)
        assert 0 <= classifier.digit_threshold <= 1
        assert classifier.title == run.card["title"]
        assert classifier.predict_proba(images).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "contents", "read"),
    [
        ("predictions.npz", b"no archive", lambda run: read_predictions(run)),
        ("history.csv", b"epoch,loss\n1,a\n", lambda run: read_history(run.id, run.folder.parent)),
    ],
)
def test_other_files_with_odd_contents_are_damage_too(
    home: Path, tmp_path: Path, name: str, contents: bytes, read: Callable[[Run], object]
) -> None:
    shutil.copytree(home / "runs" / GOOD, tmp_path / "run")
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    card["files"][name] = hashlib.sha256(contents).hexdigest()
    (tmp_path / "run" / name).write_bytes(contents)
    (tmp_path / "run" / "run.json").write_text(json.dumps(card))
    run = find_run("run", tmp_path)
    with pytest.raises(ModelError, match=f"Run run is damaged .*{name}"):
        read(run)
