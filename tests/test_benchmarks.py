"""Each benchmark runs to its end on tiny input, so that none is found broken when it is needed."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module, util
from inspect import signature
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest

from benchmarks import apps, drawings
from benchmarks import prediction as prediction_benchmark
from benchmarks.__main__ import NAMES
from benchmarks.alternatives import environment
from benchmarks.handwriting import of_files
from benchmarks.results import Comparison, Table, read, render, write
from benchmarks.ways import ways
from drivers.fleet import NO_HAPROXY, haproxy_path
from mnistlab.data import Dataset
from mnistlab.jobs import submit
from mnistlab.models import TrainingConfig
from mnistlab.models.card import RUN_FILES
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.training import events

IN_CHROMIUM = {"page", "pad", "apps", "explore", "serving"}
TRAINING = {"training"}
SAID = {
    "prediction": "preprocessing  p50",
    "handwriting": "taken for digits",
    "letters": "letters answered with ?",
    "strings": "stay one piece",
    "photos": "report photos:",
    "page": "a warm kernel, return visit: a pad after",
    "pad": "2 strokes on a quiet page",
    "apps": "mouse-up to answer shown, median: MNIST Lab",
    "kernel": "heavy modules: none",
    "explore": "the kernel:",
    "training": "same seed again: identical weights",
    "cluster": "2 of 2 runs have the weights digest",
    "serving": "a visitor who looks",
    "fleet": "rolling restart of both servers",
}
SHAPES = {
    "0": [[[140, 40], [85, 100], [85, 190], [140, 240], [195, 190], [195, 100], [140, 40]]],
    "1": [[[140, 40], [135, 240]]],
    "3": [[[90, 60], [150, 45], [190, 80], [140, 130], [195, 170], [160, 230], [85, 220]]],
    "7": [[[80, 70], [180, 70], [125, 215]]],
}


@pytest.fixture(autouse=True)
def tiny_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn's digits, and four drawings of each of the four writers."""
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_MNIST", "")
    file = tmp_path / "drawings.jsonl"
    rows = [
        {"label": label, "donor": donor, "strokes": strokes}
        for donor in ("aga", "art", "imp", "uqb")
        for label, strokes in SHAPES.items()
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(drawings, "FILE", file)
    monkeypatch.setattr(drawings, "TEST_FILE", file)


class StandIn:
    """A job without TensorFlow, in a thread: a few events, then a run, or until it is cancelled."""

    def __init__(
        self,
        config: TrainingConfig,
        dataset: Dataset,
        on_event: Callable[[events.Event], None] | None,
        runs: Path,
    ) -> None:
        self._config, self._dataset, self._runs = config, dataset, runs
        self._tell = on_event or (lambda event: None)
        self._cancelled = threading.Event()
        self.name = f"{config.model}-{len(list(runs.glob('*'))):04d}"
        (runs / self.name).mkdir(parents=True)
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        self._tell(events.Started(self._config.epochs, 100, 1000))
        self._tell(events.Progress(1, self._config.epochs, 60, 100, 0.5, 0.8, 1.0, 9.0))
        if self._config.epochs >= 20:
            self._cancelled.wait(60)
        write_run(self._runs / self.name, self._config, self._dataset)
        self._tell(events.Finished(self.name, 0.9, 1.0))

    def cancel(self) -> None:
        self._cancelled.set()

    def wait(self, timeout: float | None = None) -> bool:
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self, timeout: float | None = None) -> str:
        self.wait(timeout)
        return self.name


def write_run(folder: Path, config: TrainingConfig, dataset: Dataset) -> None:
    """A run folder as a training leaves it, with the pretrained model in it."""
    model = PRETRAINED_FOLDER / f"{config.model}.tflite"
    (folder / "model.tflite").write_bytes(model.read_bytes())
    for name in RUN_FILES - {"model.tflite"}:
        (folder / name).write_bytes(b"")
    files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in RUN_FILES}
    card = {
        "name": folder.name,
        "title": config.title,
        "architecture": config.model,
        "config": config.to_dict(),
        "seed": config.seed,
        "data": {"name": dataset.name, "digest": dataset.digest},
        "parameters": 1000,
        "training_seconds": 1.0,
        "test_accuracy": 0.9,
        "file_size": 1000,
        "weights_digest": hashlib.sha256(repr(config).encode()).hexdigest(),
        "created": "2026-11-26T10:00:00",
        "files": files,
    }
    (folder / "run.json").write_text(json.dumps(card))


def marked(name: str) -> Any:
    """The benchmark with the markers of what it needs."""
    marks = [pytest.mark.browser] * (name in IN_CHROMIUM)
    return pytest.param(name, marks=[*marks, *[pytest.mark.tensorflow] * (name in TRAINING)])


