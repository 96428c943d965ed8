"""What works after `pip install mnistlab` where neither LiteRT nor TensorFlow has a package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Python runs it at the start of each process, also of those that the first one starts.
HIDE = """
import sys

for name in ("ai_edge_litert", "tensorflow", "keras"):
    sys.modules[name] = None  # so that its import fails, and `find_spec` finds nothing
"""
SEVEN = [[70, 60], [140, 60], [210, 60], [170, 140], [140, 210], [130, 240]]
OPEN_TABS = """
import json, sys
from mnistlab.ui import Dashboard

dashboard = Dashboard()
dashboard.open_tab("explore")
dashboard.open_tab("compare")
predict, compare = dashboard.tabs["predict"], dashboard.tabs["compare"]
first, *others = json.loads(sys.argv[1])
predict.pad.press(*first)
for point in others:
    predict.pad.move(*point)
predict.pad.release()
compare.wait()
print(json.dumps({
    "tabs": sorted(dashboard.tabs),
    "status": [dashboard.app.status, dashboard.app.status_kind],
    "digits": [answer.text for answer in predict.state.reading.answers],
    "backends": sorted({model.backend for model in predict.state.models.values()}),
    "problem": compare.state.problem,
    "can_train": not compare.configure.train.disabled,
    "evaluated": sorted(compare.state.evaluations),
}))
"""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a process without LiteRT, TensorFlow and Keras."""
    (tmp_path / "sitecustomize.py").write_text(HIDE)
    places = [str(tmp_path), str(ROOT)]
    home = {"MNISTLAB_HOME": str(tmp_path / "home"), "MNISTLAB_MNIST": "", "MNISTLAB_OFFLINE": "1"}
    return {**os.environ, **home, "PYTHONPATH": os.pathsep.join(places), "MNISTLAB_BACKEND": ""}


def run(bare: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=bare, check=False)


def test_predict_reads_a_drawing(bare: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "seven.jsonl"
    file.write_text(json.dumps({"strokes": [SEVEN]}))
    done = run(bare, "-m", "mnistlab", "predict", str(file), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["model"], each["digit"]) for each in answers] == [("mlp", 7), ("cnn", 7)]


def test_evaluate_says_what_computed_the_answers(bare: dict[str, str]) -> None:
    done = run(bare, "-m", "mnistlab", "evaluate", "mlp", "--json")
    found = json.loads(done.stdout)
    assert found["backend"] == "numpy"
    assert found["accuracy"] > 0.8


def test_train_is_one_line(bare: dict[str, str]) -> None:
    done = run(bare, "-m", "mnistlab", "train", "mlp")
    assert done.returncode == 1
    assert "Training needs TensorFlow" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    code = (
        "import mnistlab\n"
        "try:\n    mnistlab.train(mnistlab.TrainingConfig('mlp'), mnistlab.load_digits())\n"
        "except mnistlab.TrainingError as error:\n    print(error)"
    )
    assert "Training needs TensorFlow" in run(bare, "-c", code).stdout


@pytest.mark.timeout(300)
def test_explore_and_predict_work_and_train_says_what_is_missing(bare: dict[str, str]) -> None:
    done = run(bare, "-c", OPEN_TABS, json.dumps(SEVEN))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tabs"] == ["compare", "explore", "predict"]
    assert found["status"][1] != "error", found["status"]
    assert found["digits"] == ["7", "7"]
    assert found["backends"] == ["numpy"]
    assert found["problem"].startswith("Training needs TensorFlow")
    assert not found["can_train"]
    assert found["evaluated"] == ["cnn", "mlp"]
