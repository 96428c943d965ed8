"""Training in front of the user, who goes on using the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from drivers.lab import SEVEN, Lab

pytestmark = pytest.mark.tensorflow


def _fill(lab: Lab, name: str, value: str) -> None:
    field = lab.at(name).locator("input")
    field.fill(value)
    field.press("Tab")


def test_train_watch_draw_and_compare(lab: Lab) -> None:
    lab.open("Train & Compare")
    rows = lab.at("ml-results").locator("tbody tr")
    expect(lab.at("ml-verdict")).to_contain_text(re.compile("better|No significant difference"))
    before = rows.count()
    _fill(lab, "ml-epochs", "1")
    _fill(lab, "ml-batch", "16")
    _fill(lab, "ml-share", "0.5")
    lab.at("ml-train").click()
    progress = lab.at("ml-progress-mlp")
    expect(progress).to_contain_text(re.compile(r"MLP · epoch 1 of 1 · \d+ % · \d+ (s|min|h) left"))
    seen = progress.inner_text()
    # Within the only epoch: the text moves between epochs as well as at their ends.
    expect(progress).not_to_have_text(seen)
    lab.open("Predict")
    lab.draw(SEVEN)
    expect(lab.at("ml-digit-cnn")).to_have_text("7")
    lab.open("Train & Compare")
    expect(lab.at("ml-progress-cnn")).to_contain_text("done in", timeout=240_000)
    expect(rows).to_have_count(before + 2)
    expect(lab.at("ml-verdict")).to_contain_text(re.compile("better|No significant difference"))
    expect(lab.at("ml-train")).to_be_enabled()


def test_a_click_leads_from_a_confusion_to_the_pad(lab: Lab) -> None:
    lab.open("Train & Compare")
    expect(lab.at("ml-verdict")).to_contain_text(re.compile("better|No significant difference"))
    matrix = lab.page.locator(".ml-matrix-grid").nth(1)
    wrong = matrix.locator(".ml-cell:not(.ml-right):enabled").first
    tooltip = wrong.get_attribute("title")
    assert tooltip is not None
    number, true, read = (int(text) for text in re.findall(r"\d+", tooltip))
    wrong.click()
    items = lab.at("ml-gallery-item").locator("visible=true")
    expect(items).to_have_count(min(number, 20))
    expect(items.first).to_contain_text(f"{true}:")
    items.first.click()
    large = lab.at("ml-gallery-large")
    expect(large).to_contain_text(f"true digit {true}")
    expect(large).to_contain_text(f"reads {read}: wrong")
    lab.page.locator(".ml-send:visible").click()
    expect(lab.at("ml-pad").locator("canvas")).to_be_visible()
    expect(lab.at("ml-digit-cnn")).to_have_text(re.compile(rf"{read}|\?"))
    expect(lab.at("ml-answer")).to_have_text("answer 1")
