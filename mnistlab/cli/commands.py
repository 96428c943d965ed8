"""What each command does, one short function for each.

Results go to standard output, everything else to standard error. A command's imports are in its
function, so that `mnistlab --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, Any

from mnistlab.cli import terminal
from mnistlab.errors import ConfigError, DataError
from mnistlab.texts import counted, duration, percent

if TYPE_CHECKING:
    from pathlib import Path

    from mnistlab.data import Dataset
    from mnistlab.models.classifier import Classifier
    from mnistlab.models.config import TrainingConfig
    from mnistlab.study.study import Study

_SETTINGS = (
    "epochs", "batch_size", "learning_rate", "schedule", "dropout", "fraction", "seed",
    "augmentation",
)  # fmt: skip
"""Options that are fields of `TrainingConfig`."""


def fetch_data(options: argparse.Namespace) -> None:
    """`data fetch`: MNIST into the cache, its contents checked."""
    from mnistlab.data import load_mnist

    dataset = load_mnist(progress=sys.stderr.isatty(), verify=True)
    terminal.show(f"{dataset.title} is in {dataset.folder} ({dataset.source}).")


def show_data(options: argparse.Namespace) -> None:
    """`data info`: what the dashboard would open with, or a file has; downloads nothing."""
    from mnistlab.data import describe, info

    own = _own(options, to_train=True)
    facts = info() if own is None else describe(own)
    if options.json:
        terminal.print_json(facts)
        return
    images = facts["images"]
    terminal.show(
        f"{facts['title']}: {counted(images['train'], 'training image')}, "
        f"{counted(images['test'], 'test image')}"
    )
    terminal.show(f"from    {facts['source']}")
    if own is None:
        terminal.show(f"cached  {facts['folder'] or 'no'} ({facts['cached_bytes'] / 1e6:.1f} MB)")
    terminal.show(f"SHA-256 {facts['digest']}")
    terminal.note(facts["notice"])


def train(options: argparse.Namespace) -> None:
    """`train`: train in a worker process and keep the run."""
    from mnistlab.jobs import submit
    from mnistlab.metrics.scores import evaluate_probabilities
    from mnistlab.models import find_run
    from mnistlab.models.store import read_predictions

    _quiet_dask()
    config, dataset = _config(options.model, options), _dataset(options, to_train=True)
    with terminal.TrainingBar(config) as bar:
        job = submit(config, dataset, bar.on_event, scheduler=options.scheduler)
        try:
            while not job.wait(0.5):  # in steps, for on Windows Ctrl-C cannot end a wait
                pass
        except KeyboardInterrupt:
            job.cancel()
            job.wait(5)
            raise
    run = find_run(job.result())
    answers = read_predictions(run)
    scores = evaluate_probabilities(answers["y_test"], answers["test_proba"])
    seconds = run.card["training_seconds"]
    if not options.json:
        terminal.show(
            f"{run.id}: {percent(scores.accuracy)} of the test images right "
            f"(F1 {scores.f1_macro:.4f}), trained in {duration(seconds)}"
        )
        return
    facts: dict[str, Any] = {"run": run.id, "weights_digest": run.card["weights_digest"]}
    facts |= {"scores": scores.to_dict(), "seconds": seconds}
    terminal.print_json(facts | {"data": dataset.name, "notice": dataset.notice})


def evaluate(options: argparse.Namespace) -> None:
    """`evaluate`: a model's figures on the test set."""
    from mnistlab.study.evaluation import evaluate as measure

    dataset = _dataset(options, options.model)
    found = measure(_load(options.model), dataset.x_test, dataset.y_test)
    if options.json:
        facts = {"data": dataset.name, "notice": dataset.notice}
        terminal.print_json({**found.to_dict(), **facts})
    else:
        terminal.print_evaluations([found])


def compare(options: argparse.Namespace) -> None:
    """`compare`: two models' figures side by side, and whether one is better."""
    if options.seeds is not None:
        return _compare_with_seeds(options)
    idle = [name for name in (*_SETTINGS, "scheduler") if getattr(options, name, None) is not None]
    if idle:
        flag = "--share" if idle[0] == "fraction" else "--" + idle[0].replace("_", "-")
        raise ConfigError(f"{flag} is for training, and nothing is trained without --seeds N.")
    study = _study(options)
    if options.json:
        terminal.print_json(study.to_dict())
    else:
        terminal.print_study(study)


