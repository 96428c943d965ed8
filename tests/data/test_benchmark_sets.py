"""Public test sets are read from their published formats, and anything else is refused."""

from __future__ import annotations

import bz2
import gzip
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data.benchmark_sets import SETS, BenchmarkSet, find_set, load_set
from mnistlab.data.benchmark_sets.place import SetsFolder
from mnistlab.data.benchmark_sets.table import CORRUPTIONS
from mnistlab.errors import ConfigError, DataError
from tests.data import made_sets
from tests.data.made_sets import LABELS, WRITERS, N, idx, images, npy, small
from tests.data.test_pens import packed

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"


def load(name: str, folder: Path) -> BenchmarkSet:
    return load_set(small(name), SetsFolder(folder))


@pytest.mark.parametrize("name", list(WRITERS))
def test_each_set_is_read_as_it_is_published(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path)
    loaded = load(name, tmp_path)
    assert len(loaded.parts) == (15 if name == "mnist-c" else 1)
    for part in loaded.parts:
        expected = np.arange(N) % 26 + 1 if name == "emnist-letters" else LABELS
        np.testing.assert_array_equal(part.labels, expected)
        if name == "pendigits":
            assert len(part.drawings) == N
        elif name == "usps":
            np.testing.assert_array_equal(part.images, images(side=16))
        elif name != "mnist-c":
            np.testing.assert_array_equal(part.images, images())
    assert [part.name for part in loaded.parts][:1] == (
        ["shot_noise"] if name == "mnist-c" else [""]
    )
    assert len(loaded.digest) == 64
    assert str(tmp_path) not in loaded.source


def test_only_images_beyond_mnists_own_are_taken_of_qmnist(tmp_path: Path) -> None:
    made_sets.write_qmnist(tmp_path)
    loaded = load("qmnist", tmp_path)
    assert len(loaded.parts[0].labels) == N
    assert loaded.notes == ("The first 10,000 test images, which are MNIST's, were left out.",)


def test_the_digest_is_of_the_contents_and_not_of_the_container(tmp_path: Path) -> None:
    packed, unpacked = tmp_path / "packed", tmp_path / "unpacked" / "deep" / "er"
    for folder in (packed, unpacked):
        folder.mkdir(parents=True)
    made_sets.write_emnist(packed)
    for name, content in made_sets.emnist_files("digits").items():
        (unpacked / name).write_bytes(content)
    first = load("emnist-digits", packed)
    second = load("emnist-digits", tmp_path / "unpacked")
    assert first.digest == second.digest
    assert first.source.startswith("gzip.zip: gzip/emnist-digits-test-images-idx3-ubyte.gz")
    assert second.source.startswith("deep/er/emnist-digits-test-images-idx3-ubyte,")
    (unpacked / "emnist-digits-test-labels-idx1-ubyte").write_bytes(idx(LABELS[::-1]))
    assert load("emnist-digits", tmp_path / "unpacked").digest != first.digest


