"""LiteRT computes where it is installed, NumPy elsewhere, and `MNISTLAB_BACKEND` chooses."""

from __future__ import annotations

import sys

import pytest

from mnistlab.cli import BAD_INPUT, main
from mnistlab.errors import ConfigError
from mnistlab.models import load_classifier
from mnistlab.models.backends import choose_backend


@pytest.fixture
def without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if LiteRT were not installed."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)


@pytest.mark.litert
def test_litert_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNISTLAB_BACKEND", raising=False)
    assert choose_backend() == load_classifier("mlp").backend == "litert"
    monkeypatch.setenv("MNISTLAB_BACKEND", " LiteRT ")
    assert choose_backend() == "litert"


def test_numpy_elsewhere(without_litert: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MNISTLAB_BACKEND", raising=False)
    assert choose_backend() == load_classifier("mlp").backend == "numpy"


def test_numpy_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", "numpy")
    assert load_classifier("cnn").backend == "numpy"


def test_litert_that_is_asked_for_and_missing_is_an_error(
    without_litert: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", "litert")
    with pytest.raises(ConfigError, match=r"pip install ai-edge-litert, or set .*=numpy"):
        load_classifier("mlp")


def test_an_unknown_backend_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", "torch")
    assert main(["evaluate", "mlp", "--json"]) == BAD_INPUT
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert "MNISTLAB_BACKEND is 'torch'; give litert or numpy." in error
