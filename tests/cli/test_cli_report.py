"""`mnistlab report`, `models export` and `kaggle` as their users meet them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.cli import main
from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.models import load_classifier
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.report.kaggle import TEST_ROWS

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home and a folder of its own, on the digits, which are there on every machine."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def refused(arguments: list[str], capsys: Captured) -> str:
    """The one line that a command refuses bad input with, before it writes anything."""
    before = sorted(Path.cwd().iterdir())
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    *_, last = captured.err.splitlines()
    assert last.startswith("mnistlab: ")
    assert sorted(Path.cwd().iterdir()) == before
    return last


def run_json(capsys: Captured, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_report_is_one_file_under_the_name_it_tells(capsys: Captured) -> None:
    told = run_json(capsys, "report", "mlp", "cnn")
    assert told["report"] == "report-mlp-cnn.html"
    assert told["models"] == ["mlp", "cnn"]
    assert told["data"] == "digits"
    (file,) = Path.cwd().iterdir()
    assert file.stat().st_size == told["bytes"]
    assert "<title>MLP and CNN on scikit-learn digits</title>" in file.read_text(encoding="utf-8")
    assert main(["report", "mlp", "cnn", "--out", "other.html"]) == 0
    assert "other.html" in capsys.readouterr().out


def test_models_are_exported(capsys: Captured) -> None:
    assert main(["models", "export", "cnn"]) == 0
    assert "cnn.tflite" in capsys.readouterr().out
    assert Path("cnn.tflite").read_bytes() == (PRETRAINED_FOLDER / "cnn.tflite").read_bytes()
    assert main(["models", "export", "mlp", "--format", "json", "--out", "card.json"]) == 0
    assert json.loads(Path("card.json").read_text())["architecture"] == "mlp"


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["report", "mlp", "nope"], "models list"),
        (["report", "mlp", "cnn", "--out", "no/such/folder.html"], "--out FILE"),
        (["report", "mlp", "cnn", "--out", "."], "--out FILE"),
        (["models", "export", "cnn", "--format", "keras"], "tflite, csv or json"),
        (["models", "export", "cnn", "--format", "exe"], "keras, tflite"),
        (["models", "export", "nope"], "models list"),
        (["kaggle", "none.csv"], "none.csv cannot be read"),
        (["kaggle", "none.csv", "--model", "nope"], "models list"),
        (["kaggle", "none.csv", "--out", "."], "--out FILE"),
    ],
)
def test_bad_values_are_one_line_with_the_remedy(
    arguments: list[str], remedy: str, capsys: Captured
) -> None:
    assert remedy in refused(arguments, capsys)


def write_test_csv(images: NDArray[np.uint8]) -> None:
    with Path("test.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(f"pixel{i}" for i in range(784))
        writer.writerows(images.reshape(len(images), -1).tolist())


def test_kaggle_answers_28000_images(mnist: Dataset, capsys: Captured) -> None:
    images = mnist.x_test[np.arange(TEST_ROWS) % len(mnist.x_test)]
    write_test_csv(images)
    told = run_json(capsys, "kaggle", "test.csv", "--model", "mlp", "--out", "answers.csv")
    assert told == {"submission": "answers.csv", "rows": TEST_ROWS, "model": "mlp"}
    with Path("answers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["ImageId"] for row in rows] == [str(i) for i in range(1, TEST_ROWS + 1)]
    expected = load_classifier("mlp").predict_proba(images[:500]).argmax(axis=1)
    assert [int(row["Label"]) for row in rows[:500]] == expected.tolist()


def test_kaggle_refuses_other_files_with_the_line(mnist: Dataset, capsys: Captured) -> None:
    write_test_csv(mnist.x_test[:9])
    assert "ends at line 10 after 9 images" in refused(["kaggle", "test.csv"], capsys)
    lines = Path("test.csv").read_text().splitlines()
    lines[5] += ",7"
    Path("test.csv").write_text("\n".join(lines))
    assert "line 6: 785 values" in refused(["kaggle", "test.csv"], capsys)


def damaged_lines(capsys: Captured) -> list[str]:
    assert main(["models", "list"]) == 0
    return [line for line in capsys.readouterr().out.splitlines() if "damaged: " in line]


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell and its names of files")
@pytest.mark.parametrize(
    "name",
    ["empty dir", "two  spaces", "--help", "-x", "it's", "$HOME", "a;b", "\x1b[2J", "\udcff"],
)
def test_the_command_that_removes_a_damaged_run_works_in_a_shell(
    name: str, tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "home" / "runs" / name
    folder.mkdir(parents=True)
    (line,) = damaged_lines(capsys)
    with pytest.raises(ModelError) as error:
        load_classifier(name)
    for text in (line, str(error.value)):
        _, command = text.split("; remove it with: mnistlab ")
        # What a shell makes of the line is given to the command as it is.
        shell = ["bash", "-c", rf"printf '%s\0' {command}"]
        words = subprocess.run(shell, check=True, capture_output=True).stdout.split(b"\0")[:-1]
        folder.mkdir(exist_ok=True)
        assert main([os.fsdecode(word) for word in words]) == 0
        assert not folder.exists()


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_of_a_run_that_is_a_link_only_the_link_is_removed(tmp_path: Path, capsys: Captured) -> None:
    runs, elsewhere = tmp_path / "home" / "runs", tmp_path / "elsewhere"
    runs.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    (runs / "linked").symlink_to(elsewhere)
    (runs / "gone").symlink_to(tmp_path / "gone")
    (runs / "loop").symlink_to("loop")
    assert len(damaged_lines(capsys)) == 3
    for name in ("linked", "gone", "loop"):
        assert main(["models", "remove", name]) == 0
    assert list(runs.iterdir()) == []
    assert (elsewhere / "mine").exists()


def test_a_damaged_run_is_listed_in_words(tmp_path: Path, capsys: Captured) -> None:
    runs = tmp_path / "home" / "runs"
    for name, text in (
        ("cut", '{"files"'),
        ("keys", "{}"),
        ("list", "[1]"),
        ("nothing", ""),
        ("bare", '{"files": {}, "data": null, "test_accuracy": null}'),
    ):
        (runs / name).mkdir(parents=True)
        (runs / name / "run.json").write_text(text)
    (runs / "empty").mkdir()
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    damaged = [line for line in lines if "damaged: " in line]
    assert len(damaged) == 6
    for line in damaged:
        assert line.endswith(f"remove it with: mnistlab models remove {line.split()[0]}")
        assert not set(line) & set("()[]'{}\"")
    (nothing,) = [line for line in damaged if line.startswith("nothing")]
    assert "damaged: run.json cannot be read: it is empty;" in nothing
    (bare,) = [line for line in damaged if line.startswith("bare")]
    assert "the entries title, architecture, config, created are missing" in bare
    assert len(run_json(capsys, "models", "list")) == 8
