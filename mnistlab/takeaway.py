"""What can be taken away: a comparison of models in the library, and a model's files."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistlab.data import Dataset
from mnistlab.data.label_errors import applies_to, corrected_test_labels
from mnistlab.errors import ModelError
from mnistlab.figures.curves import Curves
from mnistlab.metrics.calibration import Calibration, calibrate
from mnistlab.metrics.evaluation import Evaluation, score, time_models
from mnistlab.metrics.robustness import Robustness, measure_robustness, sample
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.metrics.seeds import compare_settings
from mnistlab.metrics.stopping import ShouldStop, check
from mnistlab.metrics.validation import validation_answers
from mnistlab.models import Classifier, find_run, list_runs, load_classifier
from mnistlab.models.store import PRETRAINED, read_predictions, read_run_file, removal_command
from mnistlab.report import build_report

FORMATS = ("keras", "tflite", "csv", "json", "zip")
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


def read_history(name: str, runs: Path | None = None) -> Curves:
    """The training curves of a run, a point for each epoch; `ModelError` where it is damaged."""
    run = find_run(name, runs)
    data = read_run_file(run, "history.csv")
    try:
        text = io.StringIO(data.decode("ascii"))
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(text)]
        return Curves(
            run.card["architecture"],
            tuple((row["epoch"], row["loss"], row["accuracy"]) for row in rows),
            tuple((row["epoch"], row["val_loss"], row["val_accuracy"]) for row in rows),
        )
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ModelError(
            f"Run {run.id} is damaged (history.csv holds no training curves); "
            f"remove it with: {removal_command(run.id)}"
        ) from error


@dataclass(frozen=True)
class Export:
    """A file to take away."""

    name: str
    """What it is to be called, such as `cnn-20261122-210833-5f3a.tflite`."""
    data: bytes


def export_model(name: str, kind: str, runs: Path | None = None) -> Export:
    """A model in one of `FORMATS`, checked as it is read.

    `keras` and `tflite` are the model, `json` its card, `csv` its figures on the test set it was
    trained beside, `zip` all files of the run. The pretrained pair has no Keras file.

    Raises
    ------
    ModelError
        When there is no such model, it is damaged, or it does not come in that format.
    """
    makers = {"csv": _csv, "json": _json, "tflite": _tflite, "keras": _keras, "zip": _zip}
    if kind not in makers:
        raise ModelError(
            f"{kind!r} is not a format of a model; choose one of {', '.join(FORMATS)}."
        )
    return Export(f"{name}.{kind}", makers[kind](name, runs))


def _tflite(name: str, runs: Path | None) -> bytes:
    return load_classifier(name, runs).tflite


def _json(name: str, runs: Path | None) -> bytes:
    return (json.dumps(load_classifier(name, runs).card, indent=2) + "\n").encode()


def _keras(name: str, runs: Path | None) -> bytes:
    _refuse_pretrained(name, "as a Keras file")
    return read_run_file(find_run(name, runs), "model.keras")


def _zip(name: str, runs: Path | None) -> bytes:
    _refuse_pretrained(name, "as a folder of files")
    run = find_run(name, runs)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in run.card.get("files", ()):
            archive.writestr(f"{name}/{file}", read_run_file(run, file))
        archive.writestr(f"{name}/run.json", _json(name, runs))
    return buffer.getvalue()


def _refuse_pretrained(name: str, what: str) -> None:
    if name in PRETRAINED:
        raise ModelError(
            f"The pretrained {name!r} does not come {what}; choose tflite, csv or json, or train "
            "one of your own."
        )


def _csv(name: str, runs: Path | None) -> bytes:
    """A line for each figure; the digit is empty where the figure is of all."""
    card, scores = _scores(name, runs)
    low, high = scores["accuracy_ci"]
    plain = {
        "test_images": scores["n"],
        "accuracy": scores["accuracy"],
        "accuracy_low": low,
        "accuracy_high": high,
        **{key: scores[key] for key in ("f1_macro", "f1_weighted", "nll", "ece", "brier")},
        **{key: card.get(key, "") for key in ("training_seconds", "parameters", "file_size")},
        **{key: card["config"].get(key, "") for key in ("epochs", "seed")},
    }
    rows = [(name, figure, "", value) for figure, value in plain.items()]
    for figure in ("precision", "recall", "f1"):
        rows += [(name, figure, str(digit), value) for digit, value in enumerate(scores[figure])]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("model", "figure", "digit", "value"))
    writer.writerows(rows)
    return text.getvalue().encode()


def _scores(name: str, runs: Path | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """A model's card, and its scores on the test set beside which it was trained."""
    if name in PRETRAINED:
        card = load_classifier(name).card
        return card, card["scores"]
    run = find_run(name, runs)
    kept = read_predictions(run)
    return run.card, evaluate_probabilities(kept["y_test"], kept["test_proba"]).to_dict()
