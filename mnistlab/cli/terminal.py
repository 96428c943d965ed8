"""What a command shows: results on standard output; bars, notes, complaints on standard error.

All text for people goes through `show`, `note` or `complain`. They print control characters as
escapes: a file's name or a label must not move the cursor, colour the terminal or hide a line.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnistlab.texts import duration, percent

if TYPE_CHECKING:
    from mnistlab.jobs.seed_runs import SeededRuns
    from mnistlab.metrics.benchmark import Rate
    from mnistlab.metrics.evaluation import Evaluation
    from mnistlab.report.set_result import SetResult
    from mnistlab.study.benchmarking import BenchmarkCard
    from mnistlab.study.study import Study
    from mnistlab.training.events import Event

_ROWS: tuple[tuple[str, Callable[[Evaluation], str]], ...] = (
    ("test images", lambda e: f"{e.scores.n:,}"),
    ("accuracy", lambda e: percent(e.scores.accuracy)),
    ("  95 % interval", lambda e: " to ".join(map(percent, e.scores.accuracy_ci))),
    ("F1, macro", lambda e: f"{e.scores.f1_macro:.4f}"),
    ("F1, weighted", lambda e: f"{e.scores.f1_weighted:.4f}"),
    ("calibration error", lambda e: f"{e.scores.ece:.4f}"),
    ("log loss", lambda e: f"{e.scores.nll:.4f}"),
    ("Brier score", lambda e: f"{e.scores.brier:.4f}"),
    ("one prediction, p50", lambda e: f"{e.latency_ms.p50:.3f} ms" if e.latency_ms else "-"),
    ("one prediction, p99", lambda e: f"{e.latency_ms.p99:.3f} ms" if e.latency_ms else "-"),
    ("parameters", lambda e: f"{e.card['parameters']:,}"),
    ("file size", lambda e: f"{e.card['file_size'] / 1e6:.2f} MB"),
    ("training time", lambda e: duration(e.card["training_seconds"])),
)


def prepare_streams() -> None:
    """Make standard output and standard error usable where they are closed or know few characters.

    What is written to a closed one is lost, as with `/dev/null`. Left closed, its number would go
    to the next file that is opened, and whatever a library writes to standard error into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            _discard(number)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    # A title such as "Größe" must not end a command where the terminal is said to know ASCII only.
    with suppress(AttributeError):  # a stream of a test or a notebook takes every character
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def discard_stdout() -> None:
    """Lose what is still to be written, even by Python's own flush at the end."""
    with suppress(OSError, ValueError):  # a stream that is no file has nothing to be lost
        _discard(sys.stdout.fileno())


