"""Your own data as a `Dataset`: npz, npy, IDX and CSV files in the usual layouts.

Whatever is unambiguous is read, and the dataset's `notice` says how. Everything else is refused
with a remedy. `files` and `table` read arrays from files, `arrays` turns them into images and
labels, and this module makes training and test sets of those.
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

from mnistlab.data.dataset import Dataset, Images, Labels, digest_of
from mnistlab.data.own.arrays import images_of, labels_of, remark_on_ink
from mnistlab.data.own.files import FROM_PICTURES, PICTURES, WANTED, Piece, read_file, split_of
from mnistlab.data.own.orientation import Orientation, detect_orientation
from mnistlab.data.own.source import HOW_TO_SAVE, MAX_UPLOAD_BYTES, Source, printable
from mnistlab.errors import DataError
from mnistlab.texts import counted

_MIN_IMAGES = 12  # two of them for testing
_TEST_EVERY = 6  # every sixth image of one set is for testing; MNIST's test set is a seventh
_MAX_FILES = 8
_MAX_SEARCHED = 10_000  # files and folders, for pictures
_NOTABLE = 0.1  # fraction of the images that look inverted, where the others do not
_DATA_FILES = (".npz", ".npy", ".csv", ".tsv", ".gz", "ubyte", ".idx")
_TOLD_APART = "give one training set and one test set, told apart by train and test in their names"
# What turns images in the library; the command line and the page pass their own remedies.
_KEYWORDS = {"invert": "invert=True", "transpose": "transpose=True"}


@dataclass(frozen=True, eq=False)
class OwnImages:
    """Images and labels from files, before they are turned and divided."""

    title: str
    sets: dict[str, tuple[Images, Labels]]
    """By `"train"` and `"test"`; one of them where the files have a single set."""
    remarks: tuple[str, ...] = ()
    """What was done to read the files."""

    @property
    def is_one_set(self) -> bool:
        """Whether the files make no difference between training and test images."""
        return len(self.sets) == 1

    def dataset(
        self,
        *,
        invert: bool = False,
        transpose: bool = False,
        split: bool = True,
        remedies: Mapping[str, str] = _KEYWORDS,
    ) -> Dataset:
        """Return the images as a dataset; other parameters and errors are those of `load_own`.

        Parameters
        ----------
        remedies : how to turn images, by `"invert"` and `"transpose"`, for the notice; without
            them it only describes the images
        """
        sets = {name: (_turned(x, invert, transpose), y) for name, (x, y) in self.sets.items()}
        notices = _warnings(detect_orientation(list(sets.values())), remedies)
        notices += ["Ink and paper were swapped."] * invert
        notices += ["Rows and columns were swapped."] * transpose
        notices += self.remarks
        if self.is_one_set:
            ((x, y),) = sets.values()
            is_test = np.arange(len(y)) % _TEST_EVERY == _TEST_EVERY - 1 if split else y >= 0
            sets = {"train": (x[~is_test], y[~is_test]), "test": (x[is_test], y[is_test])}
            notices.append(
                f"There is one set of {len(y):,} images: every sixth image was put aside for "
                f"testing, {is_test.sum():,} in all."
                if split
                else f"All {len(y):,} images serve as test images."
            )
        parts = (*sets["train"], *sets["test"])
        for part in parts:
            part.flags.writeable = False
        notice, source = " ".join(notices), "your own files"
        digest = digest_of(parts)
        return Dataset("own", self.title, *parts, digest=digest, source=source, notice=notice)


def load_own(
    path: str | Path, *, invert: bool = False, transpose: bool = False, split: bool = True
) -> Dataset:
    """Load your own images of digits from a file, or from a folder with IDX files.

    Accepted are `.npz` files with `x_train, y_train, x_test, y_test`, `X, y`, `train_images,
    train_labels` and the like; `.npy` and IDX files of images and labels; and `.csv` files with
    784 pixels and a label in each line, with or without a header. Each may be gzipped. Images have
    28 x 28 pixels from 0 to 255 or 0 to 1. Labels are digits or one-hot.

    Parameters
    ----------
    path : str or Path
        A file or a folder. The labels of a file of images are found beside it by their name.
    invert : bool
        Swap ink and paper, for images that are dark on bright.
    transpose : bool
        Swap rows and columns, for images that are stored by columns, as EMNIST's are.
    split : bool
        Whether every sixth image is put aside for testing where the files have a single set.
        Otherwise all of it is for testing and there are no training images.

    Returns
    -------
    Dataset
        Its `notice` says what was done to read the files, and whether the images look inverted or
        transposed. It is empty for files like MNIST's.

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


