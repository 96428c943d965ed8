"""Where files of public test sets are: in a folder, in folders inside it, or in zip archives."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistlab.data.own.files import check_kind, reading
from mnistlab.data.own.source import Source, printable
from mnistlab.errors import DataError

AGAIN = "remove it and get it again"
"""The remedy for a file that is damaged or something else."""
MAX_BYTES = 256 * 2**20
"""Of one file, unpacked; the largest that is read, QMNIST's test images, has 47 MB."""
_MAX_FILES = 20_000  # that are looked at in a folder
_MAX_DEPTH = 4  # folders below it
_HEAD = 512
_BZIP = b"BZh"


@dataclass(frozen=True)
class Found:
    """A file of a test set."""

    source: Source
    """Named by its path from the sets' folder, with the member of an archive behind a colon: a card
    is for everyone, and where somebody keeps the files is not."""
    path: Path
    """The file, or the archive that holds it."""
    content: bytes


class SetsFolder:
    """A folder with files of public test sets, as they were published or unpacked.

    Parameters
    ----------
    folder : it need not exist

    Raises
    ------
    DataError
        When it is not a folder or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise DataError(f"{folder} is not a folder; name the folder of the test sets.")
        self._files = sorted(_walk(folder, folder, _MAX_DEPTH))[:_MAX_FILES]

    def find(self, names: Sequence[str], archives: Collection[str] = ()) -> Found | None:
        """Return the first file of these names, each with or without `.gz`; None without one.

        A name may have folders in it, such as `fog/test_images.npy`; capitals do not matter. Files
        win over members of archives, of which there may be any. Raises `DataError` when it cannot
        be read, or it is nowhere and one of `archives`, which should have it, is damaged.
        """
        wanted = [f"/{each}{end}".lower() for each in names for end in ("", ".gz")]
        for name in wanted:
            for shown, path in self._files:
                if f"/{shown}".lower().endswith(name):
                    return self._read_file(path)
        damage = None
        for _, path in self._files:
            if path.suffix.lower() != ".zip":
                continue
            try:
                if found := self._find_member(path, wanted):
                    return found
            except DataError as error:
                if path.name in archives:
                    damage = error
        if damage is not None:
            raise damage
        return None

    def _read_file(self, path: Path) -> Found:
        source = self._source(path)
        with reading(source):
            if not path.is_file():
                raise source.unfit(f"is not a file; {AGAIN}")
            if path.stat().st_size > MAX_BYTES:
                raise source.unfit(f"is larger than {MAX_BYTES >> 20} MB; {AGAIN}")
            return Found(source, path, path.read_bytes())

    def _find_member(self, path: Path, wanted: Sequence[str]) -> Found | None:
        source = self._source(path)
        with reading(source):
            if not zipfile.is_zipfile(path):
                with path.open("rb") as file:
                    check_kind(file.read(_HEAD), source)
                raise source.unfit(f"is not a complete zip archive; {AGAIN}")
            with zipfile.ZipFile(path) as archive:
                members = {f"/{each.filename}".lower(): each for each in archive.infolist()}
                for name in wanted:
                    for shown, info in members.items():
                        if shown.endswith(name):
                            return self._read_member(archive, info, path)
        return None

    def _read_member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> Found:
        source = self._source(path, f": {printable(info.filename)}")
        with archive.open(info) as member:
            content = member.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise source.unfit(f"is larger than {MAX_BYTES >> 20} MB; {AGAIN}")
        return Found(source, path, content)

    def _source(self, path: Path, member: str = "") -> Source:
        shown = printable(path.relative_to(self.folder).as_posix())
        return Source(shown + member, MAX_BYTES, wanted=AGAIN)


def text_of(found: Found) -> str:
    """Return the text of a file, packed by gzip or bzip2 or not; raises `DataError`."""
    source, content = found.source, found.content
    with reading(source):
        if content.startswith(_BZIP):
            unpacker = bz2.BZ2Decompressor()
            content = unpacker.decompress(content, MAX_BYTES)
            if not unpacker.eof:
                raise source.unfit(f"is truncated, or unpacks to too much; {AGAIN}")
        elif content.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(MAX_BYTES)
        check_kind(content[:_HEAD], source)
        return content.decode("ascii")


def _walk(folder: Path, root: Path, depth: int) -> Iterator[tuple[str, Path]]:
    """Yield the files below a folder, each with its path from the root; hidden ones are skipped."""
    try:
        entries = sorted(os.scandir(folder), key=lambda each: each.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}); check its permissions."
        ) from error
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if depth:
                yield from _walk(path, root, depth - 1)
        else:
            yield path.relative_to(root).as_posix(), path
