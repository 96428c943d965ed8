"""Public test sets are fetched whole or not at all, from a real server on loopback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mnistlab.data.benchmark_sets import SetInfo, load_set
from mnistlab.data.benchmark_sets.fetch import fetch_set
from mnistlab.data.benchmark_sets.place import SetsFolder
from mnistlab.data.benchmark_sets.table import SETS, Download
from mnistlab.errors import DataError
from tests.data import made_sets
from tests.data.loopback import Bar, Server, allow_network, closed_port
from tests.data.made_sets import small


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that does not exist yet; the network is allowed."""
    allow_network(monkeypatch)
    return tmp_path / "sets"


def at(info: SetInfo, *servers: str) -> SetInfo:
    """The set as if it were published on other servers."""
    downloads = [
        Download(each.name, tuple(url + each.name for url in servers)) for each in info.downloads
    ]
    return replace(info, downloads=tuple(downloads))


@pytest.fixture
def published(server: Server, tmp_path: Path) -> Server:
    folder = tmp_path / "published"
    folder.mkdir()
    made_sets.write_qmnist(folder)
    made_sets.write_usps(folder)
    made_sets.write_emnist(folder)
    server.files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return server


def test_a_set_is_fetched_and_said_beforehand(published: Server, place: Path) -> None:
    info, bar = at(small("qmnist"), closed_port(), published.url), Bar()
    said: list[str] = []
    fetch_set(info, place, bar, said.append)
    assert load_set(info, SetsFolder(place)).source.startswith("qmnist-test-images")
    assert sorted(path.name for path in place.iterdir()) == sorted(
        each.name for each in info.downloads
    )
    assert [each.split(",")[0] for each in said] == [
        f"Downloading {each.name}" for each in info.downloads
    ]
    assert bar.closed == 2


def test_sizes_are_those_of_the_server_or_else_the_catalogue(
    published: Server, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    info = at(small("usps"), published.url)
    fetch_set(info, place, tell=said.append)
    assert said == ["Downloading usps.t.bz2, of unknown size, from 127.0.0.1."]  # no HEAD there
    emnist = replace(small("emnist-digits"), downloads=())
    known = next(each for each in SETS if each.name == "emnist-digits").downloads[0]
    known = replace(known, addresses=(published.url + "gzip.zip",))
    fetch_set(replace(emnist, downloads=(known,)), place, tell=said.append)
    assert said[1] == "Downloading gzip.zip, 562 MB, from 127.0.0.1."


@pytest.mark.parametrize("content", [b"<html>Log in</html>", b""])
def test_something_else_is_not_kept(content: bytes, published: Server, place: Path) -> None:
    published.files["usps.t.bz2"] = content
    with pytest.raises(DataError, match=r"^usps\.t\.bz2 is "):
        fetch_set(at(small("usps"), published.url), place)
    assert list(place.iterdir()) == []


def test_a_broken_download_leaves_nothing_behind(published: Server, place: Path) -> None:
    published.cut = True
    with pytest.raises(DataError, match=r"cannot be downloaded \(127\.0\.0\.1 failed \(.*\)\)"):
        fetch_set(at(small("qmnist"), published.url), place)
    assert list(place.iterdir()) == []


def test_no_server_answers(place: Path) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1 cannot be reached\); try again later"):
        fetch_set(at(small("usps"), closed_port()), place)


def test_an_archive_without_the_set_is_not_kept(published: Server, place: Path) -> None:
    info = at(small("emnist-digits"), published.url)
    with pytest.raises(DataError, match="is incomplete: there is no nothing"):
        fetch_set(replace(info, files=("nothing", "at-all")), place)
    assert list(place.iterdir()) == []


def test_sets_that_are_to_be_fetched_by_hand(place: Path) -> None:
    with pytest.raises(DataError, match="cannot be fetched by this command; download ARDIS"):
        fetch_set(small("ardis"), place)


def test_a_folder_that_cannot_be_made(published: Server, place: Path) -> None:
    place.parent.joinpath("file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        fetch_set(at(small("usps"), published.url), place.parent / "file" / "sets")


def test_a_full_disk_is_said_before_the_download(
    published: Server, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = at(small("usps"), published.url)
    (one,) = info.downloads
    with pytest.raises(DataError, match=r"MB free and the download needs 10,000,000,000 MB"):
        fetch_set(replace(info, downloads=(replace(one, size=10**16),)), place)
    assert published.asked == []