def test_usps_in_the_format_of_the_elements_of_statistical_learning(tmp_path: Path) -> None:
    rows = (images(side=16) / 127.5 - 1).reshape(N, -1)
    lines = [
        f"{label} " + " ".join(f"{value:.4f}" for value in row)
        for label, row in zip(LABELS, rows, strict=True)
    ]
    (tmp_path / "zip.test.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (part,) = load("usps", tmp_path).parts
    np.testing.assert_array_equal(part.images, images(side=16))
    np.testing.assert_array_equal(part.labels, LABELS)


def test_ardis_with_dark_ink_is_inverted_with_a_note(tmp_path: Path) -> None:
    made_sets.write_ardis(tmp_path)
    np.savetxt(tmp_path / "ARDIS_test_2828.csv", 255 - images().reshape(N, -1).astype(int), "%d")
    loaded = load("ardis", tmp_path)
    np.testing.assert_array_equal(loaded.parts[0].images, images())
    assert loaded.notes == ("Ink and paper were swapped.",)


def test_pen_digits_in_unipen_text(tmp_path: Path) -> None:
    text = ".COORD X Y\n"
    for i, label in enumerate(LABELS):
        text += f'.SEGMENT DIGIT {2 * i} ? "{label}"\n.PEN_DOWN\n10 10\n20 {30 + i}\n.PEN_UP\n5 5\n'
    (tmp_path / "pendigits-orig.tes").write_text(text)
    (part,) = load("pendigits", tmp_path).parts
    np.testing.assert_array_equal(part.labels, LABELS)


def test_pen_digits_packed_as_uci_does(tmp_path: Path) -> None:
    text = '.COORD X Y\n.SEGMENT DIGIT 0 ? "7"\n.PEN_DOWN\n10 10\n20 30\n'
    with zipfile.ZipFile(tmp_path / "pen.zip", "w") as archive:
        archive.writestr("pendigits-orig.tes.Z", packed(text))
    loaded = load_set(small("pendigits", 1), SetsFolder(tmp_path))
    assert loaded.parts[0].labels.tolist() == [7]
    assert loaded.source == "pen.zip: pendigits-orig.tes.Z"
    (tmp_path / "pendigits-orig.tes.Z").write_bytes(packed(text)[:20])
    with pytest.raises(DataError, match="pendigits-orig"):
        load_set(small("pendigits", 1), SetsFolder(tmp_path))


def test_names_of_sets() -> None:
    assert find_set("usps").title == "USPS test"
    assert len({each.name for each in SETS}) == len(SETS)
    with pytest.raises(ConfigError, match="no test set 'svhn'; choose among mnist, qmnist"):
        find_set("svhn")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "not-there"):
        with pytest.raises(FileNotFoundError, match=r"no usps\.t\.bz2 or usps\.t or zip\.test in"):
            load("usps", folder)
    made_sets.write_corruptions(tmp_path)
    whole = zipfile.ZipFile(tmp_path / "mnist_c.zip")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        for name in whole.namelist():
            if "fog" not in name:
                archive.writestr(name, whole.read(name))
    (tmp_path / "mnist_c.zip").unlink()
    with pytest.raises(FileNotFoundError, match=r"no fog/test_images\.npy in"):
        load("mnist-c", tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is not a folder"):
        SetsFolder(tmp_path / "file")


# Files that are something else

EMNIST = "emnist-digits-test-images-idx3-ubyte"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty; remove it and get it again"),
        (PAGE, "is a web page, not data"),
        (POINTER, "is a Git LFS pointer"),
        (idx(images())[:-100], "is truncated: 15,580 bytes where 15,680 should follow"),
        (gzip.compress(idx(images()))[:-20], "may be truncated"),
        (idx(images(N - 1)), "has 19 images instead of 20; remove it and get it again"),
        (idx(images(side=27)), "has an array 20 x 27 x 27 of uint8 where images n x 28 x 28"),
        (idx(images(), 12), "has an array 20 x 28 x 28 of >i4 where images"),
        (npy(images().astype(np.float32)), "of float32 where images"),
        (npy(np.array([{}], object)), "has Python objects, which could run any code"),
        (b"label,pixel0\n1,2\n", "is not an IDX or npy file; remove it"),
    ],
)
def test_bad_images(content: bytes, reason: str, tmp_path: Path) -> None:
    for name, good in made_sets.emnist_files("digits").items():
        (tmp_path / name).write_bytes(content if name == EMNIST else good)
    with pytest.raises(DataError, match=f"^{EMNIST} .*{reason}"):
        load("emnist-digits", tmp_path)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (LABELS[:5], "has labels 5 of uint8 for 20 images"),
        (LABELS + 1, "has labels from 1 to 10 instead of 0 to 9"),
        (LABELS[:, None], "has labels 20 x 1 of uint8 for 20 images"),
    ],
)
def test_bad_labels(labels: np.typing.NDArray[np.uint8], reason: str, tmp_path: Path) -> None:
    first, second = made_sets.emnist_files("digits")
    (tmp_path / first).write_bytes(made_sets.emnist_files("digits")[first])
    (tmp_path / second).write_bytes(idx(labels))
    with pytest.raises(DataError, match=f"{reason}.*; remove it and get it again"):
        load("emnist-digits", tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PAGE, "is a web page"),
        (bz2.compress(made_sets.usps_lines().encode())[:-40], "is truncated"),
        (bz2.compress(PAGE), "is a web page"),
        (b"1 1:0.5 257:1\n", "has a pixel number 257"),
        (b"1 1:nonsense\n", "cannot be read"),
        (b"1 1:7\n", "has pixels beyond -1 to 1"),
        (b"1 1:nan\n", "has pixels beyond -1 to 1"),
        (made_sets.usps_lines().replace("\n1 ", "\n0 ", 1).encode(), "has labels from -1 to 9"),
        (made_sets.usps_lines().encode()[:500], "has . images instead of 20"),
        (b"\xff" * 100, "cannot be read"),
    ],
)
def test_bad_usps(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "usps.t").write_bytes(content)
    with pytest.raises(DataError, match=rf"^usps\.t .*{reason}"):
        load("usps", tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("ARDIS_test_2828.csv", PAGE, "is a web page"),
        ("ARDIS_test_2828.csv", b"1 2 3\n", "has 3 numbers a line instead of 784"),
        ("ARDIS_test_2828.csv", b"a b c\n", "cannot be read"),
        ("ARDIS_test_2828.csv", b"-1 " * 784, "has pixels beyond 0 to 255"),
        ("ARDIS_test_labels.csv", b"1 1 0 0 0 0 0 0 0 0\n" * N, "not one 1 among nine 0s"),
        ("ARDIS_test_labels.csv", b"1\n2\n", "has labels 2 of int64 for 20 images"),
    ],
)
def test_bad_ardis(file: str, content: bytes, reason: str, tmp_path: Path) -> None:
    made_sets.write_ardis(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=f"^{file} .*{reason}"):
        load("ardis", tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PAGE.decode(), "is a web page"),
        (made_sets.pen_lines().rpartition("\n")[0], "has 19 drawings instead of 20"),
        (made_sets.pen_lines()[:-9], "cannot be read"),
        (made_sets.pen_lines().replace('"3"', '"x"'), "has drawings that are not labelled 0 to 9"),
    ],
)
def test_bad_pen_digits(content: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "pen-digits-test.jsonl").write_text(content)
    with pytest.raises(DataError, match=reason):
        load("pendigits", tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PAGE, "is a web page"),
        (b"PK\x03\x04" + bytes(100), "is not a complete zip archive; remove it"),
        (b"", "is empty"),
    ],
)
def test_bad_archives(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "gzip.zip").write_bytes(content)
    with pytest.raises(DataError, match=rf"^gzip\.zip {reason}"):
        load("emnist-digits", tmp_path)


def test_a_damaged_archive_of_another_set_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "gzip.zip").write_bytes(PAGE)
    made_sets.write_corruptions(tmp_path)
    assert len(load("mnist-c", tmp_path).parts) == 15
    with pytest.raises(FileNotFoundError):
        load("usps", tmp_path)


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    hidden = tmp_path / ".fetch-1"
    hidden.mkdir()
    made_sets.write_usps(hidden)
    with pytest.raises(FileNotFoundError):
        load("usps", tmp_path)


def test_corruptions_are_the_published_ones() -> None:
    assert len(set(CORRUPTIONS)) == 15
    assert "identity" not in CORRUPTIONS
