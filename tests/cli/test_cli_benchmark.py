"""`mnistlab benchmark` as its users meet it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mnistlab.cli import main
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.study import benchmarking
from tests.data import made_sets
from tests.data.made_sets import N

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with two small sets, and one to work in."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.setattr(benchmarking, "SETS", made_sets.small_table())
    folder = tmp_path / "sets"
    folder.mkdir()
    made_sets.write_usps(folder)
    made_sets.write_emnist(folder)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def refused(capsys: Captured, *arguments: str, status: int = 2) -> str:
    assert main(["benchmark", *arguments]) == status
    captured = capsys.readouterr()
    assert captured.out == ""
    assert list(Path.cwd().iterdir()) == []
    *_, last = captured.err.splitlines()
    assert last.startswith("mnistlab: ")
    return last


def test_the_table_says_what_is_there_and_what_is_not(place: Path, capsys: Captured) -> None:
    assert main(["benchmark", "mlp", "--sets-folder", str(place)]) == 0
    out = capsys.readouterr().out
    rows = {line[:26].strip(): line for line in out.splitlines()}
    assert f"{N} " in rows["USPS test"]
    assert "%" in rows["EMNIST Letters test"]
    assert "MNIST-C is not available: there is no shot_noise/test_images.npy in" in out
    assert out.endswith(f"The folder of the test sets is {place}.\n")


def test_json_and_nothing_else(place: Path, capsys: Captured) -> None:
    arguments = ["benchmark", "mlp", "--sets-folder", str(place), "--set", "usps", "--json"]
    assert main([*arguments, "--html", "a.html", "--out", "a.json"]) == 0
    captured = capsys.readouterr()
    card = json.loads(captured.out)
    assert json.loads(Path("a.json").read_text()) == card
    assert [each["name"] for each in card["sets"]] == ["usps"]
    assert card["unavailable"] == []
    assert "<title>MLP on public test sets</title>" in Path("a.html").read_text("utf-8")


def test_the_folder_may_stand_in_the_environment(
    place: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_BENCHMARK_SETS", str(place))
    assert main(["benchmark", "mlp", "--set", "usps", "--set", "emnist-digits", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["sets"]) == 2


def test_mistakes_are_one_line_with_a_remedy(place: Path, capsys: Captured) -> None:
    known = ("--sets-folder", str(place))
    assert "choose among mnist, qmnist" in refused(capsys, "mlp", "--set", "svhn", *known)
    assert "There is no model 'nope'" in refused(capsys, "nope", *known)
    assert "There is no file x.tflite" in refused(capsys, "x.tflite", *known)
    assert "create it, or add --fetch" in refused(capsys, "mlp", "--sets-folder", "nowhere")
    assert "with: --html FILE" in refused(capsys, "mlp", "--html", "no/a.html", *known)
    assert "with: --out FILE" in refused(capsys, "mlp", "--out", str(place), *known)
    error = refused(capsys, "mlp", "--set", "ardis", *known, status=1)
    assert f"put the files of a set into {place}, or add --fetch" in error


def test_a_keras_file_needs_trust(place: Path, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "theirs.keras"
    path.write_bytes(b"")
    assert "--trust-file" in refused(capsys, str(path), "--sets-folder", str(place))


@pytest.mark.litert
def test_a_tflite_file_is_judged_behind_a_warning(
    place: Path, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "theirs.tflite"
    path.write_bytes((PRETRAINED_FOLDER / "cnn.tflite").read_bytes())
    arguments = [str(path), "--sets-folder", str(place), "--set", "usps", "--json"]
    assert main(["benchmark", *arguments]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["model"]["name"] == "theirs.tflite"
    assert "Nothing is known about the training data of this file." in captured.err
    path.write_bytes(b"TFL3" * 10)
    assert "cannot be judged" in refused(capsys, *arguments[:-1])
