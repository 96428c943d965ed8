"""The public card: a model judged on test sets that people know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab import settings
from mnistlab.data.benchmark_sets import SETS, BenchmarkSet, Part, SetInfo, find_set, load_set
from mnistlab.data.benchmark_sets.fetch import fetch_set
from mnistlab.data.benchmark_sets.place import SetsFolder
from mnistlab.errors import DataError
from mnistlab.images.preprocessing import preprocess
from mnistlab.metrics.benchmark import DigitResult, judge_digits, judge_letters
from mnistlab.models.foreign_network import PixelRange
from mnistlab.report.benchmark_card import ModelFacts, Unavailable, build_card
from mnistlab.report.set_result import SetResult
from mnistlab.study.foreign import AnyClassifier, open_model
from mnistlab.study.model_facts import model_facts, training_relation
from mnistlab.texts import counted
from mnistlab.training.pens import pen_images
from mnistlab.version import __version__

Progress = Callable[[float, str], None]
Report = Callable[[float], None]
Tell = Callable[[str], None]

_CHUNK = 500  # images between two reports of progress


@dataclass(frozen=True)
class BenchmarkCard:
    """A model's results on public test sets. Made by `benchmark`."""

    model: ModelFacts
    results: tuple[SetResult, ...]
    """In the order of the table of sets."""
    unavailable: tuple[Unavailable, ...]
    """The sets that were asked for and could not be read, each with the reason and the remedy."""
    created: str
    """Local time, such as `2026-11-27 20:10`."""
    version: str = __version__
    """Of mnistlab."""

    def to_dict(self) -> dict[str, Any]:
        """Return every figure as plain lists and numbers, ready for JSON."""
        return {
            "model": self.model.to_dict(),
            "sets": [each.to_dict() for each in self.results],
            "unavailable": [vars(each) for each in self.unavailable],
            "created": self.created,
            "mnistlab": self.version,
        }

    def to_html(self) -> str:
        """Return the card as one self-contained HTML page."""
        return build_card(self.model, self.results, self.unavailable, self.created)


def benchmark(
    model: str | AnyClassifier,
    sets: Iterable[str] | None = None,
    *,
    folder: Path | None = None,
    fetch: bool = False,
    trust_file: bool = False,
    pixel_range: PixelRange = 1,
    on_progress: Progress | None = None,
    tell: Tell | None = None,
    download_progress: Any = False,
) -> BenchmarkCard:
    """Judge a digit model on public test sets.

    Parameters
    ----------
    model : `"mlp"`, `"cnn"`, a run's id, a classifier, or the path of somebody's `.tflite` or
        `.keras` file
    sets : names of test sets, such as `["mnist", "usps"]`; by default all
    folder : with the sets' files, by default `MNISTLAB_BENCHMARK_SETS`, else `benchmark-sets`
        under `MNISTLAB_HOME`. MNIST comes from where it always does
    fetch : download sets that are missing, where they are published for that
    trust_file : load a `.keras` file, which can run code of whoever made it
    pixel_range : what full ink is in a float input of somebody's file: 1 or 255
    on_progress : called with the fraction that is done, rising to 1, and what is being done
    tell : called with a sentence before a download
    download_progress : a bar for downloads, as `progress` of `load_mnist`

    Returns
    -------
    BenchmarkCard
        With the sets that could be read. The others are listed with the reason and the remedy.

    Raises
    ------
    ModelError
        When there is no such model or it is no digit classifier.
    ConfigError
        When there is no such set, or a `.keras` file is not trusted.
    DataError
        When not one of the sets could be read.

    Examples
    --------
    >>> import mnistlab
    >>> card = mnistlab.benchmark("cnn", sets=["mnist"])  # doctest: +SKIP
    >>> card.results[0].accuracy  # doctest: +SKIP
    0.9964
    """
    names = None if sets is None else set(sets)
    for name in sorted(names or ()):
        find_set(name)  # a mistake is told before the work
    chosen = [each for each in SETS if names is None or each.name in names]
    if isinstance(model, str):
        model = open_model(model, trust_file=trust_file, pixel_range=pixel_range)
    facts = model_facts(model)
    place = settings.benchmark_sets_folder() if folder is None else folder
    total = sum(each.counts[1] * each.parts for each in chosen)
    done = 0
    results: list[SetResult] = []
    unavailable: list[Unavailable] = []
    report = on_progress or (lambda fraction, text: None)
    for info in chosen:
        report(done / total, f"{info.title}: reading")
        loaded = _load(info, place, fetch, tell, download_progress)
        size = info.counts[1] * info.parts
        if isinstance(loaded, Unavailable):
            unavailable.append(loaded)
        else:
            whole = partial(_tell_title, report, info.title)
            results.append(_judge(model, loaded, facts, _part_of(whole, done, size, total)))
        done += size
    if not results:
        raise DataError(_nothing(unavailable, place))
    report(1.0, "done")
    created = time.strftime("%Y-%m-%d %H:%M")
    return BenchmarkCard(facts, tuple(results), tuple(unavailable), created)


