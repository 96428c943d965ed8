"""A comparison of models as one HTML file: every figure in it, nothing outside it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import metadata, resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.charts.confusion import confusion_table, difference_table
from mnistlab.charts.curves import Curves, curves
from mnistlab.charts.methods import methods
from mnistlab.charts.pair import corrected_table, per_class_table, seeds_verdict, verdict
from mnistlab.charts.pictures import picture_sheet
from mnistlab.charts.reliability import reliability_diagram
from mnistlab.charts.results import results_table
from mnistlab.charts.robustness import robustness_table
from mnistlab.data import Dataset
from mnistlab.markup import UNKNOWN, escape, note, table
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.comparison import compare_predictions
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.robustness import Robustness
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.metrics.seed_comparison import SeedComparison, SeedSummary
from mnistlab.version import __version__

MOST_PICTURES = 60  # of a group; more than anyone looks through, and a file of some 100 KB
_PACKAGES = ("numpy", "ai-edge-litert", "tensorflow-cpu", "tensorflow", "keras")

Corrected = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""Corrected labels (n,) and which images to score (n,), as `corrected_test_labels` gives them."""
Sections = Iterator[tuple[str, str]]
_Pair = tuple[Evaluation, Evaluation]


def build_report(
    evaluations: Sequence[Evaluation],
    pair: tuple[str, str],
    dataset: Dataset,
    *,
    calibrations: Mapping[str, Calibration] | None = None,
    robustness: Sequence[Robustness] = (),
    histories: Mapping[str, Curves] | None = None,
    seeds: SeedComparison | None = None,
    corrected: Corrected | None = None,
) -> str:
    """The whole report as HTML. What is not given is left out or said to be unknown.

    Parameters
    ----------
    evaluations : of the dataset's whole test set
    pair : the names (`Evaluation.model`) of the two that are set side by side
    dataset : what they were evaluated on
    calibrations, histories : model name -> its figures
    robustness : of some of the models
    seeds : the settings of the pair, trained with several seeds
    corrected : labels to score the test set with beside its own

    Returns
    -------
    str
        A file that asks for nothing outside itself, in light and dark, and for paper.

    Raises
    ------
    ValueError
        When the pair is not among the evaluations.
    """
    named = {e.model: e for e in _with_own_titles(evaluations)}
    missing = [name for name in pair if name not in named]
    if missing:
        raise ValueError(f"There is no evaluation of {', '.join(missing)}.")
    two = named[pair[0]], named[pair[1]]
    every = list(named.values())
    sections = [
        *_verdict(two, dataset, seeds),
        ("Results", results_table(every)),
        *_curves(named, histories or {}),
        *_side_by_side(two),
        *_pictures(two, dataset, corrected),
        *_calibration(named, pair, calibrations or {}),
        *_corrected(two, corrected),
        *_robustness(named, robustness),
        ("Settings", _settings(every, dataset)),
        ("Data", _data(dataset)),
        ("Environment", _environment()),
        ("How each figure is computed", methods()),
    ]
    return _page(f"{two[0].title} and {two[1].title} on {dataset.title}", sections)


