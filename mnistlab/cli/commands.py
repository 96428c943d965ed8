"""What each command does, one short function for each.

Results go to standard output, everything else to standard error. What only one command needs is
imported in its function, and `mnistlab` loads its names late, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mnistlab
from mnistlab import settings
from mnistlab.cli import terminal
from mnistlab.errors import ConfigError, DataError
from mnistlab.files import atomic_write
from mnistlab.server.options import read_options
from mnistlab.texts import counted, duration, percent

if TYPE_CHECKING:
    from mnistlab import Classifier, Dataset, Study


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
        return terminal.print_json(facts)
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
    from mnistlab.report.export import model_scores

    _quiet_dask()
    config = mnistlab.TrainingConfig(options.model, **_given(options))
    dataset = _dataset(options, to_train=True)
    with terminal.training_bar(config.title) as show:
        job = mnistlab.submit(config, dataset, show, scheduler=options.scheduler)
        try:
            while not job.wait(0.5):  # in steps, for on Windows Ctrl-C cannot end a wait
                pass
        except KeyboardInterrupt:
            job.cancel()
            job.wait(5)
            terminal.note("the training was stopped, and nothing of it was kept.")
            raise
    run = job.result()
    card, scores = model_scores(run)
    seconds = card["training_seconds"]
    if options.json:
        facts = {"run": run, "weights_digest": card["weights_digest"], "scores": scores}
        facts |= {"seconds": seconds, "data": dataset.name, "notice": dataset.notice}
        return terminal.print_json(facts)
    terminal.show(
        f"{run}: {percent(scores['accuracy'])} of the test images right "
        f"(F1 {scores['f1_macro']:.4f}), trained in {duration(seconds)}"
    )


def evaluate(options: argparse.Namespace) -> None:
    """`evaluate`: a model's figures on the test set."""
    classifier = mnistlab.load_classifier(options.model)
    dataset = _dataset(options, classifier)
    found = mnistlab.evaluate(classifier, dataset.x_test, dataset.y_test)
    if options.json:
        facts = {"data": dataset.name, "notice": dataset.notice}
        return terminal.print_json(found.to_dict() | facts)
    terminal.print_evaluations([found])


def compare(options: argparse.Namespace) -> None:
    """`compare`: two models' figures side by side, and whether one is better."""
    if options.seeds is not None:
        return _compare_with_seeds(options)
    idle = [*_given(options), *(["scheduler"] if options.scheduler is not None else [])]
    if idle:
        flag = "--" + idle[0].replace("_", "-")
        raise ConfigError(f"{flag} is for training, and nothing is trained without --seeds N.")
    study = _study(options)
    if options.json:
        return terminal.print_json(study.to_dict())
    terminal.print_study(study)


def predict(options: argparse.Namespace) -> int:
    """`predict`: what models read in images and drawings."""
    from mnistlab.models.classifier import digit_scorer
    from mnistlab.study.reading import Unreadable, predict_inputs, read_inputs

    classifiers = [mnistlab.load_classifier(name) for name in options.model or ("mlp", "cnn")]
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
    from mnistlab.models.store import PRETRAINED, removal_command

    rows = [_model_row(name, mnistlab.load_classifier(name).card) for name in PRETRAINED]
    rows += [_model_row(run.id, run.card, run.damage) for run in mnistlab.list_runs()]
    if options.json:
        return terminal.print_json(rows)
    for row in rows:
        if row["damage"]:
            remedy = removal_command(row["model"])
            state = f"damaged: {row['damage']}; remove it with: {remedy}"
        else:
            state = f"{percent(row['test_accuracy'])} of its test set"
        terminal.show(f"{row['model']:<28} {row['title']:<10} {state}")


def remove_model(options: argparse.Namespace) -> None:
    """`models remove`: delete a run."""
    from mnistlab.models import remove_run

    remove_run(options.run_id)


def export_model(options: argparse.Namespace) -> None:
    """`models export`: a model's file, figures or card."""
    from mnistlab.report.export import export_model as export

    made = export(options.run_id, options.format)
    path = _output(options.out or made.name)
    atomic_write(path, made.data)
    terminal.show_written(path, counted(len(made.data), "byte"))


def report(options: argparse.Namespace) -> None:
    """`report`: two models compared, as one HTML file."""
    path = _output(options.out or f"report-{options.a}-{options.b}.html", options.json)
    study = _study(options, robustness=options.robustness)
    data = study.to_html().encode()
    atomic_write(path, data)
    if options.json:
        facts = {"report": str(path), "bytes": len(data), "models": [options.a, options.b]}
        facts |= {"data": study.dataset.name, "notice": study.dataset.notice}
        return terminal.print_json(facts)
    terminal.show_written(path, f"{counted(len(data), 'byte')}; open it in any browser.")


def benchmark(options: argparse.Namespace) -> None:
    """`benchmark`: a model on public test sets."""
    import json

    from mnistlab.study.foreign import UNKNOWN_TRAINING, is_foreign

    html, out = (
        name and _output(name, options.json, flag)
        for name, flag in ((options.html, "--html"), (options.out, "--out"))
    )
    folder = settings.benchmark_sets_folder()
    if options.sets_folder is not None:
        folder = Path(options.sets_folder).expanduser().absolute()
        if not folder.is_dir() and not options.fetch:
            raise ConfigError(f"There is no folder {folder}; create it, or add --fetch.")
    if is_foreign(options.model):
        terminal.note(f"{options.model} is a file of another project. {UNKNOWN_TRAINING}")
    with terminal.progress_bar("opening the model") as show:
        card = mnistlab.benchmark(
            options.model,
            options.set,
            folder=folder,
            fetch=options.fetch,
            trust_file=options.trust_file,
            pixel_range=options.pixel_range,
            on_progress=show,
            tell=terminal.note,
            download_progress=sys.stderr.isatty(),
        )
    if html:
        atomic_write(html, card.to_html().encode())
    if out:
        atomic_write(out, (json.dumps(card.to_dict(), indent=2) + "\n").encode())
    if options.json:
        return terminal.print_json(card.to_dict())
    terminal.print_card(card, folder)
    for path in filter(None, (html, out)):
        terminal.show_written(path, counted(path.stat().st_size, "byte"))


