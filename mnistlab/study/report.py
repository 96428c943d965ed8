"""Two models of the library, measured and set side by side in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from mnistlab.charts.curves import Curves
from mnistlab.data import Dataset
from mnistlab.data.label_errors import applies_to, corrected_test_labels
from mnistlab.metrics.calibration import Calibration, calibrate
from mnistlab.metrics.evaluation import Evaluation
from mnistlab.metrics.robustness import Robustness
from mnistlab.metrics.seed_comparison import compare_settings
from mnistlab.metrics.stopping import ShouldStop, check
from mnistlab.models import Classifier, list_runs, load_classifier
from mnistlab.report.export import read_history
from mnistlab.report.html import build_report
from mnistlab.study.evaluation import score, time_models
from mnistlab.study.robustness import measure_robustness, sample
from mnistlab.study.validation import validation_answers

_READING = 0.2  # of the progress, where robustness is measured too


_SCORING = 0.7  # of that, the rest being timing


Progress = Callable[[float], None]


def compare_models(
    a: str,
    b: str,
    dataset: Dataset,
    *,
    known: Iterable[Evaluation] = (),
    robustness: bool | Sequence[Robustness] = False,
    on_progress: Progress | None = None,
    should_stop: ShouldStop | None = None,
    runs: Path | None = None,
) -> str:
    """Measure two models of the library and write the report, as self-contained HTML.

    Parameters
    ----------
    a, b : `"mlp"`, `"cnn"` or a run's id
    known : evaluations on this dataset's test set, whose answers need not be computed again; all
        of them are in the report's table. Where one of the pair is not among them, both are timed
        anew, in turns
    robustness : also let both read a thousand images under every corruption, about a minute of
        work; or what was measured of them already
    on_progress : called with the share that is done, rising to 1
    should_stop : asked now and then
    runs : the folder of the runs, by default the one under `MNISTLAB_HOME`

    Raises
    ------
    ModelError
        When there is no such model or it is damaged.
    MeasurementStopped
        When `should_stop` said so.
    """
    tell = on_progress or (lambda share: None)
    classifiers = {name: load_classifier(name, runs) for name in (a, b)}
    part = _READING if robustness is True else 1.0
    evaluations = {e.model: e for e in known}
    is_new = not classifiers.keys() <= evaluations.keys()
    calibrations: dict[str, Calibration] = {}
    for done, (name, classifier) in enumerate(classifiers.items(), 1):
        check(should_stop)
        if name not in evaluations:
            proba = classifier.predict_proba(dataset.x_test)
            evaluations[name] = score(classifier, dataset.y_test, proba)
        answers = validation_answers(name, classifier, dataset, runs)
        if answers is not None:
            proba = evaluations[name].y_proba
            calibrations[name] = calibrate(*answers, dataset.y_test, proba)
        tell(_SCORING * part * done / len(classifiers))
    if is_new:  # both again: a latency that was measured earlier is none to compare with
        timed = time_models(
            [evaluations[name] for name in classifiers],
            list(classifiers.values()),
            dataset.x_test,
            should_stop=should_stop,
        )
        evaluations |= {evaluation.model: evaluation for evaluation in timed}
    tell(part)
    return build_report(
        list(evaluations.values()),
        (a, b),
        dataset,
        calibrations=calibrations,
        robustness=(
            _robustness(classifiers, dataset, tell, should_stop)
            if robustness is True
            else robustness or ()
        ),
        histories=_histories(evaluations, runs),
        seeds=compare_settings(
            classifiers[a].card,
            classifiers[b].card,
            [run.card for run in list_runs(runs) if not run.damage],
            dataset.digest,
        ),
        corrected=corrected_test_labels(dataset) if applies_to(dataset) else None,
    )


def _robustness(
    classifiers: Mapping[str, Classifier],
    dataset: Dataset,
    tell: Progress,
    should_stop: ShouldStop | None,
) -> list[Robustness]:
    images, labels = sample(dataset)
    return measure_robustness(
        list(classifiers.values()),
        images,
        labels,
        lambda share: tell(_READING + (1 - _READING) * share),
        should_stop,
    )


def _histories(names: Iterable[str], runs: Path | None) -> dict[str, Curves]:
    """The curves there are: pretrained models have none, nor has a run that was removed since."""
    kept = {run.id for run in list_runs(runs)}
    return {name: read_history(name, runs) for name in names if name in kept}
