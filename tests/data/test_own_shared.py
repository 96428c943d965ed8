"""Every data file of ../shared/data/faults comes out as its expected.json says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mnistlab.data import load_own
from mnistlab.errors import DataError

FAULTS = Path(__file__).parents[3] / "shared" / "data" / "faults"
# What must stand in the notice, or in the error that refuses the file.
READ = {
    "no_header.csv": "first column of values was read as the label",
    "header_1x1.csv": "",
    "label_last.csv": "label is column 785",
    "index_column.csv": "first column was left out",
    "semicolon.csv": "semicolons",
    "floats.csv": "",
    "zero_to_one.csv": "0 to 1 were multiplied by 255",
    "X_y.npz": "",
    "one_hot_nchw.npz": "One-hot",
    "train_images.npz": "",
    "inverted.npz": "Ink and paper look swapped.*invert=True",
    "transposed.npz": "look transposed.*EMNIST.*transpose=True",
    "idx_gz_twice/": "compressed 2 times",
}
REFUSED = {
    "images.npy": "labels are missing.*numpy.savez",
    "lfs_pointer.npz": "Git LFS.*git lfs pull",
    "web_page.gz": "web page, not data",
}


def expected() -> dict[str, str]:
    """What is right for each data file; pictures and drawings are read elsewhere."""
    text = (FAULTS / "expected.json").read_text(encoding="utf-8")
    others = {".png", ".jpg", ".heic", ".json"}
    return {n: right for n, right in json.loads(text).items() if Path(n).suffix not in others}


@pytest.mark.shared
def test_every_data_file_is_tested_here() -> None:
    assert expected().keys() == READ.keys() | REFUSED.keys()


@pytest.mark.shared
@pytest.mark.parametrize("name", READ)
def test_readable_files_are_read_with_the_number_of_images_expected(name: str) -> None:
    dataset = load_own(FAULTS / name)
    sizes = [len(dataset.x_train), len(dataset.x_test)]
    wanted = [int(number) for number in re.findall(r"\b\d+(?= |$)", expected()[name])]
    if name in ("inverted.npz", "transposed.npz"):
        wanted = [60]
    assert wanted[:2] in (sizes, [sum(sizes)]) or [wanted[0]] == [sum(sizes)]
    assert re.search(READ[name], dataset.notice)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["inverted.npz", "transposed.npz"])
def test_turned_files_hold_the_same_images_as_the_others(name: str) -> None:
    upright = load_own(FAULTS / "X_y.npz")
    flag = "invert" if name.startswith("inverted") else "transpose"
    turned = load_own(FAULTS / name, **{flag: True})
    assert turned.digest == upright.digest
    assert "look" not in turned.notice


@pytest.mark.shared
@pytest.mark.parametrize("name", REFUSED)
def test_others_are_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(DataError, match=REFUSED[name]) as error:
        load_own(FAULTS / name)
    assert name in str(error.value)
