"""The names people import from mnistlab."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import mnistlab
from mnistlab import errors
from mnistlab.cli import main

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def test_every_name_is_there() -> None:
    assert set(mnistlab.__all__) == {"__version__", *mnistlab._HOME_OF}
    assert all(getattr(mnistlab, name) is not None for name in mnistlab.__all__)
    assert set(mnistlab.__all__) <= set(dir(mnistlab))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mnistlab.nonsense


def test_all_errors_share_one_base() -> None:
    kinds = [getattr(errors, name) for name in dir(errors) if name.endswith("Error")]
    assert len(kinds) == 6
    assert all(issubclass(kind, mnistlab.MnistLabError) for kind in kinds)


def test_the_command_that_is_installed_is_there() -> None:
    scripts = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["scripts"]
    for name, place in scripts.items():
        assert EntryPoint(name, place, "console_scripts").load() is main
