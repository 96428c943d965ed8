"""Run the benchmarks named on the command line, or all of them.

All of them, and `quick`, also write what was compared to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import argparse
from importlib import import_module

from benchmarks.results import RESULTS, Comparison, write

NAMES = (
    "prediction",
    "handwriting",
    "letters",
    "strings",
    "photos",
    "page",
    "pad",
    "apps",
    "kernel",
    "explore",
    "training",
    "cluster",
    "serving",
    "fleet",
)
QUICK = "quick"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "name",
        nargs="*",
        help=f"{', '.join(NAMES)}; all of them by default; {QUICK} for the comparisons with "
        "others, with fewer measurements, in ten minutes on two cores",
    )
    parser.add_argument(
        "--small", action="store_true", help="only see whether they work; the figures mean nothing"
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write the comparisons to {RESULTS.name}"
    )
    options = parser.parse_args()
    unknown = set(options.name) - {*NAMES, QUICK}
    if unknown:
        names = ", ".join((*NAMES, QUICK))
        parser.error(f"there is no {', '.join(sorted(unknown))}; choose among {names}")
    if QUICK in options.name and len(options.name) > 1:
        parser.error(f"{QUICK} is a selection of its own; name it alone")
    is_quick = options.name == [QUICK]
    is_selection = is_quick or not options.name
    written_by = ("make bench ARGS=quick" if is_quick else "make bench") if is_selection else ""
    writes = (is_selection or options.write) and not options.small
    for name in NAMES if is_selection else options.name:
        benchmark = import_module(f"benchmarks.{name}")
        if is_quick and not hasattr(benchmark, "QUICK"):
            continue
        print(f"\n{name}", flush=True)
        arguments = benchmark.SMALL if options.small else benchmark.QUICK if is_quick else {}
        found: list[Comparison] = benchmark.main(**arguments) or []
        if found and writes:
            # At once: a later benchmark that fails does not lose what this one measured.
            write(found, RESULTS, written_by)
            print(f"  written to {RESULTS}")


if __name__ == "__main__":
    main()
