"""What the texts of the page, the docs and the notebooks say of other people's work is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.data.label_errors import LABEL_ERRORS, corrected_test_labels
from mnistlab.images import Drawing
from mnistlab.metrics.comparison import compare_predictions
from mnistlab.metrics.evaluation import pair_up
from mnistlab.models import Run, load_classifier
from mnistlab.models.card import Card
from mnistlab.report.html import build_report
from mnistlab.study.evaluation import evaluate
from mnistlab.texts import counted, duration
from mnistlab.ui.compare.runs import describe_run
from mnistlab.ui.explore import ExploreTab
from mnistlab.ui.explore.outliers import _labels
from mnistlab.ui.state import AppState

ROOT = Path(__file__).parents[1]
# The label study asked five raters about an image; what it calls an error is what most answered.
UNANIMITY = re.compile(
    r"\b(?:five|all|every|each)(?: of(?: the)?)?(?: five)? (?:people|persons?|readers?|raters?)"
    r"(?: each)? (?:read|saw|see|say|said|agree|disagree|answer|confirm)"
    r"|\bunanim|\bpeople read (?:an? |[{\d])|\bpeople disagree",
    re.IGNORECASE,
)


@pytest.fixture
def like_mnist(digits: Dataset) -> Dataset:
    """Images of scikit-learn's digits, with MNIST's test labels where the study doubts them."""
    labels = np.arange(10_000, dtype=np.uint8) % 10
    for error in LABEL_ERRORS:
        labels[error.index] = error.given
    images = digits.x_test[np.arange(10_000) % len(digits.x_test)]
    return replace(digits, name="mnist", title="MNIST", x_test=images, y_test=labels, folder=None)


def texts() -> Iterator[tuple[str, str]]:
    """Each source of text for people, and its words in one line without the quotes of Python."""
    for folder, kind in (("mnistlab", "*.py"), ("docs", "*.md"), (".", "*.md")):
        for path in sorted((ROOT / folder).rglob(kind) if kind == "*.py" else
                           (ROOT / folder).glob(kind)):  # fmt: skip
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in sorted(ROOT.glob("notebooks/*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield path.name, "\n".join("".join(cell["source"]) for cell in cells)


def test_no_text_claims_that_all_raters_said_the_same() -> None:
    assert UNANIMITY.search("five people read a 9")
    assert UNANIMITY.search("that five raters each disagreed with")
    for name, text in texts():
        found = UNANIMITY.search(re.sub(r"[\s\"'#]+", " ", text))
        assert found is None, f"{name}: {found and found[0]}"


# Words that strangers stumbled over, and what the page says instead.
REPLACED = re.compile(
    r"for want of memory|stays yours|choose a door|surest|it is no file|is no setting",
    re.IGNORECASE,
)


def test_no_text_uses_words_that_strangers_did_not_understand() -> None:
    for name, text in texts():
        found = REPLACED.search(re.sub(r"[\s\"'#]+", " ", text))
        assert found is None, f"{name}: {found and found[0]}"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (12.4, "12 s"), (119.4, "119 s"), (119.6, "2 min"), (840, "14 min"),
        (7100, "118 min"), (7199, "2 h"), (78369, "22 h"),
    ],
)  # fmt: skip
def test_durations_are_in_the_unit_that_people_choose(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_one_of_something_is_singular() -> None:
    assert [counted(n, "epoch") for n in (0, 1, 2000)] == ["0 epochs", "1 epoch", "2,000 epochs"]
    drawing = Drawing.from_strokes([[[1, 1]]])
    assert repr(drawing) == "<Drawing of 1 stroke, 1 point>"
    one = compare_predictions([1], np.eye(10)[[1]], np.eye(10)[[2]])
    assert "on this test image (" in one.verdict("MLP", "CNN")
    config = {"epochs": 1, "seed": 0}
    card: Card = {"title": "Mine", "test_accuracy": 0.5, "config": config, "created": "2026"}
    assert "1 epoch ·" in describe_run(Run("mine", Path(), card))


def test_the_open_image_says_what_most_raters_read(like_mnist: Dataset) -> None:
    tab = ExploreTab(AppState(dataset=like_mnist))
    for error in LABEL_ERRORS:
        note = tab.item._label_note("test", error.index)
        assert error.finding in note
        assert "most raters" in note or "did not agree" in note
        assert not UNANIMITY.search(note)
    assert tab.item._label_note("test", 0) == ""
    assert "most of five raters" in _labels(tab.state.material).text


def test_the_report_says_what_most_raters_read(like_mnist: Dataset) -> None:
    rows = [947, 1621, 2130]
    few = replace(like_mnist, x_test=like_mnist.x_test[rows], y_test=like_mnist.y_test[rows])
    pair = [evaluate(load_classifier(name), few.x_test, few.y_test, 5) for name in ("mlp", "cnn")]
    # Neither is right, so all three are among the pictures.
    wrong = [replace(e, y_proba=np.eye(10, dtype=np.float32)[[2, 2, 2]]) for e in pair]
    labels, keep = corrected_test_labels(like_mnist)
    corrected = pair_up(wrong[0], wrong[1], labels[rows], keep[rows])
    text = build_report(pair_up(wrong[0], wrong[1], few.y_test), few, corrected=corrected)
    assert "most raters read 9" in text
    assert "most raters read 6" in text
    assert "no agreed label" in text
    assert not UNANIMITY.search(re.sub(r"<[^>]+>|\s+", " ", text))