def read_own_files(files: Mapping[str, bytes]) -> OwnImages:
    """Read images from the contents of files by their names; errors are those of `load_own`."""
    if not files:
        raise DataError(f"There is no file; {WANTED}.")
    source = Source(", ".join(sorted(map(printable, files))), MAX_UPLOAD_BYTES)
    _check_kaggle(files, "These files are")
    read = [
        read_file(io.BytesIO(content), source.named(printable(name)))
        for name, content in files.items()
    ]
    return _own_images(chain.from_iterable(read), source)


def read_own_path(path: str | Path) -> OwnImages:
    """Read images from a file, or a folder with files; see `load_own`.

    Only for a page on one's own machine: a visitor's path would read the server's disk.
    """
    path = Path(path).expanduser()
    place = Source(printable(str(path)))
    try:
        files = _files_in(path, place) if path.is_dir() else _file_with_labels(path, place)
        names = [printable(file.name) for file in files]
        source = Source(", ".join(names))
        with ExitStack() as stack:
            opened = [stack.enter_context(file.open("rb")) for file in files]
            read = [read_file(f, source.named(n)) for f, n in zip(opened, names, strict=True)]
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        what = getattr(error, "strerror", None) or str(error)
        raise place.unfit(f"cannot be read ({what}); {WANTED}") from error
    return _own_images(chain.from_iterable(read), source)


def from_arrays(arrays: Mapping[str, NDArray[np.generic]], title: str) -> Dataset:
    """Return a dataset of `x_train, y_train, x_test, y_test`, or `x, y`; see `load_own`."""
    source = Source(title)
    pieces = [Piece(source, name[0], split_of(name), values) for name, values in arrays.items()]
    return _own_images(pieces, source).dataset(remedies={})


# Paths


def _file_with_labels(path: Path, place: Source) -> list[Path]:
    """Return a file, with that of the labels beside it where it has images only."""
    if not path.exists():
        raise place.unfit(f"cannot be read: there is no such file or folder; {WANTED}")
    if not path.is_file():
        raise place.unfit(f"is not a file; {WANTED}")
    low = path.name.lower()
    if "images" not in low or low.endswith((".npz", ".csv")):
        return [path]
    # Beside train-images-idx3-ubyte lies train-labels-idx1-ubyte, compressed or not.
    name = low.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    labels = [f for f in path.parent.iterdir() if f.name.lower() in (name, f"{name}.gz")]
    return [path, *sorted(labels)[:1]]


def _files_in(folder: Path, place: Source) -> list[Path]:
    files = [f for f in sorted(folder.iterdir()) if f.is_file() and _is_data(f.name.lower())]
    # torchvision, for example, keeps each file beside its compressed copy.
    files = [f for f in files if f.suffix.lower() != ".gz" or f.with_suffix("") not in files]
    _check_kaggle([f.name for f in files], f"{place.name} has the files")
    if not files:
        raise place.unfit(f"has no data files; {_instead(folder)}")
    if len(files) > _MAX_FILES:
        raise place.unfit(
            f"has {len(files):,} data files; give the path of one, or a folder with one training "
            "set and one test set"
        )
    return files


def _is_data(low: str) -> bool:
    named = "." not in low and ("image" in low or "label" in low)
    return not low.startswith(".") and (low.endswith(_DATA_FILES) or named)


