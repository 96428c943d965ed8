"""Predictions with the pretrained pair; no TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.store import PRETRAINED


@pytest.fixture(scope="module", params=PRETRAINED)
def classifier(request: pytest.FixtureRequest) -> Classifier:
    return load_classifier(request.param)


def test_probabilities_do_not_depend_on_the_batch(classifier: Classifier) -> None:
    images = np.random.default_rng(0).integers(0, 256, (260, 28, 28), dtype=np.uint8)
    together = classifier.predict_proba(images)
    assert together.shape == (260, 10)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    alone = np.concatenate([classifier.predict_proba(image) for image in images[::50]])
    np.testing.assert_allclose(together[::50], alone, atol=1e-4)


def test_no_images_give_no_answers(classifier: Classifier) -> None:
    assert classifier.predict_proba(np.zeros((0, 28, 28), np.uint8)).shape == (0, 10)


def test_threads_share_a_classifier(classifier: Classifier) -> None:
    images = np.random.default_rng(1).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    expected = classifier.predict_proba(images)
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, 40, 4):
            answer = classifier.predict_proba(images[i])[0]
            if not np.allclose(answer, expected[i], atol=1e-4):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("images", [np.zeros((2, 28, 28)), np.zeros((2, 20, 20), np.uint8)])
def test_wrong_images_are_refused_with_the_remedy(classifier: Classifier, images: object) -> None:
    with pytest.raises(ValueError, match="preprocess"):
        classifier.predict_proba(images)  # type: ignore[arg-type]


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="cannot be read as a digit classifier"):
        Classifier("broken", b"not a model" * 100)


def test_the_cards_describe_the_models(classifier: Classifier) -> None:
    card = classifier.card
    dense = [layer for layer in card["layers"] if layer.startswith("Dense")]
    kinds = [layer.split()[0] for layer in card["layers"]]
    if classifier.name == "mlp":
        assert kinds.count("Dense") == 3
        assert "Conv2D" not in kinds
        assert dense[-1] == "Dense 11"  # ten digits, and what is none
    else:
        assert kinds.count("Conv2D") == kinds.count("BatchNormalization") == 4
        assert dense[-1] == "Dense 11"
    assert {"config", "seed", "data", "scores", "sha256", "weights_digest"} <= set(card)


def test_the_pretrained_pair_reads_scikit_learns_digits(
    classifier: Classifier, digits: Dataset
) -> None:
    """Drawn elsewhere, and much coarser."""
    right = classifier.predict_proba(digits.x_test).argmax(1) == digits.y_test
    assert right.mean() > 0.8


@pytest.mark.mnist
def test_the_pretrained_pair_reads_mnist_as_its_cards_say(
    classifier: Classifier, mnist: Dataset
) -> None:
    right = classifier.predict_proba(mnist.x_test).argmax(1) == mnist.y_test
    assert right.mean() >= {"mlp": 0.984, "cnn": 0.993}[classifier.name]
    assert right.mean() == pytest.approx(classifier.card["scores"]["accuracy"], abs=5e-4)


def test_predicting_loads_no_training_framework() -> None:
    code = (
        "import sys, json, numpy as np, mnistlab\n"
        "mnistlab.load_classifier('cnn').predict_proba(np.zeros((1, 28, 28), np.uint8))\n"
        "print(json.dumps([m for m in ('tensorflow', 'keras', 'sklearn') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_an_unknown_name_lists_the_remedy() -> None:
    with pytest.raises(ModelError, match="mnistlab models list"):
        load_classifier("../../etc/passwd")
