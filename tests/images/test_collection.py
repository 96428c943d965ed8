"""My digits on disk: what is kept, what is refused, and that nothing is ever lost."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import filelock
import numpy as np
import pytest

from mnistlab.errors import DataError, UploadError
from mnistlab.images import Drawing, collection, preprocess
from mnistlab.images.collection import MAX_DRAWINGS, Collection
from tests.images.conftest import FOUR, ONE, THREE, ZERO

REAL = Path(__file__).parents[3] / "shared" / "data" / "drawings-dev.jsonl"
DIGITS = {3: THREE, 4: FOUR, 0: ZERO, 1: ONE}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "my-digits.jsonl"


@pytest.fixture
def kept(path: Path) -> Collection:
    """Four digits: 3, 4, 0 and 1."""
    made = Collection(path)
    for label, strokes in DIGITS.items():
        made.add(Drawing.from_strokes(strokes), label)
    return made


def drawings(kept: Collection) -> list[Drawing]:
    return [kept[number] for number in range(len(kept))]


def labels(kept: Collection) -> list[str | None]:
    return [drawing.label for drawing in drawings(kept)]


def lines(*records: object) -> bytes:
    return b"\n".join(json.dumps(record).encode() for record in records)


def dots(n: int) -> bytes:
    return lines(*({"label": "1", "size": 1000, "strokes": [[[5, i % 1000], [5, i // 1000]]]}
                   for i in range(n)))  # fmt: skip


def test_what_is_kept_is_there_for_the_next_visit(kept: Collection, path: Path) -> None:
    again = Collection(path)
    assert len(again) == 4
    assert labels(again) == ["3", "4", "0", "1"]
    assert [drawing.strokes for drawing in drawings(again)] == [
        Drawing.from_strokes(strokes).strokes for strokes in DIGITS.values()
    ]
    assert again[1] == kept[1]


def test_a_line_is_what_the_shared_files_of_drawings_have(kept: Collection, path: Path) -> None:
    first = json.loads(path.read_text().splitlines()[0])
    assert first == {"label": "3", "size": 280.0, "strokes": [[list(p) for p in THREE[0]]]}
    assert path.read_bytes() == kept.to_bytes()


def test_nothing_is_made_before_the_first_drawing(path: Path) -> None:
    empty = Collection(path)
    assert len(empty) == 0
    assert empty.to_bytes() == b""
    assert empty.clear() == b""
    assert not path.exists()


def test_the_drawing_can_go_on_changing(path: Path) -> None:
    kept, drawing = Collection(path), Drawing.from_strokes(ONE)
    kept.add(drawing, 1)
    drawing.begin(1, 1)
    assert kept[0].strokes == Drawing.from_strokes(ONE).strokes
    assert drawing.label is None


def test_the_same_strokes_are_not_kept_twice_but_get_the_label(kept: Collection) -> None:
    drawing = Drawing.from_strokes(FOUR)
    assert kept.add(drawing, 9) == 4
    assert kept.add(drawing, 9) == 9
    assert labels(kept) == ["3", "9", "0", "1"]
    assert kept.add(Drawing.from_strokes([[[1, 2]]]), 5) is None


def test_fractions_of_a_pixel_do_not_make_it_another_drawing(path: Path) -> None:
    drawing = Drawing.from_strokes([[[10 / 3, 200 / 7], [100 / 3, 250.1234567]]])
    kept = Collection(path)
    kept.add(drawing, 1)
    assert kept.add(drawing, 1) == 1
    assert len(kept.to_bytes()) < 80
    assert kept.add_from(kept.to_bytes()) == 0
    assert np.allclose(kept[0].strokes[0], drawing.strokes[0], atol=0.01)


@pytest.mark.parametrize("label", [-1, 10, 77])
def test_only_digits_are_labels(path: Path, label: int) -> None:
    with pytest.raises(UploadError, match="0 to 9"):
        Collection(path).add(Drawing.from_strokes(ONE), label)


def test_a_blank_drawing_is_refused(path: Path) -> None:
    with pytest.raises(UploadError, match="nothing drawn"):
        Collection(path).add(Drawing(), 1)


def test_removing_can_be_taken_back(kept: Collection) -> None:
    before = kept.to_bytes()
    removed = kept.remove(1)
    assert removed.label == "4"
    assert labels(kept) == ["3", "0", "1"]
    kept.add(removed, 4, at=1)
    assert kept.to_bytes() == before
    everything = kept.clear()
    assert len(kept) == 0
    assert kept.add_from(everything) == 4
    assert kept.to_bytes() == before


@pytest.mark.parametrize("index", [-1, 4])
def test_what_is_not_there_cannot_be_removed(kept: Collection, index: int) -> None:
    with pytest.raises(DataError, match="no drawing number"):
        kept.remove(index)
    assert len(kept) == 4


def test_images_and_labels_are_those_the_models_see(kept: Collection) -> None:
    images, numbers = kept.as_dataset()
    assert images.shape == (4, 28, 28)
    assert images.dtype == numbers.dtype == np.uint8
    assert numbers.tolist() == [3, 4, 0, 1]
    assert np.array_equal(images[1], preprocess(Drawing.from_strokes(FOUR)).image)
    kept.remove(0)
    assert np.array_equal(kept.as_dataset()[0], images[1:])
    kept.clear()
    assert [array.shape for array in kept.as_dataset()] == [(0, 28, 28), (0,)]


# Import and export


def test_an_export_can_be_imported(kept: Collection, tmp_path: Path) -> None:
    other = Collection(tmp_path / "other.jsonl")
    other.add(Drawing.from_strokes(ONE), 7)
    assert other.add_from(kept.to_bytes()) == 3
    assert labels(other) == ["7", "3", "4", "0"]  # what is kept keeps its label
    assert other.add_from(kept.to_bytes()) == 0


def test_more_keys_empty_lines_and_windows_endings_are_taken(path: Path) -> None:
    record = json.dumps({"label": 7, "donor": "x", "strokes": ONE}).encode()
    kept = Collection(path)
    assert kept.add_from(b"\xef\xbb\xbf\r\n\r\n" + record + b"\r\n\r\n") == 1
    assert labels(kept) == ["7"]


def test_real_drawings_survive_import_and_export(path: Path) -> None:
    if REAL.is_file():
        data = b"".join(REAL.read_bytes().splitlines(keepends=True)[::28])
    else:
        data = lines(*({"label": d, "size": 280, "strokes": s} for d, s in DIGITS.items()))
    kept = Collection(path)
    rows = [json.loads(line) for line in data.splitlines()]
    assert kept.add_from(data) == len(rows)
    for row, line in zip(rows, kept.to_bytes().splitlines(), strict=True):
        again = json.loads(line)
        assert again["strokes"] == row["strokes"]
        assert again["label"] == str(row["label"])


GOOD = {"label": "1", "strokes": ONE}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{not json", "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        (b"[" * 100_000, "JSON"),
        (b'{"label": "1", "strokes": [[[1' + b"0" * 5_000 + b", 2]]]}", "JSON"),
        (b"[1, 2]", "not a drawing"),
        (lines({"strokes": ONE}), "0 to 9"),
        (lines({"label": "a", "strokes": ONE}), "0 to 9"),
        (lines({"label": 12, "strokes": ONE}), "0 to 9"),
        (lines({"label": True, "strokes": ONE}), "0 to 9"),
        (lines({"label": "²", "strokes": ONE}), "0 to 9"),
        (lines({"label": "1", "strokes": []}), "nothing drawn"),
        (lines({"label": "1", "strokes": [[[1]]]}), "not a pair"),
        (b'{"label": "1", "strokes": [[[1, NaN]]]}', "not a finite number"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_added(kept: Collection, line: bytes, says: str) -> None:
    before = kept.to_bytes()
    good = lines({"label": "1", "strokes": [[[1, 2], [3, 4]]]})
    with pytest.raises(UploadError, match=rf"^Line 3: .*{says}.*nothing was added\.$"):
        kept.add_from(good + b"\n\n" + line + b"\n" + good)
    assert kept.to_bytes() == before


@pytest.mark.parametrize("data", [b"", b" \n\n"])
def test_an_import_without_drawings_is_refused(kept: Collection, data: bytes) -> None:
    with pytest.raises(UploadError, match="no drawings"):
        kept.add_from(data)


def test_an_import_that_is_too_large_is_refused(kept: Collection) -> None:
    with pytest.raises(UploadError, match="split it"):
        kept.add_from(b" " * (collection.MAX_BYTES + 1))
    with pytest.raises(UploadError, match="2,000 drawings"):
        kept.add_from(dots(MAX_DRAWINGS + 1))
    assert len(kept) == 4


def test_a_full_collection_says_so_and_stays(path: Path) -> None:
    kept = Collection(path)
    assert kept.add_from(dots(MAX_DRAWINGS)) == MAX_DRAWINGS
    with pytest.raises(UploadError, match=r"full at 2,000 drawings.*export and remove"):
        kept.add(Drawing.from_strokes(ONE), 1)
    with pytest.raises(UploadError, match="full at 2,000 drawings"):
        kept.add_from(lines(GOOD))
    assert len(kept) == MAX_DRAWINGS
    assert Collection(path.with_name("new")).add_from(kept.to_bytes()) == MAX_DRAWINGS


# Trouble on disk


def test_two_pages_of_one_visitor_lose_nothing(path: Path) -> None:
    def keep_ten(first: int) -> None:
        page = Collection(path)
        for x in range(first, first + 10):
            page.add(Drawing.from_strokes([[[x, 10], [x, 200]]]), 1)

    pages = [threading.Thread(target=keep_ten, args=(first,)) for first in (10, 110, 210)]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    assert len(Collection(path)) == 30


def test_a_page_sees_what_another_one_keeps(kept: Collection, path: Path) -> None:
    other = Collection(path)
    version = other.version
    assert len(other) == 4
    kept.remove(0)
    assert other.version != version
    assert labels(other) == ["4", "0", "1"]


@pytest.mark.parametrize("damage", ['{"label": "1", "str', '{"label": "x", "strokes": [[[1, 2]]]}'])
def test_a_damaged_file_is_named_and_never_written(
    kept: Collection, path: Path, damage: str
) -> None:
    path.write_text(path.read_text() + damage)
    damaged = path.read_bytes()
    for use in (
        lambda: kept[0],
        lambda: kept.as_dataset(),
        lambda: kept.add(Drawing.from_strokes(ONE), 2),
        lambda: kept.add_from(lines(GOOD)),
        lambda: kept.clear(),
    ):
        with pytest.raises(DataError, match=r"(?s)my-digits.jsonl: Line 5: .*set it aside"):
            use()
    assert path.read_bytes() == damaged


def test_a_damaged_file_can_be_set_aside(kept: Collection, path: Path) -> None:
    for number in (1, 2):
        path.write_text("nonsense\n" + path.read_text())
        damaged = path.read_bytes()
        aside = kept.set_aside()
        assert aside.name == f"my-digits.jsonl.damaged-{number}"
        assert aside.read_bytes() == damaged
        assert labels(kept) == ["3", "4", "0", "1"]


def test_a_file_far_too_large_is_not_read(kept: Collection, path: Path) -> None:
    path.write_bytes(b" " * (collection.MAX_BYTES + 1))
    with pytest.raises(DataError, match="damaged"):
        len(kept)
    kept.set_aside()
    assert len(kept) == 0


def test_a_disk_that_cannot_be_written_is_told_and_nothing_is_lost(
    kept: Collection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = path.read_bytes()
    monkeypatch.setattr("mnistlab.files.os.fsync", full)
    with pytest.raises(DataError, match=r"cannot be saved in .*MNISTLAB_HOME"):
        kept.add(Drawing.from_strokes(ONE), 2)
    assert path.read_bytes() == before
    assert labels(kept) == ["3", "4", "0", "1"]


def test_a_home_that_is_no_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    kept = Collection(tmp_path / "home" / "my-digits.jsonl")
    with pytest.raises(DataError, match="MNISTLAB_HOME"):
        kept.add(Drawing.from_strokes(ONE), 1)
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        len(Collection(tmp_path / "folder"))


def test_a_lock_that_is_kept_is_told(
    kept: Collection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "_LOCK_SECONDS", 0.01)
    with (
        filelock.FileLock(f"{path}.lock"),
        pytest.raises(DataError, match=r"Another page keeps .* locked"),
    ):
        kept.remove(0)
    assert len(kept) == 4
