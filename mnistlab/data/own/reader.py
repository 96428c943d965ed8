"""Data of one's own as a `Dataset`: npz, npy, IDX and CSV files as people have them.

What can be meant in one way only is read, and the dataset's `notice` says what was done. The rest
is refused with the remedy. `own_files` and `own_table` read arrays from files, `own_arrays` makes
images and labels of them, and here those become training and test sets.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.dataset import ARRAYS, Dataset, Images, Labels, digest_of
from mnistlab.data.own.arrays import images_of, ink_remarks, labels_of
from mnistlab.data.own.files import (
    FROM_PICTURES,
    HOW_TO_SAVE,
    MAX_UPLOAD_BYTES,
    PICTURES,
    WANTED,
    Contents,
    Piece,
    printable,
    read_file,
    split_of,
)
from mnistlab.data.own.orientation import Orientation, look
from mnistlab.errors import DataError

_LEAST = 12  # images: two for testing
_TEST_EVERY = 6  # of one set, every sixth image is for testing, as in MNIST one of seven
_MOST_FILES = 8
_MOST_LOOKED_AT = 10_000  # files and folders, for pictures
_NOTABLE = 0.1  # of the images that look inverted, where the others do not
_DATA_FILES = (".npz", ".npy", ".csv", ".tsv", ".gz", "ubyte", ".idx")

# What turns images in the library; the command line and the page have their own.
_KEYWORDS = {"invert": "invert=True", "transpose": "transpose=True"}

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class OwnImages:
    """What was read: images, labels, and what was done to read them."""

    title: str
    arrays: dict[str, NDArray[np.uint8]]
    """`x_train (n, 28, 28)`, `y_train (n,)`, `x_test` and `y_test`."""
    is_one_set: bool
    """Whether the files made no difference between training and test images."""
    remarks: tuple[str, ...] = ()

    def dataset(
        self,
        *,
        invert: bool = False,
        transpose: bool = False,
        split: bool = True,
        remedies: Mapping[str, str] = _KEYWORDS,
    ) -> Dataset:
        """The images as a dataset; other parameters and errors are those of `load_own`.

        Parameters
        ----------
        remedies : what the notice names to turn images with, by `"invert"` and `"transpose"`;
            without one, it says only how they lie
        """
        train, test = (
            (_turned(self.arrays[f"x_{part}"], invert, transpose), self.arrays[f"y_{part}"])
            for part in ("train", "test")
        )
        total = len(train[1]) + len(test[1])
        notices = [
            *_warnings(look((train, test)), remedies),
            *_turns(invert, transpose),
            *self.remarks,
        ]
        if self.is_one_set and split:
            notices.append(
                f"There is one set of {total:,} images: every sixth image was put aside for "
                f"testing, {len(test[1]):,} in all."
            )
        elif self.is_one_set:
            x, y = (_joined(*pair) for pair in zip(train, test, strict=True))
            train, test = (x[:0], y[:0]), (x, y)
            notices.append(f"All {total:,} images serve as test images.")
        parts = (*train, *test)
        for part in parts:
            part.flags.writeable = False
        return Dataset(
            "own",
            self.title,
            *parts,
            digest=digest_of(parts),
            source="your own files",
            notice=" ".join(notices),
        )


def load_own(
    path: str | Path, *, invert: bool = False, transpose: bool = False, split: bool = True
) -> Dataset:
    """Your own images of digits from a file, or from a folder with IDX files.

    Read are `.npz` files with `x_train, y_train, x_test, y_test`, `X, y`, `train_images,
    train_labels` and the like; `.npy` and IDX files of images and labels; and `.csv` files with
    784 pixels and a label in each line, with or without a header. Each may be gzipped. Images have
    28 x 28 pixels from 0 to 255 or 0 to 1; labels are digits or one-hot.

    Parameters
    ----------
    path : a file, or a folder; beside a file of images, that of its labels is found by its name
    invert : swap ink and paper, for images that are dark on bright
    transpose : swap rows and columns, for images that are stored by columns, as EMNIST's are
    split : whether every sixth image is put aside for testing where the files have one set only;
        without it, all of it is for testing and there are no training images

    Returns
    -------
    Dataset
        Its `notice` says what was done to read the files, and whether the images look inverted or
        transposed. It is empty for files that are like MNIST's.

    Raises
    ------
    DataError
        Naming what was found and what to give instead.

    Examples
    --------
    >>> dataset = mnistlab.load_own("emnist-digits/", transpose=True)  # doctest: +SKIP
    >>> mnistlab.evaluate(mnistlab.load_classifier("cnn"), dataset.x_test, dataset.y_test)
    ... # doctest: +SKIP
    """
    return read_own_path(path).dataset(invert=invert, transpose=transpose, split=split)


def read_own(
    files: Mapping[str, bytes], *, invert: bool = False, transpose: bool = False
) -> Dataset:
    """A dataset from the contents of files by their names; otherwise as `load_own`."""
    return read_own_files(files).dataset(invert=invert, transpose=transpose)


def read_own_files(files: Mapping[str, bytes]) -> OwnImages:
    """What files hold, from their contents by their names.

    Raises
    ------
    DataError
        Naming what was found and what to give instead.
    """
    if not files:
        raise DataError(f"There is no file; {WANTED}.")
    _check_kaggle(files, "These files are")
    names = {name: printable(name) for name in files}
    contents = [
        read_file(io.BytesIO(files[name]), shown, MAX_UPLOAD_BYTES) for name, shown in names.items()
    ]
    return _own_images(contents, ", ".join(sorted(names.values())))


def read_own_path(path: str | Path) -> OwnImages:
    """What a file, or a folder with files, holds; see `load_own`.

    Only for a page that is served to oneself: a visitor's path would read the server's disk.
    """
    path = Path(path).expanduser()
    try:
        files = _files_of(path)
        with ExitStack() as stack:
            opened = [(stack.enter_context(file.open("rb")), file) for file in files]
            contents = [read_file(file, printable(each.name)) for file, each in opened]
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        what = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{printable(str(path))} cannot be read ({what}); {WANTED}.") from error
    return _own_images(contents, ", ".join(printable(file.name) for file in files))


def from_arrays(arrays: Arrays, title: str) -> Dataset:
    """A dataset from `x_train, y_train, x_test, y_test`, or `x, y`; see `read_own`."""
    pieces = [Piece(title, name[0], split_of(name), values) for name, values in arrays.items()]
    return _own_images([Contents(tuple(pieces))], title).dataset(remedies={})


def _files_of(path: Path) -> list[Path]:
    """The files that a path means: itself and its labels, or what a folder has."""
    if path.is_dir():
        return _files_in(path)
    if not path.exists():
        raise DataError(
            f"{printable(str(path))} cannot be read: there is no such file or folder; {WANTED}."
        )
    if not path.is_file():
        raise DataError(f"{printable(str(path))} is not a file; {WANTED}.")
    low = path.name.lower()
    if "images" not in low or low.endswith((".npz", ".csv")):
        return [path]
    # Beside train-images-idx3-ubyte lies train-labels-idx1-ubyte, compressed or not.
    name = low.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    labels = [f for f in path.parent.iterdir() if f.name.lower() in (name, f"{name}.gz")]
    return [path, *sorted(labels)[:1]]


def _files_in(folder: Path) -> list[Path]:
    files = [f for f in sorted(folder.iterdir()) if f.is_file() and _is_data(f.name)]
    # torchvision, for one, keeps each file beside its compressed copy.
    files = [f for f in files if f.suffix.lower() != ".gz" or f.with_suffix("") not in files]
    _check_kaggle([f.name for f in files], f"{printable(str(folder))} has the files")
    if not files:
        raise DataError(f"{printable(str(folder))} has no data files; {_instead(folder)}.")
    if len(files) > _MOST_FILES:
        raise DataError(
            f"{printable(str(folder))} has {len(files):,} data files; give the path of one, or a "
            "folder with one training set and one test set."
        )
    return files


def _check_kaggle(names: Iterable[str], what: str) -> None:
    if {"train.csv", "sample_submission.csv"} <= set(names):
        raise DataError(
            f"{what} of Kaggle's digit-recognizer, of which only train.csv has images and labels; "
            "give train.csv."
        )


def _instead(folder: Path) -> str:
    """What to give instead of a folder without data files."""
    found = chain.from_iterable(folder.glob(pattern) for pattern in ("*", "*/*", "*/*/*"))
    for file in islice(found, _MOST_LOOKED_AT):
        if file.suffix.lower() in PICTURES:
            example = printable(str(file.relative_to(folder)))
            return f"folders of pictures, such as {example}, are not read: {FROM_PICTURES}"
    return WANTED


def _is_data(name: str) -> bool:
    low = name.lower()
    if low.startswith("."):
        return False
    return low.endswith(_DATA_FILES) or ("." not in low and ("image" in low or "label" in low))


# From arrays to images and labels


def _own_images(contents: list[Contents], title: str) -> OwnImages:
    remarks = [remark for each in contents for remark in each.remarks]
    sets = _sets([piece for each in contents for piece in each.pieces], title, remarks)
    parts: dict[str, tuple[Images, Labels]] = {}
    for split, (x, y) in sets.items():
        images = images_of(x, remarks)
        labels = labels_of(y, len(images), remarks)
        if len(labels):
            parts[split] = images, labels
    total = sum(len(y) for _, y in parts.values())
    if total < _LEAST:
        found = "no images" if not total else f"{total:,} {'image' if total == 1 else 'images'}"
        raise DataError(f"{title} has {found}; give at least {_LEAST}.")
    is_one_set = len(parts) == 1
    called = {split: "images" if is_one_set else f"{split} images" for split in parts}
    remarks += ink_remarks({called[split]: x for split, (x, _) in parts.items()})
    if is_one_set:
        ((x_all, y_all),) = parts.values()
        test = _is_test(len(y_all))
        parts = {"train": (x_all[~test], y_all[~test]), "test": (x_all[test], y_all[test])}
    arrays = dict(zip(ARRAYS, (*parts["train"], *parts["test"]), strict=True))
    return OwnImages(title, arrays, is_one_set, tuple(dict.fromkeys(remarks)))


def _sets(
    pieces: Iterable[Piece], title: str, remarks: list[str]
) -> dict[str, tuple[Piece, Piece]]:
    """Images with their labels, by `"train"` and `"test"`; one set has either name."""
    found: dict[tuple[str, str], Piece] = {}
    for piece in pieces:
        other = found.setdefault((piece.split, piece.kind), piece)
        if other is not piece:
            what = "images" if piece.kind == "x" else "labels"
            raise DataError(
                f"{other.name} and {piece.name} both have {what}; give one training set and one "
                "test set, told apart by train and test in their names."
            )
    splits = list(dict.fromkeys(split for split, _ in found))
    if len(splits) > 1 and "validation" in splits:
        remarks.append("The validation images were left out.")
        splits.remove("validation")
    if len(splits) > 1 and set(splits) not in ({"train", "test"}, {"", "test"}):
        raise DataError(
            f"{title} has images of which some belong to no set; give one training set and one "
            "test set, told apart by train and test in their names."
        )
    return {"test" if s == "test" else "train": _pair(s, found, title) for s in splits}


def _pair(split: str, found: Mapping[tuple[str, str], Piece], title: str) -> tuple[Piece, Piece]:
    x, y = found.get((split, "x")), found.get((split, "y"))
    called = f"{split} " if split else ""
    if x is None:
        raise DataError(f"{title} has {called}labels but the {called}images are missing; {WANTED}.")
    if y is None:
        raise DataError(
            f"{title} has {called}images but the {called}labels are missing. Save both in one "
            f"file with {HOW_TO_SAVE}, labels being n digits from 0 to 9, and give that."
        )
    return x, y


# How the images lie


def _turned(x: Images, invert: bool, transpose: bool) -> Images:
    x = 255 - x if invert else x
    return np.ascontiguousarray(x.swapaxes(1, 2)) if transpose else x


def _is_test(images: int) -> NDArray[np.bool_]:
    """Which images of one set are put aside for testing."""
    rows: NDArray[np.bool_] = np.arange(images) % _TEST_EVERY == _TEST_EVERY - 1
    return rows


def _joined(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One set again as it was in its file."""
    test_rows = _is_test(len(train) + len(test))
    whole = np.empty((len(test_rows), *train.shape[1:]), np.uint8)
    whole[~test_rows], whole[test_rows] = train, test
    return whole


def _turns(invert: bool, transpose: bool) -> list[str]:
    turns = {"Ink and paper were swapped.": invert, "Rows and columns were swapped.": transpose}
    return [text for text, is_done in turns.items() if is_done]


def _warnings(found: Orientation, remedies: Mapping[str, str]) -> list[str]:
    """What speaks against the way in which the images lie, and what turns them."""
    turn = {name: f" Turn them with {remedy}." for name, remedy in remedies.items()}
    warnings = []
    if found.is_inverted:
        warnings.append(
            "Ink and paper look swapped: these images are dark on bright, and the models read "
            f"bright ink on black.{turn.get('invert', '')}"
        )
    elif found.inverted > _NOTABLE * found.sample:
        warnings.append(
            f"Ink and paper look swapped in {found.inverted:,} of {found.sample:,} images that "
            "were looked at, and not in the others. Swap those before you load them."
        )
    if found.view == "transposed":
        warnings.append(
            "The images look transposed (rows and columns swapped), as EMNIST's are."
            f"{turn.get('transpose', '')}"
        )
    elif found.view != "as they are":
        warnings.append(
            f"The digits look {found.view}, and the models read upright ones. Turn them before you "
            "load them."
        )
    return warnings
