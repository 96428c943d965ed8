"""Run the benchmarks named on the command line, or all of them."""

from __future__ import annotations

import argparse
from importlib import import_module

NAMES = (
    "prediction",
    "handwriting",
    "letters",
    "strings",
    "photos",
    "page",
    "pad",
    "kernel",
    "explore",
    "training",
    "cluster",
    "serving",
    "fleet",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"{', '.join(NAMES)}; all of them by default")
    parser.add_argument(
        "--small", action="store_true", help="only see whether they work; the figures mean nothing"
    )
    options = parser.parse_args()
    unknown = set(options.name) - set(NAMES)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose among {', '.join(NAMES)}")
    for name in options.name or NAMES:
        print(f"\n{name}")
        benchmark = import_module(f"benchmarks.{name}")
        benchmark.main(**(benchmark.SMALL if options.small else {}))


if __name__ == "__main__":
    main()
