"""The command line: `mnistlab COMMAND`, one short function for each.

Results go to standard output, everything else to standard error. The exit status is 0, 2 for bad
input, 1 for a failure, 130 after Ctrl-C. What a command needs is imported in its function, so
that `mnistlab --help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from mnistlab.cli import terminal
from mnistlab.errors import ConfigError, DataError, MnistLabError, ModelError, UploadError
from mnistlab.texts import counted, duration
from mnistlab.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from mnistlab.data import Dataset
    from mnistlab.models.classifier import Classifier
    from mnistlab.models.config import TrainingConfig

BAD_INPUT, FAILURE, INTERRUPTED = 2, 1, 130
_BAD_INPUT_ERRORS = (ConfigError, ModelError, UploadError)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Parameters
    ----------
    arguments : those of the command line, by default the process's own
    """
    terminal.prepare_streams()
    options = _parser().parse_args(arguments)
    try:
        status = int(options.run(options) or 0)
        sys.stdout.flush()  # here, where an error can still be told
        return status
    except MnistLabError as error:
        terminal.complain(str(error))
        return BAD_INPUT if isinstance(error, _BAD_INPUT_ERRORS) else FAILURE
    except BrokenPipeError:
        terminal.discard_stdout()  # the reader, such as `head`, has seen enough
        return 0
    except OSError as error:
        terminal.complain(f"{error}; check the disk and the permissions.")
        try:
            sys.stdout.flush()
        except OSError:
            terminal.discard_stdout()
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED


# Commands


def fetch_data(options: argparse.Namespace) -> None:
    """`data fetch`: MNIST into the cache, its contents checked."""
    from mnistlab.data import fetch

    dataset = fetch(progress=sys.stderr.isatty())
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
    result = _train(
        _config(options.model, options), _dataset(options, to_train=True), options.scheduler
    )
    if options.json:
        terminal.print_json(result)
    else:
        scores = result["scores"]
        terminal.show(
            f"{result['run']}: {scores['accuracy']:.2%} of the test images right "
            f"(F1 {scores['f1_macro']:.4f}), trained in {duration(result['seconds'])}"
        )


def evaluate(options: argparse.Namespace) -> None:
    """`evaluate`: a model's figures on the test set."""
    dataset = _dataset(options, options.model)
    (figures,), _ = _figures([options.model], dataset)
    if options.json:
        terminal.print_json({**figures, "notice": dataset.notice})
    else:
        terminal.print_figures([figures])


def compare(options: argparse.Namespace) -> None:
    """`compare`: two models' figures side by side, and whether one is better."""
    from mnistlab.metrics.comparison import compare_predictions

    if options.seeds is not None:
        return _compare_with_seeds(options)
    idle = [name for name in (*_SETTINGS, "scheduler") if getattr(options, name, None) is not None]
    if idle:
        flag = "--" + idle[0].replace("_", "-")
        raise ConfigError(f"{flag} is for training, and nothing is trained without --seeds N.")
    dataset = _dataset(options, options.a, options.b)
    (a, b), answers = _figures([options.a, options.b], dataset)
    comparison = compare_predictions(dataset.y_test, *answers)
    if options.json:
        facts = comparison.to_dict(options.a, options.b)
        terminal.print_json({"a": a, "b": b, **facts, "notice": dataset.notice})
        return
    terminal.print_figures([a, b])
    terminal.show("")
    terminal.show(
        f"Both right {comparison.both_right}, only {options.a} {comparison.only_a}, "
        f"only {options.b} {comparison.only_b}, neither {comparison.neither}."
    )
    terminal.show(comparison.verdict(options.a, options.b))


def predict(options: argparse.Namespace) -> int:
    """`predict`: what models read in images and drawings."""
    from mnistlab.models.classifier import digit_scorer
    from mnistlab.study.reading import Unreadable, predict_inputs, read_inputs

    classifiers = [_load(name) for name in options.model or ("mlp", "cnn")]
    status = 0
    inputs = read_inputs(options.file, single=options.single, likeness=digit_scorer(classifiers))
    for answer in predict_inputs(inputs, classifiers):
        if isinstance(answer, Unreadable):
            terminal.complain(f"{answer.place}: {answer.message}")
            status = BAD_INPUT
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
    from mnistlab.study.report import compare_models

    path = _output(options.out or f"report-{options.a}-{options.b}.html", options.json)
    for name in (options.a, options.b):
        _load(name)  # a wrong name is told before the work
    dataset = _dataset(options, options.a, options.b)
    with terminal.share_bar("measuring") as show:
        text = compare_models(
            options.a, options.b, dataset, robustness=options.robustness, on_progress=show
        )
    data = text.encode()
    atomic_write(path, data)
    if options.json:
        terminal.print_json(
            {
                "report": str(path),
                "bytes": len(data),
                "models": [options.a, options.b],
                "data": dataset.name,
                "notice": dataset.notice,
            }
        )
    else:
        terminal.show_written(path, f"{counted(len(data), 'byte')}; open it in any browser.")


