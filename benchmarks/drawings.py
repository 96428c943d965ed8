"""The real pen drawings that the benchmarks read, where the workplace provides them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "shared" / "data" / "drawings-dev.jsonl"


def rows() -> list[dict[str, Any]]:
    if not FILE.is_file():
        sys.exit(f"{FILE} is missing; this benchmark needs real drawings in that format.")
    return [json.loads(line) for line in FILE.read_text().splitlines()]
