"""The real pen drawings that the benchmarks read, where the workplace provides them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "shared" / "data" / "drawings-dev.jsonl"


def rows(count: int | None = None) -> list[dict[str, Any]]:
    """All drawings, or so many of them, evenly spread."""
    if not FILE.is_file():
        sys.exit(f"{FILE} is missing; this benchmark needs real drawings in that format.")
    data = [json.loads(line) for line in FILE.read_text().splitlines()]
    return data if count is None else data[:: max(1, len(data) // count)][:count]
