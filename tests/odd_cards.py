"""Runs whose `run.json` was changed in one place each, by an editor, a disk or a stranger."""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.data import Dataset
from mnistlab.models import TrainingConfig
from mnistlab.models.store import PRETRAINED_FOLDER

GOOD = "good"
_FILES = ("model.tflite", "model.keras", "history.csv", "predictions.npz")
_NEST = "@100,000 brackets@"
_ODD: tuple[Any, ...] = (
    None, True, False, "", " ", "a", "7", "x" * 100_000, "\x1b[2J", "two\nlines", "\ud800", "\0",
    "<b>bold</b>", "../../etc/passwd", [], [1], ["a"], [None], {}, {"a": 1}, {"a": {"b": [[]]}},
    -1, 0, 1, 2, 1.5, -0.5, 1e308, 2**63, 10**400, -(10**400), float("nan"), float("inf"),
    -float("inf"), _NEST, [[[[[[[[[[1]]]]]]]]]],
)  # fmt: skip


def write_runs(runs: Path, dataset: Dataset, step: int = 1) -> list[str]:
    """Write a good run and a run for each mutation of its card, or every `step`th; give names."""
    good = _write_good(runs / GOOD, dataset)
    names = [GOOD]
    for text in list(dict.fromkeys(_mutations(good)))[::step]:
        folder = runs / f"odd-{len(names):04d}"
        folder.mkdir()
        for file in _FILES:
            (folder / file).symlink_to(runs / GOOD / file)
        (folder / "run.json").write_bytes(text)
        names.append(folder.name)
    return names


def _write_good(folder: Path, dataset: Dataset) -> dict[str, Any]:
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes((PRETRAINED_FOLDER / "mlp.tflite").read_bytes())
    (folder / "model.keras").write_bytes(b"keras")
    (folder / "history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,0.5,0.8,0.4,0.85,1\n"
    )
    y_test = np.asarray(dataset.y_test)
    proba = np.full((len(y_test), 10), 0.01, np.float32)
    proba[np.arange(len(y_test)), y_test] = 0.91
    np.savez(
        folder / "predictions.npz", y_val=y_test[:50], val_proba=proba[:50], y_test=y_test,
        test_proba=proba,
    )  # fmt: skip
    card = {
        "name": GOOD,
        "title": "MLP good",
        "architecture": "mlp",
        "config": TrainingConfig("mlp").to_dict(),
        "seed": 0,
        "data": {"name": dataset.name, "digest": dataset.digest, "more": 0},
        "layers": ["Flatten", "Dense 512", "Dense 10"],
        "parameters": 535818,
        "best_epoch": 3,
        "training_seconds": 12.5,
        "weights_digest": "0" * 64,
        "test_accuracy": 0.98,
        "file_size": 1000,
        "created": "2026-11-26T10:00:00",
        "digit_threshold": 0.5,
        "digits_kept": 0.997,
        "files": {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in _FILES},
    }
    (folder / "run.json").write_text(json.dumps(card))
    return card


def _mutations(good: dict[str, Any]) -> Iterator[bytes]:
    for path in list(_paths(good)):
        for odd in _ODD:
            yield _text(_with(good, path, odd))
        yield _text(_without(good, path))
        yield _text(_with(good, (*path[:-1], f"{path[-1]}\x1b[2J"), 1))
    for odd in _ODD:
        yield _text(odd)
    yield from _damaged_bytes(_text(good), random.Random(0))


def _damaged_bytes(text: bytes, chance: random.Random) -> Iterator[bytes]:
    yield b""
    yield b"[" * 100_000
    yield b"{" * 100_000
    yield b'{"a":' * 100_000
    yield b"\xef\xbb\xbf" + text
    yield text.decode().encode("utf-16")
    yield text + b"\0"
    yield text + b" " * 2**21
    for _ in range(150):
        damaged = bytearray(text)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(damaged))
            kind = chance.randrange(4)
            if kind == 0:
                damaged[place] = chance.randrange(256)
            elif kind == 1:
                del damaged[place : place + chance.randint(1, 30)]
            elif kind == 2:
                damaged[place:place] = damaged[chance.randrange(len(damaged)) :][:30]
            else:
                damaged[place:place] = chance.choice(
                    [b"9" * 400, b"e999", b"-", b"NaN", b"\\ud800"]
                )
        yield bytes(damaged)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*path, key)
        yield from _paths(value[key], (*path, key))


def _with(card: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(card)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    if isinstance(place, list) and not isinstance(path[-1], int):
        place.append(value)
    else:
        place[path[-1]] = value
    return changed


def _without(card: dict[str, Any], path: tuple[Any, ...]) -> Any:
    changed = copy.deepcopy(card)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return changed


def _text(card: Any) -> bytes:
    text = json.dumps(card).replace(json.dumps(_NEST), "[" * 100_000 + "]" * 100_000)
    return text.encode()
