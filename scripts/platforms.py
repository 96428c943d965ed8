"""Prints which tabs work where, by the wheels of the locked packages, for docs/platforms.md.

It asks the package index as `make lock` does, and downloads and installs nothing. A package without
a wheel is built from source by pip, which needs a compiler; LiteRT and TensorFlow cannot be. Takes
a quarter of an hour. `make lock` installs uv, which it needs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    "Linux with glibc, x86-64": "x86_64-manylinux_2_28",
    "Linux with glibc, ARM": "aarch64-manylinux_2_28",
    "Linux with musl, x86-64": "x86_64-unknown-linux-musl",
    "Linux with musl, ARM": "aarch64-unknown-linux-musl",
    "macOS, Apple silicon": "aarch64-apple-darwin",
    "macOS, Intel": "x86_64-apple-darwin",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
}
MACOS = "14.0"  # the oldest that NumPy's fast wheels are for
# LiteRT, and what nothing else needs where LiteRT is left out.
LITERT = {"ai-edge-litert", "ml-dtypes"}
_NO_WHEEL = re.compile(r"Because ([A-Za-z0-9_.-]+?)(?:\{[^}]*\})?==\S+ has no (?:usable )?wheels")


def main() -> None:
    base = pins()
    train = sorted({*pins("--extra", "train")} - {*base})
    places = [(system, python) for system in PLATFORMS for python in PYTHONS]
    with ThreadPoolExecutor(4) as pool:
        cells = list(pool.map(lambda place: describe(place[0], place[1], base, train), places))
    print(f"{time.strftime('%Y-%m-%d')}, {len(base)} packages, and {len(train)} to train\n")
    print("| system | Python | Explore, Predict | computed by | Train | built from source |")
    print("| --- | --- | --- | --- | --- | --- |")
    rows = zip(places, cells, strict=True)
    for (system, found), group in groupby(rows, lambda row: (row[0][0], row[1])):
        print(f"| {system} | {', '.join(python for (_, python), _ in group)} | {found} |")


def describe(system: str, python: str, base: list[str], train: list[str]) -> str:
    """Return the last four cells of a row."""
    found, missing = with_wheels(base, PLATFORMS[system], python)
    can_train, no_training = with_wheels(train, PLATFORMS[system], python)
    computed = "LiteRT" if "ai-edge-litert" in found else "NumPy"
    trains = any(name.startswith("tensorflow") for name in can_train) and not no_training
    built = ", ".join(sorted(missing - LITERT)) or "–"
    return f"yes | {computed} | {'yes' if trains else 'no'} | {built}"


def pins(*extra: str) -> list[str]:
    """Return the locked packages of an installation, for all systems at once, with markers."""
    done = uv("pyproject.toml", "--universal", "-c", "requirements.lock", *extra)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout.splitlines()


def with_wheels(wanted: list[str], platform: str, python: str) -> tuple[set[str], set[str]]:
    """Return the names of the packages that have a wheel for a system, and of those that have not.

    Packages that a system does not need are among neither.
    """
    left, missing = list(wanted), set[str]()
    while True:
        options = ["--no-deps", "--no-build", "--python-platform", platform]
        done = uv("-", *options, python=python, stdin="\n".join(left))
        if done.returncode == 0:
            return {line.partition("==")[0] for line in done.stdout.splitlines()}, missing
        message = " ".join(done.stderr.split())
        named = _NO_WHEEL.search(message)
        if named is None or named[1] in missing:
            sys.exit(message)
        missing.add(named[1])
        left = [line for line in left if line.partition("==")[0] != named[1]]


def uv(
    source: str, *options: str, python: str = PYTHONS[0], stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", "pip", "compile", source, "--quiet", "--no-header"]
    command += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    return subprocess.run(
        [*command, "--python-version", python, *options],
        input=stdin, capture_output=True, text=True, cwd=ROOT, check=False,
        env={"MACOSX_DEPLOYMENT_TARGET": MACOS, **os.environ},
    )  # fmt: skip


if __name__ == "__main__":
    main()
