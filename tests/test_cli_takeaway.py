"""What the command line gives to take away: reports, submissions, files of models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.cli import main
from mnistlab.data import Dataset
from mnistlab.data.kaggle import PIXELS
from mnistlab.models.store import PRETRAINED_FOLDER

Captured = pytest.CaptureFixture[str]


def test_report_is_one_file_that_needs_no_other(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "report.html"
    assert main(["report", "mlp", "cnn", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    page = out.read_text(encoding="utf-8")
    assert "<script" not in page
    for outside in ("http:", "https:", "url(", "<link"):
        assert outside not in page
    for text in ("Verdict", "Confusion", "By digit", "The images that decide", "SHA-256"):
        assert text in page


def test_report_of_no_model_is_refused(tmp_path: Path, capsys: Captured) -> None:
    assert main(["report", "mlp", "nothing", "--out", str(tmp_path / "r.html")]) == 2
    assert "There is no model 'nothing'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_kaggles_test_file_becomes_a_submission(
    tmp_path: Path, capsys: Captured, mnist: Dataset
) -> None:
    images = np.asarray(mnist.x_test)[np.arange(28_000) % 50]
    lines = [",".join(PIXELS)]
    texts = [",".join(map(str, image.ravel().tolist())) for image in images[:50]]
    lines += [texts[i % 50] for i in range(28_000)]
    (tmp_path / "test.csv").write_text("\n".join(lines))
    out = tmp_path / "submission.csv"
    command = ["kaggle", str(tmp_path / "test.csv"), "--model", "mlp", "--out", str(out), "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 28_000
    answers = [line.split(",") for line in out.read_text().splitlines()]
    assert answers[0] == ["ImageId", "Label"]
    right = np.array([int(label) for _, label in answers[1:51]]) == mnist.y_test[:50]
    assert right.mean() > 0.8


def test_a_wrong_kaggle_file_is_refused_with_its_line(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "test.csv"
    path.write_text(",".join(PIXELS) + "\n" + ",".join(["0"] * 783) + "\n")
    assert main(["kaggle", str(path), "--model", "cnn", "--out", str(tmp_path / "s.csv")]) == 2
    assert "test.csv, line 2: 783 values; give 784" in capsys.readouterr().err
    path.write_text(",".join(PIXELS) + "\n" + ",".join(["0"] * 784) + "\n")
    assert main(["kaggle", str(path), "--model", "cnn", "--out", str(tmp_path / "s.csv")]) == 2
    assert "28,000 answers, not 1" in capsys.readouterr().err


def test_models_export(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "model"
    assert main(["models", "export", "cnn", "--format", "tflite", "--out", str(out)]) == 0
    assert out.read_bytes() == (PRETRAINED_FOLDER / "cnn.tflite").read_bytes()
    assert main(["models", "export", "mlp", "--format", "json", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["architecture"] == "mlp"
    capsys.readouterr()
    assert main(["models", "export", "mlp", "--format", "keras", "--out", str(out)]) == 2
    assert "take its tflite or json" in capsys.readouterr().err
