"""The card of a run, `run.json`: read with every value checked, so that nothing else has to.

A run folder may have been edited, copied from elsewhere or half written. What does not fit is
refused here with a reason in plain words that repeats nothing of the file.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypedDict

from mnistlab.errors import ConfigError
from mnistlab.models.config import MODELS, TrainingConfig, upgrade_settings

MAX_BYTES = 2**20
"""Of a card; a real one has about 3 KB."""
MAX_TITLE = 60
"""Characters; longer titles would tear the tables."""
_MAX_TEXT = 200  # characters
_MAX_DEPTH = 6  # a real card has three levels
_MAX_WHOLE = 2**53  # a larger whole number is not exact in JSON
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Card(TypedDict, total=False):
    """What a run says about itself; of a damaged run nothing is there.

    Of a run that is not damaged the keys in `REQUIRED` are there. Keys of other versions of
    mnistlab are kept as they are.
    """

    name: str
    title: str
    """1 to 60 characters on one line."""
    architecture: str
    """`"mlp"` or `"cnn"`."""
    config: dict[str, Any]
    """Settings that `TrainingConfig` takes, with at least `model` and `seed`."""
    seed: int
    data: dict[str, Any]
    """`name` and `digest` of the training data."""
    layers: list[str]
    parameters: int
    best_epoch: int
    training_seconds: float
    weights_digest: str
    test_accuracy: float
    """0 to 1."""
    file_size: int
    """Bytes of the LiteRT model."""
    created: str
    digit_threshold: float
    """0 to 1."""
    digits_kept: float
    """0 to 1."""
    files: dict[str, str]
    """File name -> SHA-256."""


RUN_FILES = frozenset({"model.keras", "model.tflite", "history.csv", "predictions.npz"})
"""What a run's folder holds beside its card."""
REQUIRED = ("title", "architecture", "config", "data", "test_accuracy", "created", "files")


class CardError(ValueError):
    """A card cannot be used; the message says why, in words and without what stood there."""


def read_card(raw: bytes) -> Card:
    """Parse and check the bytes of a `run.json`.

    Raises
    ------
    CardError
        When it is not JSON, a key is missing or a value does not fit.
    """
    values = _parse(raw)
    missing = [key for key in REQUIRED if key not in values]
    if missing:
        entries = "the entry" if len(missing) == 1 else "the entries"
        are = "is" if len(missing) == 1 else "are"
        raise CardError(f"{entries} {', '.join(map(_words, missing))} {are} missing")
    for key, (fits, wanted) in _CHECKS.items():
        if key in values and not fits(values[key]):
            raise CardError(f"{_words(key)} is not {wanted}")
    values["config"] = upgrade_settings(values["config"])
    _check_config(values["config"], values["architecture"])
    card: Card = values  # type: ignore[assignment]  # checked above
    return card


def is_title(value: object) -> bool:
    """Whether a run can be called so: 1 to 60 characters on one line, not all blank."""
    return _is_text(value, MAX_TITLE) and bool(str(value).strip())


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise CardError(f"it is larger than {MAX_BYTES // 2**20} MB")
    if not raw.strip():
        raise CardError("it is empty")
    try:
        # NaN, infinity and endless numbers are refused wherever they stand: they would break
        # tables, and JSON that is made from the card.
        values = json.loads(
            raw.decode("utf-8"),
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
        json.dumps(values, ensure_ascii=False).encode("utf-8")  # refuses half a character
    except (ValueError, RecursionError):  # the latter from thousands of nested brackets
        raise CardError("it is not JSON with text and numbers of usual size") from None
    if not isinstance(values, dict):
        raise CardError("it is not the card of a run")
    if not _is_shallow(values, _MAX_DEPTH):
        raise CardError("its brackets are nested too deeply")
    return values


def _whole(text: str) -> int:
    value = int(text) if len(text) < 20 else _MAX_WHOLE + 1
    if abs(value) > _MAX_WHOLE:
        raise ValueError("too large")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) < float("inf"):
        raise ValueError("not finite")
    return value


def _is_shallow(value: object, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_is_shallow(each, depth - 1) for each in inside)


def _check_config(config: Mapping[str, Any], architecture: str) -> None:
    if config.get("model") != architecture:
        raise CardError("the model in config is not the same as the architecture")
    if "seed" not in config:
        raise CardError("the seed in config is missing")
    known = {field.name for field in fields(TrainingConfig)}
    for name, value in config.items():
        if name not in known:
            # A setting of another version of mnistlab; it is shown, no more.
            fits = _is_plain(value)
        else:
            try:
                TrainingConfig(**{"model": architecture, name: value})
                fits = True
            except ConfigError:
                fits = False
        if not fits:
            what = _words(name) if name in known else "a setting"
            raise CardError(f"{what} in config is out of its range")


# Kinds of values


def _is_text(value: object, most: int = _MAX_TEXT) -> bool:
    """On one line, not too long, and of characters that can be sent and printed."""
    return (
        isinstance(value, str)
        and len(value) <= most
        and not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in value)
    )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, int | float) or _is_text(value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_settings(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(name) for name in value)


def _is_data(value: object) -> bool:
    return (
        _is_settings(value)
        and isinstance(value, dict)
        and {"name", "digest"} <= value.keys()
        and all(_is_text(value[key]) for key in ("name", "digest"))
        and all(_is_plain(each) for each in value.values())
    )


def _is_layers(value: object) -> bool:
    return isinstance(value, list) and all(_is_text(layer) for layer in value)


def _is_files(value: object) -> bool:
    # Plain names only: they are joined to the run's folder, and to names in a ZIP archive.
    return (
        isinstance(value, dict)
        and value.keys() >= RUN_FILES
        and all(
            _FILE_NAME.fullmatch(name) and isinstance(digest, str) and _SHA256.fullmatch(digest)
            for name, digest in value.items()
        )
    )


_TEXT = (_is_text, f"a text of at most {_MAX_TEXT} characters on one line")
_WHOLE = (_is_whole, "a whole number from 0")
_FRACTION = (_is_fraction, "a number from 0 to 1")

_CHECKS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "name": _TEXT,
    "title": (is_title, f"a text of 1 to {MAX_TITLE} characters on one line"),
    "architecture": (lambda value: value in MODELS, " or ".join(MODELS)),
    "config": (_is_settings, "a table of settings"),
    "seed": _WHOLE,
    "data": (_is_data, "a table with name and digest"),
    "layers": (_is_layers, "a list of texts"),
    "parameters": _WHOLE,
    "best_epoch": _WHOLE,
    "training_seconds": (_is_duration, "a number from 0"),
    "weights_digest": _TEXT,
    "test_accuracy": _FRACTION,
    "file_size": _WHOLE,
    "created": _TEXT,
    "digit_threshold": _FRACTION,
    "digits_kept": _FRACTION,
    "files": (_is_files, "a table of all files of a run and their digests"),
}


def _words(key: str) -> str:
    return key.replace("_", " ")
