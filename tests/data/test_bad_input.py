"""A bad local file: one line that names it and the remedy, and the good cache untouched."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.data import load_mnist
from mnistlab.data.containers import SHAPES
from mnistlab.errors import DataError

Make = Callable[[Path, Path], object]


def zeros(**changes: Any) -> dict[str, Any]:
    return {**{name: np.zeros(shape, np.uint8) for name, shape in SHAPES.items()}, **changes}


def save(path: Path, **changes: Any) -> None:
    np.savez_compressed(path, **{k: v for k, v in zeros(**changes).items() if v is not None})


def cut(path: Path, good: Path, length: int) -> None:
    path.write_bytes(good.read_bytes()[:length])


BAD: dict[str, tuple[Make, str]] = {
    "missing": (lambda path, good: None, "There is no"),
    "empty": (lambda path, good: path.touch(), "is empty"),
    "text": (lambda path, good: path.write_text("MNIST"), "not an npz, npy or IDX file"),
    "cut at the start": (lambda path, good: cut(path, good, 5000), "truncated"),
    "cut at the end": (lambda path, good: cut(path, good, -30), "truncated"),
    "other shape": (
        lambda path, good: save(path, x_test=np.zeros((10, 32, 32), np.uint8)),
        r"x_test \(10, 32, 32\) uint8 where MNIST has \(10000, 28, 28\) uint8",
    ),
    "floats": (lambda path, good: save(path, y_train=np.zeros(60000)), "float64"),
    "no labels": (lambda path, good: save(path, y_test=None), "no array y_test"),
    "a pickle": (
        lambda path, good: save(path, x_train=np.array([{"a": 1}], dtype=object)),
        "object",
    ),
    "other contents": (lambda path, good: save(path), "does not hold MNIST: the SHA-256"),
}


def snapshot(home: Path) -> dict[str, tuple[int, int]]:
    files = (home / "data" / "mnist").iterdir()
    return {file.name: (file.stat().st_size, file.stat().st_mtime_ns) for file in files}


@pytest.mark.parametrize("with_cache", [True, False])
@pytest.mark.parametrize("kind", BAD)
def test_bad_npz(
    kind: str,
    with_cache: bool,
    home: Path,
    cached_home: Path,
    mnist_npz: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make, wanted = BAD[kind]
    path = tmp_path / "bad.npz"
    make(path, mnist_npz)
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home if with_cache else home))
    monkeypatch.setenv("MNISTLAB_MNIST", str(path))
    before = snapshot(cached_home)
    with pytest.raises(DataError, match=wanted) as caught:
        load_mnist()
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert "MNISTLAB_MNIST" in message
    assert snapshot(cached_home) == before
    assert not (home / "data" / "mnist").exists()


def test_random_damage_never_passes_or_surprises(
    cached_home: Path, mnist_npz: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, dice = mnist_npz.read_bytes(), random.Random(0)
    path = tmp_path / "mnist.npz"
    monkeypatch.setenv("MNISTLAB_HOME", str(cached_home))
    monkeypatch.setenv("MNISTLAB_MNIST", str(path))
    for _ in range(8):
        path.write_bytes(good[: dice.randrange(len(good))])
        with pytest.raises(DataError):
            load_mnist()
        content = bytearray(good)
        for _ in range(20):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(content)
        with pytest.raises(DataError):
            load_mnist()


def idx(count: int, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, 1]) + count.to_bytes(4, "big") + bytes(count)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (None, "no file t10k-labels-idx1-ubyte"),
        (b"", "is empty"),
        (idx(10000)[:-1], "truncated: 9,999 bytes where 10,000"),
        (idx(10000) + b"\0", "goes on after its last"),
        (idx(10000, kind=13), "truncated: 10,000 bytes where 40,000"),
        (idx(10000, kind=7), "not an IDX file"),
        (idx(10000, kind=9), r"\(10000,\) int8 where MNIST has \(10000,\) uint8"),
        (idx(500), r"\(500,\) uint8 where MNIST has \(10000,\)"),
        (gzip.compress(idx(10000), mtime=0)[:-9], "truncated"),
        (idx(10000), "does not hold MNIST"),
    ],
)
def test_bad_idx_folder(
    labels: bytes | None,
    wanted: str,
    home: Path,
    idx_folder: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = idx_folder(y_test=labels)
    monkeypatch.setenv("MNISTLAB_MNIST", str(folder))
    with pytest.raises(DataError, match=wanted) as caught:
        load_mnist()
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert not (home / "data" / "mnist").exists()