def _with_own_titles(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """With its name behind a title that several models share."""
    titles = [e.title for e in evaluations]
    return [
        replace(e, title=f"{e.title} ({e.model})") if titles.count(e.title) > 1 else e
        for e in evaluations
    ]


def _verdict(pair: _Pair, dataset: Dataset, seeds: SeedComparison | None) -> Sections:
    a, b = pair
    comparison = compare_predictions(dataset.y_test, a.y_proba, b.y_proba)
    yield "Verdict", verdict(comparison, a.title, b.title)
    if seeds is not None:
        rows = [_seed_row(a.title, seeds.a), _seed_row(b.title, seeds.b)]
        head = ["Settings of", "Seeds", "Mean accuracy", "sd", "lowest", "highest"]
        yield (
            "Training again",
            seeds_verdict(seeds, a, b) + table(head, rows, "Accuracy over seeds"),
        )


def _seed_row(title: str, s: SeedSummary) -> list[str]:
    spread = UNKNOWN if s.n < 2 else f"{100 * s.std:.3f} points"
    return [title, str(s.n), f"{s.mean:.2%}", spread, f"{s.minimum:.2%}", f"{s.maximum:.2%}"]


def _curves(named: Mapping[str, Evaluation], histories: Mapping[str, Curves]) -> Sections:
    series = {e.title: histories[name] for name, e in named.items() if name in histories}
    without = [e.title for name, e in named.items() if name not in histories]
    points = [p for run in series.values() for p in (*run.training, *run.validation)]
    text = curves(series, max(1, round(max(p[0] for p in points)))) if points else ""
    if without:
        text += note(f"No curves are kept of {_and(without)}.")
    yield "Training curves", text


def _side_by_side(pair: _Pair) -> Sections:
    a, b = pair
    matrices = [e.scores.confusion for e in pair]
    tables = "".join(confusion_table(e.scores.confusion, e.title) for e in pair)
    difference = difference_table(matrices[0], matrices[1], a.title, b.title)
    yield "Confusion matrices", f"<div class='ml-side-by-side'>{tables}{difference}</div>"
    yield "By digit", per_class_table(a.scores, b.scores, a.title, b.title)


def _pictures(pair: _Pair, dataset: Dataset, corrected: Corrected | None) -> Sections:
    a, b = pair
    wrong_a, wrong_b = (e.y_proba.argmax(axis=1) != dataset.y_test for e in pair)
    parts = [note(f"A is {a.title}, B is {b.title}; the most confident mistakes come first.")]
    for name, text, rows in (
        ("only-a", f"Only A ({a.title}) is right", ~wrong_a & wrong_b),
        ("only-b", f"Only B ({b.title}) is right", wrong_a & ~wrong_b),
        ("neither", "Neither is right", wrong_a & wrong_b),
    ):
        parts.append(f"<h3>{escape(text)}: {int(rows.sum()):,}</h3>")
        chosen = _most_confident(np.flatnonzero(rows), pair, (wrong_a, wrong_b))
        captions = [_caption(int(i), pair, dataset, corrected) for i in chosen]
        parts.append(picture_sheet(dataset.x_test[chosen], captions, f"sheet-{name}", text))
        if len(chosen) < rows.sum():
            parts.append(note(f"{len(chosen)} of {int(rows.sum()):,} are shown."))
    yield "The images that make the difference", "".join(parts)


def _most_confident(
    rows: NDArray[np.int64], pair: _Pair, wrong: tuple[NDArray[np.bool_], NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """At most `MOST_PICTURES` rows, the most confident wrong answers first."""
    sure = np.zeros(len(rows))
    for evaluation, is_wrong in zip(pair, wrong, strict=True):
        confidence = evaluation.y_proba[rows].max(axis=1)
        sure = np.maximum(sure, np.where(is_wrong[rows], confidence, 0))
    return rows[np.argsort(-sure, kind="stable")][:MOST_PICTURES]


def _caption(row: int, pair: _Pair, dataset: Dataset, corrected: Corrected | None) -> list[str]:
    lines = [f"no. {row}: {dataset.y_test[row]}"]
    for name, evaluation in zip("AB", pair, strict=True):
        proba = evaluation.y_proba[row]
        lines.append(f"{name}: {proba.argmax()}, {_percent(float(proba.max()))}")
    if corrected is not None:
        labels, keep = corrected
        if not keep[row]:
            lines.append("no agreed label")
        elif labels[row] != dataset.y_test[row]:
            lines.append(f"most raters read {labels[row]}")
    return lines


def _percent(share: float) -> str:
    """Never rounded up to a certainty that it is not."""
    return "over 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def _calibration(
    named: Mapping[str, Evaluation], pair: tuple[str, str], calibrations: Mapping[str, Calibration]
) -> Sections:
    colours = dict(zip(pair, ("mlp", "cnn"), strict=True))
    figures = [
        reliability_diagram(calibrations[name], e.title, colours.get(name, "mlp"))
        for name, e in named.items()
        if name in calibrations
    ]
    without = [named[name].title for name in dict.fromkeys(pair) if name not in calibrations]
    text = f"<div class='ml-side-by-side'>{''.join(figures)}</div>" if figures else ""
    if without:
        text += note(f"No validation answers on this data are known of {_and(without)}.")
    yield "Calibration", text


def _corrected(pair: _Pair, corrected: Corrected | None) -> Sections:
    if corrected is None:
        return
    labels, keep = corrected
    scores = [evaluate_probabilities(labels[keep], e.y_proba[keep]) for e in pair]
    comparison = compare_predictions(labels[keep], *(e.y_proba[keep] for e in pair))
    titles = [e.title for e in pair]
    yield (
        "Corrected labels",
        corrected_table(titles, [e.scores for e in pair], scores)
        + f"<p>With corrected labels: {escape(comparison.verdict(titles[0], titles[1]))}</p>",
    )


def _robustness(named: Mapping[str, Evaluation], results: Sequence[Robustness]) -> Sections:
    if results:
        titled = [
            replace(r, title=named[r.model].title) if r.model in named else r for r in results
        ]
        yield "Robustness", robustness_table(titled)


def _settings(evaluations: Sequence[Evaluation], dataset: Dataset) -> str:
    configs = [e.card.get("config") or {} for e in evaluations]
    names = list(dict.fromkeys(name for config in configs for name in config))
    rows = [
        [name.replace("_", " "), *(str(config.get(name, UNKNOWN)) for config in configs)]
        for name in names
    ]
    rows += [
        ["trained on", *(_trained_on(e.card, dataset) for e in evaluations)],
        ["created", *(str(e.card.get("created", UNKNOWN)) for e in evaluations)],
        ["epoch kept", *(str(e.card.get("best_epoch", UNKNOWN)) for e in evaluations)],
        ["weights (SHA-256)", *(_short(e.card.get("weights_digest")) for e in evaluations)],
    ]
    layers = [[e.title, ", ".join(e.card.get("layers") or [UNKNOWN])] for e in evaluations]
    return table(["", *(e.title for e in evaluations)], rows, "Settings") + _facts(layers, "Layers")


def _trained_on(card: Mapping[str, Any], dataset: Dataset) -> str:
    data = card.get("data") or {}
    name = str(data.get("name", UNKNOWN))
    same = data.get("digest") == dataset.digest
    return name if same or not data else f"{name}, not the data of this report"


def _short(digest: str | None) -> str:
    return digest[:12] if digest else UNKNOWN


def _data(dataset: Dataset) -> str:
    images = f"{len(dataset.x_train):,} for training, {len(dataset.x_test):,} for testing"
    rows = [["Name", dataset.title], ["Images", images], ["SHA-256 of the arrays", dataset.digest]]
    return _facts(rows, "Data") + (note(dataset.notice) if dataset.notice else "")


def _environment() -> str:
    rows = [
        ["Written", time.strftime("%Y-%m-%d %H:%M")],
        ["MNIST Lab", __version__],
        ["Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"],
        ["CPUs", str(os.cpu_count() or UNKNOWN)],
        *([name, version] for name in _PACKAGES if (version := _version(name))),
    ]
    return _facts(rows, "Environment")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _facts(rows: Sequence[Sequence[str]], label: str) -> str:
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table class='ml-table ml-facts' aria-label='{escape(label)}'>{body}</table>"


def _page(title: str, sections: Sequence[tuple[str, str]]) -> str:
    style = "\n".join(
        (resources.files(f"mnistlab.{package}") / name).read_text(encoding="utf-8")
        for package, name in (("charts", "style.css"), ("report", "report.css"))
    )
    links = "".join(
        f"<li><a href='#s{i}'>{escape(name)}</a></li>" for i, (name, _) in enumerate(sections)
    )
    body = "".join(
        f"<section><h2 id='s{i}'>{escape(name)}</h2>{text}</section>\n"
        for i, (name, text) in enumerate(sections)
    )
    # The policy is a promise kept by the browser: nothing from outside is ever asked for.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body class='ml-report'><h1>{escape(title)}</h1>"
        f"<nav aria-label='Sections'><ul>{links}</ul></nav>\n{body}</body></html>\n"
    )


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
