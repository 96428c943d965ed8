"""Commands whose streams are closed, full or a terminal that would obey what is printed on it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from mnistlab.cli import main
from mnistlab.models.store import PRETRAINED_FOLDER

pytestmark = pytest.mark.skipif(os.name != "posix", reason="shells close streams on POSIX")

Captured = pytest.CaptureFixture[str]
ONE = [[[140, 40], [140, 240]]]
NASTY = "7\x1b[2J\x1b]0;owned\x07\r\n\x9b31m\u202e\u2028"


@pytest.fixture(autouse=True)
def own_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.jsonl").write_text(json.dumps({"strokes": ONE, "label": "1"}))


def run(streams: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Python as a shell would with some streams closed or sent elsewhere."""
    shell = ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, *command]
    return subprocess.run(shell, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["--version"], 0),
        (["nonsense"], 2),
        (["data", "info", "--json"], 0),
        (["models", "list"], 0),
        (["predict", "one.jsonl", "--json"], 0),
        (["predict", "one.jsonl", "missing.png"], 2),
        (["data", "fetch"], 1),
    ],
)
def test_closed_streams_change_nothing_else(command: list[str], status: int) -> None:
    usual = run("", "-m", "mnistlab", *command)
    assert usual.returncode == status
    assert "Traceback" not in usual.stderr
    without_stderr = run("2>&-", "-m", "mnistlab", *command)
    assert (without_stderr.returncode, without_stderr.stdout) == (status, usual.stdout)
    without_stdout = run(">&-", "-m", "mnistlab", *command)
    assert (without_stdout.returncode, without_stdout.stderr) == (status, usual.stderr)
    assert run("<&- >&- 2>&-", "-m", "mnistlab", *command).returncode == status


def test_notes_do_not_turn_up_among_the_results() -> None:
    # Python prints to standard output what is meant for a standard error that is closed.
    told = run("2>&-", "-m", "mnistlab", "evaluate", "mlp", "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout)["data"] == "digits"


def test_a_library_that_writes_to_standard_error_does_not_write_into_a_file(
    tmp_path: Path,
) -> None:
    told = run("2>&-", "-m", "mnistlab", "models", "export", "cnn", "--out", "cnn.tflite")
    assert told.returncode == 0
    written = (tmp_path / "cnn.tflite").read_bytes()
    assert written == (PRETRAINED_FOLDER / "cnn.tflite").read_bytes()


def test_the_library_loads_a_model_without_standard_error() -> None:
    code = (
        "import numpy as np, mnistlab\n"
        "model = mnistlab.load_classifier('mlp')\n"
        "print(model.predict_proba(np.zeros((3, 28, 28), np.uint8)).shape)"
    )
    told = run("2>&-", "-c", code)
    assert (told.returncode, told.stdout) == (0, "(3, 10)\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_is_one_line_and_a_status() -> None:
    told = run(">/dev/full", "-m", "mnistlab", "models", "list")
    assert told.returncode == 1
    assert told.stderr.startswith("mnistlab: ")
    assert told.stderr.count("\n") == 1
    assert run("2>/dev/full", "-m", "mnistlab", "evaluate", "nope").returncode == 2


def test_the_message_stays_out_of_what_is_written_to_standard_output() -> None:
    shell = f'"{sys.executable}" -m mnistlab models export cnn --format json --out /dev/stdout'
    told = subprocess.run(
        ["sh", "-c", shell + " | cat"], capture_output=True, text=True, timeout=120, check=True
    )
    assert json.loads(told.stdout)["architecture"] == "cnn"
    assert "bytes" in told.stderr


def test_titles_are_printed_where_only_ascii_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "home" / "runs" / "Größe").mkdir(parents=True)
    told = run("", "-m", "mnistlab", "models", "list")
    assert told.returncode == 0
    assert "Gr\\xf6\\xdfe" in told.stdout


def unseen(text: str) -> set[str]:
    """The characters of lines of text that steer a terminal rather than show something."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return {c for c in text if c != "\n" and unicodedata.category(c) in kinds}


def test_what_is_in_files_does_not_steer_the_terminal(tmp_path: Path, capsys: Captured) -> None:
    name = NASTY.replace("\u2028", "") + ".jsonl"
    lines = [json.dumps({"strokes": ONE, "label": NASTY}), "no json", NASTY.replace("\n", "")]
    (tmp_path / name).write_text("\n".join(lines), encoding="utf-8", newline="")
    assert main(["predict", name, "gone" + name, "--model", "cnn"]) == 2
    shown = capsys.readouterr()
    assert not unseen(shown.out + shown.err)
    # A line each: the name's own line end made no other.
    assert shown.out.count("\n") == 1
    assert shown.err.count("\n") == 3
    assert "(meant: 7\\x1b[2J" in shown.out


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", NASTY],
        ["predict", "one.jsonl", "--model", NASTY],
        ["models", "remove", NASTY],
        ["models", "export", "cnn", "--format", NASTY],
        ["models", "export", "cnn", "--out", NASTY + "/x"],
        ["kaggle", NASTY],
        ["train", NASTY],
        ["train", "mlp", "--schedule", NASTY],
        ["train", "mlp", "--epochs", NASTY],
        [NASTY],
    ],
)
def test_arguments_do_not_steer_the_terminal(command: list[str], capsys: Captured) -> None:
    try:
        status = main(command)
    except SystemExit as end:
        status = int(str(end.code))
    shown = capsys.readouterr()
    assert status == 2
    assert not unseen(shown.out + shown.err)
    *notes, last = shown.err.splitlines()
    assert last.startswith("mnistlab: ")
    assert all(note.startswith("Note: ") for note in notes)


def test_names_of_runs_and_files_do_not_steer_the_terminal(
    tmp_path: Path, capsys: Captured
) -> None:
    for name in (NASTY, os.fsdecode(b"\xff\xfe")):
        (tmp_path / "home" / "runs" / name).mkdir(parents=True)
    out = NASTY + ".tflite"
    assert main(["models", "export", "cnn", "--out", out]) == 0
    assert (tmp_path / out).is_file()
    assert main(["models", "list"]) == 0
    shown = capsys.readouterr().out
    assert not unseen(shown)
    assert shown.count("\n") == 5


def test_the_folder_of_the_data_does_not_steer_the_terminal(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / NASTY))
    assert main(["data", "info"]) == 0
    assert main(["data", "fetch"]) == 1
    shown = capsys.readouterr()
    assert not unseen(shown.out + shown.err)


def test_only_the_terminal_module_prints() -> None:
    # The one place where text is made safe must not be passed by.
    source = Path(__file__).parents[2] / "mnistlab"
    allowed = {source / "cli" / "terminal.py", source / "server" / "app.py"}
    for path in source.rglob("*.py"):
        if path not in allowed:
            calls = [
                node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
            ]  # fmt: skip
            assert not calls, f"{path} prints past mnistlab.cli.terminal"
