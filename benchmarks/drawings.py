"""The real pen drawings that the benchmarks read, where the workplace provides them.

`held_out_rows` are drawings that no choice was ever made on: figures for the README come from them.
`rows` are the tuning data, on which recipe, thresholds and segmentation were chosen; accuracies
on them flatter the models and are not published.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[2] / "shared" / "data"
FILE = _FOLDER / "drawings-dev.jsonl"
"""Tuning data: 1,416 digits of four UNIPEN donors."""
TEST_FILE = _FOLDER / "pen-digits-test.jsonl"
"""Test data: 3,460 digits of UCI's 14 other writers."""

_DIGITS = frozenset("0123456789")
_TRAINED_ON = re.compile(r"pen-.*-train")  # in a file's name


def rows(count: int | None = None) -> list[dict[str, Any]]:
    """The tuning data, or so many of its drawings, evenly spread."""
    return _read(FILE, count)


def held_out_rows(count: int | None = None) -> list[dict[str, Any]]:
    """The test data, or so many of its drawings, evenly spread."""
    return _read(TEST_FILE, count)


def rows_of(file: Path, count: int | None = None) -> list[dict[str, Any]]:
    """The digits of any file of drawings, or so many of them; exits where models learned them."""
    if _TRAINED_ON.search(file.name):
        sys.exit(f"{file} was trained on: its figures would say nothing. Give other drawings.")
    digits = [row for row in _read(file, count) if str(row.get("label")) in _DIGITS]
    if not digits:
        sys.exit(f"{file} has no drawings that are labelled with a digit, 0 to 9.")
    return digits


def described(file: Path) -> str:
    """What the drawings of a file may be used for."""
    if file.name == TEST_FILE.name:
        return "test data, on which nothing was tuned"
    if file.name == FILE.name:
        return "tuning data: figures on it flatter the models and are not published"
    return "given by you: publish its figures only if nothing was trained or tuned on it"


def _read(file: Path, count: int | None) -> list[dict[str, Any]]:
    if not file.is_file():
        sys.exit(f"{file} is missing; this benchmark needs real drawings in that format.")
    data = [json.loads(line) for line in file.read_text().splitlines()]
    return data if count is None else data[:: max(1, len(data) // count)][:count]