def predict(options: argparse.Namespace) -> int:
    """`predict`: what models read in images and drawings."""
    from mnistlab.models.classifier import digit_scorer
    from mnistlab.study.reading import Unreadable, predict_inputs, read_inputs

    classifiers = [_load(name) for name in options.model or ("mlp", "cnn")]
    status = 0
    inputs = read_inputs(options.file, single=options.single, digit_score=digit_scorer(classifiers))
    for answer in predict_inputs(inputs, classifiers):
        if isinstance(answer, Unreadable):
            terminal.complain(f"{answer.place}: {answer.message}")
            status = 2
        elif options.json:
            terminal.print_json(answer)
        else:
            terminal.print_answer(answer)
    return status


def list_models(options: argparse.Namespace) -> None:
    """`models list`: the pretrained pair and the finished runs."""
    from mnistlab.models import list_runs
    from mnistlab.models.store import PRETRAINED

    rows = [_model_row(name, _load(name).card) for name in PRETRAINED]
    rows += [_model_row(run.id, run.card, run.damage) for run in list_runs()]
    if options.json:
        terminal.print_json(rows)
        return
    for row in rows:
        terminal.show(f"{row['model']:<28} {row['title']:<10} {_state(row)}")


def remove_model(options: argparse.Namespace) -> None:
    """`models remove`: delete a run."""
    from mnistlab.models import remove_run

    remove_run(options.run_id)


def export_model(options: argparse.Namespace) -> None:
    """`models export`: a model's file, figures or card."""
    from mnistlab.files import atomic_write
    from mnistlab.report.export import export_model as export

    made = export(options.run_id, options.format)
    path = _output(options.out or made.name)
    atomic_write(path, made.data)
    terminal.show_written(path, counted(len(made.data), "byte"))


def report(options: argparse.Namespace) -> None:
    """`report`: two models compared, as one HTML file."""
    from mnistlab.files import atomic_write

    path = _output(options.out or f"report-{options.a}-{options.b}.html", options.json)
    study = _study(options, robustness=options.robustness)
    data = study.to_html().encode()
    atomic_write(path, data)
    if not options.json:
        terminal.show_written(path, f"{counted(len(data), 'byte')}; open it in any browser.")
        return
    facts = {"report": str(path), "bytes": len(data), "models": [options.a, options.b]}
    terminal.print_json(facts | {"data": study.dataset.name, "notice": study.dataset.notice})


def kaggle(options: argparse.Namespace) -> None:
    """`kaggle`: answers to Kaggle's test.csv, ready to be submitted."""
    from mnistlab.report.kaggle import TEST_ROWS, read_test, write_submission

    path = _output(options.out, options.json)
    classifier = _load(options.model)
    images = read_test(options.file, TEST_ROWS)
    digits = classifier.predict_proba(images).argmax(axis=1)
    write_submission(path, digits)
    if options.json:
        facts = {"submission": str(path), "rows": len(digits), "model": options.model}
        terminal.print_json(facts)
    else:
        terminal.show_written(path, f"{counted(len(digits), 'answer')} of {options.model}")
    terminal.note(
        "Kaggle's images are MNIST's own, shuffled: a model that was trained on MNIST has seen "
        "most of them, so its score there says little."
    )


def app(options: argparse.Namespace) -> None:
    """`app`: serve the dashboard."""
    from dataclasses import fields

    from mnistlab.server.options import AppOptions, read_options

    given = {each.name: getattr(options, each.name) for each in fields(AppOptions)}
    read = read_options(given, options.config)  # a mistake is told before the server is loaded

    from mnistlab.server.app import serve

    serve(read)


# Their parts


def _dataset(options: argparse.Namespace, *models: str, to_train: bool = False) -> Dataset:
    """The data of a command, with a note on it: the default, or what `--data` names.

    Parameters
    ----------
    models : those that are tested
    to_train : whether some are trained on it
    """
    from mnistlab.data import load_default, load_mnist
    from mnistlab.settings import local_mnist

    own = _own(options, *models, to_train=to_train)
    if own is not None:
        terminal.note(own.notice)
        return own
    if local_mnist() is not None:
        # A file that was named is meant: figures on the digits would answer another question.
        try:
            return load_mnist(progress=False)
        except DataError as error:
            raise ConfigError(str(error)) from error
    dataset = load_default()
    terminal.note(dataset.notice)
    return dataset


