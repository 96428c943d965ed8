"""What a release says: `python -m scripts.release_notes v1.0.0` prints the changelog's section.

It exits with an error unless all files agree about the version. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Where the version stands, beside the changelog.
_PLACES = {
    "mnistlab/version.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (\S+)$",
    "conda/recipe.yaml": r'^  version: "(.+)"$',
}
_DATES = {"CITATION.cff": r"^date-released: (\S+)$"}
_HEADING = re.compile(r"^## \[(\S+)\] - (\S+)$", re.MULTILINE)


def sections(changelog: str) -> dict[tuple[str, str], str]:
    """The text of each version by its number and its date, the newest first."""
    found = list(_HEADING.finditer(changelog))
    links = re.search(r"^\[\S+\]: ", changelog, re.MULTILINE)
    ends = [each.start() for each in found[1:]] + [links.start() if links else len(changelog)]
    return {
        (each[1], each[2]): changelog[each.end() : end].strip()
        for each, end in zip(found, ends, strict=True)
    }


def release_notes(tag: str, root: Path = ROOT) -> str:
    """The section of a tag's version.

    Raises `ValueError` unless the package, the citation, the recipe and the changelog have this
    version, and the citation and the changelog the same date.
    """
    version = tag.removeprefix("v")
    changelog = sections((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    dates = dict(changelog.keys())
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", dates.get(version, "")):
        raise ValueError(f"CHANGELOG.md has no section '## [{version}] - YYYY-MM-DD'; add it.")
    expected = dict.fromkeys(_PLACES, version), dict.fromkeys(_DATES, dates[version])
    for patterns, values in zip((_PLACES, _DATES), expected, strict=True):
        for name, pattern in patterns.items():
            found = re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
            if found is None or found[1] != values[name]:
                said = found[1] if found else "nothing"
                raise ValueError(f"{name} says {said}, not {values[name]}; change it, or the tag.")
    return changelog[version, dates[version]]


def main(arguments: list[str]) -> int:
    """Print the section; returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m scripts.release_notes TAG", file=sys.stderr)
        return 2
    try:
        print(release_notes(arguments[0]))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