def _discard(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere == number:
        os.set_inheritable(number, True)  # for the processes that are started
    else:
        os.dup2(nowhere, number)
        os.close(nowhere)


def show(*parts: str) -> None:
    """Print a line of text for people; what would end it early or steer the terminal is escaped."""
    print(_printable(" ".join(parts)))


def is_stdout(path: Path) -> bool:
    """Whether a path, such as `/dev/stdout`, leads to the command's own standard output."""
    with suppress(OSError, ValueError):
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    return False


def show_written(path: Path, text: str) -> None:
    """Say that a file was written; on standard error where standard output is that very file."""
    say = _print_error if is_stdout(path) else show
    say(f"{path}: {text}")


def _printable(text: str) -> str:
    r"""The text with escapes, such as \x1b, for what is not a visible character."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in text
    )


def print_evaluations(evaluations: Sequence[Evaluation]) -> None:
    """Evaluations side by side."""
    show(" " * 20, *(f"{each.model:>24}" for each in evaluations))
    for title, text in _ROWS:
        show(f"{title:<20}", *(f"{text(each):>24}" for each in evaluations))


def print_study(study: Study) -> None:
    """Two models side by side, how the images fall, and the verdict."""
    (a, b), paired = study.pair.titles, study.paired
    print_evaluations(study.pair.evaluations)
    show("")
    show(
        f"Both right {paired.both_right}, only {a} {paired.only_a}, only {b} {paired.only_b}, "
        f"neither {paired.neither}."
    )
    show(study.verdict)


def print_card(card: BenchmarkCard, folder: Path) -> None:
    """A model on public test sets: a line for each set, and why others are missing."""
    head = ("images", "accuracy", "95 % interval", "F1 macro", "answered ?", "right of shown")
    show(f"{card.model.title}. {card.model.trained_on}")
    show("")
    show(f"{'':<26}", *(f"{each:>{width}}" for each, width in zip(head, _WIDTHS, strict=True)))
    for result in card.results:
        cells = _cells(result)
        show(
            f"{result.info.title:<26}",
            *(f"{each:>{width}}" for each, width in zip(cells, _WIDTHS, strict=True)),
        )
        for part in result.digits if len(result.digits) > 1 else ():
            interval = " to ".join(map(percent, part.scores.accuracy_ci))
            rates = (_rate(part.refused), _rate(part.shown))
            scores = part.scores
            row = ("", percent(scores.accuracy), interval, f"{scores.f1_macro:.4f}", *rates)
            show(
                f"  {part.name.replace('_', ' '):<24}",
                *(f"{each:>{width}}" for each, width in zip(row, _WIDTHS, strict=True)),
            )
    for each in card.unavailable:
        show("")
        show(f"{each.title} is not available: {each.reason}.")
        show(f"  To get it: {each.remedy}.")
    if card.unavailable:
        show("")
        show(f"The folder of the test sets is {folder}.")


_WIDTHS = (8, 10, 20, 9, 11, 15)


def _cells(result: SetResult) -> tuple[str, ...]:
    if result.letters is not None:
        refused = result.letters.refused
        answered = "not applicable" if refused is None else _rate(refused)
        return (f"{result.n:,}", "-", "-", "-", answered, "-")
    interval = result.accuracy_ci
    return (
        f"{result.n:,}",
        percent(result.accuracy or 0.0),
        " to ".join(map(percent, interval)) if interval else "-",
        f"{result.f1_macro:.4f}",
        _rate(result.refused),
        _rate(result.shown),
    )


def _rate(rate: Rate | None) -> str:
    return "-" if rate is None or rate.fraction is None else percent(rate.fraction)


def print_seeds(seeded: SeededRuns, name_a: str, name_b: str) -> None:
    """Two settings, an accuracy for each seed, and the verdict."""
    from mnistlab.jobs.seed_runs import accuracies

    show(f"{'seed':<20} {name_a:>24} {name_b:>24}")
    for seed, pair in enumerate(zip(accuracies(seeded.a), accuracies(seeded.b), strict=True)):
        show(f"{seed:<20}", *(f"{percent(accuracy):>24}" for accuracy in pair))
    sides = (seeded.comparison.a, seeded.comparison.b)
    show(f"{'mean':<20}", *(f"{percent(side.mean):>24}" for side in sides))
    show(f"{'standard deviation':<20}", *(f"{percent(side.std):>24}" for side in sides))
    show("")
    show(seeded.comparison.verdict(name_a, name_b))


def print_answer(answer: dict[str, Any]) -> None:
    """What a model reads in a picture, in one line."""
    place = f"{answer['source']}:{answer['index']}:{answer['position']}"
    if answer["digit"] is None:
        read = "no ink"
    else:
        read = f"{answer['digit']}  {answer['probabilities'][answer['digit']]:>6.1%}"
        if not answer["is_digit"]:
            read = f"?  not recognised as a digit; the nearest guess is {answer['digit']}"
    meant = "" if answer["label"] is None else f"  (meant: {answer['label']})"
    show(f"{place:<40} {answer['model']:<8} {read}{meant}")


def print_json(value: Any) -> None:
    """Print for a program, in one line."""
    print(json.dumps(value))


def note(text: str) -> None:
    """Tell what a person should know of the result; nothing where the text is empty."""
    if text:
        _print_error(f"Note: {text}")


def complain(text: str) -> None:
    """Tell what went wrong, in one line with its remedy."""
    with suppress(OSError):  # the command's end tells that standard output cannot be written
        sys.stdout.flush()  # where both go to the same place, the order is kept
    _print_error(f"mnistlab: {text}")


def _print_error(text: str) -> None:
    try:
        print(_printable(" ".join(text.split())), file=sys.stderr, flush=True)
    except OSError:  # nobody reads it, or its disk is full: there is no other place to say so
        with suppress(OSError, ValueError):
            _discard(sys.stderr.fileno())


@contextmanager
def progress_bar(text: str) -> Iterator[Callable[..., None]]:
    """Show a bar on standard error if that is a terminal; takes the fraction done, and a text."""
    from tqdm import tqdm

    form = "{desc} {percentage:3.0f}% |{bar}| [{elapsed}<{remaining}]"
    with tqdm(desc=text, total=1.0, bar_format=form, disable=None, dynamic_ncols=True) as bar:

        def show(fraction: float, text: str = text) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(fraction - bar.n)

        yield show


@contextmanager
def training_bar(title: str) -> Iterator[Callable[[Event], None]]:
    """Show one for a training; takes its events, in the job's thread."""
    from tqdm import tqdm

    from mnistlab.training import events

    with tqdm(desc=title, unit="step", disable=None, dynamic_ncols=True) as bar:

        def show(event: Event) -> None:
            match event:
                case events.Started():
                    bar.reset(total=event.epochs * event.steps)
                case events.Progress():
                    bar.update((event.epoch - 1) * event.steps + event.step - bar.n)
                    bar.set_postfix(loss=f"{event.loss:.4f}", accuracy=percent(event.accuracy))
                case events.EpochEnd() if not bar.disable:
                    right = f"{percent(event.val_accuracy)} of the validation images right"
                    bar.write(f"epoch {event.epoch} of {event.epochs}: {right}", file=sys.stderr)

        yield show
