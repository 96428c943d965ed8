"""A comparison as one self-contained HTML file: every figure, and how each is computed."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata, resources

import numpy as np

from mnistlab import __version__
from mnistlab.data import Dataset
from mnistlab.data.label_errors import applies_to, corrected_test_labels
from mnistlab.figures.confusion import confusion_table, difference_table, verdict
from mnistlab.figures.corrected import corrected_table
from mnistlab.figures.markup import data_uri, escape, table
from mnistlab.figures.per_class import per_class_table
from mnistlab.figures.reliability import reliability_diagram
from mnistlab.figures.results import results_table
from mnistlab.figures.robustness import robustness_table
from mnistlab.metrics.calibration import Calibration, calibrate
from mnistlab.metrics.comparison import compare_predictions
from mnistlab.metrics.evaluation import Evaluation, evaluate
from mnistlab.metrics.robustness import IMAGES, Robustness, measure_robustness
from mnistlab.metrics.validation import validation_answers
from mnistlab.models import Classifier, load_classifier
from mnistlab.plots import mosaic

_MOST_IMAGES = 60  # of each kind
_COLUMNS = 20

Tell = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Material:
    """What a report is made of."""

    dataset: Dataset
    evaluations: tuple[Evaluation, Evaluation]
    """A and B."""
    calibrations: tuple[Calibration | None, Calibration | None]
    """None where a model's validation images are not in this dataset."""
    robustness: tuple[Robustness, ...] = ()


def compare_models(
    a: str,
    b: str,
    dataset: Dataset,
    *,
    robustness: bool = False,
    robustness_results: Sequence[Robustness] = (),
    tell: Tell = lambda text: None,
) -> str:
    """Gather all figures of two models and write the report; takes seconds to a minute.

    Parameters
    ----------
    a, b : `"mlp"`, `"cnn"` or runs' ids
    robustness : whether to measure it, which takes half a minute
    robustness_results : what was measured already, instead
    tell : called with what is being done

    Returns
    -------
    str
        An HTML file that needs nothing but itself.
    """
    evaluations, calibrations = [], []
    classifiers = [load_classifier(name) for name in (a, b)]
    for classifier in classifiers:
        tell(f"measuring {classifier.title}")
        each = evaluate(classifier, dataset.x_test, dataset.y_test)
        evaluations.append(each)
        calibrations.append(_calibration(classifier, each, dataset))
    found = tuple(robustness_results)
    if robustness and not found:
        tell("measuring robustness")
        images, labels = dataset.x_test[:IMAGES], dataset.y_test[:IMAGES]
        found = tuple(measure_robustness(classifiers, images, labels))
    pair, both = (evaluations[0], evaluations[1]), (calibrations[0], calibrations[1])
    return build_report(Material(dataset, pair, both, found))


def build_report(material: Material) -> str:
    """The report as an HTML file."""
    a, b = material.evaluations
    title = f"{a.title} and {b.title} on {material.dataset.title}"
    css = resources.files("mnistlab").joinpath("report.css").read_text(encoding="utf-8")
    parts = [
        ("", f"<h1>{escape(title)}</h1>{_about(material.dataset)}"),
        ("Verdict", _verdict(material)),
        ("All figures", results_table([a, b]) + _settings(a, b)),
        ("Confusion", _confusion(a, b)),
        ("By digit", per_class_table(a.scores, b.scores, a.title, b.title)),
        ("Calibration", _calibrations(material)),
        ("Corrected labels", _corrected(material)),
        ("Robustness", _robustness(material)),
        ("The images that decide", _images(material)),
        ("How each figure is computed", _METHODS),
    ]
    body = "".join(
        f"<section>{f'<h2>{head}</h2>' if head else ''}{text}</section>"
        for head, text in parts
        if text
    )
    return (
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>{escape(title)}</title>"
        "<meta name='viewport' content='width=device-width'>"
        f"<style>{css}</style></head><body class='ml-app'>{body}</body></html>\n"
    )


def _calibration(
    classifier: Classifier, evaluation: Evaluation, dataset: Dataset
) -> Calibration | None:
    answers = validation_answers(classifier, dataset)
    return None if answers is None else calibrate(*answers, dataset.y_test, evaluation.y_proba)


def _about(dataset: Dataset) -> str:
    packages = ("numpy", "ai-edge-litert")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    rows = [
        ["data", f"{dataset.title}, {len(dataset.x_test):,} test images"],
        ["SHA-256 of the data", dataset.digest],
        ["made", time.strftime("%Y-%m-%d %H:%M")],
        ["with", f"MNIST Lab {__version__}, {versions}, Python {platform.python_version()}"],
        ["on", f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}"],
    ]
    return table(["", ""], rows, "About this report")