def kaggle(options: argparse.Namespace) -> None:
    """`kaggle`: answers to Kaggle's test.csv, ready to be submitted."""
    from mnistlab.report.kaggle import TEST_ROWS, read_test, write_submission

    path = _output(options.out, options.json)
    classifier = mnistlab.load_classifier(options.model)
    digits = classifier.predict_proba(read_test(options.file, TEST_ROWS)).argmax(axis=1)
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
    read = read_options(vars(options), options.config)

    from mnistlab.server.app import serve  # after a mistake in the options is told

    serve(read)


# Their parts


def _dataset(options: argparse.Namespace, *models: Classifier, to_train: bool = False) -> Dataset:
    """The data of a command, with a note on it: the default, or what `--data` names.

    It is for a test of `models`, or `to_train` others.
    """
    dataset = _own(options, *models, to_train=to_train)
    if dataset is None and settings.local_mnist() is not None:
        # A file that was named is meant: figures on the digits would answer another question.
        with _bad_input():
            dataset = mnistlab.load_mnist(progress=False)
    dataset = dataset or mnistlab.load_default()
    terminal.note(dataset.notice)
    return dataset


def _own(
    options: argparse.Namespace, *models: Classifier, to_train: bool = False
) -> Dataset | None:
    """The data of the path that a command was given, None without one.

    All images of a file with one set are for testing. Where a model was trained on this file, or is
    going to be, they are only those that were put aside.
    """
    turns = {"invert": options.invert, "transpose": options.transpose}
    if options.data is None:
        if idle := [name for name, is_on in turns.items() if is_on]:
            raise ConfigError(f"--{idle[0]} turns images of your own: name their file.")
        return None
    from mnistlab.data.own.reader import read_own_path

    remedies = {name: f"--{name}" for name in turns}
    with _bad_input():
        images = read_own_path(options.data)
        dataset = images.dataset(**turns, remedies=remedies)
    trained_on = [(model.card.get("data") or {}).get("digest") for model in models]
    if to_train or dataset.digest in trained_on or not images.is_one_set:
        return dataset
    return images.dataset(**turns, split=False, remedies=remedies)


@contextmanager
def _bad_input() -> Iterator[None]:
    """Report errors in data that the user has named as bad input, with exit status 2."""
    try:
        yield
    except DataError as error:
        raise ConfigError(str(error)) from error


def _output(name: str, as_json: bool = False, flag: str = "--out") -> Path:
    """Where a file is to go, refused before the work; with `as_json` standard output is taken."""
    path = Path(name)
    target = Path(os.path.realpath(path))  # a link stays, and what it leads to is written
    if path.is_dir() or not target.parent.is_dir():
        what = "is a folder" if path.is_dir() else "is in no folder that exists"
        raise ConfigError(f"{path} {what}; give the name of a file with: {flag} FILE")
    if as_json and terminal.is_stdout(path):
        raise ConfigError(
            f"{path} is standard output, to which --json prints; leave out --json, "
            f"or give the name of a file with: {flag} FILE"
        )
    return path


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """What a command was given for a training, by the names of `TrainingConfig`."""
    names = {each.name for each in fields(mnistlab.TrainingConfig)} - {"model"}
    return {name: v for name, v in vars(options).items() if name in names and v is not None}


def _quiet_dask() -> None:
    # Read when Dask is imported. What it logs of a lost scheduler, page after page, the command's
    # one line of error says as well; who wants it sets the variable.
    levels = {"distributed": "critical", "distributed.client": "critical"}
    os.environ.setdefault("DASK_DISTRIBUTED__LOGGING", repr(levels))


def _compare_with_seeds(options: argparse.Namespace) -> None:
    from mnistlab.jobs.seed_runs import compare_with_seeds

    _quiet_dask()
    given = _given(options)
    a, b = (mnistlab.TrainingConfig(name, **given) for name in (options.a, options.b))
    dataset = _dataset(options, to_train=True)
    runs = counted(2 * options.seeds, "run")
    with terminal.progress_bar(f"0 of {runs}") as bar:

        def show(fraction: float, finished: int) -> None:
            bar(fraction, f"{finished} of {runs}")

        seeded = compare_with_seeds(a, b, options.seeds, dataset, show, options.scheduler)
    if options.json:
        facts = seeded.to_dict(options.a, options.b)
        facts |= {"seeds": options.seeds, "notice": dataset.notice}
        return terminal.print_json(facts)
    terminal.print_seeds(seeded, options.a, options.b)


def _study(options: argparse.Namespace, robustness: bool = False) -> Study:
    a, b = (mnistlab.load_classifier(name) for name in (options.a, options.b))
    dataset = _dataset(options, a, b)
    with terminal.progress_bar("measuring") as show:
        return mnistlab.compare(a, b, dataset, robustness=robustness, on_progress=show)


def _model_row(name: str, card: Any, damage: str = "") -> dict[str, Any]:
    known = ("title", "architecture", "data", "test_accuracy", "parameters", "created")
    row = {"model": name} | {key: card.get(key) for key in known} | {"damage": damage}
    return row | {"title": row["title"] or name, "data": (row["data"] or {}).get("name")}
