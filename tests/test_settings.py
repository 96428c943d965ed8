"""Settings follow the environment as it is when they are asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnistlab import settings
from mnistlab.errors import ConfigError


def test_home_from_the_environment_or_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    assert settings.home() == tmp_path
    assert settings.cache_folder().parent == settings.runs_folder().parent == tmp_path
    monkeypatch.setenv("MNISTLAB_HOME", "~/lab")
    assert settings.home() == Path.home() / "lab"
    monkeypatch.delenv("MNISTLAB_HOME")
    assert settings.home().name == "mnistlab"
    assert settings.home().is_absolute()


def test_benchmark_sets_have_a_folder_in_home_or_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    assert settings.benchmark_sets_folder() == tmp_path / "benchmark-sets"
    monkeypatch.setenv("MNISTLAB_BENCHMARK_SETS", str(tmp_path / "sets"))
    assert settings.benchmark_sets_folder() == tmp_path / "sets"


def test_local_mnist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", "mnist.npz")
    assert settings.local_mnist() == Path.cwd() / "mnist.npz"
    monkeypatch.setenv("MNISTLAB_MNIST", " ")
    assert settings.local_mnist() is None


@pytest.mark.parametrize(("value", "off"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_offline(monkeypatch: pytest.MonkeyPatch, value: str, off: bool) -> None:
    monkeypatch.setenv("MNISTLAB_OFFLINE", value)
    assert settings.offline() is off


@pytest.mark.parametrize(
    ("value", "backend"), [("", None), (" ", None), ("numpy", "numpy"), ("LiteRT", "litert")]
)
def test_backend(monkeypatch: pytest.MonkeyPatch, value: str, backend: str | None) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", value)
    assert settings.backend() == backend


def test_an_unknown_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", "torch")
    with pytest.raises(ConfigError, match="'torch'; give litert or numpy"):
        settings.backend()
