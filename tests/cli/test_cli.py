"""The command line as its users meet it: output, errors in one line, exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image, ImageDraw

from drivers.waiting import until
from mnistlab.cli import main
from mnistlab.cli.parser import make_parser
from mnistlab.images import Drawing
from mnistlab.texts import percent
from mnistlab.version import __version__

ONE = [[[140, 40], [140, 240]]]
ZERO = [[[140, 40], [80, 140], [140, 240], [200, 140], [140, 40]]]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A home of its own, on the digits, which are there on every machine."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """A one, a blank line, a line that is no JSON, an empty drawing, and a zero with a label."""
    path = tmp_path / "drawings.jsonl"
    lines = [
        json.dumps({"strokes": ONE}),
        "",
        "{no json",
        json.dumps({"strokes": []}),
        json.dumps({"strokes": ZERO, "label": "0", "donor": "me"}),
    ]
    path.write_text("\n".join(lines))
    return path


def run_json(capsys: Captured, *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def one_line(text: str) -> str:
    """The text, which must be one line from mnistlab."""
    assert text.count("\n") == 1, text
    assert text.startswith("mnistlab: ")
    return text


def test_version(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"mnistlab {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["nonsense"], ["train"], ["train", "mlp", "--epochs", "x"], ["predict"]]
)
def test_wrong_usage_is_one_line_that_points_to_help(
    arguments: list[str], capsys: Captured
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "--help" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["train", "forest"], "mlp, cnn"),
        (["train", "mlp", "--epochs", "0"], "from 1 to"),
        (["train", "mlp", "--fraction", "7"], "0.01 to 1"),
        (["train", "mlp", "--share", "7"], "0.01 to 1"),
        (["predict", "x.png", "--model", "nope"], "models list"),
        (["models", "remove", "../.."], "models list"),
        (["app", "--port", "99999"], "65535"),
        (["app", "--warm", "-1"], "0 to 64"),
    ],
)
def test_bad_values_are_one_line_with_the_remedy(
    arguments: list[str], remedy: str, capsys: Captured
) -> None:
    assert main(arguments) == 2
    *_, last = capsys.readouterr().err.splitlines()  # before it stands the note on the data
    assert remedy in one_line(last + "\n")


def test_the_fraction_of_the_data_is_called_as_on_the_page(capsys: Captured) -> None:
    for name in ("--fraction", "--share"):  # the second is the older name
        assert make_parser().parse_args(["train", "mlp", name, "0.5"]).fraction == 0.5
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    shown = capsys.readouterr().out
    assert "--fraction X" in shown
    assert "--share" not in shown


def test_failure_without_mnist_names_the_remedy(capsys: Captured) -> None:
    assert main(["data", "fetch"]) == 1
    assert "MNISTLAB_MNIST" in one_line(capsys.readouterr().err)


@pytest.mark.parametrize(
    "arguments", [["evaluate", "mlp"], ["compare", "mlp", "cnn"], ["train", "mlp"]]
)
def test_a_wrong_mnist_is_refused_rather_than_replaced(
    arguments: list[str], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", "/nope.npz")
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "/nope.npz" in one_line(captured.err)


def test_data_info(capsys: Captured) -> None:
    facts = run_json(capsys, "data", "info")
    assert facts["title"] == "scikit-learn digits"
    assert sum(facts["images"].values()) == 1797
    assert main(["data", "info"]) == 0
    shown = capsys.readouterr()
    assert facts["digest"] in shown.out
    assert "not MNIST" in shown.err


def test_models_list_has_the_pretrained_pair(capsys: Captured) -> None:
    rows = run_json(capsys, "models", "list")
    assert [row["model"] for row in rows] == ["mlp", "cnn"]
    assert main(["models", "list"]) == 0
    assert capsys.readouterr().out.count("%") == 2


def test_evaluate(capsys: Captured) -> None:
    figures = run_json(capsys, "evaluate", "cnn")
    assert figures["model"] == "cnn"
    assert figures["data"] == "digits"
    low, high = figures["accuracy_ci"]
    assert low < figures["accuracy"] < high
    assert np.trace(figures["confusion"]) == round(figures["accuracy"] * figures["n"])
    assert 0 < figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]
    wanted = {"f1_macro", "f1_weighted", "ece", "nll", "brier", "parameters"}
    assert wanted <= figures.keys()


def test_compare(capsys: Captured) -> None:
    result = run_json(capsys, "compare", "mlp", "cnn")
    a, b = result["a"], result["b"]
    assert (a["model"], b["model"]) == ("mlp", "cnn")
    four = [result[key] for key in ("both_right", "only_a", "only_b", "neither")]
    assert sum(four) == a["n"]
    assert result["difference"] == pytest.approx(a["accuracy"] - b["accuracy"])
    low, high = result["difference_ci"]
    assert low <= result["difference"] <= high
    assert 0 <= result["p_value"] <= 1
    assert main(["compare", "mlp", "cnn"]) == 0
    shown = capsys.readouterr().out
    assert percent(a["accuracy"]) in shown
    assert shown.splitlines()[-1] == result["verdict"]


def test_predict_drawings_in_order_past_a_bad_line(drawings: Path, capsys: Captured) -> None:
    assert main(["predict", str(drawings), "--json", "--single"]) == 2
    shown = capsys.readouterr()
    error = one_line(shown.err)
    assert str(drawings) in error
    assert "line 3" in error
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [(line["index"], line["model"]) for line in lines] == [
        (i, model) for i in (0, 2, 3) for model in ("mlp", "cnn")
    ]
    assert [line["digit"] for line in lines] == [1, 1, None, None, 0, 0]
    assert [line["label"] for line in lines] == [None] * 4 + ["0", "0"]
    assert [line["is_digit"] for line in lines] == [True, True, False, False, True, True]
    assert {line["source"] for line in lines} == {str(drawings)}
    for line in lines:
        if line["digit"] is not None:
            assert sum(line["probabilities"]) == pytest.approx(1, abs=1e-5)
            assert np.argmax(line["probabilities"]) == line["digit"]
        assert line["position"] == 0


def test_predict_images_past_bad_files(tmp_path: Path, capsys: Captured) -> None:
    good, blank, bad = tmp_path / "one.png", tmp_path / "blank.png", tmp_path / "text.png"
    image = Image.new("L", (100, 100), 255)
    image.save(blank)
    ImageDraw.Draw(image).line([(50, 15), (50, 85)], fill=0, width=9)
    image.save(good)
    bad.write_text("no image")
    files = [tmp_path / "missing.png", bad, tmp_path, blank, good]
    assert main(["predict", *map(str, files), "--model", "cnn", "--json"]) == 2
    shown = capsys.readouterr()
    errors = shown.err.splitlines()
    assert len(errors) == 3
    for file, error in zip(files, errors, strict=False):
        assert str(file) in error
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert [(line["source"], line["digit"]) for line in lines] == [
        (str(blank), None),
        (str(good), 1),
    ]


def test_predict_for_people(drawings: Path, capsys: Captured) -> None:
    main(["predict", str(drawings)])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert "no ink" in lines[2]
    assert "meant: 0" in lines[-1]


def written(form: str) -> str:
    """A one and a zero, or a zero alone, as JSON in some form."""
    one, zero = {"strokes": ONE}, {"size": 280, "strokes": ZERO, "label": "0"}
    if form == "lines":
        return f"\n{json.dumps(one)}\n{json.dumps(zero)}\n"
    if form == "page":
        return json.dumps(Drawing.from_dict(zero).to_dict())
    return {"indented": "", "with a mark": "\ufeff"}[form] + json.dumps(zero, indent=2)


@pytest.mark.parametrize("name", ["drawing.json", "drawing.txt", "drawing"])
@pytest.mark.parametrize("form", ["page", "indented", "with a mark", "lines"])
def test_predict_reads_drawings_whatever_their_file_is_called(
    tmp_path: Path, capsys: Captured, name: str, form: str
) -> None:
    path = tmp_path / name
    path.write_text(written(form), encoding="utf-8")
    assert main(["predict", str(path), "--model", "cnn", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = [(0, 1, None), (1, 0, "0")] if form == "lines" else [(0, 0, "0")]
    assert [(a["index"], a["digit"], a["label"]) for a in found] == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{\n "strokes": [[[1, 2],\n', "It is not JSON"),
        ("[\n1]", "This is not a drawing: expected an object"),
        ('{"label": "7"}', "This is not a drawing: expected an object"),
    ],
)
def test_predict_tells_what_is_wrong_with_a_file_of_json_in_one_line(
    tmp_path: Path, capsys: Captured, text: str, told: str
) -> None:
    path = tmp_path / "drawing.json"
    path.write_text(text)
    assert main(["predict", str(path)]) == 2
    assert told in one_line(capsys.readouterr().err)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_predict_reads_drawings_from_a_pipe(tmp_path: Path, capsys: Captured) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(written("indented"),), daemon=True)
    writer.start()
    assert run_json(capsys, "predict", str(pipe), "--model", "cnn")["digit"] == 0
    writer.join(30)


def test_predict_says_that_a_scribble_is_not_a_digit(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "scribble.jsonl"
    strokes = [[[40 + 10 * i, 60 + 160 * (i % 2)] for i in range(20)]]
    path.write_text(json.dumps({"strokes": strokes}) + "\n")
    main(["predict", str(path), "--model", "cnn"])
    said = capsys.readouterr().out
    assert "?  not recognised as a digit; the nearest guess is" in said
    assert "%" not in said


def test_predicting_many_is_as_fast_a_drawing_as_predicting_a_few(
    tmp_path: Path, capsys: Captured
) -> None:
    seconds = []
    for drawings in (60, 600):
        path = tmp_path / f"{drawings}.jsonl"
        path.write_text((json.dumps({"strokes": ZERO}) + "\n") * drawings)
        begun = time.process_time()
        assert main(["predict", str(path), "--json"]) == 0
        seconds.append(time.process_time() - begun)
        assert len(capsys.readouterr().out.splitlines()) == 2 * drawings
    assert seconds[1] < 40 * seconds[0]


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mnistlab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_module_passes_the_exit_status_on() -> None:
    with start("train", "forest") as process:
        assert process.wait(60) == 2


def test_only_json_on_stdout_and_nothing_on_stderr(drawings: Path) -> None:
    drawings.write_text(json.dumps({"strokes": ONE}))
    with start("predict", str(drawings), "--json") as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert [json.loads(line)["digit"] for line in out.splitlines()] == [1, 1]
    assert err == ""


@pytest.mark.skipif(os.name != "posix", reason="pipes break in another way elsewhere")
def test_a_reader_that_stops_early_is_no_error(drawings: Path) -> None:
    drawings.write_text((json.dumps({"strokes": ONE}) + "\n") * 1000)
    with start("predict", str(drawings), "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.tensorflow
def test_train_keeps_a_run_that_other_commands_take(capsys: Captured) -> None:
    flags = ["--epochs", "1", "--seed", "3", "--fraction", "0.5"]
    first = run_json(capsys, "train", "mlp", *flags)
    again = run_json(capsys, "train", "mlp", *flags)
    assert first["weights_digest"] == again["weights_digest"]
    assert first["run"] != again["run"]
    assert first["seconds"] > 0
    figures = run_json(capsys, "evaluate", first["run"])
    assert figures["accuracy"] == pytest.approx(first["scores"]["accuracy"])
    assert main(["models", "remove", again["run"]]) == 0
    assert [row["model"] for row in run_json(capsys, "models", "list")][2:] == [first["run"]]


@pytest.mark.tensorflow
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C cannot be sent to one process elsewhere")
def test_ctrl_c_ends_a_training_and_its_worker() -> None:
    with start("train", "cnn", "--epochs", "100") as process:
        main_process = psutil.Process(process.pid)
        until(main_process.children, "the worker", 60)
        workers = main_process.children()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert "nothing of it was kept" in process.stderr.read()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert gone
    assert not alive
    assert not list(Path(os.environ["MNISTLAB_HOME"]).glob("runs/*"))
