"""The public card of a model as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mnistlab.markup import UNKNOWN, escape, note, number, table
from mnistlab.metrics.benchmark import CONFIDENT, LIKE_DIGITS, Rate
from mnistlab.report.page import environment, facts, page
from mnistlab.report.set_result import SetResult
from mnistlab.report.strips import Strip, axis_of, draw_strips
from mnistlab.texts import counted, percent

_RELATIONS = {
    "same source": "same source as its training data",
    "other source": "other source than its training data",
    "unknown": "relation to its training data unknown",
}


@dataclass(frozen=True)
class ModelFacts:
    """What a card says about its model."""

    name: str
    """As it was asked for; of a file, its path."""
    title: str
    is_foreign: bool
    """Whether it is a file of another project."""
    sha256: str
    """Of its file."""
    backend: str
    parameters: int | None
    file_size: int
    """Bytes of the LiteRT model."""
    created: str
    trained_on: str
    """A sentence or two."""
    can_refuse: bool
    """Whether it may answer with "?"."""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {**asdict(self), "notes": list(self.notes)}


@dataclass(frozen=True)
class Unavailable:
    """A set that could not be read."""

    name: str
    title: str
    reason: str
    """Part of a sentence, without its full stop."""
    remedy: str
    """The same: what to do."""
    page: str
    """Address of the set's page; empty without one."""


def build_card(
    model: ModelFacts,
    results: Sequence[SetResult],
    unavailable: Sequence[Unavailable],
    created: str,
) -> str:
    """A model's card as an HTML page that loads nothing from outside, in light, dark and on paper.

    All texts are escaped, so names of files and models may hold anything.
    """
    digits = [each for each in results if each.digits]
    sections = {
        "Accuracy": _overview(digits),
        "Letters": "".join(_letters(each) for each in results if each.letters),
        "All figures": _figures(digits),
        "Recall by digit": _recall([each for each in digits if len(each.digits) == 1]),
        "Corruptions": "".join(_corruptions(each) for each in digits if len(each.digits) > 1),
        "Not available": _unavailable(unavailable),
        "The test sets": "".join(map(_about, results)),
        "The model": _model(model),
        "Environment": environment(),
        "How each figure is computed": _methods(model),
    }
    title = f"{model.title} on public test sets"
    lead = _lead(model, results, unavailable, created)
    return page(title, {name: text for name, text in sections.items() if text}, lead)


def _lead(
    model: ModelFacts,
    results: Sequence[SetResult],
    unavailable: Sequence[Unavailable],
    created: str,
) -> str:
    judged = f"Judged on {counted(len(results), 'test set')} on {created}."
    missing = f" {counted(len(unavailable), 'set')} could not be read." if unavailable else ""
    text = f"<p class='ml-lead'>{escape(judged + missing)} {escape(model.trained_on)}</p>"
    if model.is_foreign:
        text += (
            "<p class='ml-warning'><strong>A file of another project.</strong> Its figures show "
            "what it answers, not whether it has seen these images before.</p>"
        )
    return text


# Accuracy


def _overview(results: Sequence[SetResult]) -> str:
    if not results:
        return ""
    strips = [
        Strip(
            each.info.title,
            f"{_size(each)}, {_RELATIONS[each.relation]}",
            each.accuracy or 0.0,
            each.accuracy_ci,
        )
        for each in results
    ]
    axis = axis_of(strips)
    text = note(
        "The dot is the accuracy, the bar around it its 95 % interval. The axis starts at "
        f"{axis.label(axis.low)}."
    )
    return text + draw_strips(strips, axis)


def _size(each: SetResult) -> str:
    if len(each.digits) > 1:
        return f"{len(each.digits)} corruptions of {each.n:,} images"
    return counted(each.n, "image")


def _figures(results: Sequence[SetResult]) -> str:
    rows = []
    for each in results:
        first = each.digits[0].scores if len(each.digits) == 1 else None
        interval = each.accuracy_ci
        rows.append(
            [
                each.info.title,
                f"{each.n:,}" if first else f"{len(each.digits)} x {each.n:,}",
                percent(each.accuracy or 0.0),
                f"{percent(interval[0])} to {percent(interval[1])}" if interval else UNKNOWN,
                number(each.f1_macro, ".4f"),
                _rate(each.refused),
                _rate(each.shown),
                number(first.nll if first else None, ".4f"),
                number(first.ece if first else None, ".4f"),
            ]
        )
    head = ["", "Images", "Accuracy", "95 % interval", "F1 macro", "Answered ?"]
    head += ["Accuracy of those shown", "Loss", "ECE"]
    return table(head, rows, "All figures", explained=True) if rows else ""


def _rate(rate: Rate | None, decimals: int = 2) -> str:
    fraction = None if rate is None else rate.fraction
    return UNKNOWN if fraction is None else percent(fraction, decimals)


