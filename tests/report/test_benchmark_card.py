"""The card as a page: everything on it, nothing outside it, and no name breaks it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from mnistlab.data.benchmark_sets import find_set
from mnistlab.metrics.benchmark import judge_digits, judge_letters
from mnistlab.report.benchmark_card import ModelFacts, Unavailable, build_card
from mnistlab.report.set_result import SetResult
from tests.report.test_report import Page

HOSTILE = "</td><script>alert(1)</script><b onclick='x'>\"&amp;"
MODEL = ModelFacts("mlp", "MLP", False, "0" * 64, "litert", 10, 1000, "", "It learned.", True)


def result(name: str, right: float = 0.9, n: int = 50) -> SetResult:
    labels = np.arange(n, dtype=np.uint8) % 10
    proba = np.full((n, 10), 0.01, np.float32)
    told = np.where(np.arange(n) < right * n, labels, (labels + 1) % 10)
    proba[np.arange(n), told] = 0.91
    refused = np.arange(n) % 5 == 0
    info = find_set(name)
    if info.kind == "letters":
        letters = judge_letters(labels + 1, proba, refused)
        return SetResult(info, "1" * 64, "file", "same source", "Letters.", letters=letters)
    names = ("fog", "zigzag") if info.kind == "corruptions" else ("",)
    parts = tuple(judge_digits(labels, proba, refused, each) for each in names)
    return SetResult(info, "1" * 64, "file", "same source", "Digits.", parts)


def test_everything_is_on_the_card() -> None:
    missing = Unavailable("usps", "USPS test", "there is none", "get it", "https://example.org")
    page = build_card(
        MODEL, [result("mnist"), result("emnist-letters"), result("mnist-c")], [missing], "today"
    )
    parsed = Page(page)
    assert all(address.startswith("#") for address in parsed.addresses)
    for text in (
        "<title>MLP on public test sets</title>", "90.00 %", "It learned.", "there is none.",
        "get it.", "It refuses 20.00 %", "zigzag", "Judged on 3 test sets on today.",
        "1 set could not be read.", find_set("mnist").citation, "1" * 64, "Recall by digit",
    ):  # fmt: skip
        assert text in page, text
    assert "file of another project" not in page


def test_hostile_names_are_shown_and_do_nothing() -> None:
    model = replace(
        MODEL, name=HOSTILE, title=HOSTILE, is_foreign=True, trained_on=HOSTILE, notes=(HOSTILE,)
    )
    bad = replace(result("mnist"), source=HOSTILE, relation_text=HOSTILE, notes=(HOSTILE,))
    missing = Unavailable(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    page = build_card(model, [bad], [missing], HOSTILE)
    Page(page)  # without a script, and with all tags closed
    assert "<script" not in page
    assert "onclick='x'" not in page
    assert "A file of another project" in page


@pytest.mark.parametrize("right", [0.0, 0.02, 0.5, 0.96, 1.0])
def test_any_accuracy_has_its_place_on_the_axis(right: float) -> None:
    page = build_card(MODEL, [result("mnist", right), result("usps", 1.0)], [], "today")
    Page(page)
    assert "left:-" not in page
    assert "nan" not in page.lower().replace("finance", "")


def test_a_model_that_cannot_refuse() -> None:
    labels = np.ones(4, np.uint8)
    proba = np.full((4, 10), 0.1, np.float32)
    digits = SetResult(
        find_set("mnist"), "1", "", "unknown", "", (judge_digits(labels, proba, None),)
    )
    letters = SetResult(
        find_set("emnist-letters"), "1", "", "unknown", "",
        letters=judge_letters(labels, proba, None),
    )  # fmt: skip
    page = build_card(replace(MODEL, can_refuse=False), [digits, letters], [], "today")
    assert "Not applicable: this model cannot refuse." in page
    assert "no, it always gives a digit" in page


def test_letters_alone_make_a_card() -> None:
    page = build_card(MODEL, [result("emnist-letters")], [], "today")
    headings = re.findall(r"<h2 id='s\d'>(.*?)</h2>", page)
    assert headings == [
        "Letters", "The test sets", "The model", "Environment", "How each figure is computed",
    ]  # fmt: skip
    assert Page(page).addresses == [f"#s{i}" for i in range(len(headings))]
    assert "It refuses 20.00 % (95 % interval 11.24 % to 33.04 %) of 50 letters" in page
    assert "<b>A</b><span>100 %</span>" in page  # of ten letters, the first and sixth are refused
    assert "<b>B</b><span>0 %</span>" in page
    assert "<b>Z</b><span>–</span>" in page