def _check_kaggle(names: Iterable[str], what: str) -> None:
    if {"train.csv", "sample_submission.csv"} <= set(names):
        raise DataError(
            f"{what} of Kaggle's digit-recognizer, of which only train.csv has images and labels; "
            "give train.csv."
        )


def _instead(folder: Path) -> str:
    """Return what to give instead of a folder without data files."""
    found = chain.from_iterable(folder.glob(pattern) for pattern in ("*", "*/*", "*/*/*"))
    for file in islice(found, _MAX_SEARCHED):
        if file.suffix.lower() in PICTURES:
            example = printable(str(file.relative_to(folder)))
            return f"folders of pictures, such as {example}, are not read: {FROM_PICTURES}"
    return WANTED


# From arrays to images and labels


def _own_images(pieces: Iterable[Piece], source: Source) -> OwnImages:
    sets: dict[str, tuple[Images, Labels]] = {}
    for split, (x, y) in _pairs(pieces, source).items():
        images = images_of(x)
        labels = labels_of(y, len(images))
        if len(labels):
            sets[split] = images, labels
    total = sum(len(y) for _, y in sets.values())
    if total < _MIN_IMAGES:
        found = counted(total, "image") if total else "no images"
        raise source.unfit(f"has {found}; give at least {_MIN_IMAGES}")
    is_one_set = len(sets) == 1
    named = {"images" if is_one_set else f"{split} images": x for split, (x, _) in sets.items()}
    remark_on_ink(named, source)
    return OwnImages(source.name, sets, tuple(source.remarks))


def _pairs(pieces: Iterable[Piece], source: Source) -> dict[str, tuple[Piece, Piece]]:
    """Return images with their labels, by `"train"` and `"test"`; a single set has either name."""
    found: dict[tuple[str, str], Piece] = {}
    for piece in pieces:
        other = found.setdefault((piece.split, piece.kind), piece)
        if other is not piece:
            names = source.named(f"{other.source.name} and {piece.source.name}")
            what = "images" if piece.kind == "x" else "labels"
            raise names.unfit(f"both have {what}; {_TOLD_APART}")
    splits = list(dict.fromkeys(split for split, _ in found))
    if len(splits) > 1 and "validation" in splits:
        source.remark("The validation images were left out.")
        splits.remove("validation")
    if len(splits) > 1 and set(splits) not in ({"train", "test"}, {"", "test"}):
        raise source.unfit(f"has images of which some belong to no set; {_TOLD_APART}")
    return {"test" if s == "test" else "train": _pair(s, found, source) for s in splits}


def _pair(
    split: str, found: Mapping[tuple[str, str], Piece], source: Source
) -> tuple[Piece, Piece]:
    called = f"{split} " if split else ""
    for kind, there, lacking in (("y", "images", "labels"), ("x", "labels", "images")):
        if (split, kind) not in found:
            raise source.unfit(
                f"has {called}{there} but the {called}{lacking} are missing. Save both in one file "
                f"with {HOW_TO_SAVE}, labels being n digits from 0 to 9, and give that"
            )
    return found[split, "x"], found[split, "y"]


# Orientation


def _turned(x: Images, invert: bool, transpose: bool) -> Images:
    x = 255 - x if invert else x
    return np.ascontiguousarray(x.swapaxes(1, 2)) if transpose else x


def _warnings(found: Orientation, remedies: Mapping[str, str]) -> list[str]:
    """Say how the images differ from upright bright ink on black, and how to turn them."""
    turn = {name: f" Turn them with {remedy}." for name, remedy in remedies.items()}
    warnings = []
    if 2 * found.inverted > found.sample:
        warnings.append(
            "Ink and paper look swapped: these images are dark on bright, and the models read "
            f"bright ink on black.{turn.get('invert', '')}"
        )
    elif found.inverted > _NOTABLE * found.sample:
        warnings.append(
            f"Ink and paper look swapped in {found.inverted:,} of {found.sample:,} images that "
            "were examined, and not in the others. Swap those before you load them."
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
