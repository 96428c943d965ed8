"""The public test sets: what each one is, where it is from, and what overlaps with MNIST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mnistlab.errors import ConfigError

Kind = Literal["digits", "letters", "corruptions"]

CORRUPTIONS = (
    "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate",
    "brightness", "translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges",
)  # fmt: skip
"""Of MNIST-C, by the names of their folders; its sixteenth folder, `identity`, is MNIST itself."""


@dataclass(frozen=True)
class Download:
    """A published file."""

    name: str
    """Under which it is kept."""
    addresses: tuple[str, ...]
    """Mirrors, the first one first."""
    size: int | None = None
    """About, in bytes, as TensorFlow Datasets states it; None where only the server can tell."""


@dataclass(frozen=True)
class SetInfo:
    """What is known of a public test set before its files are read."""

    name: str
    """For programs and `--set`."""
    title: str
    kind: Kind
    about: str
    """What it holds, in one or two sentences."""
    citation: str
    licence: str
    """As its publisher states it, or that this could not be confirmed."""
    page: str
    """Address of the page or repository that describes it; empty without one."""
    counts: tuple[int, int]
    """The fewest and the most images that it may have. They differ where several editions are
    in use; for corruptions they are of each one."""
    overlap: str
    """How its images are related to MNIST's training images."""
    files: tuple[str, ...] = ()
    """What to look for, for people."""
    downloads: tuple[Download, ...] = ()
    """What `fetch` gets; empty where it has to be fetched by hand."""
    by_hand: str = ""
    """How to get the files where `fetch` cannot, one sentence without its full stop."""

    @property
    def parts(self) -> int:
        """How many sets of images it has: one, or one for each corruption."""
        return len(CORRUPTIONS) if self.kind == "corruptions" else 1


_NIST = "the same collection as MNIST (NIST's Special Database 19)"
_QMNIST = "https://raw.githubusercontent.com/facebookresearch/qmnist/master/"
_QMNIST_FILES = ("qmnist-test-images-idx3-ubyte.gz", "qmnist-test-labels-idx2-int.gz")


def _emnist(split: str, kind: Kind, count: int, about: str, overlap: str) -> SetInfo:
    """Return a part of EMNIST by its name; all are in one archive."""
    name = f"emnist-{split.lower()}"
    archive = Download(
        "gzip.zip",
        (
            "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
            "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
        ),
        562_000_000,
    )
    return SetInfo(
        name,
        f"EMNIST {split} test",
        kind,
        about,
        "Cohen, Afshar, Tapson and van Schaik, EMNIST: Extending MNIST to handwritten letters, "
        "IJCNN 2017, arXiv:1702.05373",
        "not stated on its page",
        "https://www.nist.gov/itl/products-and-services/emnist-dataset",
        (count, count),
        overlap,
        files=(f"{name}-test-images-idx3-ubyte", f"{name}-test-labels-idx1-ubyte"),
        downloads=(archive,),
    )