def need_chromium() -> None:
    if not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("no Chromium or Chrome found; install one to run the browser tests")


def run(main: Callable[[], None]) -> None:
    """In a thread: Playwright refuses a second browser in the thread of the browser tests' own."""

    def strictly() -> None:
        with np.errstate(invalid="raise"):
            main()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(strictly).result()


@pytest.mark.parametrize("name", [marked(name) for name in NAMES])
def test_a_small_run_ends_with_figures(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name in IN_CHROMIUM:
        need_chromium()
    if name == "fleet" and haproxy_path() is None:
        pytest.skip(NO_HAPROXY)
    benchmark = import_module(f"benchmarks.{name}")
    if hasattr(benchmark, "submit"):  # its own trainings would take most of a minute
        calls_as_ever = create_autospec(
            submit,
            side_effect=lambda config, dataset, on_event=None, runs=None, scheduler=None: StandIn(
                config, dataset, on_event, runs
            ),
        )
        monkeypatch.setattr(benchmark, "submit", calls_as_ever)
    run(lambda: benchmark.main(**benchmark.SMALL))
    said = capfd.readouterr().out
    assert SAID[name] in said, said
    assert "nan" not in said.split(), said


@pytest.mark.soak  # half a minute or so each
@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("pad", {"training": True}, "updates a second"),
        ("serving", {"parts": ("binder",)}, "as on Binder:"),
        ("serving", {"parts": ("class",)}, "after drawing:"),
        ("serving", {"parts": ("explore",)}, "every part of Explore opened"),
        ("serving", {"parts": ("warm",)}, "the usable page:"),
        ("serving", {"parts": ("visits",)}, "kernels gone within"),
    ],
)
def test_the_longer_parts_end_too(
    name: str, more: dict[str, object], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    need_chromium()
    benchmark = import_module(f"benchmarks.{name}")
    run(lambda: benchmark.main(**benchmark.SMALL | more))
    assert said in capfd.readouterr().out


@pytest.mark.parametrize(
    ("label", "strokes", "way"),
    [
        ("0", SHAPES["0"], "plain 0"),
        ("0", [*SHAPES["0"], [[200, 50], [80, 230]]], "slashed 0"),
        ("1", SHAPES["1"], "plain 1"),
        ("1", [[[110, 80], [140, 40], [135, 240]]], "flagged 1"),
        ("1", [[[140, 40], [135, 240]], [[140, 40], [110, 80]]], "flagged 1"),
        ("1", [[[140, 40], [135, 240]], [[110, 240], [160, 240]]], "plain 1"),
        ("4", [[[90, 40], [80, 150], [210, 150]], [[180, 40], [175, 240]]], "open 4"),
        ("4", [[[170, 40], [80, 160], [210, 160]], [[170, 40], [165, 240]]], "closed 4"),
        ("7", SHAPES["7"], "plain 7"),
        ("7", [*SHAPES["7"], [[110, 140], [190, 140]]], "barred 7"),
        ("1", SHAPES["1"], "slim"),
        ("7", [[[0, 0], [200, 0], [150, 90]]], "wide"),
        ("3", SHAPES["3"], "1 stroke"),
        ("5", [[[0, 0], [0, 9]], [[0, 0], [9, 0]], [[5, 5], [9, 9]]], "3+ strokes"),
        ("8", [[[5, 5]]], "1 stroke"),
    ],
)
def test_ways_of_writing_are_told_from_the_strokes(
    label: str, strokes: list[list[list[float]]], way: str
) -> None:
    assert way in ways(strokes, label)
    larger = [[[3 * x + 50, 3 * y + 9] for x, y in stroke] for stroke in strokes]
    assert ways(larger, label) == ways(strokes, label)


def test_handwriting_of_files_is_labelled_for_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = drawings.FILE.read_text()
    for name in ("dev.jsonl", "mine.jsonl"):
        (tmp_path / name).write_text(rows + '{"label": "A", "strokes": [[[1, 1]]]}\n')
    monkeypatch.setattr(drawings, "FILE", tmp_path / "dev.jsonl")
    of_files([tmp_path / "dev.jsonl", tmp_path / "mine.jsonl"])
    said = capsys.readouterr().out
    assert "dev.jsonl: tuning data" in said
    assert "mine.jsonl: given by you" in said
    for part in ("all", "writer aga", "digit 7", "plain 7", "1 stroke"):
        assert re.search(rf"^  {part} +\d+( +[\d.]+%){{4}}$", said, re.MULTILINE), said
    assert re.search(r"^  all +16 ", said, re.MULTILINE)


def test_handwriting_refuses_drawings_that_were_trained_on_and_files_without_digits(
    tmp_path: Path,
) -> None:
    for name in ("pen-digits-train.jsonl", "pen-letters-train.jsonl"):
        with pytest.raises(SystemExit, match="was trained on"):
            of_files([tmp_path / name])
    (tmp_path / "letters.jsonl").write_text('{"label": "A", "strokes": [[[1, 1]]]}\n')
    with pytest.raises(SystemExit, match="no drawings that are labelled with a digit"):
        of_files([tmp_path / "letters.jsonl"])


def test_all_benchmarks_are_in_the_list() -> None:
    folder = Path(drawings.__file__).parent
    helpers = {"__init__", "__main__", "drawings", "results", "ways"}
    assert {path.stem for path in folder.glob("*.py")} - helpers == set(NAMES)


def test_an_unknown_benchmark_is_refused_before_any_runs() -> None:
    command = [sys.executable, "-m", "benchmarks", "letters", "nonsense"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "there is no nonsense; choose among prediction" in done.stderr
    assert done.stdout == ""


FASTER = Comparison("a page", "s", (1.0, 2.0, 4.0), {"Flask": (8.0,), "Dash": (1.0, 3.0)}, "make a")
RIGHT = Comparison("right", "%", (98.0,), {"Flask": (49.0,)}, "make b", False, "Of ten drawings.")


def test_a_comparison_has_medians_spreads_and_ratios() -> None:
    assert FASTER.medians == {"MNIST Lab": 2.0, "Flask": 8.0, "Dash": 2.0}
    assert FASTER.spreads["MNIST Lab"] == (1.0, 4.0)
    assert FASTER.ratios == {"Flask": 4.0, "Dash": 1.0}
    assert RIGHT.ratios == {"Flask": 2.0}
    assert str(FASTER).startswith("a page: MNIST Lab 2 s (1 to 4)   Flask 8 s, 4×   ")


def test_results_have_a_table_for_each_command(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write([FASTER, RIGHT], path)
    text = path.read_text()
    assert "| a page | 2 s (1 to 4) | 8 s | 2 s (1 to 3) | 4× Flask, 1× Dash |" in text
    assert "| right (1) | 98 % | 49 % | 2× |" in text
    assert "1. Of ten drawings." in text
    for part in ("## `make a`", "## `make b`", "cores", "Python 3."):
        assert part in text


def test_a_partial_run_keeps_the_other_tables(tmp_path: Path) -> None:
    path = tmp_path / "RESULTS.md"
    write([FASTER, RIGHT], path)
    before = read(tmp_path / "results.json")
    again = Comparison("right", "%", (99.0,), {}, "make b", lower_is_better=False)
    write([again], path, "make bench ARGS=quick")
    after = read(tmp_path / "results.json")
    assert after["make a"] == before["make a"]
    assert after["make b"].comparisons == (again,)
    assert "measured by `make bench ARGS=quick`" in path.read_text()
    assert "| right | 99 % |  |" in path.read_text()


def test_what_was_left_out_leaves_no_column() -> None:
    alone = Comparison("a page", "s", (0.123456,), {}, "make a")
    table = Table((alone,), "make a", "today", "abc", "a machine", {"Python": "3"})
    assert "| a page | 0.123 s |  |" in render({"make a": table})


def test_published_results_are_those_of_the_json_file() -> None:
    results = Path(drawings.__file__).with_name("RESULTS.md")
    if results.is_file():
        assert results.read_text() == render(read(results.with_name("results.json")))


def test_a_quick_run_knows_the_arguments_of_its_benchmarks() -> None:
    quick = [import_module(f"benchmarks.{name}") for name in NAMES]
    chosen = [module for module in quick if hasattr(module, "QUICK")]
    assert apps in chosen
    assert prediction_benchmark in chosen
    for module in chosen:
        signature(module.main).bind(**module.QUICK)


def test_without_a_network_other_frameworks_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "alternatives")
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    assert environment.python() is None
    assert "Streamlit and Gradio are left out: MNISTLAB_OFFLINE is 1" in capsys.readouterr().out
    assert not environment.FOLDER.exists()


def test_pytorch_is_found_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.executable) if util.find_spec("torch") else None
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "alternatives")
    assert environment.torch_python() == own
    with_torch = tmp_path / "alternatives" / "bin" / "python"
    with_torch.parent.mkdir(parents=True)
    with_torch.write_text("#!/bin/sh\nexit 0\n")
    with_torch.chmod(0o755)
    assert environment.torch_python() == (own or with_torch)


def test_a_failed_installation_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("no-such-package-of-mnistlab==1\n")
    monkeypatch.setattr(environment, "FOLDER", tmp_path / "alternatives")
    monkeypatch.setattr(environment, "LOCK", lock)
    monkeypatch.delenv("MNISTLAB_OFFLINE")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert environment.python() is None
    said = capsys.readouterr().out
    assert re.search(r"left out, for they cannot be installed: .*no-such-package", said), said
