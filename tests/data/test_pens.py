"""Drawings from JSON lines and UNIPEN text, packed or not, and what of a folder is trained on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.pens import read_drawings, training_drawings
from mnistlab.errors import DataError

UCI = """.INCLUDE missing.doc
.SEGMENT DIGIT 0 ? "1"
.COMMENT 1 12 1
.PEN_DOWN
 10 90
 10 20
.PEN_UP
.DT 100
.SEGMENT DIGIT 1-2 ? "4"
.PEN_DOWN
 0 50
 30 50
.PEN_UP
.DT 100
.PEN_DOWN
 20 80
 20 0
.PEN_UP
"""
INK = """.COORD T X Y
.WRITER_ID 7
.PEN_DOWN
1 0 0
2 5 5
3 9 9
4 9 0
.PEN_UP
5 50 50
.PEN_DOWN
6 1 2
7 3 4
"""
SEGMENTS = """.INCLUDE {donor}/data/ink.dat
.SEGMENT CHARACTER 0:1-0:2 OK "7"
.SEGMENT CHARACTER 0-2 OK "k"
.SEGMENT CHARACTER 2 OK "O"
"""


def packed(text: str) -> bytes:
    """Return a short text as `compress` may pack it: nine bits for each byte."""
    codes = list(text.encode())
    assert len(codes) < 250  # then the codes would become longer
    bits = sum(code << (9 * i) for i, code in enumerate(codes))
    return b"\x1f\x9d\x90" + bits.to_bytes((9 * len(codes) + 7) // 8, "little")


def unipen(folder: Path, donor: str) -> None:
    """Write one file of segments for all kinds of characters, and the ink that it refers to."""
    for kind in ("1a", "1c"):
        path = folder / "data" / kind / donor / "d0" / "ink.dat"
        path.parent.mkdir(parents=True)
        path.write_text(SEGMENTS.format(donor=donor))
    ink = folder / "include" / donor / "data" / "ink.dat"
    ink.parent.mkdir(parents=True)
    ink.write_text(INK)


def test_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "any.jsonl"
    rows = [
        {"label": "7", "donor": "x", "strokes": [[[1, 2], [3, 4]]]},
        {"label": 3, "strokes": [[]]},
        {"label": "é", "strokes": []},
    ]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    file.write_text(f"\ufeff{lines}\n\n", encoding="utf-8")
    seven, three, letter = read_drawings(file)
    assert (seven.label, three.label, letter.label) == ("7", "3", "é")
    assert (seven.digit, three.digit, letter.digit) == (7, 3, None)
    np.testing.assert_array_equal(seven.strokes[0], [[1, 2], [3, 4]])
    assert three.strokes == ()


def test_unipen_text_of_uci(tmp_path: Path) -> None:
    file = tmp_path / "pendigits-orig.tra"
    file.write_text(UCI)
    one, four = read_drawings(file)
    assert (one.label, four.label) == ("1", "4")
    assert [len(four.strokes), len(one.strokes)] == [2, 1]
    # The tablet's y grows upwards, a drawing's downwards.
    (_, top), (_, bottom) = one.strokes[0]
    assert bottom - top == 70


def test_a_packed_file_gives_the_same(tmp_path: Path) -> None:
    text = UCI[: UCI.index(".SEGMENT DIGIT 1-2")]
    (tmp_path / "plain").write_text(text)
    (tmp_path / "packed").write_bytes(packed(text))
    plain, unpacked = (read_drawings(tmp_path / name)[0] for name in ("plain", "packed"))
    assert unpacked.label == plain.label == "1"
    np.testing.assert_array_equal(unpacked.strokes[0], plain.strokes[0])


def test_segments_refer_to_strokes_and_points_of_an_included_file(tmp_path: Path) -> None:
    unipen(tmp_path, "ibm")
    file = tmp_path / "data" / "1a" / "ibm" / "d0" / "ink.dat"
    seven, letter, _ = read_drawings(file)
    np.testing.assert_array_equal(seven.strokes[0], [[5, -5], [9, -9]])  # two of its points
    assert [len(stroke) for stroke in letter.strokes] == [4, 2]  # without the pen's way in the air


def test_only_what_may_be_trained_on_is_taken_from_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = json.dumps({"label": "5", "strokes": [[[0, 0], [9, 9]]]})
    for name in ("pen-digits-train.jsonl", "pen-digits-test.jsonl", "drawings.jsonl"):
        (tmp_path / name).write_text(row)
    (tmp_path / "pendigits-orig.tra").write_text(UCI)
    (tmp_path / "pendigits-orig.tra.Z").write_text(UCI)  # the same drawings again
    (tmp_path / "pendigits-orig.tes").write_text(UCI)
    unipen(tmp_path / "train_r01_v07", "ibm")
    unipen(tmp_path / "train_r01_v07", "other")
    monkeypatch.setenv("MNISTLAB_PENS", str(tmp_path))
    # An "O" may be a zero, so it is left out.
    assert [drawing.label for drawing in training_drawings()] == [*"514", *"7k7k"]


def test_without_drawings_there_are_none(tmp_path: Path) -> None:
    assert training_drawings(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "content",
    [
        b'{"label": "1"}',
        b'{"label": "1", "strokes": [[[1, "a"]]]}',
        b'{"label": "1", "strokes": [[[1, NaN]]]}',
        b"{",
        b'.SEGMENT DIGIT x ? "1"',
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DataError, match=r"bad cannot be read .*fetch the file again"):
        read_drawings(tmp_path / "bad")


def test_digits_of_donors_whose_labels_are_wrong_are_left_out(tmp_path: Path) -> None:
    strokes = [[[0, 0], [9, 9]]]
    rows = [
        {"label": label, "donor": donor, "strokes": strokes}
        for label, donor in (("1", "tos"), ("2", "ibm"), ("k", "pri"))
    ]
    (tmp_path / "pen-digits-train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [drawing.label for drawing in training_drawings(tmp_path)] == ["2", "k"]
    unipen(tmp_path, "pri")
    assert [drawing.label for drawing in training_drawings(tmp_path)] == ["2", "k", *"7k"]
