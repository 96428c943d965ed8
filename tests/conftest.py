"""Where the tests' data comes from: never the user's home, never the network."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from mnistlab.data import Dataset, load_default, load_digits
from mnistlab.settings import local_mnist

SHARED = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"
HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    # A shell that starts the tests in the background has them ignore Ctrl-C, and all that they
    # start; the tests of Ctrl-C need it heard.
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Not a fixture: notebooks, kernels and servers that the tests start inherit it as well.
    home = config.stash[HOME] = tempfile.mkdtemp(prefix="mnistlab-tests-")
    os.environ["MNISTLAB_HOME"] = home
    os.environ["MNISTLAB_OFFLINE"] = "1"
    if local_mnist() is None and SHARED.is_file():
        os.environ["MNISTLAB_MNIST"] = str(SHARED)


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(config.stash[HOME], ignore_errors=True)


def pytest_report_header() -> str:
    local = local_mnist()
    if local is None:
        return (
            "data: no MNIST here (MNISTLAB_MNIST is not set), so tests use scikit-learn's digits "
            "and a made-up dataset of MNIST's shape"
        )
    return f"data: MNIST from {local}"


@pytest.fixture(scope="session")
def mnist_file() -> Path | None:
    """The real MNIST, as `MNISTLAB_MNIST` or the workplace has it, or None."""
    return local_mnist()


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    """MNIST where it is at hand, scikit-learn's digits otherwise."""
    return load_default()


@pytest.fixture(scope="session")
def digits() -> Dataset:
    """scikit-learn's digits, which are there on every machine."""
    return load_digits()
