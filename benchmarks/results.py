"""What was measured beside something else, kept in `results.json` and shown in `RESULTS.md`.

`python -m benchmarks` writes both. A run replaces only the tables of the commands it ran, so each
table names its own date, commit, machine and versions.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from benchmarks.alternatives import environment
from drivers.browser import chromium_path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
OURS = "MNIST Lab"
_OWN = ("mnistlab", "tensorflow-cpu", "tensorflow", "keras", "ai-edge-litert", "numpy")
_OTHERS = ("streamlit", "gradio", "torch")


@dataclass(frozen=True)
class Comparison:
    """One quantity, measured several times for the lab and for others."""

    claim: str
    """What was measured, such as `"page usable, first visit"`."""
    unit: str
    """Such as `"ms"`; a figure has it after a space."""
    ours: tuple[float, ...]
    """The lab's measurements, at least one."""
    others: Mapping[str, tuple[float, ...]]
    """The same of each other framework or way, by its name; empty where they were left out."""
    command: str
    """What prints it, such as `"make bench ARGS=apps"`; a table has one."""
    lower_is_better: bool = True
    note: str = ""
    """What a reader must know, as a sentence."""

    @property
    def medians(self) -> dict[str, float]:
        """The median of each, the lab first."""
        return {name: statistics.median(values) for name, values in self._all.items()}

    @property
    def spreads(self) -> dict[str, tuple[float, float]]:
        """The least and the greatest of each, the lab first."""
        return {name: (min(values), max(values)) for name, values in self._all.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """How many times better the lab's median is than that of each other."""
        ours, *others = self.medians.items()
        return {
            name: _ratio(median, ours[1]) if self.lower_is_better else _ratio(ours[1], median)
            for name, median in others
        }

    @property
    def _all(self) -> dict[str, tuple[float, ...]]:
        return {OURS: self.ours, **self.others}

    def __str__(self) -> str:
        """One line for a terminal: what each took, and how many times better the lab is."""
        parts = [f"{OURS} {self.figure(OURS)}"]
        for name, ratio in self.ratios.items():
            parts.append(f"{name} {self.figure(name)}, {ratio_text(ratio)}")
        return f"{self.claim}: " + "   ".join(parts)

    def figure(self, name: str) -> str:
        """The median with its unit and, where it was measured more than once, its spread."""
        text = f"{number(self.medians[name])} {self.unit}".rstrip()
        if len(self._all[name]) == 1:
            return text
        low, high = (number(value) for value in self.spreads[name])
        return f"{text} ({low} to {high})"


@dataclass(frozen=True)
class Table:
    """All that one command measured, and where and when it did."""

    comparisons: tuple[Comparison, ...]
    written_by: str
    date: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M"))
    commit: str = field(default_factory=lambda: commit())
    machine: str = field(default_factory=lambda: machine())
    versions: Mapping[str, str] = field(default_factory=lambda: versions())


def write(comparisons: Sequence[Comparison], path: Path = RESULTS, written_by: str = "") -> None:
    """Write comparisons to a Markdown file, and to the JSON file beside it.

    Tables of other commands stay as they are.

    Parameters
    ----------
    written_by : the command that measured them all, if it is not each one's own
    """
    store = path.with_suffix(".json").with_name(path.stem.lower() + ".json")
    tables = read(store)
    by_command: dict[str, list[Comparison]] = {}
    for each in comparisons:
        by_command.setdefault(each.command, []).append(each)
    for command, found in by_command.items():
        tables[command] = Table(tuple(found), written_by or command)
    store.write_text(
        json.dumps({command: asdict(table) for command, table in tables.items()}, indent=1) + "\n"
    )
    path.write_text(render(tables))


def read(store: Path) -> dict[str, Table]:
    """Return the tables of a JSON file by command; none if there is no such file."""
    if not store.is_file():
        return {}
    return {
        command: Table(**table | {"comparisons": tuple(map(_comparison, table["comparisons"]))})
        for command, table in json.loads(store.read_text()).items()
    }


def render(tables: Mapping[str, Table]) -> str:
    """Return the Markdown of all tables."""
    parts = [_HEAD]
    for command, table in tables.items():
        named = ", ".join(f"{name} {version}" for name, version in table.versions.items())
        parts += [
            f"## `{command}`",
            f"{table.date}, commit {table.commit}"
            + (f", measured by `{table.written_by}`" if table.written_by != command else "")
            + f". {table.machine}. {named}.",
            "\n".join(_rows(table.comparisons)),
        ]
        notes = dict.fromkeys(each.note for each in table.comparisons if each.note)
        if notes:
            parts.append("\n".join(f"{i}. {note}" for i, note in enumerate(notes, 1)))
    return "\n\n".join(parts) + "\n"


_HEAD = """# Results

Written by `make bench`, or by `make bench ARGS=quick`, which takes fewer measurements in ten
minutes on two cores. A figure is a median, with the least and the greatest measurement. A ratio
says how many times better MNIST Lab is, and is below 1 where it is worse. Each table names the
machine and the versions."""


def _rows(comparisons: Sequence[Comparison]) -> list[str]:
    others = list(dict.fromkeys(name for each in comparisons for name in each.others))
    notes = list(dict.fromkeys(each.note for each in comparisons if each.note))
    rows = [["", OURS, *others, "ratio"], ["---"] * (3 + len(others))]
    for each in comparisons:
        ratios = [f"{ratio_text(ratio)} {name}" for name, ratio in each.ratios.items()]
        if len(ratios) == 1:
            ratios = [ratio_text(*each.ratios.values())]
        mark = f" ({notes.index(each.note) + 1})" if each.note else ""
        figures = [each.figure(name) if name in each.others else "" for name in others]
        rows.append([each.claim + mark, each.figure(OURS), *figures, ", ".join(ratios)])
    return ["| " + " | ".join(row) + " |" for row in rows]


def number(value: float) -> str:
    """A number with three digits, or all digits of a whole one."""
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.{2 if abs(value) < 10 else 1}f}"