def kaggle(options: argparse.Namespace) -> None:
    """`kaggle`: answers to Kaggle's test.csv, ready to be submitted."""
    from mnistlab.report.kaggle import TEST_ROWS, read_test, write_submission

    path = _output(options.out, options.json)
    classifier = _load(options.model)
    images = read_test(options.file, TEST_ROWS)
    digits = classifier.predict_proba(images).argmax(axis=1)
    write_submission(path, digits)
    if options.json:
        terminal.print_json({"submission": str(path), "rows": len(digits), "model": options.model})
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


_SETTINGS = (
    "epochs", "batch_size", "learning_rate", "schedule", "dropout", "fraction", "seed",
    "augmentation",
)  # fmt: skip


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


def _train(config: TrainingConfig, dataset: Dataset, scheduler: str | None) -> dict[str, Any]:
    from mnistlab.jobs import submit
    from mnistlab.metrics.scores import evaluate_probabilities
    from mnistlab.models import find_run
    from mnistlab.models.store import read_predictions

    _quiet_dask()
    with terminal.TrainingBar(config) as bar:
        job = submit(config, dataset, bar.on_event, scheduler=scheduler)
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
    return {
        "run": run.id,
        "weights_digest": run.card["weights_digest"],
        "scores": scores.to_dict(),
        "seconds": run.card["training_seconds"],
        "data": dataset.name,
        "notice": dataset.notice,
    }


def _figures(names: list[str], dataset: Dataset) -> tuple[list[dict[str, Any]], list[Any]]:
    """Of each model its figures, timed against the others, and its answers (n, 10)."""
    from mnistlab.study.evaluation import evaluate_models

    found = evaluate_models([_load(name) for name in names], dataset.x_test, dataset.y_test)
    figures = [{**each.to_dict(), "data": dataset.name} for each in found]
    return figures, [each.y_proba for each in found]


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
    return f"{row['test_accuracy']:.2%} of its test set"


# The parser


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line with the remedy, like all other errors."""
        terminal.complain(f"{message}; see: {self.prog} --help")
        sys.exit(BAD_INPUT)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mnistlab", description="Look at MNIST, train, compare, and read digits.")
    parser.add_argument("--version", action="version", version=f"mnistlab {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_data(commands)
    _add_training(commands)
    _add_models(commands)
    _add_takeaway(commands)
    _add_app(commands)
    return parser


def _add(
    commands: Any,
    name: str,
    run: Callable[[argparse.Namespace], int | None],
    text: str,
    as_json: bool = False,
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    command.set_defaults(run=run)
    if as_json:
        command.add_argument("--json", action="store_true", help="print JSON")
    return command


def _add_data(commands: Any) -> None:
    text = "get MNIST, or see what there is"
    data = commands.add_parser("data", help=text, description=text)
    parts = data.add_subparsers(required=True, metavar="fetch|info", parser_class=_Parser)
    _add(parts, "fetch", fetch_data, "put MNIST into the cache, from MNISTLAB_MNIST or a download")
    text = "what the dashboard would open with, or what a file of yours has; downloads nothing"
    command = _add(parts, "info", show_data, text, True)
    _add_own(command, "data", nargs="?")


def _add_own(command: argparse.ArgumentParser, name: str = "--data", **settings: Any) -> None:
    """The path of one's own images, and how they are turned."""
    text = "your own images and labels: .npz, .csv or IDX files, or a folder of those"
    command.add_argument(name, metavar="PATH", help=text, **settings)
    text = "swap ink and paper of your images, where they are dark on bright"
    command.add_argument("--invert", action="store_true", help=text)
    text = "swap rows and columns of your images, as EMNIST's need"
    command.add_argument("--transpose", action="store_true", help=text)


def _add_training(commands: Any) -> None:
    command = _add(commands, "train", train, "train a model in a worker process", True)
    command.add_argument("model", metavar="MODEL", help="mlp or cnn")
    command.add_argument(
        "--seed", type=int, metavar="X", help="the same seed gives the same weights (0)"
    )
    _add_settings(command)
    _add_own(command)


