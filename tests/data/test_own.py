"""Files of one's own, good and bad."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import re
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mnistlab
from mnistlab.data import load_own
from mnistlab.data.own.reader import from_arrays
from mnistlab.errors import DataError
from tests.data.own_files import idx, npy, npz, read_own, write

RNG = np.random.default_rng(5)
X = RNG.integers(0, 256, (36, 28, 28), dtype=np.uint8)
Y = np.arange(36, dtype=np.uint8) % 10


def test_the_four_arrays_are_taken_as_they_are() -> None:
    found = read_own(npz(x_train=X[:24], y_train=Y[:24], x_test=X[24:], y_test=Y[24:]))
    np.testing.assert_array_equal(found.x_train, X[:24])
    np.testing.assert_array_equal(found.y_test, Y[24:])
    assert found.title == "data.npz"
    with pytest.raises(ValueError, match="read-only"):
        found.x_train[0, 0, 0] = 1


@pytest.mark.parametrize("shape", [(36, 784), (36, 28, 28, 1), (36, 28, 28)])
def test_usual_shapes_and_whole_floats_are_taken(shape: tuple[int, ...]) -> None:
    found = read_own(npz(x=X.reshape(shape).astype(np.float64), y=Y.astype(np.int64)))
    assert (len(found.x_train), len(found.x_test)) == (30, 6)
    np.testing.assert_array_equal(found.x_test, X[5::6])


def test_idx_files_packed_or_not() -> None:
    files = {"train-images-idx3-ubyte.gz": gzip.compress(idx(X)), "train-labels.idx1-ubyte": idx(Y)}
    np.testing.assert_array_equal(read_own(files).x_test, X[5::6])


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "There is no file"),
        (npz(x=X[:, :20, :20], y=Y), "images 36 x 20 x 20; give n x 28 x 28"),
        (npz(x=np.stack([X] * 3, -1), y=Y), "one channel, the mean of its three"),
        (npz(x=X, y=Y[:5]), r"36 images but labels of shape \(5,\)"),
        (npz(x=X.astype(np.int32) * 2, y=Y), "pixels from 0 to 510; give 0 to 255"),
        (npz(x=X.astype(np.int32) - 1, y=Y), "pixels from -1 to"),
        (npz(x=X / 127.5 - 1, y=Y), r"\(x \+ 1\) \* 127.5"),
        (npz(x=(X / 255 - 0.13) / 0.31, y=Y), "look standardised"),
        (npz(x=X / 20, y=Y), "neither 0 to 1 nor 0 to 255"),
        (npz(x=np.where(X > 250, np.nan, X), y=Y), "not finite"),
        (npz(x=X.astype(complex), y=Y), "pixels of type complex128"),
        (npz(x=X, y=Y + 1), "labels from 1 to 10; give 0 to 9: y % 10 where 10 stands for 0"),
        (npz(x=X, y=Y.astype(object)), r"Python objects.*y.astype\(int\)"),
        (npz(x=X, y=np.eye(10)[Y].T), r"labels of shape \(10, 36\).*y.argmax\(axis=0\)"),
        (npz(x=X.reshape(36, 784).T, y=Y), "images 784 x 36.*such as x.T"),
        (npz(x=np.moveaxis(X, 0, -1), y=Y), r"images 28 x 28 x 36.*np.moveaxis\(x, -1, 0\)"),
        (npz(a=np.moveaxis(X, 0, -1), b=Y), r"images 28 x 28 x 36.*np.moveaxis\(x, -1, 0\)"),
        (npz(x=X / 255 * 1.01, y=Y), "from 0 to 1.01, neither 0 to 1 nor 0 to 255"),
        (npz(x=X * 1.00123, y=Y), "from 0 to 255.3137; give 0 to 255"),
        (npz(x=X * (255 / X.max()) - 0.3, y=Y), "from -0.3 to"),
        (npz(x=X, y=Y + 0.5), "labels that are not whole numbers; give 0 to 9"),
        (npz(x=X, y=np.array(["a"] * 36)), "labels of type <U1, such as 'a'"),
        (npz(x=X, y=RNG.random((36, 10))), r"y.argmax\(axis=1\)"),
        (npz(x=X[:6], y=Y[:6]), "data.npz has 6 images; give at least 12"),
        (npz(x=X[:0], y=Y[:0]), "has no images"),
        (npz(images=X), "the labels are missing. Save both in one file"),
        (npz(y=Y), "the images are missing"),
        (npz(z=np.zeros((3, 4, 5))), "data.npz holds z; give a .npz file"),
        (npz(x=X, y=Y, images=X), "data.npz, x and data.npz, images both have images"),
        (npz(x_train=X, y_train=Y, x_test=X), "test images but the test labels are missing"),
        ({"data.npz": b"no archive"}, "cannot be read"),
        ({"data.npz": npz(x=X, y=Y)["data.npz"][:900]}, "cannot be read"),
        ({"notes.txt": b"hello"}, "notes.txt cannot be read: .* line 1 has 1 value"),
        ({"empty.csv": b""}, "empty.csv is empty"),
        ({"blank.csv": b"\n" * 900}, "blank.csv cannot be read"),
        ({"x.npy": npy(X)}, r"x.npy has images but the labels are missing. .*numpy.savez"),
        ({"x.npy": npy(X[0])}, "an array 28 x 28; give images n x 28 x 28"),
        ({"train-images": idx(X)}, "labels are missing"),
        ({"train-labels": idx(Y)}, "images are missing"),
        ({"train-images": idx(X)[:500], "train-labels": idx(Y)}, "is truncated"),
        ({"train-images": b"abcdefghijkl", "train-labels": idx(Y)}, "cannot be read"),
        ({"train-images": b"\0\0\7\3abcdefgh", "train-labels": idx(Y)}, "not an IDX file"),
    ],
)
def test_what_is_unfit_is_told_with_what_was_found(files: dict[str, bytes], found: str) -> None:
    with pytest.raises(DataError, match=found) as error:
        read_own(files)
    assert "\n" not in str(error.value)


def archive(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(name, "text")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "remedy"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "web page", "Download the file itself"),
        (gzip.compress(b"<html>Not found</html>", mtime=0), "web page", "Download the file itself"),
        (b"\x89HDF\r\n\x1a\n" + bytes(9), "HDF5", "numpy.savez"),
        (b"MATLAB 5.0 MAT-file", "MATLAB", "numpy.savez"),
        (b"PAR1" + bytes(9), "Parquet", "numpy.savez"),
        (pickle.dumps({"x": 1}), "pickle, which could run any code", "numpy.savez"),
        (bz2.compress(b"0"), "bzip2", "unpack it"),
        (lzma.compress(b"0"), "xz", "unpack it"),
        (bytes(257).replace(b"\0", b"n") + b"ustar", "tar archive", "unpack it"),
        (archive("digits/data.pkl"), "PyTorch", "torch.load"),
        (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch", "torch.load"),
        (archive("0/1.PNG"), "zip archive of pictures such as 0/1.PNG", "numpy.savez"),
        (archive("train.csv"), "zip archive with train.csv", "unpack it"),
        (archive("[Content_Types].xml"), "Excel", "save the table as CSV"),
        (b"\x89PNG\r\n\x1a\n", "picture", "mnistlab predict"),
        (b'{"strokes": []}', "JSON", "mnistlab predict"),
        ("label,pixel0".encode("utf-16"), "UTF-16", "UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["data.npz", "train.csv", "train-images-idx3-ubyte.gz"])
def test_other_files_are_refused_by_their_kind_whatever_their_name(
    content: bytes, kind: str, remedy: str, name: str
) -> None:
    with pytest.raises(DataError) as error:
        read_own({name: content})
    assert name in str(error.value)
    assert kind in str(error.value)
    assert remedy in str(error.value)


def test_a_name_has_no_characters_that_a_terminal_obeys() -> None:
    with pytest.raises(DataError) as error:
        read_own({"\x1b[31m.csv": b"1"})
    assert str(error.value).isprintable()
    assert read_own(npz("\x1b[31m\n.npz", x=X, y=Y)).title.isprintable()


# What is read, and what is said of it


@pytest.mark.parametrize(
    "arrays",
    [
        {"X": X, "y": Y},
        {"images": X, "labels": Y},
        {"data": X.reshape(36, 784), "target": Y},
        {"arr_0": X, "arr_1": Y},
        {"X": X[:, None], "Y": Y[:, None]},
        {"x": X.reshape(36, 1, 784), "y": Y[None]},
        {"x": np.asfortranarray(X), "y": Y.astype(">i4")},
        {"x_test": X, "y_test": Y},
    ],
)
def test_one_set_is_found_by_names_or_shapes(arrays: dict[str, Any]) -> None:
    found = read_own(npz(**arrays))
    np.testing.assert_array_equal(found.x_test, X[5::6])
    np.testing.assert_array_equal(found.y_test, Y[5::6])
    assert found.notice == (
        "There is one set of 36 images: every sixth image was put aside for testing, 6 in all."
    )


@pytest.mark.parametrize(
    "names",
    [
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("trainX", "trainY", "testX", "testY"),
        ("training_images", "training_labels", "test_images", "test_labels"),
    ],
)
def test_two_sets_stay_as_they_are(names: tuple[str, ...]) -> None:
    arrays = (X[:24], Y[:24], X[24:], Y[24:])
    named: dict[str, Any] = dict(zip(names, arrays, strict=True))
    found = read_own(npz(**named))
    for array, wanted in zip(
        (found.x_train, found.y_train, found.x_test, found.y_test), arrays, strict=True
    ):
        np.testing.assert_array_equal(array, wanted)
    assert found.notice == ""


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": X / 255, "y": Y}, "Pixels from 0 to 1 were multiplied by 255."),
        ({"x": (X / 255).astype(np.float32), "y": Y}, "multiplied by 255"),
        ({"x": X - 0.25 * (X > 0), "y": Y}, "Pixels were rounded"),
        ({"x": X, "y": np.eye(10)[Y]}, "One-hot labels were turned into digits."),
        ({"x": X, "y": np.eye(10, dtype=bool)[Y]}, "One-hot labels"),
        ({"x": X, "y": Y.astype("U1")}, "Labels that are text"),
        ({"x": X, "y": Y, "ids": np.zeros((2, 3, 4))}, "Left out: ids."),
        ({"x_train": X, "y_train": Y, "x_val": X[:4], "y_val": Y[:4]}, "validation images were"),
    ],
)
def test_what_was_done_is_said(arrays: dict[str, Any], said: str) -> None:
    found = read_own(npz(**arrays))
    np.testing.assert_array_equal(found.x_test, X[5::6])
    np.testing.assert_array_equal(found.y_test, Y[5::6])
    assert said in found.notice


def test_black_and_white_and_faint_pixels() -> None:
    found = read_own(npz(x=X > 127, y=Y))
    np.testing.assert_array_equal(found.x_test, 255 * (X[5::6] > 127))
    faint = read_own(npz(x=X // 16, y=Y))
    np.testing.assert_array_equal(faint.x_test, X[5::6] // 16)
    assert "The brightest pixel is 15 of 255" in faint.notice


@pytest.mark.parametrize(
    ("kind", "dtype", "factor"), [(11, ">i2", 1), (12, ">i4", 1), (13, ">f4", 255), (14, ">f8", 1)]
)
def test_idx_files_of_every_type(kind: int, dtype: str, factor: int) -> None:
    files = {"images": idx(X / factor, kind, dtype), "labels": idx(Y)}
    np.testing.assert_array_equal(read_own(files).x_test, X[5::6])


def test_files_compressed_twice_are_unpacked_and_it_is_said() -> None:
    files = {
        "t10k-images-idx3-ubyte.gz": gzip.compress(gzip.compress(idx(X))),
        "t10k-labels-idx1-ubyte.gz": gzip.compress(idx(Y)),
    }
    found = read_own(files)
    np.testing.assert_array_equal(found.x_test, X[5::6])
    assert "t10k-images-idx3-ubyte.gz was compressed 2 times" in found.notice


@pytest.mark.parametrize(
    ("arrays", "left_out"),
    [
        ({"x": X, "y": Y, "writer": Y, "weight": Y / 9}, "writer, weight"),
        ({"ids": np.arange(36), "images": X, "labels": Y}, "ids"),
        ({"masks": X > 9, "images": X, "labels": Y}, "masks"),
        ({"x": X, "y": Y, "writer": np.array(["me"] * 36, object)}, "writer"),
        ({"x_test": X, "y_test": Y, "writers": Y, "masks_test": X}, "writers, masks_test"),
    ],
)
def test_usual_names_win_over_arrays_that_only_look_like_it(
    arrays: dict[str, Any], left_out: str
) -> None:
    found = read_own(npz(**arrays))
    np.testing.assert_array_equal(found.x_test, X[5::6])
    np.testing.assert_array_equal(found.y_test, Y[5::6])
    assert f"Left out: {left_out}." in found.notice


@pytest.mark.parametrize(
    "x",
    [
        X / 255 * 1.0000002,
        np.where(X == 0, -1e-9, X / 255),
        np.where(X == 0, -1e-9, X * 1.0000002),
        (X / np.float32(255) * np.float32(255.0001)).astype(np.float32),
    ],
)
def test_noise_of_floats_at_the_ends_of_the_range_is_taken_away(x: NDArray[Any]) -> None:
    np.testing.assert_array_equal(read_own(npz(x=x, y=Y)).x_test, X[5::6])


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (X * (100 / 255), "The brightest pixel is 100 of 255: .* multiply the pixels by 255 / 100"),
        (X / 255 * 0.4, "The brightest pixel is 102 of 255"),
        (np.full_like(X, 255), "All images are blank: every pixel is 255"),
        (np.zeros_like(X), "All images are blank: every pixel is 0"),
        (np.ones_like(X) * np.arange(36, dtype=np.uint8)[:, None, None], "each is one even grey"),
        (np.tile(X[:1], (36, 1, 1)), "All images are the same"),
    ],
)
def test_dim_blank_and_equal_images_are_told(x: NDArray[Any], said: str) -> None:
    notice = read_own(npz(x=x, y=Y)).notice
    assert re.search(said, notice)
    assert ("brightest" in said) == ("brightest" in notice)


def test_one_blank_set_of_two_is_named() -> None:
    found = read_own(npz(x_train=X, y_train=Y, x_test=np.zeros_like(X), y_test=Y))
    assert found.notice.startswith("All test images are blank")


# Paths


def test_labels_are_found_beside_their_images(tmp_path: Path) -> None:
    files = {
        "train-images-idx3-ubyte.gz": gzip.compress(idx(X)),
        "train-labels-idx1-ubyte": idx(Y),
        "README.md": b"Not data.",
    }
    folder = write(tmp_path, files)
    for path in (folder, str(folder), folder / "train-images-idx3-ubyte.gz"):
        np.testing.assert_array_equal(load_own(path).x_test, X[5::6])


def test_files_without_an_ending_are_told_by_their_contents(tmp_path: Path) -> None:
    files = {"train-images": idx(X), "train-labels": idx(Y), ".DS_Store": b"x", "notes": b"x"}
    np.testing.assert_array_equal(load_own(write(tmp_path, files)).x_test, X[5::6])


def test_a_file_beside_its_compressed_copy_is_read_once(tmp_path: Path) -> None:
    plain = {"train-images-idx3-ubyte": idx(X), "train-labels-idx1-ubyte": idx(Y)}
    packed = {f"{name}.gz": gzip.compress(content) for name, content in plain.items()}
    assert len(load_own(write(tmp_path, {**plain, **packed})).y_test) == 6


def test_paths_that_lead_to_no_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, reason in (
        (tmp_path / "none.npz", "there is no such file or folder"),
        (tmp_path / "empty", "has no data files"),
        ("\0", "cannot be read"),
        ("/dev/null", "is not a file|there is no such file"),
    ):
        with pytest.raises(DataError, match=reason):
            load_own(path)
    (tmp_path / "pictures" / "7").mkdir(parents=True)
    (tmp_path / "pictures" / "7" / "a.PNG").touch()
    with pytest.raises(DataError, match=r"folders of pictures, such as 7.a.PNG, are not read: .*"):
        load_own(tmp_path / "pictures")
    for i in range(9):
        (tmp_path / f"{i}.npz").touch()
    with pytest.raises(DataError, match="has 9 data files; give the path of one"):
        load_own(tmp_path)


def test_of_kaggles_folder_train_csv_is_asked_for(tmp_path: Path) -> None:
    files = dict.fromkeys(
        ["train.csv", "test.csv", "sample_submission.csv"], b"ImageId,Label\n1,0\n"
    )
    folder = write(tmp_path, files)
    for read in (partial(read_own, files), partial(load_own, folder)):
        with pytest.raises(DataError, match=r"Kaggle's digit-recognizer.*; give train\.csv\."):
            read()


def test_without_a_split_all_of_one_set_is_for_testing(tmp_path: Path) -> None:
    path = write(tmp_path, npz(x=X, y=Y))
    found = mnistlab.load_own(path, split=False)
    np.testing.assert_array_equal(found.x_test, X)
    np.testing.assert_array_equal(found.y_test, Y)
    assert found.x_train.shape == (0, 28, 28)
    assert found.notice == "All 36 images serve as test images."


def test_turned_images(tmp_path: Path) -> None:
    path = write(tmp_path, npz(x=X, y=Y))
    found = mnistlab.load_own(path, invert=True, transpose=True)
    np.testing.assert_array_equal(found.x_test, 255 - X[5::6].swapaxes(1, 2))
    assert "Ink and paper were swapped. Rows and columns were swapped." in found.notice
    assert found.digest != mnistlab.load_own(path).digest


@pytest.mark.parametrize("number", [0, 1, 2, 11])
def test_too_few_drawings_are_told_by_their_number(number: int) -> None:
    with pytest.raises(DataError, match=r"My digits has (no|\d+) images?; give at least 12"):
        from_arrays({"x": X[:number], "y": Y[:number]}, "My digits")


def test_the_whole_of_mnist_from_any_container_is_the_same(
    mnist_npz: Path, idx_folder: Callable[..., Path], real_arrays: dict[str, Any]
) -> None:
    for path in (mnist_npz, idx_folder()):
        found = load_own(path)
        for name, array in real_arrays.items():
            np.testing.assert_array_equal(getattr(found, name), array)