def _tell_title(report: Progress, title: str, fraction: float) -> None:
    report(fraction, title)


def _part_of(whole: Report, start: int, size: int, total: int) -> Report:
    """Return a function that takes a part's progress and reports that of the whole, 0 to 1."""
    return lambda fraction: whole((start + fraction * size) / total)


def _nothing(unavailable: Sequence[Unavailable], place: Path) -> str:
    first = unavailable[0]
    return (
        f"Not one of {counted(len(unavailable), 'test set')} can be read (the first, "
        f"{first.title}: {first.reason}); put the files of a set into {place}, or add --fetch."
    )


def _load(
    info: SetInfo, place: Path, fetch: bool, tell: Tell | None, progress: Any
) -> BenchmarkSet | Unavailable:
    """Read a set, fetched first where that is wanted and it is missing."""
    try:
        try:
            return load_set(info, SetsFolder(place))
        except FileNotFoundError:
            if not fetch or not info.downloads:
                raise
            fetch_set(info, place, progress, tell)
            return load_set(info, SetsFolder(place))
    except (FileNotFoundError, DataError) as error:
        return _unavailable(info, str(error).removesuffix("."))


def _unavailable(info: SetInfo, reason: str) -> Unavailable:
    where = "into the folder of the test sets"
    if info.downloads:
        addresses = " and ".join(each.addresses[0] for each in info.downloads)
        remedy = f"add --fetch, or download {addresses} {where}"
    elif info.name == "mnist":
        remedy = info.by_hand
    else:
        remedy = f"{info.by_hand}; then put {' and '.join(info.files)} {where}"
    return Unavailable(info.name, info.title, reason, remedy, info.page)


def _judge(
    judged: AnyClassifier, loaded: BenchmarkSet, facts: ModelFacts, report: Report
) -> SetResult:
    digits: list[DigitResult] = []
    letters = None
    count = len(loaded.parts)
    notes = list(loaded.notes)
    for number, part in enumerate(loaded.parts):
        images = _images_of(part)
        proba, scores = _answers(judged, images, _part_of(report, number, 1, count))
        refused = scores < judged.digit_threshold if facts.can_refuse else None
        if loaded.info.kind == "letters":
            letters = judge_letters(part.labels, proba, refused)
        else:
            digits.append(judge_digits(part.labels, proba, refused, part.name))
    first = loaded.parts[0].labels
    aligned = all(np.array_equal(first, part.labels) for part in loaded.parts)
    if not aligned:
        notes.append("The corruptions are in different orders, so the mean has no interval.")
    relation, text = training_relation(judged, loaded.info)
    return SetResult(
        info=loaded.info,
        digest=loaded.digest,
        source=loaded.source,
        relation=relation,
        relation_text=text,
        digits=tuple(digits),
        letters=letters,
        is_aligned=aligned,
        notes=tuple(notes),
    )


def _images_of(part: Part) -> NDArray[np.uint8]:
    """Return a part's images (n, 28, 28); others and drawings go through MNIST's recipe."""
    if part.images is None:
        return pen_images(part.drawings)[0]
    if part.images.shape[1:] == (28, 28):
        return part.images
    return np.stack([preprocess(image).image for image in part.images])


def _answers(
    judged: AnyClassifier, images: NDArray[np.uint8], report: Report
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return probabilities (n, 10) and digit scores (n,)."""
    proba, scores = [], []
    for start in range(0, len(images), _CHUNK):
        outputs = judged.read(np.ascontiguousarray(images[start : start + _CHUNK]))
        proba.append(outputs.probabilities)
        scores.append(outputs.digit_scores)
        report(min(1.0, (start + _CHUNK) / len(images)))
    return np.concatenate(proba), np.concatenate(scores)
