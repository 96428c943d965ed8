"""A MNIST to load: the real one, or where that is absent a made-up one of its shape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.data import mnist
from mnistlab.data.containers import IDX_FILES, SHAPES
from mnistlab.data.dataset import ARRAYS, digest_of
from tests.data.loopback import Server

Arrays = dict[str, Any]  # arrays by name


@pytest.fixture(scope="session")
def mnist_npz(mnist_file: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if mnist_file is not None and mnist_file.is_file():
        return mnist_file
    path = tmp_path_factory.mktemp("made-up") / "mnist.npz"
    np.savez_compressed(path, **made_up())
    return path


def made_up() -> Arrays:
    """Arrays of MNIST's shapes with some ink and all ten labels."""
    arrays = {name: np.zeros(shape, np.uint8) for name, shape in SHAPES.items()}
    for split in ("train", "test"):
        labels, images = arrays[f"y_{split}"], arrays[f"x_{split}"]
        labels[:] = np.arange(len(labels)) % 10
        images[:, 4:24, 8:20] = (25 * labels + 20)[:, None, None]
    return arrays


@pytest.fixture(scope="session")
def real_arrays(mnist_npz: Path) -> Arrays:
    with np.load(mnist_npz) as file:
        return {name: file[name] for name in ARRAYS}


@pytest.fixture(scope="session")
def digest(real_arrays: Arrays) -> str:
    return digest_of(real_arrays[name] for name in ARRAYS)


@pytest.fixture(autouse=True)
def made_up_passes(monkeypatch: pytest.MonkeyPatch, digest: str, mnist_file: Path | None) -> None:
    if mnist_file is None:
        monkeypatch.setattr(mnist, "MNIST_DIGEST", digest)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home, no local file, no network."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("MNISTLAB_HOME", str(folder))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    return folder


@pytest.fixture(scope="session")
def cached_home(
    mnist_npz: Path,
    digest: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A home whose cache is good, shared by tests that must not change it."""
    folder = tmp_path_factory.mktemp("cached")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MNISTLAB_HOME", str(folder))
        patch.setenv("MNISTLAB_MNIST", str(mnist_npz))
        patch.setattr(mnist, "MNIST_DIGEST", digest)
        mnist.load_mnist()
    return folder


@pytest.fixture(scope="session")
def idx_bytes(real_arrays: Arrays) -> dict[str, bytes]:
    """The four IDX files, by name."""
    return {IDX_FILES[name]: as_idx(real_arrays[name]) for name in ARRAYS}


def as_idx(array: NDArray[Any]) -> bytes:
    """An array as an IDX file holds it."""
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path: Path, idx_bytes: dict[str, bytes]) -> Callable[..., Path]:
    """Makes a folder of the IDX files, with the changes asked for (None leaves a file out)."""

    def make(**changes: bytes | None) -> Path:
        folder = tmp_path / "idx"
        folder.mkdir()
        files: dict[str, bytes | None] = {**idx_bytes}
        files.update({IDX_FILES[name]: data for name, data in changes.items()})
        for name, data in files.items():
            if data is not None:
                (folder / name).write_bytes(data)
        return folder

    return make
