"""The files of the page: the scripts that every page needs as one file, and compressed copies.

Voilà's page asks for a hundred scripts, one after the other, and sends them as they are.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

_COMPRESSED = {".js", ".css", ".svg", ".json", ".html", ".txt", ".map"}
_LEAST = 1024  # bytes; smaller files would hardly become smaller
_HASH = re.compile(r"\.[0-9a-f]{12,}\.\w+$")
_MAIN = "voila.js"
_LISTED = resources.files("mnistlab.server") / "scripts.txt"


def write_scripts(folder: Path, places: Sequence[str | Path]) -> dict[str, str]:
    """Write the page's scripts into `folder`, and return their names.

    `bundle` holds the scripts of `scripts.txt`, which only register modules of webpack, so that
    their order does not matter. What is listed and not there is left out: then the page asks for
    it as it would without a bundle. `main`, Voilà's own, starts the page.

    Parameters
    ----------
    places : where the listed paths are looked for, the first has precedence
    """
    bundle = b"\n;".join(path.read_bytes() for path in _listed(places))
    main = next(_find(places, _MAIN)).read_bytes()
    return {"bundle": _write(folder, "bundle", bundle), "main": _write(folder, "main", main)}


def _write(folder: Path, name: str, content: bytes) -> str:
    name = f"{name}.{hashlib.sha256(content).hexdigest()[:20]}.js"
    (folder / name).write_bytes(content)
    return name


def _listed(places: Sequence[str | Path]) -> Iterator[Path]:
    for pattern in _LISTED.read_text(encoding="utf-8").split():
        if path := next(_find(places, pattern), None):
            yield path


def _find(places: Sequence[str | Path], pattern: str) -> Iterator[Path]:
    return (path for place in places for path in sorted(Path(place).glob(pattern)))


def never_changes(path: str) -> bool:
    """Whether a file has a hash of its content in its name."""
    return _HASH.search(path) is not None


class CompressedCopies:
    """Compressed copies of files, each made when it is first asked for, in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()

    def find(self, path: str) -> str | None:
        """The path of the copy of a file; None for a file that is better sent as it is."""
        facts = Path(path).stat()
        if Path(path).suffix not in _COMPRESSED or facts.st_size < _LEAST:
            return None
        key = f"{path} {facts.st_mtime_ns} {facts.st_size}"
        copy = self._folder / f"{hashlib.sha256(key.encode()).hexdigest()}.gz"
        with self._lock:
            if not copy.exists():
                self._write(Path(path), copy)
        return str(copy)

    def _write(self, path: Path, copy: Path) -> None:
        part = copy.with_suffix(".part")
        with path.open("rb") as source, gzip.open(part, "wb", 7) as target:
            shutil.copyfileobj(source, target)
        part.replace(copy)
