"""Two models compared: every figure computed once, shown by the page, the report and commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mnistlab.charts.curves import Curves
from mnistlab.data import Dataset
from mnistlab.data.label_errors import applies_to, corrected_test_labels
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.comparison import Comparison
from mnistlab.metrics.evaluation import Evaluation, Pair, Robustness, distinct_titles, pair_up
from mnistlab.metrics.latency import ShouldStop, check
from mnistlab.metrics.seed_comparison import SeedComparison, compare_seeds
from mnistlab.models import Classifier, list_runs, load_classifier
from mnistlab.models.card import data_digest, settings_key
from mnistlab.report.export import read_history
from mnistlab.report.html import build_report, build_summary
from mnistlab.study.evaluation import (
    calibrate_model,
    measure_robustness,
    sample,
    score,
    time_models,
)

# Fractions of the progress, by time measured on two cores.
_WITHOUT_ROBUSTNESS = 0.2
_SCORED = 0.7

Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class Study:
    """Two models on one test set. Made by `compare`."""

    dataset: Dataset
    pair: Pair
    seeds: SeedComparison | None = None
    """The settings of both over all their runs; None where a single run of each is known."""
    others: tuple[Evaluation, ...] = ()
    """Further models in the table of results."""
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    """Model -> its calibration, where its validation answers are known."""
    robustness: tuple[Robustness, ...] = ()
    """Of A and B, where it was asked for."""
    curves: Mapping[str, Curves] = field(default_factory=dict)
    """Model -> its training curves, where they were kept."""

    @property
    def a(self) -> Evaluation:
        """Scores and latency of the first model."""
        return self.pair.a

    @property
    def b(self) -> Evaluation:
        """Scores and latency of the second model."""
        return self.pair.b

    @property
    def paired(self) -> Comparison:
        """Both right, only A, only B, neither, p-value, difference and its interval."""
        return self.pair.comparison

    @property
    def verdict(self) -> str:
        """One sentence: which model is better, or that no difference is significant."""
        return self.pair.verdict

    @cached_property
    def corrected(self) -> Pair | None:
        """The same answers on the published corrections of the labels; None for other data."""
        if not applies_to(self.dataset):
            return None
        return pair_up(self.a, self.b, *corrected_test_labels(self.dataset))

    def to_dict(self) -> dict[str, Any]:
        """Every figure as plain lists and numbers, ready for JSON."""
        return {
            "a": {**self.a.to_dict(), "data": self.dataset.name},
            "b": {**self.b.to_dict(), "data": self.dataset.name},
            **self.paired.to_dict(*self.pair.titles),
            "seed_comparison": self.seeds and self.seeds.to_dict(*self.pair.titles),
            "temperatures": {name: each.temperature for name, each in self.calibrations.items()},
            "robustness": [each.to_dict() for each in self.robustness],
            "notice": self.dataset.notice,
        }

    def to_html(self) -> str:
        """All of it as one self-contained HTML page."""
        return build_report(
            self.pair,
            self.dataset,
            corrected=self.corrected,
            seeds=self.seeds,
            others=self.others,
            calibrations=self.calibrations,
            robustness=self.robustness,
            curves=self.curves,
        )

    def _repr_html_(self) -> str:
        return build_summary(self.pair, self.seeds)


def compare(
    a: str | Classifier,
    b: str | Classifier,
    dataset: Dataset,
    *,
    robustness: bool | Sequence[Robustness] = False,
    known: Iterable[Evaluation] = (),
    on_progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    runs: Path | None = None,
) -> Study:
    """Measure two models on a dataset's test set and compare them.

    Parameters
    ----------
    a, b : str or Classifier
        `"mlp"`, `"cnn"`, a run's id, or a classifier.
    dataset : Dataset
        Its `x_test` and `y_test` are used.
    robustness : bool or sequence of Robustness
        Whether both also read a thousand images under every corruption, about a minute of work;
        or what was measured of them already.
    known : evaluations
        On this test set. They are not computed again, and all of them are in the table of results.
        Unless both models are among them, both are timed anew, in turns.
    on_progress : function
        Called with the fraction that is done, rising to 1.
    should_stop : function
        Asked now and then; True ends the measurement.
    runs : Path
        The folder of the runs, by default the one under `MNISTLAB_HOME`.

    Raises
    ------
    ModelError
        When there is no such model or it is damaged.
    MeasurementStopped
        When `should_stop` said so.
    """
    report_progress = on_progress or (lambda fraction: None)
    classifiers = [load_classifier(x, runs) if isinstance(x, str) else x for x in (a, b)]
    part = _WITHOUT_ROBUSTNESS if robustness is True else 1.0
    evaluations = _evaluate(
        classifiers, dataset, known, lambda fraction: report_progress(part * fraction), should_stop
    )
    calibrations = {
        each.name: calibrate_model(each, evaluations[each.name], dataset, runs)
        for each in classifiers
    }
    report_progress(part)
    if robustness is True:
        robustness = measure_robustness(
            classifiers,
            *sample(dataset),
            lambda fraction: report_progress(part + (1 - part) * fraction),
            should_stop,
        )
    finished = list_runs(runs)
    kept = {run.id for run in finished}
    two = [evaluations[each.name] for each in classifiers]
    study = make_study(dataset, two[0], two[1], [r.card for r in finished if not r.damage])
    return replace(
        study,
        others=tuple(each for each in evaluations.values() if each not in two),
        calibrations={name: each for name, each in calibrations.items() if each is not None},
        robustness=tuple(robustness or ()),
        curves={name: read_history(name, runs) for name in evaluations if name in kept},
    )


def _evaluate(
    classifiers: Sequence[Classifier],
    dataset: Dataset,
    known: Iterable[Evaluation],
    report_progress: Progress,
    should_stop: ShouldStop | None,
) -> dict[str, Evaluation]:
    """Evaluate the models that are not known, by name, with distinct titles.

    If one of them is new, all are timed: a latency measured at another time does not compare.
    """
    evaluations = {each.model: each for each in known}
    is_new = any(each.name not in evaluations for each in classifiers)
    for done, classifier in enumerate(classifiers, 1):
        check(should_stop)
        if classifier.name not in evaluations:
            proba = classifier.predict_proba(dataset.x_test)
            evaluations[classifier.name] = score(classifier, dataset.y_test, proba)
        report_progress(_SCORED * done / len(classifiers))
    if is_new:
        untimed = [evaluations[each.name] for each in classifiers]
        timed = time_models(untimed, classifiers, dataset.x_test, should_stop=should_stop)
        evaluations |= {each.model: each for each in timed}
    return {each.model: each for each in distinct_titles(evaluations.values())}


def make_study(
    dataset: Dataset, a: Evaluation, b: Evaluation, cards: Iterable[Mapping[str, Any]]
) -> Study:
    """Compare two evaluations on a dataset's test set; nothing is predicted or timed.

    `cards` are those of all known runs, oldest first, for the comparison over seeds. Runs on
    other data are left out of it, since they cannot be compared.
    """
    known = [card for card in (a.card, b.card, *cards) if data_digest(card) == dataset.digest]
    keys = settings_key(a.card), settings_key(b.card)
    seeds = None
    if None not in keys and keys[0] != keys[1]:
        by_side = [_accuracies(known, key) for key in keys]
        if min(map(len, by_side)) and max(map(len, by_side)) > 1:
            seeds = compare_seeds(*by_side)
    return Study(dataset, pair_up(a, b, dataset.y_test), seeds)


def _accuracies(cards: Sequence[Mapping[str, Any]], key: str | None) -> list[float]:
    """Return the test accuracies of the runs with these settings, one for each seed."""
    alike = [card for card in reversed(cards) if settings_key(card) == key]
    return list({card["config"]["seed"]: float(card["test_accuracy"]) for card in alike}.values())
