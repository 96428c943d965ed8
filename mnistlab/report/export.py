"""What can be taken away: a comparison of models in the library, and a model's files."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistlab.charts.curves import Curves
from mnistlab.errors import ModelError
from mnistlab.metrics.scores import evaluate_probabilities
from mnistlab.models import Run, find_run, load_classifier
from mnistlab.models.store import PRETRAINED, read_predictions, read_run_file, removal_command

FORMATS = ("keras", "tflite", "csv", "json", "zip")

Facts = Mapping[str, Any]


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
    trained beside, `zip` all files of the run. The pretrained pair has no Keras file. Raises
    `ModelError` if there is no such model, or it is damaged or does not come in that format.
    """
    if kind in ("keras", "zip") and name in PRETRAINED:
        raise ModelError(
            f"The pretrained {name!r} does not come as a .{kind} file; choose tflite, csv or json, "
            "or train one of your own."
        )
    match kind:
        case "keras":
            data = read_run_file(find_run(name, runs), "model.keras")
        case "tflite":
            data = load_classifier(name, runs).tflite
        case "csv":
            data = _csv(name, runs)
        case "json":
            data = _json(load_classifier(name, runs).card)
        case "zip":
            data = _zip(find_run(name, runs))
        case _:
            raise ModelError(
                f"{kind!r} is not a format of a model; choose one of {', '.join(FORMATS)}."
            )
    return Export(f"{name}.{kind}", data)


def _json(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=2) + "\n").encode()


def _zip(run: Run) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in run.card.get("files", ()):
            archive.writestr(f"{run.id}/{file}", read_run_file(run, file))
        archive.writestr(f"{run.id}/run.json", _json(run.card))
    return buffer.getvalue()


def _csv(name: str, runs: Path | None) -> bytes:
    """A line for each figure; the digit is empty where the figure is of all."""
    card, scores = model_scores(name, runs)
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


def model_scores(name: str, runs: Path | None = None) -> tuple[Facts, Facts]:
    """A model's card, and its scores on the test set beside which it was trained."""
    if name in PRETRAINED:
        card = load_classifier(name).card
        return card, card["scores"]
    run = find_run(name, runs)
    kept = read_predictions(run)
    return run.card, evaluate_probabilities(kept["y_test"], kept["test_proba"]).to_dict()