def ratio_text(ratio: float) -> str:
    """A ratio, such as `31×`."""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.2g}×"


def machine() -> str:
    """Processor, cores, memory and system."""
    model = platform.processor() or platform.machine()
    file = Path("/proc/cpuinfo")
    if file.is_file():
        names = [line for line in file.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    memory = psutil.virtual_memory().total / 2**30
    system = f"{platform.system()} {platform.release()}"
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB of memory, {system}"


def versions() -> dict[str, str]:
    """The versions of all that was measured, where they are installed."""
    found = {"Python": platform.python_version()} | _installed(_OWN, Path(sys.executable))
    others = environment.FOLDER / "bin" / "python"
    if others.is_file():
        found |= _installed(_OTHERS, others)
    if chromium := chromium_path():
        found["Chromium"] = _output([chromium, "--version"]).split()[1]
    torch = environment.torch_python()
    return found | (_installed(("torch",), torch) if torch else {})


def commit() -> str:
    """The short name of the commit, and whether files were changed since."""
    name = _output(["git", "rev-parse", "--short", "HEAD"]) or "unknown"
    own = [":(exclude)benchmarks/RESULTS.md", ":(exclude)benchmarks/results.json"]
    changed = _output(["git", "status", "--porcelain", "--untracked-files=no", "--", ".", *own])
    return f"{name} with changes" if changed else name


def _installed(names: Sequence[str], python: Path) -> dict[str, str]:
    if python == Path(sys.executable):
        there = {
            each.name.lower().replace("_", "-"): each.version for each in metadata.distributions()
        }
    else:
        code = (
            "import json; from importlib.metadata import distributions as all; "
            "print(json.dumps({e.name.lower().replace('_', '-'): e.version for e in all()}))"
        )
        there = json.loads(_output([str(python), "-c", code]) or "{}")
    return {name: there[name] for name in names if name in there}


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER.parent)
    except OSError:
        return ""
    return done.stdout.strip()


def _comparison(values: Mapping[str, Any]) -> Comparison:
    others = {name: tuple(each) for name, each in values["others"].items()}
    return Comparison(**{**values, "ours": tuple(values["ours"]), "others": others})


def _ratio(worse: float, better: float) -> float:
    return worse / better if better else float("inf")