SETS: tuple[SetInfo, ...] = (
    SetInfo(
        "mnist",
        "MNIST test",
        "digits",
        "MNIST's 10,000 test images.",
        "LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document "
        "recognition, Proceedings of the IEEE 1998",
        "CC BY-SA 3.0",
        "http://yann.lecun.com/exdb/mnist/",
        (10_000, 10_000),
        "MNIST's own test set. MNIST's authors state that other people wrote its training images. "
        "It has been used for decades to choose models, so figures on it tend to flatter.",
        by_hand="set MNISTLAB_MNIST to a local mnist.npz, or run `mnistlab data fetch`",
    ),
    SetInfo(
        "qmnist",
        "QMNIST, 50,000 additional",
        "digits",
        "The last 50,000 of QMNIST's 60,000 test images: a reconstruction of the test images that "
        "MNIST's authors made and never released. The first 10,000 are MNIST's own test images "
        "again and are left out.",
        "Yadav and Bottou, Cold Case: the Lost MNIST Digits, NeurIPS 2019, arXiv:1905.10498",
        "BSD-style, in its repository",
        "https://github.com/facebookresearch/qmnist",
        (60_000, 60_000),
        f"Of {_NIST}, from the part that MNIST kept for testing; no image of it is one of MNIST's "
        "training images.",
        files=_QMNIST_FILES,
        downloads=tuple(Download(name, (_QMNIST + name,)) for name in _QMNIST_FILES),
    ),
    _emnist(
        "Digits",
        "digits",
        40_000,
        "The 40,000 test images of EMNIST Digits, which are published transposed and are turned "
        "upright here.",
        f"Of {_NIST}, with a division into training and test images of its own: some of its "
        "writers, and some of its digits in another scaling, may be among MNIST's training images.",
    ),
    _emnist(
        "Letters",
        "letters",
        20_800,
        "The 20,800 test images of EMNIST Letters, upper and lower case: none of them is a digit, "
        "and a model that can refuse should. They are turned upright as EMNIST Digits are.",
        f"Letters from {_NIST}; MNIST has no letters.",
    ),
    SetInfo(
        "usps",
        "USPS test",
        "digits",
        "The 2,007 test images of the US Postal Service's digits, 16 x 16 pixels, brought into "
        "MNIST's format by this project's preprocessing.",
        "Hull, A database for handwritten text recognition research, IEEE Transactions on Pattern "
        "Analysis and Machine Intelligence 1994",
        "not stated on its page",
        "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
        (2_007, 2_007),
        "From envelopes, by other writers than MNIST's.",
        files=("usps.t.bz2", "usps.t", "zip.test.gz", "zip.test"),
        downloads=(
            Download(
                "usps.t.bz2",
                ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.t.bz2",),
            ),
        ),
    ),
    SetInfo(
        "ardis",
        "ARDIS IV test",
        "digits",
        "The 1,000 test images of ARDIS's fourth data set, digits from Swedish church records of "
        "the 19th and 20th centuries, in MNIST's format.",
        "Kusetogullari, Yavariabdi, Cheddad, Grahn and Hall, ARDIS: a Swedish historical "
        "handwritten digit dataset, Neural Computing and Applications 2019",
        "for research only, no redistribution",
        "https://ardisdataset.github.io/ARDIS/",
        (1_000, 1_000),
        "From church records, by other writers than MNIST's.",
        files=("ARDIS_test_2828.csv", "ARDIS_test_labels.csv"),
        by_hand="download ARDIS_DATASET_IV.rar from its page and unpack it there with unrar or 7z",
    ),
    SetInfo(
        "pendigits",
        "UCI pen digits test",
        "digits",
        "Drawings with a pen by UCI's 14 test writers, drawn as strokes and brought into MNIST's "
        "format by this project's preprocessing. UCI publishes 3,498; this project's own "
        "figures are on a selection of 3,460 of them.",
        "Alpaydin and Alimoglu, Pen-Based Recognition of Handwritten Digits, UCI Machine Learning "
        "Repository 1998",
        "CC BY 4.0",
        "https://archive.ics.uci.edu/dataset/81/pen+based+recognition+of+handwritten+digits",
        (3_460, 3_498),
        "Drawn on a tablet, by other writers than MNIST's.",
        files=("pendigits-orig.tes.Z", "pendigits-orig.tes", "pen-digits-test.jsonl"),
        downloads=(
            Download(
                "pen+based+recognition+of+handwritten+digits.zip",
                (
                    "https://archive.ics.uci.edu/static/public/81/"
                    "pen+based+recognition+of+handwritten+digits.zip",
                ),
            ),
        ),
    ),
    SetInfo(
        "mnist-c",
        "MNIST-C",
        "corruptions",
        "MNIST's 10,000 test images under each of 15 corruptions, such as noise, blur and fog.",
        "Mu and Gilmer, MNIST-C: A Robustness Benchmark for Computer Vision, 2019, "
        "arXiv:1906.02337",
        "see its record at Zenodo",
        "https://zenodo.org/record/3239543",
        (10_000, 10_000),
        "Made from MNIST's own test images, which other people wrote than its training images.",
        files=("shot_noise/test_images.npy", "shot_noise/test_labels.npy", "..."),
        downloads=(
            Download(
                "mnist_c.zip", ("https://zenodo.org/record/3239543/files/mnist_c.zip",), 247_000_000
            ),
        ),
    ),
)


def find_set(name: str) -> SetInfo:
    """Return the public test set of a name; raises `ConfigError` where there is none."""
    found = next((each for each in SETS if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in SETS)
        raise ConfigError(f"There is no test set {name!r}; choose among {known}.")
    return found
