"""Where the tests' data comes from: never the user's home, never the network.

A clone without MNIST is what most people have, so every test passes there. With MNIST
(`MNISTLAB_MNIST`) more can be checked:

- A test that needs MNIST is marked `mnist` and is left out without it.
- A test that takes whatever data there is (the fixtures below, the notebooks, some browser tests)
  is marked `any_data`, by hand or here. `-m "mnist or any_data"` runs what differs with MNIST.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from importlib import metadata, util
from pathlib import Path
from typing import Any

import pytest

from mnistlab.data import Dataset, load_default, load_digits
from mnistlab.settings import local_mnist
from tests.blocks import blocks as blocks  # a fixture
from tests.cost import known_cost
from tests.trained import trained as trained  # another

SHARED = Path(__file__).parents[2] / "shared" / "data"
HOME = pytest.StashKey[str]()
LEFT_OUT = pytest.StashKey[dict[str, int]]()
_ANY_DATA_FIXTURES = {"mnist", "mnist_file"}
_TRAINING_NOTEBOOKS = {"Modeling.ipynb"}
_REMEDIES = {
    "mnist": "need MNIST; run them with: MNISTLAB_MNIST=/path/to/mnist.npz make test",
    "shared": f"need the workplace's data in {SHARED}, which is not published",
    "tensorflow": "need TensorFlow, which has no release for this Python or machine",
    "litert": "need LiteRT, which has no release for this Python or machine",
}


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and all that they
    # start; the tests of Ctrl-C need it heard.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not a fixture: notebooks, kernels and servers that the tests start inherit it as well.
    home = config.stash[HOME] = tempfile.mkdtemp(prefix="mnistlab-tests-")
    os.environ["MNISTLAB_HOME"] = home
    os.environ["MNISTLAB_OFFLINE"] = "1"
    known_cost().save()  # or every server would calibrate, with both cores


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)  # before -m chooses by the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        uses = _ANY_DATA_FIXTURES.intersection(getattr(item, "fixturenames", ()))
        if uses or item.path.suffix == ".ipynb":
            item.add_marker("any_data")
        if item.path.name in _TRAINING_NOTEBOOKS:
            item.add_marker("tensorflow")
    there = {
        "mnist": local_mnist() is not None,
        "shared": SHARED.is_dir(),
        "tensorflow": util.find_spec("tensorflow") is not None,
        "litert": util.find_spec("ai_edge_litert") is not None,
    }
    missing = {name: [i for i in items if i.get_closest_marker(name)] for name in there}
    left_out = [item for name, found in missing.items() if not there[name] for item in found]
    config.stash[LEFT_OUT] = {
        name: len(found) for name, found in missing.items() if found and not there[name]
    }
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_sessionfinish(session: pytest.Session) -> None:
    # With pytest-xdist the tests are collected in processes that show nothing themselves.
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["left_out"] = session.config.stash.get(LEFT_OUT, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"LEFT OUT: {count} tests {_REMEDIES[name]}", yellow=True)


def pytest_report_header() -> str:
    local = local_mnist()
    if local is None:
        return (
            "data: no MNIST here (MNISTLAB_MNIST is not set), so tests use scikit-learn's digits "
            "and a made-up dataset of MNIST's shape"
        )
    return f"data: MNIST from {local}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The workplace's data folder, for tests that are marked `shared`; read only."""
    return SHARED


@pytest.fixture(scope="session")
def mnist_file() -> Path | None:
    """The real MNIST, as `MNISTLAB_MNIST` has it, or None."""
    return local_mnist()


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """MNIST where it is at hand, scikit-learn's digits otherwise."""
    return load_default()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's digits, which are there on every machine."""
    return load_digits()


@pytest.fixture
def with_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if TensorFlow were installed, for jobs that are fakes."""
    monkeypatch.setattr("mnistlab.jobs.submission.has_tensorflow", lambda: True)


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if TensorFlow were not installed, for what asks before it imports."""
    from_name, find_spec = metadata.Distribution.from_name, util.find_spec

    def missing(name: str) -> metadata.Distribution:
        if name.startswith("tensorflow"):
            raise metadata.PackageNotFoundError(name)
        return from_name(name)

    monkeypatch.setattr(metadata.Distribution, "from_name", staticmethod(missing))
    monkeypatch.setattr(
        util, "find_spec", lambda name: None if name == "tensorflow" else find_spec(name)
    )
