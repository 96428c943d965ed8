"""A comparison of models as one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mnistlab.charts.curves import Curves, draw_curves, reliability_diagram
from mnistlab.charts.pair import (
    confusion_table,
    corrected_table,
    difference_table,
    per_class_table,
    robustness_table,
    seeds_verdict,
    verdict,
)
from mnistlab.charts.pictures import picture_sheet
from mnistlab.charts.results import methods, results_table
from mnistlab.data import Dataset
from mnistlab.glossary import glossary
from mnistlab.markup import UNKNOWN, escape, note, table
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.evaluation import Evaluation, Group, Pair, Robustness
from mnistlab.metrics.seed_comparison import SeedComparison, SeedSummary
from mnistlab.report.page import environment, facts, page, style
from mnistlab.texts import counted, percent

MOST_PICTURES = 60  # of a group; more than anyone looks through, and a file of some 100 KB


def build_report(
    pair: Pair,
    dataset: Dataset,
    *,
    corrected: Pair | None = None,
    seeds: SeedComparison | None = None,
    others: Sequence[Evaluation] = (),
    calibrations: Mapping[str, Calibration] | None = None,
    robustness: Sequence[Robustness] = (),
    curves: Mapping[str, Curves] | None = None,
) -> str:
    """A comparison as an HTML page that loads nothing from outside, in light, dark and on paper.

    What is not given is left out or said to be unknown.

    Parameters
    ----------
    pair : on the dataset's whole test set
    corrected : the same models on corrected labels
    seeds : the settings of the pair, trained with several seeds
    others : further models for the table of results; no two models share a title
    calibrations, curves : model name -> its figures
    robustness : of some of the models
    """
    named = {each.model: each for each in (*pair.evaluations, *others)}
    every = list(named.values())
    sections = {
        "Verdict": verdict(pair),
        "Training again": _training_again(pair, seeds),
        "Results": results_table(every),
        "Training curves": _curves(named, curves or {}),
        "Confusion matrices": _confusion(pair),
        "By digit": per_class_table(pair),
        "The images that make the difference": _pictures(pair, dataset, corrected),
        "Calibration": _calibration(named, pair, calibrations or {}),
        "Corrected labels": _corrected(pair, corrected),
        "Robustness": _robustness(named, robustness),
        "Settings": _settings(every, dataset),
        "Data": _data(dataset),
        "Environment": environment(),
        "How each figure is computed": methods(),
    }
    title = f"{pair.a.title} and {pair.b.title} on {dataset.title}"
    return page(title, {name: text for name, text in sections.items() if text})


def build_summary(pair: Pair, seeds: SeedComparison | None = None) -> str:
    """The verdict and the results as a piece of HTML with its own style, for a notebook."""
    results = results_table(list(dict.fromkeys(pair.evaluations)))
    text = verdict(pair) + _training_again(pair, seeds) + results
    return f"<style>{style()}</style><div class='ml-report'>{text}{glossary()}</div>"


def _training_again(pair: Pair, seeds: SeedComparison | None) -> str:
    if seeds is None:
        return ""
    rows = [_seed_row(pair.a.title, seeds.a), _seed_row(pair.b.title, seeds.b)]
    head = ["Settings of", "Seeds", "Mean accuracy", "sd", "lowest", "highest"]
    return seeds_verdict(seeds, pair) + table(head, rows, "Accuracy over seeds")


def _seed_row(title: str, s: SeedSummary) -> list[str]:
    spread = UNKNOWN if s.n < 2 else f"{100 * s.std:.3f} points"
    return [title, str(s.n), percent(s.mean), spread, percent(s.minimum), percent(s.maximum)]


def _curves(named: Mapping[str, Evaluation], kept: Mapping[str, Curves]) -> str:
    series = {e.title: kept[name] for name, e in named.items() if name in kept}
    points = [p for run in series.values() for p in (*run.training, *run.validation)]
    text = draw_curves(series, max(1, round(max(p[0] for p in points)))) if points else ""
    without = [e.title for name, e in named.items() if name not in kept]
    return text + _missing("curves are kept", without)


def _missing(what: str, models: Sequence[str]) -> str:
    """A note on the models without something; empty if there are none."""
    listed = " and ".join(filter(None, (", ".join(models[:-1]), *models[-1:])))
    return note(f"No {what} of {listed}.") if models else ""


def _confusion(pair: Pair) -> str:
    a, b = (e.scores.confusion for e in pair.evaluations)
    tables = "".join(confusion_table(e.scores.confusion, e.title) for e in pair.evaluations)
    difference = difference_table(a, b, *pair.titles)
    return f"<div class='ml-side-by-side'>{tables}{difference}</div>"


def _pictures(pair: Pair, dataset: Dataset, corrected: Pair | None) -> str:
    a, b = pair.titles
    parts = [note(f"A is {a}, B is {b}; the most confident mistakes come first.")]
    for kind, text in (
        ("only A", f"Only A ({a}) is right"),
        ("only B", f"Only B ({b}) is right"),
        ("neither", "Neither is right"),
    ):
        places = pair.select(Group(kind))
        shown = places[:MOST_PICTURES]
        parts.append(f"<h3>{escape(text)}: {len(places):,}</h3>")
        captions = [_caption(int(place), pair, corrected) for place in shown]
        name = f"sheet-{kind.replace(' ', '-').lower()}"
        parts.append(picture_sheet(dataset.x_test[pair.rows[shown]], captions, name, text))
        if len(shown) < len(places):
            parts.append(note(f"{len(shown)} of {len(places):,} are shown."))
    return "".join(parts)


def _caption(place: int, pair: Pair, corrected: Pair | None) -> list[str]:
    row, label = int(pair.rows[place]), pair.y_true[place]
    lines = [f"no. {row}: {label}"]
    for name, evaluation in zip("AB", pair.evaluations, strict=True):
        proba = evaluation.y_proba[place]
        lines.append(f"{name}: {proba.argmax()}, {percent(float(proba.max()), 0)}")
    if corrected is not None:
        kept = np.flatnonzero(corrected.rows == row)
        if not len(kept):
            lines.append("no agreed label")
        elif corrected.y_true[kept[0]] != label:
            lines.append(f"most raters read {corrected.y_true[kept[0]]}")
    return lines


def _calibration(
    named: Mapping[str, Evaluation], pair: Pair, calibrations: Mapping[str, Calibration]
) -> str:
    two = [e.model for e in pair.evaluations]
    colours = dict(zip(two, ("mlp", "cnn"), strict=True))
    diagrams = [
        reliability_diagram(calibrations[name], e.title, colours.get(name, "mlp"))
        for name, e in named.items()
        if name in calibrations
    ]
    text = f"<div class='ml-side-by-side'>{''.join(diagrams)}</div>" if diagrams else ""
    without = [named[name].title for name in dict.fromkeys(two) if name not in calibrations]
    return text + _missing("validation answers on this data are known", without)


def _corrected(pair: Pair, corrected: Pair | None) -> str:
    if corrected is None:
        return ""
    sentence = corrected.comparison.verdict(*pair.titles)
    text = f"<p>With corrected labels: {escape(sentence)}</p>"
    return corrected_table(pair, corrected) + text


def _robustness(named: Mapping[str, Evaluation], results: Sequence[Robustness]) -> str:
    titled = [replace(r, title=named[r.model].title) if r.model in named else r for r in results]
    return robustness_table(titled) if titled else ""


def _settings(evaluations: Sequence[Evaluation], dataset: Dataset) -> str:
    cards = [e.card for e in evaluations]
    configs = [card.get("config") or {} for card in cards]
    names = dict.fromkeys(name for config in configs for name in config)
    digests = ((card.get("weights_digest") or UNKNOWN)[:12] for card in cards)
    rows = [
        [name.replace("_", " "), *(str(config.get(name, UNKNOWN)) for config in configs)]
        for name in names
    ]
    rows += [
        ["trained on", *(_trained_on(card, dataset) for card in cards)],
        ["created", *(str(card.get("created", UNKNOWN)) for card in cards)],
        ["epoch kept", *(str(card.get("best_epoch", UNKNOWN)) for card in cards)],
        ["weights (SHA-256)", *digests],
    ]
    layers = [[e.title, ", ".join(e.card.get("layers") or [UNKNOWN])] for e in evaluations]
    return table(["", *(e.title for e in evaluations)], rows, "Settings") + facts(layers, "Layers")


def _trained_on(card: Mapping[str, Any], dataset: Dataset) -> str:
    data = card.get("data") or {}
    name = str(data.get("name", UNKNOWN))
    if (pens := data.get("pens", 0)) > 0:
        name = f"{name} and {counted(pens, 'pen drawing')}"
    same = data.get("digest") == dataset.digest
    return name if same or not data else f"{name}, not the data of this report"


def _data(dataset: Dataset) -> str:
    images = f"{len(dataset.x_train):,} for training, {len(dataset.x_test):,} for testing"
    rows = [["Name", dataset.title], ["Images", images], ["SHA-256 of the arrays", dataset.digest]]
    return facts(rows, "Data") + (note(dataset.notice) if dataset.notice else "")
