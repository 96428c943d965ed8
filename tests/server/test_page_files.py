"""The page's scripts in one file, and compressed copies."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from mnistlab.server import page_files
from mnistlab.server.page_files import CompressedCopies, never_changes, write_scripts


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with Voilà's main script and one chunk, of which no name is listed twice."""
    place = tmp_path / "static"
    place.mkdir()
    (place / "voila.js").write_text("main()")
    (place / "73.voila.js").write_text("chunk()")
    return place


def test_the_bundle_holds_the_listed_scripts_that_are_there(place: Path, tmp_path: Path) -> None:
    names = write_scripts(tmp_path, [place])
    assert (tmp_path / names["bundle"]).read_text() == "chunk()"
    assert (tmp_path / names["main"]).read_text() == "main()"


def test_a_script_of_an_extension_is_found_whatever_its_hash(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "extensions" / "ipycanvas" / "static"
    folder.mkdir(parents=True)
    (folder / "819.0123456789abcdef.js").write_text("canvas()")
    names = write_scripts(tmp_path, [place, tmp_path / "extensions"])
    assert "canvas()" in (tmp_path / names["bundle"]).read_text()


def test_names_change_with_the_content_only(place: Path, tmp_path: Path) -> None:
    before = write_scripts(tmp_path, [place])
    assert write_scripts(tmp_path, [place]) == before
    (place / "73.voila.js").write_text("other()")
    after = write_scripts(tmp_path, [place])
    assert after["bundle"] != before["bundle"]
    assert after["main"] == before["main"]
    assert all(map(never_changes, before.values()))


def test_a_name_without_a_hash_may_change() -> None:
    assert not any(map(never_changes, ["voila.js", "73.voila.js", "static/page.css"]))


def test_a_copy_unpacks_to_the_file_and_follows_its_changes(tmp_path: Path) -> None:
    copies, file = CompressedCopies(tmp_path / "copies"), tmp_path / "page.css"
    for text in ("a { color: red }" * 200, "b { color: blue }" * 300):
        file.write_text(text)
        copy = copies.find(str(file))
        assert copy is not None
        assert gzip.decompress(Path(copy).read_bytes()).decode() == text
        assert Path(copy).stat().st_size < len(text)


def test_small_files_and_packed_ones_are_sent_as_they_are(tmp_path: Path) -> None:
    copies = CompressedCopies(tmp_path / "copies")
    (tmp_path / "small.js").write_text("x")
    (tmp_path / "font.woff2").write_bytes(bytes(5000))
    assert copies.find(str(tmp_path / "small.js")) is None
    assert copies.find(str(tmp_path / "font.woff2")) is None


def test_most_of_the_list_is_installed() -> None:
    """After an upgrade of Voilà or a widget package: `make scripts` writes the list anew."""
    from jupyter_core.paths import jupyter_path

    places = [Path(path) / "labextensions" for path in (*jupyter_path(), *jupyter_path("voila"))]
    places += [Path(path) / "voila/templates/base/static" for path in jupyter_path()]
    listed = page_files._LISTED.read_text(encoding="utf-8").split()
    missing = [name for name in listed if not any(any(p.glob(name)) for p in places)]
    assert len(missing) < len(listed) / 10, missing
