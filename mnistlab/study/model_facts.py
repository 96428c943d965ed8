"""What the public card says about a model: its file, and the data that it was trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from mnistlab.data.benchmark_sets import SetInfo
from mnistlab.data.mnist import MNIST_DIGEST
from mnistlab.models.card import data_digest
from mnistlab.models.foreign import ForeignClassifier
from mnistlab.models.store import PRETRAINED
from mnistlab.report.benchmark_card import ModelFacts
from mnistlab.study.foreign import UNKNOWN_TRAINING, AnyClassifier
from mnistlab.texts import counted

_PENS = "pendigits"


def model_facts(judged: AnyClassifier) -> ModelFacts:
    """Return what a card says about a model."""
    card = judged.card
    is_foreign = isinstance(judged, ForeignClassifier)
    path = Path(judged.name)
    # A .keras file counts as it is, not as it was converted.
    content = path.read_bytes() if is_foreign and path.is_file() else judged.tflite
    return ModelFacts(
        name=judged.title if is_foreign else judged.name,
        title=judged.title,
        is_foreign=is_foreign,
        sha256=hashlib.sha256(content).hexdigest(),
        backend=judged.backend,
        parameters=card.get("parameters"),
        file_size=len(judged.tflite),
        created=str(card.get("created", "")),
        trained_on=_trained_on(judged),
        can_refuse=judged.digit_threshold > 0,
        notes=tuple(_model_notes(judged)),
    )


def _trained_on(judged: AnyClassifier) -> str:
    card = judged.card
    if isinstance(judged, ForeignClassifier):
        return UNKNOWN_TRAINING
    if not card.get("data"):
        return "Its card does not say what it was trained on."
    digest, pens = data_digest(card), card["data"].get("pens", 0)
    if digest == MNIST_DIGEST:
        text = "MNIST's 60,000 training images, a part of which was set aside for validation"
    else:
        text = f"the data named {card['data'].get('name')}, SHA-256 {str(digest)[:12]}"
    return f"It was trained on {text}{_pens_text(judged, pens)}."


def _pens_text(judged: AnyClassifier, pens: int) -> str:
    if not pens:
        return ""
    whose = " by UCI's 30 training writers and writers of UNIPEN" * (judged.name in PRETRAINED)
    return f", and {counted(pens, 'pen drawing')}{whose}"


def _model_notes(judged: AnyClassifier) -> Iterator[str]:
    if not isinstance(judged, ForeignClassifier):
        return
    yield (
        "Its outputs sum to one and are taken for probabilities."
        if judged.gives_probabilities
        else "Its outputs do not sum to one, so softmax was applied to them."
    )
    if judged.digit_threshold:
        yield "It has eleven outputs; the last one is taken for “not a digit”."


def training_relation(judged: AnyClassifier, info: SetInfo) -> tuple[str, str]:
    """Return how a set is related to what a model was trained on.

    It is a word, as `relation` of `SetResult` has it, and a sentence or two.
    """
    card = judged.card
    if not card.get("data"):
        return "unknown", "The model's training data is unknown; it may include these images."
    pens = card["data"].get("pens", 0)
    is_mnist = data_digest(card) == MNIST_DIGEST
    if info.name == _PENS and pens:
        whose = (
            "UCI's 30 training writers are among them, the 14 test writers are not"
            if judged.name in PRETRAINED
            else "UCI's training writers may be among them"
        )
        return (
            "same source",
            f"The model was trained on {counted(pens, 'pen drawing')}: {whose}.",
        )
    if is_mnist:
        same = info.name not in ("usps", "ardis", _PENS)
        return "same source" if same else "other source", info.overlap
    return (
        "unknown",
        "The model was trained on other data than MNIST; whether that overlaps is not known.",
    )
