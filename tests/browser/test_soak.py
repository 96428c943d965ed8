"""Hours at the pad, run by `make soak`; test_predict.py holds the short version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from drivers.lab import SEVEN, Lab
from tests.browser.test_predict import REAL

pytestmark = pytest.mark.soak


@pytest.mark.timeout(7200)
def test_every_real_drawing_is_answered(lab: Lab) -> None:
    rows: list[dict[str, Any]] = [{"label": "7", "strokes": SEVEN}] * 500
    if REAL.is_file():
        rows = [json.loads(line) for line in REAL.read_text().splitlines()]
    lab.open_predict()
    right = 0
    for row in rows:
        lab.draw(row["strokes"])
        right += lab.at("ml-digit-cnn").inner_text() == row["label"]
        lab.clear()
    assert right >= 0.94 * len(rows)