def _verdict(material: Material) -> str:
    a, b = material.evaluations
    result = compare_predictions(material.dataset.y_test, a.y_proba, b.y_proba)
    return verdict(result, a.title, b.title)


def _settings(a: Evaluation, b: Evaluation) -> str:
    configs = [each.card.get("config", {}) for each in (a, b)]
    names = dict.fromkeys(name for config in configs for name in config)
    rows = [[n.replace("_", " "), *(str(c.get(n, "–")) for c in configs)] for n in names]
    digests = [str(each.card.get("weights_digest", "–")) for each in (a, b)]
    rows.append(["SHA-256 of the weights", *digests])
    inside = table(["setting", a.title, b.title], rows, "Settings of the trainings")
    return f"<h3>Settings</h3>{inside}"


def _confusion(a: Evaluation, b: Evaluation) -> str:
    each = "".join(confusion_table(e.scores.confusion, e.title) for e in (a, b))
    both = difference_table(a.scores.confusion, b.scores.confusion, a.title, b.title)
    return f"<div class='ml-confusion'>{each}{both}</div>"


def _calibrations(material: Material) -> str:
    return "".join(
        reliability_diagram(calibration, each.title)
        if calibration is not None
        else f"<p class='ml-note'>{escape(each.title)}: its validation images are not in this "
        "data, so no temperature can be fitted.</p>"
        for each, calibration in zip(material.evaluations, material.calibrations, strict=True)
    )


def _corrected(material: Material) -> str:
    if not applies_to(material.dataset):
        return ""
    labels, keep = corrected_test_labels(material.dataset)
    a, b = (each.rescored(labels, keep) for each in material.evaluations)
    result = compare_predictions(labels[keep], a.y_proba, b.y_proba)
    return corrected_table(material.evaluations, (a, b)) + (
        f"<p class='ml-sentence'>{escape(result.verdict(a.title, b.title))}</p>"
    )


def _robustness(material: Material) -> str:
    return robustness_table(material.robustness) if material.robustness else ""


def _images(material: Material) -> str:
    a, b = material.evaluations
    y, x = np.asarray(material.dataset.y_test), material.dataset.x_test
    read_a, read_b = a.y_proba.argmax(1), b.y_proba.argmax(1)
    right_a, right_b = read_a == y, read_b == y
    parts = []
    for text, chosen in (
        (f"Only {a.title} reads", right_a & ~right_b),
        (f"Only {b.title} reads", ~right_a & right_b),
        ("Neither reads", ~right_a & ~right_b),
    ):
        rows = np.flatnonzero(chosen)
        shown = rows[:_MOST_IMAGES]
        first = f", the first {len(shown)}" if len(shown) < len(rows) else ""
        parts.append(f"<h3>{escape(text)}: {len(rows):,}{first}</h3>")
        if len(shown):
            parts.append(_gallery(np.asarray(x[shown]), text))
            lines = ", ".join(f"{row}: {y[row]} ({read_a[row]}, {read_b[row]})" for row in shown)
            parts.append(
                "<details><summary>Index: label (A's answer, B's answer)</summary>"
                f"<p class='ml-note'>{lines}</p></details>"
            )
    return "".join(parts)


def _gallery(images: np.ndarray, text: str) -> str:
    sheet = mosaic(images, columns=min(_COLUMNS, len(images)), zoom=1)
    return f"<img class='ml-mosaic' src='{data_uri(sheet)}' alt='{escape(text)}'>"


_METHODS = """<dl>
<dt>Accuracy and its interval</dt><dd>Share of the test images answered right; Wilson's 95 %
interval (Wilson 1927).</dd>
<dt>F1</dt><dd>Harmonic mean of precision and recall of a digit; macro: each digit counts the same;
weighted: as often as it occurs.</dd>
<dt>Loss, Brier, ECE</dt><dd>Mean negative log-likelihood of the true digit in nats; mean squared
distance from the true answer (Brier 1950); mean gap between confidence and accuracy over 15 bins
of equal width (Guo et al. 2017).</dd>
<dt>Verdict</dt><dd>McNemar's exact test on the images that only one model reads, and a paired
bootstrap of the difference in accuracy (20,000 resamples). It holds for these two trained models
on digits like these; other seeds may differ.</dd>
<dt>Latency</dt><dd>1,000 single predictions with LiteRT on one thread of this machine,
preprocessing apart. Images a second: in batches.</dd>
<dt>Temperature</dt><dd>One number that divides the logits, fitted on validation images by log
loss.</dd>
<dt>Robustness</dt><dd>Corruptions of our own in the manner of MNIST-C (Mu and Gilmer 2019); not
to be compared with figures published for MNIST-C.</dd>
</dl>"""
