"""The card of a run, `run.json`, with every value checked when it is read.

A run folder may have been edited, copied from elsewhere or half written. A card that does not fit
is refused with a reason that repeats nothing of the file.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypedDict

from mnistlab.errors import ConfigError
from mnistlab.models.config import MODELS, TrainingConfig, upgrade_settings, words

MAX_BYTES = 2**20
"""Of a card; a real one has about 3 KB."""
MAX_TITLE = 60
"""Characters; longer titles would break the layout of tables."""
_MAX_TEXT = 200  # characters
_MAX_DEPTH = 6  # a real card has three levels
_MAX_WHOLE = 2**53  # a larger whole number is not exact in JSON
_UNUSUAL = "it is not JSON with text and numbers of usual size"
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
RUN_FILES = frozenset({"model.keras", "model.tflite", "history.csv", "predictions.npz"})
"""The files of a run's folder beside its card."""


class Card(TypedDict, total=False):
    """What is known about a run; empty if the run is damaged.

    Otherwise the keys in `_REQUIRED` are present; `_CHECKS` has the ranges. Keys of other versions
    of mnistlab are kept as they are.
    """

    name: str
    title: str
    architecture: str
    config: dict[str, Any]
    """Settings of `TrainingConfig`, with at least `model` and `seed`."""
    seed: int
    data: dict[str, Any]
    """`name` and `digest` of the training data, and the number of pen drawings, `pens`."""
    layers: list[str]
    parameters: int
    best_epoch: int
    training_seconds: float
    weights_digest: str
    test_accuracy: float
    file_size: int
    """Bytes of the LiteRT model."""
    created: str
    digit_threshold: float
    digits_kept: float
    files: dict[str, str]
    """File name -> SHA-256."""


_REQUIRED = ("title", "architecture", "config", "data", "test_accuracy", "created", "files")


class CardError(ValueError):
    """A card cannot be used; the message says why, without quoting it."""


def read_card(raw: bytes) -> Card:
    """Parse and check the bytes of a `run.json`.

    Raises CardError when it is not JSON, a key is missing or a value does not fit.
    """
    values = _parse(raw)
    missing = [words(key) for key in _REQUIRED if key not in values]
    if missing:
        which, verb = ("entry", "is") if len(missing) == 1 else ("entries", "are")
        raise CardError(f"the {which} {', '.join(missing)} {verb} missing")
    for key, (fits, wanted) in _CHECKS.items():
        if key in values and not fits(values[key]):
            raise CardError(f"{words(key)} is not {wanted}")
    values["config"] = upgrade_settings(values["config"])
    _check_config(values["config"], values["architecture"])
    card: Card = values  # type: ignore[assignment]  # checked above
    return card


def is_title(value: object) -> bool:
    """Whether a run can have this title: 1 to 60 characters on one line, not all blank."""
    return _is_text(value, MAX_TITLE) and bool(str(value).strip())


def _parse(raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_BYTES:
        raise CardError(f"it is larger than {MAX_BYTES // 2**20} MB")
    if not raw.strip():
        raise CardError("it is empty")
    try:
        values = json.loads(raw.decode("utf-8"))
        json.dumps(values, ensure_ascii=False).encode("utf-8")  # refuses half a character
    except (ValueError, RecursionError):  # the latter from thousands of nested brackets
        raise CardError(_UNUSUAL) from None
    if not isinstance(values, dict):
        raise CardError("it is not the card of a run")
    _check_values(values, _MAX_DEPTH)
    return values


def _check_values(value: object, depth: int) -> None:
    """Refuse deep nesting, NaN, infinity and endless numbers.

    They would break tables, and JSON that is made from the card.
    """
    if isinstance(value, dict | list):
        if not depth:
            raise CardError("its brackets are nested too deeply")
        for each in value.values() if isinstance(value, dict) else value:
            _check_values(each, depth - 1)
    elif isinstance(value, int | float):
        limit = _MAX_WHOLE + 1 if isinstance(value, int) else math.inf
        if not abs(value) < limit:
            raise CardError(_UNUSUAL)


def _check_config(config: Mapping[str, Any], architecture: str) -> None:
    if config.get("model") != architecture:
        raise CardError("the model in config is not the same as the architecture")
    if "seed" not in config:
        raise CardError("the seed in config is missing")
    known = {field.name for field in fields(TrainingConfig)}
    for name, value in config.items():
        if name in known:
            try:
                TrainingConfig(**{"model": architecture, name: value})
            except ConfigError:
                raise CardError(f"{words(name)} in config is out of its range") from None
        elif not _is_plain(value):  # a setting of another version of mnistlab, which is only shown
            raise CardError("a setting in config is out of its range")


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


def _is_number(value: object, most: float = math.inf) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_data(value: object) -> bool:
    return (
        isinstance(value, dict)
        and _is_texts([*value, value.get("name"), value.get("digest")])
        and all(map(_is_plain, value.values()))
        and _is_number(value.get("pens", 0), _MAX_WHOLE)
    )


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


_Check = tuple[Callable[[object], bool], str]
_TEXT: _Check = (_is_text, f"a text of at most {_MAX_TEXT} characters on one line")
_WHOLE: _Check = (lambda v: isinstance(v, int) and _is_number(v), "a whole number from 0")
_FRACTION: _Check = (lambda value: _is_number(value, 1), "a number from 0 to 1")
_CHECKS: Mapping[str, _Check] = {
    "title": (is_title, f"a text of 1 to {MAX_TITLE} characters on one line"),
    "architecture": (lambda value: value in MODELS, " or ".join(MODELS)),
    "config": (
        lambda value: isinstance(value, dict) and _is_texts([*value]),
        "a table of settings",
    ),
    "data": (_is_data, "a table with name and digest"),
    "layers": (_is_texts, "a list of texts"),
    "training_seconds": (_is_number, "a number from 0"),
    "files": (_is_files, "a table of all files of a run and their digests"),
    **dict.fromkeys(("name", "weights_digest", "created"), _TEXT),
    **dict.fromkeys(("seed", "parameters", "best_epoch", "file_size"), _WHOLE),
    **dict.fromkeys(("test_accuracy", "digit_threshold", "digits_kept"), _FRACTION),
}


def settings_key(card: Mapping[str, Any]) -> str | None:
    """Return a key that runs share if they differ only in the seed; None for unknown settings."""
    config = card.get("config")
    pens = (card.get("data") or {}).get("pens", 0)
    alike = [{**(config or {}), "seed": None}, data_digest(card), pens]
    return json.dumps(alike, sort_keys=True) if config else None


def data_digest(card: Mapping[str, Any]) -> str | None:
    """Return the digest of the data that a card's model was trained on, where it is known."""
    digest: str | None = (card.get("data") or {}).get("digest")
    return digest