def _recall(results: Sequence[SetResult]) -> str:
    rows = [
        [each.info.title, *(_rate(rate, 1) for rate in each.digits[0].recall)] for each in results
    ]
    return table(["", *map(str, range(10))], rows, "Recall by digit") if rows else ""


def _corruptions(result: SetResult) -> str:
    strips = [
        Strip(
            each.name.replace("_", " "),
            f"answered ?: {_rate(each.refused)}" if each.refused else "",
            each.scores.accuracy,
            each.scores.accuracy_ci,
        )
        for each in sorted(result.digits, key=lambda each: -each.scores.accuracy)
    ]
    text = note(f"{result.info.title}, {result.n:,} images under each corruption, best first.")
    return text + draw_strips(strips, axis_of(strips))


def _letters(result: SetResult) -> str:
    letters = result.letters
    assert letters is not None
    if letters.refused is None or letters.refused_clear is None:
        text = (
            f"Not applicable: this model cannot refuse. It gives {percent(CONFIDENT, 0)} or more "
            f"to a digit for {_with_interval(letters.confident)} of {letters.n:,} letters."
        )
        return f"<p>{escape(text)}</p>"
    text = (
        f"It refuses {_with_interval(letters.refused)} of {letters.n:,} letters as “not a digit”. "
        f"Without letters that are shaped like digits ({', '.join(LIKE_DIGITS)} in either case), "
        f"it refuses {_with_interval(letters.refused_clear)} of {letters.refused_clear.n:,}."
    )
    grid = "".join(
        f"<div><b>{name}</b><span>{_rate(each, 0)}</span></div>"
        for name, each in letters.by_letter.items()
    )
    shown = note("Refused of each letter, upper and lower case together:")
    return f"<p>{escape(text)}</p>{shown}<div class='ml-letters'>{grid}</div>"


def _with_interval(rate: Rate) -> str:
    if rate.fraction is None or rate.interval is None:
        return UNKNOWN
    low, high = rate.interval
    return f"{percent(rate.fraction)} (95 % interval {percent(low)} to {percent(high)})"


# The sets


def _unavailable(missing: Sequence[Unavailable]) -> str:
    return "".join(
        f"<div class='ml-missing'><h3>{escape(each.title)}</h3>"
        f"<p><b>Reason:</b> {escape(each.reason)}.</p>"
        f"<p><b>Remedy:</b> {escape(each.remedy)}.</p>"
        + (f"<p><b>Page:</b> {escape(each.page)}</p>" if each.page else "")
        + "</div>"
        for each in missing
    )


def _about(result: SetResult) -> str:
    info = result.info
    rows = [
        ["What it is", info.about],
        ["Training data", f"{_RELATIONS[result.relation].capitalize()}. {result.relation_text}"],
        ["Cite", info.citation],
        ["Licence", info.licence],
        *([["Page", info.page]] if info.page else []),
        ["Read from", result.source],
        ["SHA-256 of the contents", result.digest],
        *([["Notes", " ".join(result.notes)]] if result.notes else []),
    ]
    return f"<h3>{escape(info.title)}</h3>{facts(rows, info.title)}"


def _model(model: ModelFacts) -> str:
    kind = "a file of another project" if model.is_foreign else "a model of MNIST Lab"
    refuses = "yes, it may answer ?" if model.can_refuse else "no, it always gives a digit"
    rows = [
        ["Name", model.name],
        ["Kind", kind],
        ["Training data", model.trained_on],
        ["Can refuse", refuses],
        ["Parameters", number(model.parameters)],
        ["File size", f"{model.file_size / 1e6:.2f} MB"],
        ["SHA-256 of its file", model.sha256],
        ["Computed by", "LiteRT" if model.backend == "litert" else "NumPy"],
        *([["Created", model.created]] if model.created else []),
        *([["Notes", " ".join(model.notes)]] if model.notes else []),
    ]
    return facts(rows, "The model")


def _methods(model: ModelFacts) -> str:
    rows = [
        ["Accuracy", "The fraction of images whose label is the most probable digit, whether or "
         "not the model would show it."],
        ["95 % interval", "Wilson's (1927). Over corruptions, whose images are versions of the "
         "same ones, each image counts once, with the fraction of its versions that is read "
         "right; the interval is that of the mean of these fractions."],
        ["F1 macro", "The mean of the digits' F1, each digit counting the same."],
        ["Answered ?", "The fraction of images that the model takes for no digit. A model that "
         "cannot refuse has no such figure."],
        ["Accuracy of those shown", "The fraction of right answers among the images that are "
         "answered with a digit."],
        ["Loss", "The mean negative logarithm of the probability of the label, in nats."],
        ["ECE", "Expected calibration error over 15 bins (Guo et al. 2017, arXiv:1706.04599)."],
        ["SHA-256", "Over the contents of a set as they were read, images and labels in turn, "
         "before any preprocessing: two cards with the same one judged the same data."],
    ]  # fmt: skip
    return facts(rows, "How each figure is computed")
