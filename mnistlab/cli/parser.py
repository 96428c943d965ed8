"""The commands' arguments."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import fields
from typing import Any, NoReturn

from mnistlab.cli import commands, terminal
from mnistlab.server.options import ENVIRONMENT, AppOptions
from mnistlab.texts import SITE
from mnistlab.version import __version__

_MODEL = "mlp, cnn or a run's id"
Add = Callable[..., "Parser"]


class Parser(argparse.ArgumentParser):
    """Reports a mistake as all other errors are: in one line with the remedy."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with status 2."""
        terminal.complain(f"{message}; see: {self.prog} --help")
        sys.exit(2)

    def add(self, *names: str, **settings: Any) -> Parser:
        """Add an argument; returns the parser, so that calls chain."""
        self.add_argument(*names, **settings)
        return self


def make_parser() -> Parser:
    """The parser of `mnistlab`; `run` of what it returns is the command's function."""
    text = "Explore MNIST, train and compare models, read digits."
    parser = Parser(prog="mnistlab", description=text)
    parser.add("--version", action="version", version=f"mnistlab {__version__}")
    add = _adder(parser, "COMMAND")
    _add_data(add)
    _add_training(add)
    _add_models(add)
    _add_results(add)
    _add_benchmark(add)
    _add_app(add)
    return parser


def _adder(parser: Parser, metavar: str) -> Add:
    """A function that adds commands, or parts of one: name, function, help; `json` for --json."""
    group = parser.add_subparsers(required=True, metavar=metavar, parser_class=Parser)

    def add(name: str, run: Any, text: str, json: bool = False) -> Parser:
        command: Parser = group.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command.add("--json", action="store_true", help="print JSON") if json else command

    return add


def _add_own_data(command: Parser, name: str = "--data", **settings: Any) -> None:
    text = "your own images and labels: .npz, .csv or IDX files, or a folder of those"
    command.add(name, metavar="PATH", help=text, **settings)
    text = "invert your images, when their ink is dark on a bright ground"
    command.add("--invert", action="store_true", help=text)
    command.add("--transpose", action="store_true", help="transpose your images, as EMNIST's need")


def _add_data(add: Add) -> None:
    part = _adder(add("data", None, "download MNIST, or describe data"), "fetch|info")
    part("fetch", commands.fetch_data, "put MNIST into the cache, from MNISTLAB_MNIST or a mirror")
    text = "describe the data that the dashboard would open with, or a file; downloads nothing"
    _add_own_data(part("info", commands.show_data, text, True), "data", nargs="?")


def _add_training(add: Add) -> None:
    command = add("train", commands.train, "train a model in a worker process", True)
    command.add("model", metavar="MODEL", help="mlp or cnn")
    command.add("--seed", type=int, metavar="X", help="the same seed gives the same weights (0)")
    _add_settings(command)
    _add_own_data(command)


def _add_settings(command: Parser) -> None:
    # The defaults are TrainingConfig's; importing it would load NumPy for --help.
    for flag, kind, text in (
        ("--epochs", int, "passes over the training images (3)"),
        ("--batch-size", int, "images per step (128)"),
        ("--learning-rate", float, "the highest one of the run (0.003)"),
        ("--schedule", str, "one cycle, cosine or constant (one cycle)"),
        ("--dropout", float, "fraction of the units left out at each step, 0 to 0.9 (0.2)"),
        ("--fraction", float, "fraction of the training images to use, 0.01 to 1 (1.0)"),
        ("--augmentation", str, "none, shift, light or full: how much images are changed (none)"),
    ):
        command.add(flag, type=kind, metavar="X", help=text)
    # Its first name, which scripts still use.
    command.add("--share", dest="fraction", type=float, help=argparse.SUPPRESS)
    text = "train on the cluster of this Dask scheduler (MNISTLAB_SCHEDULER)"
    command.add("--scheduler", metavar="ADDRESS", help=text)


