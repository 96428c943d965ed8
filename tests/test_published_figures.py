"""Figures of the README come from data that tuned nothing, and are those that are measured."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import benchmarks.drawings
import benchmarks.handwriting
import benchmarks.photos
from mnistlab.models import load_classifier

ROOT = Path(__file__).parents[1]
STROKES = [[[100, 60], [180, 60], [120, 220]]]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def figures(row: str) -> dict[str, float]:
    """The percentages of a row of the README's table by model: its columns are CNN and MLP."""
    (line,) = [line for line in README.splitlines() if line.startswith("|") and row in line]
    values = re.findall(r"\| ([\d.]+) %", line)
    return dict(zip(("CNN", "MLP"), map(float, values), strict=True))


@pytest.mark.parametrize("name", ["handwriting", "photos"])
def test_published_benchmarks_never_read_the_tuning_data(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: list[Path] = []

    def one_drawing(file: Path, count: int | None) -> list[dict[str, object]]:
        read.append(file)
        return [{"label": "7", "donor": "uci", "strokes": STROKES}]

    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.setattr(benchmarks.drawings, "_read", one_drawing)
    getattr(benchmarks, name).main()
    assert [file.name for file in read] == ["pen-digits-test.jsonl"]
    assert "100.00%" in capsys.readouterr().out


def test_tuning_data_is_labelled_wherever_it_is_named() -> None:
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/*.py"),
                 *ROOT.glob("scripts/*.py"), *ROOT.glob("mnistlab/**/*.py")]:  # fmt: skip
        for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
            if "drawings-dev" in paragraph:
                assert "uning data" in paragraph, f"{path}: {paragraph}"
    assert "1,416" not in README


@pytest.mark.shared
def test_the_readme_says_what_is_measured_on_the_test_drawings() -> None:
    rows = benchmarks.drawings.held_out_rows()
    labels = np.array([int(row["label"]) for row in rows])
    strokes = [row["strokes"] for row in rows]
    recipe = benchmarks.handwriting._images(strokes, benchmarks.handwriting._as_drawn)
    resized = benchmarks.handwriting._images(strokes, benchmarks.handwriting._resized)
    assert f"{len(rows):,} digits" in README
    for name in ("cnn", "mlp"):
        model, title = load_classifier(name), name.upper()
        outputs = model.read(recipe)
        right = outputs.probabilities.argmax(1) == labels
        shown = right & (outputs.digit_scores >= model.digit_threshold)
        small = model.predict_proba(resized).argmax(1) == labels
        for row, value in (
            ("the pen drawings: right", right),
            ("right, and shown", shown),
            ("merely resized", small),
        ):
            assert figures(row)[title] == round(100 * float(value.mean()), 1), row
