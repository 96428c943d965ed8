"""The command line on files of one's own: `data info PATH` and `--data PATH`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.cli import main
from mnistlab.data import Dataset, load_own

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home and a folder of its own, on the digits, which are there on every machine."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


@pytest.fixture
def mine(digits: Dataset) -> str:
    """One set of 90 images."""
    np.savez("mine.npz", X=digits.x_test[:90], y=digits.y_test[:90])
    return "mine.npz"


@pytest.fixture
def turned(digits: Dataset) -> str:
    """The same, inverted and transposed."""
    x = 255 - digits.x_test[:90].swapaxes(1, 2)
    np.savez("turned.npz", X=x, y=digits.y_test[:90])
    return "turned.npz"


def run_json(capsys: Captured, *arguments: str) -> tuple[Any, str]:
    """What a command prints as JSON, and what it says on standard error."""
    assert main([*arguments, "--json"]) == 0
    shown = capsys.readouterr()
    return json.loads(shown.out), shown.err


def refused(capsys: Captured, *arguments: str) -> str:
    """The one line that a command refuses bad input with."""
    assert main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("mnistlab: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_data_info_has_the_same_fields_for_a_file(mine: str, capsys: Captured) -> None:
    default, _ = run_json(capsys, "data", "info")
    facts, err = run_json(capsys, "data", "info", mine)
    assert err == ""
    assert facts.keys() == default.keys()
    dataset = load_own(mine)
    assert facts["images"] == {"train": 75, "test": 15}
    assert (facts["title"], facts["digest"]) == ("mine.npz", dataset.digest)
    assert facts["notice"] == dataset.notice
    assert "one set of 90 images" in facts["notice"]


def test_data_info_for_people(turned: str, capsys: Captured) -> None:
    assert main(["data", "info", turned]) == 0
    shown = capsys.readouterr()
    assert "turned.npz: 75 training images, 15 test images" in shown.out
    assert "cached" not in shown.out
    assert "Ink and paper look swapped" in shown.err
    facts, _ = run_json(capsys, "data", "info", turned, "--invert", "--transpose")
    assert "look" not in facts["notice"]


@pytest.mark.parametrize(
    "command",
    [
        ["data", "info"],
        ["evaluate", "cnn", "--data"],
        ["compare", "mlp", "cnn", "--data"],
        ["report", "mlp", "cnn", "--data"],
        ["train", "mlp", "--data"],
        ["compare", "mlp", "cnn", "--seeds", "3", "--data"],
    ],
)
def test_every_command_refuses_the_same_files_in_one_line(
    command: list[str], capsys: Captured
) -> None:
    Path("web.gz").write_text("<!doctype html><title>Not found</title>")
    assert "is a web page, not data" in refused(capsys, *command, "web.gz")
    assert "none.csv cannot be read: there is no such file" in refused(capsys, *command, "none.csv")


def test_turning_without_a_file_is_refused(capsys: Captured) -> None:
    assert "--invert turns images of your own" in refused(capsys, "data", "info", "--invert")
    assert "--transpose turns" in refused(capsys, "evaluate", "cnn", "--transpose")


def test_evaluate_tests_on_all_of_one_set(mine: str, capsys: Captured) -> None:
    figures, err = run_json(capsys, "evaluate", "cnn", "--data", mine)
    assert (figures["n"], figures["data"]) == (90, "own")
    assert figures["accuracy"] > 0.8
    assert err == "Note: All 90 images serve as test images.\n"


def test_two_sets_are_tested_on_the_test_set(digits: Dataset, capsys: Captured) -> None:
    x, y = digits.x_test, digits.y_test
    np.savez("two.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:90], y_test=y[60:90])
    figures, err = run_json(capsys, "evaluate", "mlp", "--data", "two.npz")
    assert figures["n"] == 30
    assert err == ""


def test_turned_images_are_warned_of_and_read_once_turned(
    mine: str, turned: str, capsys: Captured
) -> None:
    upright, _ = run_json(capsys, "evaluate", "cnn", "--data", mine)
    wrong, err = run_json(capsys, "evaluate", "cnn", "--data", turned)
    assert wrong["accuracy"] < 0.5
    assert "Turn them with --invert" in err
    assert "Turn them with --transpose" in err
    assert "=True" not in err
    right, err = run_json(capsys, "evaluate", "cnn", "--data", turned, "--invert", "--transpose")
    assert right["confusion"] == upright["confusion"]
    assert "look" not in err


@pytest.mark.parametrize("command", [["evaluate", "cnn"], ["compare", "mlp", "cnn"]])
def test_programs_get_the_notice_too(
    digits: Dataset, turned: str, capsys: Captured, command: list[str]
) -> None:
    told, err = run_json(capsys, *command, "--data", turned)
    assert "Turn them with --transpose" in told["notice"]
    assert err == f"Note: {told['notice']}\n"
    x, y = digits.x_test, digits.y_test
    np.savez("two.npz", x_train=x[:60], y_train=y[:60], x_test=x[60:90], y_test=y[60:90])
    told, _ = run_json(capsys, *command, "--data", "two.npz")
    assert told["notice"] == ""


def test_compare_and_report_on_own_images(mine: str, capsys: Captured) -> None:
    result, _ = run_json(capsys, "compare", "mlp", "cnn", "--data", mine)
    assert result["a"]["n"] == result["b"]["n"] == 90
    told, _ = run_json(capsys, "report", "mlp", "cnn", "--data", mine)
    assert told["data"] == "own"
    assert told["notice"] == result["notice"] == "All 90 images serve as test images."
    page = Path("report-mlp-cnn.html").read_text(encoding="utf-8")
    assert "MLP and CNN on mine.npz" in page
    assert "All 90 images serve as test images." in page


@pytest.mark.tensorflow
def test_a_model_is_not_tested_on_the_images_that_it_was_trained_on(
    mine: str, capsys: Captured
) -> None:
    trained, err = run_json(capsys, "train", "mlp", "--epochs", "1", "--data", mine)
    assert "15 in all" in err
    assert trained["scores"]["n"] == 15
    assert "15 in all" in trained["notice"]
    figures, err = run_json(capsys, "evaluate", trained["run"], "--data", mine)
    assert figures["n"] == 15
    assert figures["accuracy"] == pytest.approx(trained["scores"]["accuracy"])
    result, err = run_json(capsys, "compare", "cnn", trained["run"], "--data", mine)
    assert result["a"]["n"] == result["b"]["n"] == 15
    assert "every sixth image was put aside" in err
