"""Downloads, from real servers on loopback: mirrors, breaks, progress, and no network at all."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import download, load_default, load_mnist
from mnistlab.data.dataset import ARRAYS, digest_of
from mnistlab.errors import DataError
from tests.data.loopback import Bar, Server, allow_network, closed_port

IDX = download.MIRRORS[1][1]


@pytest.fixture
def online(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home where the network is allowed and no proxy stands in the way."""
    allow_network(monkeypatch)
    return home


def test_second_mirror_helps_out_and_progress_is_told(
    online: Path,
    server: Server,
    idx_bytes: dict[str, bytes],
    digest: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.files = {f"{name}.gz": gzip.compress(data, 1) for name, data in idx_bytes.items()}
    monkeypatch.setattr(download, "MIRRORS", ((closed_port(), ("mnist.npz",)), (server.url, IDX)))
    bar = Bar()
    data = load_mnist(progress=bar)
    assert digest_of(getattr(data, name) for name in ARRAYS) == digest
    assert data.source == "download from 127.0.0.1"
    assert bar.closed == 4
    assert bar.done == bar.total == len(server.files[IDX[-1]])
    load_mnist()
    assert len(server.asked) == 4  # the cache serves from now on


@pytest.mark.parametrize("trouble", ["cut", "missing", "no npz", "other contents"])
def test_bad_mirror_is_passed_over(
    online: Path,
    server: Server,
    mnist_npz: Path,
    digest: str,
    trouble: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad, good = "bad/mnist.npz", "good/mnist.npz"
    server.files = {good: mnist_npz.read_bytes()}
    if trouble == "no npz":
        server.files[bad] = b"<html>Sign in to this hotel's network</html>"
    elif trouble == "other contents":
        shapes = {"x_train": (60000, 28, 28), "y_train": 60000, "x_test": (10000, 28, 28)}
        zeros = {name: np.zeros(shape, np.uint8) for name, shape in shapes.items()}
        np.savez_compressed(tmp_path / "zeros.npz", **zeros, y_test=np.zeros(10000, np.uint8))
        server.files[bad] = (tmp_path / "zeros.npz").read_bytes()
    elif trouble == "cut":
        server.files[bad] = server.files[good]
        server.cut = True
    only_bad = ((server.url + "bad/", ("mnist.npz",)),)
    monkeypatch.setattr(download, "MIRRORS", only_bad)
    with pytest.raises(DataError, match=r"cannot be downloaded .*MNISTLAB_MNIST") as caught:
        load_mnist(progress=False)
    assert "\n" not in str(caught.value)
    assert not (online / "data" / "mnist").exists()
    server.cut = False
    if trouble == "cut":
        del server.files[bad]
    monkeypatch.setattr(download, "MIRRORS", (*only_bad, (server.url + "good/", ("mnist.npz",))))
    assert load_mnist(progress=False).digest == digest


def test_no_network_fails_fast_even_where_names_hang(
    online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def hanging(*arguments: object, **options: object) -> None:
        over.wait(120)
        raise OSError("no such host")

    monkeypatch.setattr(socket, "create_connection", hanging)
    start = time.perf_counter()
    with pytest.raises(DataError, match=r"cannot be reached.*MNISTLAB_MNIST"):
        load_mnist()
    assert time.perf_counter() - start < 60  # half of what it would hang; it measures 5 s
    over.set()


def test_only_the_first_page_waits_for_a_missing_network(
    online: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def refused(mirror: object, progress: object) -> None:
        tries.append(mirror)
        raise DataError("nobody there")

    monkeypatch.setattr(download, "download", refused)
    for _ in range(3):
        data = load_default()
        assert data.name == "digits"
        assert "MNISTLAB_MNIST" in data.notice
    assert len(tries) == len(download.MIRRORS)
    with pytest.raises(DataError):
        load_mnist()  # asked for by name, it always tries
    assert len(tries) == 2 * len(download.MIRRORS)
