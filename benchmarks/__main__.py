"""Run the benchmarks named on the command line, or all of them."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = (
    "prediction",
    "handwriting",
    "letters",
    "strings",
    "photos",
    "pad",
    "kernel",
    "explore",
    "training",
    "cluster",
    "serving",
)

for name in sys.argv[1:] or NAMES:
    print(f"\n{name}")
    import_module(f"benchmarks.{name}").main()
