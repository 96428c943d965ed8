"""Writes small files in the formats in which public test sets are published."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnistlab.data.benchmark_sets import SETS, SetInfo, find_set
from mnistlab.data.benchmark_sets.table import CORRUPTIONS

N = 20
"""Images of each made set."""
QMNIST = 10_000 + N
LABELS = np.arange(N, dtype=np.uint8) % 10


def images(n: int = N, side: int = 28) -> NDArray[np.uint8]:
    """Images (n, side, side) without any symmetry: a bright bar at the top of the left half."""
    x = np.zeros((n, side, side), np.uint8)
    x[:, 2:5, 2 : side // 2] = 255
    x[:, 5:14, 2:5] = (np.arange(n) % 200 + 50)[:, None, None]
    return x


def small(name: str, count: int | None = None) -> SetInfo:
    """What is known of a set, as if it were published with few images."""
    counts = {"qmnist": QMNIST, "mnist": 10_000}
    n = counts.get(name, N) if count is None else count
    return replace(find_set(name), counts=(n, n))


def small_table() -> tuple[SetInfo, ...]:
    return tuple(small(each.name) for each in SETS)


def idx(array: NDArray[np.generic], code: int = 8) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype({8: ">u1", 12: ">i4"}[code]).tobytes()


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def write_qmnist(folder: Path) -> None:
    labels = np.zeros((QMNIST, 8), int)
    labels[:, 0] = 9
    labels[-N:, 0] = LABELS
    x = np.zeros((QMNIST, 28, 28), np.uint8)
    x[-N:] = images()
    (folder / "qmnist-test-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(x), 1))
    (folder / "qmnist-test-labels-idx2-int.gz").write_bytes(gzip.compress(idx(labels, 12), 1))


def emnist_files(kind: str) -> dict[str, bytes]:
    labels = LABELS if kind == "digits" else np.arange(N, dtype=np.uint8) % 26 + 1
    name = f"emnist-{kind}-test"
    return {
        f"{name}-images-idx3-ubyte": idx(images().swapaxes(1, 2)),
        f"{name}-labels-idx1-ubyte": idx(labels),
    }


def write_emnist(folder: Path) -> None:
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for kind in ("digits", "letters"):
            for name, content in emnist_files(kind).items():
                archive.writestr(f"gzip/{name}.gz", gzip.compress(content))


def usps_lines() -> str:
    rows = (images(side=16) / 127.5 - 1).reshape(N, -1)
    return "\n".join(
        f"{label + 1} " + " ".join(f"{i + 1}:{value:.4g}" for i, value in enumerate(row) if value)
        for label, row in zip(LABELS, rows, strict=True)
    )


def write_usps(folder: Path) -> None:
    (folder / "usps.t.bz2").write_bytes(bz2.compress(usps_lines().encode()))


def write_ardis(folder: Path) -> None:
    np.savetxt(folder / "ARDIS_test_2828.csv", images().reshape(N, -1), "%d")
    np.savetxt(folder / "ARDIS_test_labels.csv", np.eye(10)[LABELS], "%d")


def pen_lines() -> str:
    return "\n".join(
        json.dumps({"label": str(label), "strokes": [[[40, 30], [200, 40 + i], [90, 250]]]})
        for i, label in enumerate(LABELS)
    )


def write_pendigits(folder: Path) -> None:
    (folder / "pen-digits-test.jsonl").write_text(pen_lines())


def write_corruptions(folder: Path) -> None:
    with zipfile.ZipFile(folder / "mnist_c.zip", "w") as archive:
        for i, name in enumerate(CORRUPTIONS):
            x = np.clip(images().astype(int) + i, 0, 255).astype(np.uint8)[..., None]
            archive.writestr(f"mnist_c/{name}/test_images.npy", npy(x))
            archive.writestr(f"mnist_c/{name}/test_labels.npy", npy(LABELS.astype(np.int64)))


WRITERS = {
    "qmnist": write_qmnist,
    "emnist-digits": write_emnist,
    "emnist-letters": write_emnist,
    "usps": write_usps,
    "ardis": write_ardis,
    "pendigits": write_pendigits,
    "mnist-c": write_corruptions,
}