def _own(options: argparse.Namespace, *models: str, to_train: bool = False) -> Dataset | None:
    """The data of the path that a command was given, None without one.

    All images of a file with one set are for testing. Where a model was trained on this file, or is
    going to be, they are only those that were put aside.
    """
    turns = {"invert": options.invert, "transpose": options.transpose}
    if options.data is None:
        flag = next((f"--{name}" for name, is_on in turns.items() if is_on), None)
        if flag is not None:
            raise ConfigError(f"{flag} turns images of your own: name their file.")
        return None
    from mnistlab.data.own.reader import read_own_path

    try:
        images = read_own_path(options.data)
        remedies = {name: f"--{name}" for name in turns}
        dataset = images.dataset(**turns, remedies=remedies)
    except DataError as error:
        raise ConfigError(str(error)) from error
    trained = [(_load(name).card.get("data") or {}).get("digest") for name in models]
    if to_train or not images.is_one_set or dataset.digest in trained:
        return dataset
    return images.dataset(**turns, split=False, remedies=remedies)


def _output(name: str, as_json: bool = False) -> Path:
    """Where a file is to go, refused before the work that makes it.

    With `as_json` standard output is taken.
    """
    from pathlib import Path

    path = Path(name)
    target = Path(os.path.realpath(path))  # a link stays, and what it leads to is written
    if path.is_dir() or not target.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in no folder that exists"
        raise ConfigError(f"{path} {what}; give the name of a file with: --out FILE")
    if as_json and terminal.is_stdout(path):
        raise ConfigError(
            f"{path} is standard output, to which --json prints; leave out --json, "
            "or give the name of a file with: --out FILE"
        )
    return path


def _load(name: str) -> Classifier:
    from mnistlab.models import load_classifier

    return load_classifier(name)


def _config(model: str, options: argparse.Namespace) -> TrainingConfig:
    from mnistlab.models import TrainingConfig

    given = {name: getattr(options, name, None) for name in _SETTINGS}
    return TrainingConfig(model, **{name: v for name, v in given.items() if v is not None})


def _quiet_dask() -> None:
    # Read when Dask is imported. What it logs of a lost scheduler, page after page, the command's
    # one line of error says as well; who wants it sets the variable.
    levels = {"distributed": "critical", "distributed.client": "critical"}
    os.environ.setdefault("DASK_DISTRIBUTED__LOGGING", repr(levels))


def _compare_with_seeds(options: argparse.Namespace) -> None:
    from mnistlab.jobs.seed_runs import compare_with_seeds

    _quiet_dask()
    a, b = (_config(name, options) for name in (options.a, options.b))
    dataset = _dataset(options, to_train=True)
    with terminal.runs_bar(2 * options.seeds) as show:
        seeded = compare_with_seeds(a, b, options.seeds, dataset, show, options.scheduler)
    if options.json:
        facts = seeded.to_dict(options.a, options.b)
        terminal.print_json({**facts, "seeds": options.seeds, "notice": dataset.notice})
    else:
        terminal.print_seeds(seeded, options.a, options.b)


def _study(options: argparse.Namespace, robustness: bool = False) -> Study:
    from mnistlab.study.study import compare

    for name in (options.a, options.b):
        _load(name)  # a wrong name is an error before the work
    dataset = _dataset(options, options.a, options.b)
    with terminal.progress_bar("measuring") as show:
        return compare(options.a, options.b, dataset, robustness=robustness, on_progress=show)


def _model_row(name: str, card: Any, damage: str = "") -> dict[str, Any]:
    return {
        "model": name,
        "title": card.get("title", name),
        "architecture": card.get("architecture"),
        "data": (card.get("data") or {}).get("name"),
        "test_accuracy": card.get("test_accuracy"),
        "parameters": card.get("parameters"),
        "created": card.get("created"),
        "damage": damage,
    }


def _state(row: dict[str, Any]) -> str:
    """What `models list` says of a model: how good it is, or what to do about a damaged one."""
    from mnistlab.models.store import removal_command

    if row["damage"]:
        return f"damaged: {row['damage']}; remove it with: {removal_command(row['model'])}"
    return f"{percent(row['test_accuracy'])} of its test set"