def _add_models(add: Add) -> None:
    command = add("evaluate", commands.evaluate, "a model's scores on the test set", True)
    _add_own_data(command.add("model", metavar="MODEL", help=_MODEL))

    command = _add_pair(add("compare", commands.compare, "compare two models", True))
    text = "train mlp and cnn with N seeds each and compare those, with the settings below"
    command.add("--seeds", type=int, metavar="N", help=text)
    _add_settings(command)
    _add_own_data(command)

    command = add("predict", commands.predict, "read digits in images and drawings", True)
    text = "image, or .json or .jsonl file of drawings"
    command.add("file", metavar="FILE", nargs="+", help=text)
    command.add("--model", action="append", metavar="M", help=f"{_MODEL}; may be repeated")
    command.add("--single", action="store_true", help="read each input as one digit")
    command.epilog = (
        "In an answer, photo.png:0:0 is the first digit of the first drawing of photo.png. "
        "Models run in LiteRT, or in NumPy where LiteRT is not installed. "
        "MNISTLAB_BACKEND=litert or MNISTLAB_BACKEND=numpy chooses one of them."
    )

    part = _adder(add("models", None, "list, export or remove models"), "list|export|remove")
    part("list", commands.list_models, "the pretrained pair and the finished runs", True)
    command = part("export", commands.export_model, "save a model, its scores or its card")
    command.add("run_id", metavar="RUN", help=_MODEL)
    text = "keras, tflite, csv (scores), json (card) or zip (all files of a run) (%(default)s)"
    command.add("--format", default="tflite", metavar="F", help=text)
    command.add("--out", metavar="FILE", help="(RUN.FORMAT, in this folder)")
    part("remove", commands.remove_model, "delete a run").add("run_id", metavar="RUN")


def _add_pair(command: Parser) -> Parser:
    return command.add("a", metavar="A", help=_MODEL).add("b", metavar="B", help="another one")


def _add_results(add: Add) -> None:
    command = _add_pair(add("report", commands.report, "two models compared, as a web page", True))
    command.add("--out", metavar="FILE", help="(report-A-B.html, in this folder)")
    text = "also test both on corrupted images, which takes a minute"
    command.add("--robustness", action="store_true", help=text)
    _add_own_data(command)

    text = "predictions for the test.csv of Kaggle's digit-recognizer"
    command = add("kaggle", commands.kaggle, text, True)
    command.add("file", metavar="TEST.csv", help="as downloaded, 28,000 images")
    command.add("--model", default="cnn", metavar="M", help=_MODEL)
    text = "(%(default)s, in this folder)"
    command.add("--out", default="submission.csv", metavar="FILE", help=text)


def _add_benchmark(add: Add) -> None:
    text = "judge a model on public test sets, and write a card"
    command = add("benchmark", commands.benchmark, text, True)
    text = f"{_MODEL}, or the path of a .tflite or .keras file of another project"
    command.add("model", metavar="MODEL", help=text)
    text = "one of the test sets, such as mnist; may be repeated (all of them)"
    command.add("--set", action="append", metavar="NAME", help=text)
    text = "with the sets' files (MNISTLAB_BENCHMARK_SETS, or benchmark-sets in MNISTLAB_HOME)"
    command.add("--sets-folder", metavar="DIR", help=text)
    command.add("--fetch", action="store_true", help="download sets that are missing")
    text = "load a .keras file, which can run code of whoever made it"
    command.add("--trust-file", action="store_true", help=text)
    text = "what full ink is in the float input of a file: 1 or 255 (%(default)s)"
    command.add("--pixel-range", type=int, choices=(1, 255), default=1, help=text)
    command.add("--html", metavar="FILE", help="write the card as a web page")
    command.add("--out", metavar="FILE", help="write the card as JSON")
    command.epilog = (
        "Sets: mnist, qmnist, emnist-digits, emnist-letters, usps, ardis, pendigits, mnist-c. "
        f"{SITE}benchmark-card.html says which files they need."
    )


def _add_app(add: Add) -> None:
    command = add("app", commands.app, "serve the dashboard to this machine, or to a class")
    command.epilog = (
        f"Each setting may also stand in the environment, as {ENVIRONMENT}MAX_VISITORS=30, or in a "
        "TOML file, as max_visitors = 30. Flags win over the environment, that over the file."
    )
    for each in fields(AppOptions):
        facts = each.metadata
        value = {"type": facts["kind"], "metavar": facts["metavar"]}
        switch = {"action": argparse.BooleanOptionalAction}  # adds --no-... too
        settings = switch if facts["kind"] is bool else value
        command.add(f"--{each.name.replace('_', '-')}", help=facts["help"], **settings)
    command.add("--config", metavar="FILE", help="TOML file with the settings above")