def _add_settings(command: argparse.ArgumentParser) -> None:
    # The defaults are TrainingConfig's; importing it would load NumPy for --help.
    for flag, kind, text in (
        ("--epochs", int, "passes over the training images (3)"),
        ("--batch-size", int, "images per step (128)"),
        ("--learning-rate", float, "the highest one of the run (0.003)"),
        ("--schedule", str, "one cycle, cosine or constant (one cycle)"),
        ("--dropout", float, "share of units left out at each step, 0 to 0.9 (0.2)"),
        ("--share", float, "fraction of the training images to use, 0.01 to 1 (1.0)"),
        ("--augmentation", str, "none, light or full: how much images are changed (none)"),
    ):
        setting = "fraction" if flag == "--share" else None  # None: the flag's own name
        command.add_argument(flag, dest=setting, type=kind, metavar="X", help=text)
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="train on the cluster of this Dask scheduler (MNISTLAB_SCHEDULER)",
    )


def _add_models(commands: Any) -> None:
    command = _add(commands, "evaluate", evaluate, "a model's figures on the test set", True)
    command.add_argument("model", metavar="MODEL", help="mlp, cnn or a run's id")
    _add_own(command)

    command = _add(commands, "compare", compare, "two models side by side on the test set", True)
    command.add_argument("a", metavar="A", help="mlp, cnn or a run's id")
    command.add_argument("b", metavar="B", help="another")
    command.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="train mlp and cnn with N seeds each and compare those, with the settings below",
    )
    _add_settings(command)
    _add_own(command)

    command = _add(commands, "predict", predict, "read digits in images and drawings", True)
    command.add_argument(
        "file", metavar="FILE", nargs="+", help="image, or .json or .jsonl file of drawings"
    )
    command.add_argument(
        "--model", action="append", metavar="M", help="mlp, cnn or a run's id; may be repeated"
    )
    command.add_argument(
        "--single", action="store_true", help="read all ink of each input as one digit"
    )

    text = "the models there are"
    models = commands.add_parser("models", help=text, description=text)
    parts = models.add_subparsers(required=True, metavar="list|export|remove", parser_class=_Parser)
    _add(parts, "list", list_models, "the pretrained pair and the finished runs", True)
    command = _add(parts, "export", export_model, "a model's file, figures or card")
    command.add_argument("run_id", metavar="RUN", help="a run's id, mlp or cnn")
    command.add_argument(
        "--format",
        default="tflite",
        metavar="F",
        help="keras, tflite, csv (figures), json (card) or zip (all of a run) (%(default)s)",
    )
    command.add_argument("--out", metavar="FILE", help="(RUN.FORMAT, in this folder)")
    command = _add(parts, "remove", remove_model, "delete a run")
    command.add_argument("run_id", metavar="RUN")


def _add_takeaway(commands: Any) -> None:
    command = _add(commands, "report", report, "two models compared, as one HTML file", True)
    command.add_argument("a", metavar="A", help="mlp, cnn or a run's id")
    command.add_argument("b", metavar="B", help="another")
    command.add_argument("--out", metavar="FILE", help="(report-A-B.html, in this folder)")
    command.add_argument(
        "--robustness", action="store_true", help="also on images made harder to read"
    )
    _add_own(command)

    text = "answers to the test.csv of Kaggle's digit-recognizer"
    command = _add(commands, "kaggle", kaggle, text, True)
    command.add_argument("file", metavar="TEST.csv", help="as it was downloaded, 28,000 images")
    command.add_argument("--model", default="cnn", metavar="M", help="mlp, cnn or a run's id")
    command.add_argument(
        "--out", default="submission.csv", metavar="FILE", help="(%(default)s, in this folder)"
    )


def _add_app(commands: Any) -> None:
    from dataclasses import fields

    from mnistlab.server.options import ENVIRONMENT, AppOptions

    command = _add(commands, "app", app, "serve the dashboard to this machine, or to a class")
    command.epilog = (
        f"Each setting may also stand in the environment, as {ENVIRONMENT}MAX_VISITORS=30, or in a "
        "TOML file, as max_visitors = 30. Flags win over the environment, that over the file."
    )
    for each in fields(AppOptions):
        kind, text = each.metadata["kind"], each.metadata["help"]
        name = each.name.replace("_", "-")
        if kind is bool:
            action = "store_false" if each.default else "store_true"
            switch = f"--no-{name}" if each.default else f"--{name}"
            command.add_argument(switch, dest=each.name, action=action, default=None, help=text)
        else:
            metavar = each.metadata["metavar"]
            command.add_argument(f"--{name}", type=kind, metavar=metavar, help=text)
    command.add_argument("--config", metavar="FILE", help="TOML file with the settings above")
