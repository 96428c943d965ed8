"""The real pen drawings that the benchmarks read, where the workplace provides them.

`held_out_rows` are drawings that no choice was ever made on: figures for the README come from them.
`rows` are the tuning data, on which recipe, thresholds and segmentation were chosen; accuracies
on them flatter the models and are not published.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "shared" / "data"
FILE = _FOLDER / "drawings-dev.jsonl"
"""Tuning data: 1,416 digits of four UNIPEN donors."""
TEST_FILE = _FOLDER / "pen-digits-test.jsonl"
"""Test data: 3,460 digits of UCI's 14 other writers."""


def rows(count: int | None = None) -> list[dict[str, Any]]:
    """The tuning data, or so many of its drawings, evenly spread."""
    return _read(FILE, count)


def held_out_rows(count: int | None = None) -> list[dict[str, Any]]:
    """The test data, or so many of its drawings, evenly spread."""
    return _read(TEST_FILE, count)


def _read(file: Path, count: int | None) -> list[dict[str, Any]]:
    if not file.is_file():
        sys.exit(f"{file} is missing; this benchmark needs real drawings in that format.")
    data = [json.loads(line) for line in file.read_text().splitlines()]
    return data if count is None else data[:: max(1, len(data) // count)][:count]
