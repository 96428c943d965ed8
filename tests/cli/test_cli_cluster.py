"""The command line with many seeds, on this machine and on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from drivers.dask_processes import dask_cluster
from drivers.waiting import until
from mnistlab.cli import main
from mnistlab.jobs.seed_runs import SeededRuns, compare_with_seeds
from mnistlab.models import find_run, list_runs
from mnistlab.settings import scheduler
from mnistlab.texts import percent

SETTINGS = ["--epochs", "1", "--share", "0.2", "--batch-size", "64"]
NOBODY = "tcp://127.0.0.1:9"  # the port that discards, where no scheduler listens

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home of its own, on the digits, which are there on every machine."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.delenv("MNISTLAB_SCHEDULER", raising=False)


def check_seeds(result: dict[str, Any], seeds: int) -> None:
    """That the JSON of `compare --seeds` agrees with the runs on disk and with itself."""
    for side, model in (("a", "mlp"), ("b", "cnn")):
        figures = result[side]
        cards = [find_run(run).card for run in figures["runs"]]
        assert figures["model"] == model
        assert [card["architecture"] for card in cards] == [model] * seeds
        assert [card["seed"] for card in cards] == list(range(seeds))
        assert {card["config"]["epochs"] for card in cards} == {1}
        assert figures["weights_digests"] == [card["weights_digest"] for card in cards]
        assert len(set(figures["weights_digests"])) == seeds
        assert figures["accuracies"] == [card["test_accuracy"] for card in cards]
        assert figures["n"] == seeds
        assert figures["mean"] == pytest.approx(np.mean(figures["accuracies"]))
        assert figures["std"] == pytest.approx(np.std(figures["accuracies"], ddof=1))
    assert result["difference"] == pytest.approx(result["a"]["mean"] - result["b"]["mean"])
    if seeds < 3:
        assert result["p_value"] is result["difference_ci"] is None
        assert "too few runs" in result["verdict"]
    else:
        low, high = result["difference_ci"]
        assert low <= result["difference"] <= high
        assert 0 < result["p_value"] <= 1
        assert f"{seeds} each" in result["verdict"]


@pytest.mark.tensorflow
def test_compare_seeds_on_a_cluster(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SeededRuns] = []

    def keep(*arguments: Any) -> SeededRuns:
        made.append(compare_with_seeds(*arguments))
        return made[0]

    command = ["compare", "mlp", "cnn", "--seeds", "2", *SETTINGS]
    monkeypatch.setattr("mnistlab.jobs.seed_runs.compare_with_seeds", keep)
    with dask_cluster(tmp_path / "dask", "alpha", "beta") as dask:
        assert main([*command, "--scheduler", dask.address, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    check_seeds(result, 2)
    assert len(list_runs()) == 4
    # The same for people, without training again.
    monkeypatch.setattr("mnistlab.jobs.seed_runs.compare_with_seeds", lambda *_: made[0])
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == result["verdict"]
    for side in ("a", "b"):
        for figure in (*result[side]["accuracies"], result[side]["mean"], result[side]["std"]):
            assert percent(figure) in shown


@pytest.mark.tensorflow
def test_a_scheduler_lost_in_mid_run_is_one_line(tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask", "alpha") as dask:
        process = subprocess.Popen(
            [sys.executable, "-m", "mnistlab", "train", "cnn", "--epochs", "200"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"MNISTLAB_SCHEDULER": dask.address},
        )
        until(lambda: dask.trainings() or process.poll() is not None, "the training")
        assert process.stderr is not None
        assert process.poll() is None, process.stderr.read()
        dask.kill_scheduler()
        out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    note, line = errors.splitlines()
    assert note.startswith("Note: ")
    assert "connection to the Dask scheduler" in line


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["--seeds", "1"], "from 2 to 100"),
        (["--seeds", "101"], "from 2 to 100"),
        (["--epochs", "2"], "--epochs is for training, and nothing is trained without --seeds"),
        (["--batch-size", "9"], "--batch-size is for training"),
        (["--scheduler", NOBODY], "--scheduler is for training"),
        (["--seeds", "2", "--epochs", "0"], "from 1 to 200"),
    ],
)
def test_wrong_values_are_refused_before_any_training(
    arguments: list[str], remedy: str, capsys: Captured
) -> None:
    assert main(["compare", "mlp", "cnn", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert remedy in captured.err.splitlines()[-1]
    assert list_runs() == []


def test_only_models_that_can_be_trained_have_seeds(capsys: Captured) -> None:
    assert main(["compare", "mlp", "cnn-20260101-000000-abcd", "--seeds", "2"]) == 2
    assert "choose one of mlp, cnn" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train", "mlp"], ["compare", "mlp", "cnn", "--seeds", "2"]])
def test_a_scheduler_that_is_not_there_is_one_line(command: list[str]) -> None:
    """In a process of its own, for Dask speaks through logging and warnings."""
    environment = os.environ | {"MNISTLAB_SCHEDULER": "nonsense"}
    for arguments, address in (([], "nonsense"), (["--scheduler", NOBODY], NOBODY)):
        done = subprocess.run(
            [sys.executable, "-m", "mnistlab", *command, *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (1, "")
        note, line = done.stderr.splitlines()
        assert note.startswith("Note: ")  # that these are the digits
        assert line.startswith("mnistlab: ")
        assert f"The Dask scheduler at {address} does not answer" in line


def test_the_setting_names_a_scheduler_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert scheduler() is None
    monkeypatch.setenv("MNISTLAB_SCHEDULER", " ")
    assert scheduler() is None
    monkeypatch.setenv("MNISTLAB_SCHEDULER", " tcp://10.0.0.5:8786 ")
    assert scheduler() == "tcp://10.0.0.5:8786"


@pytest.mark.tensorflow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_all_trainings(tmp_path: Path) -> None:
    command = ["compare", "mlp", "cnn", "--seeds", "3", "--epochs", "200", "--batch-size", "8"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistlab", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"MNISTLAB_WORKERS": "2"},
    )
    family = psutil.Process(process.pid)
    until(
        lambda: len(family.children(recursive=True)) == 2 or process.poll() is not None,
        "two workers",
    )
    assert process.stderr is not None
    assert process.poll() is None, process.stderr.read()
    workers = family.children(recursive=True)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert psutil.wait_procs(workers, timeout=30)[1] == []
    assert list_runs() == []
