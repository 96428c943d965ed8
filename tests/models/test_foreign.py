"""Digit classifiers of other projects: usual shapes are understood, others refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.metrics.scores import softmax
from mnistlab.models import load_classifier
from mnistlab.models.foreign import ForeignClassifier, open_foreign, read_model_file
from tests.models.tflite_files import (
    CAST,
    DEQUANTIZE,
    FULLY_CONNECTED,
    RESHAPE,
    SOFTMAX,
    Network,
    random_weights,
)

pytestmark = pytest.mark.litert
Images = NDArray[np.uint8]


@pytest.fixture(scope="module")
def images() -> Images:
    return np.random.default_rng(1).integers(0, 256, (230, 28, 28), np.uint8)


def made(
    shape: tuple[int, ...], dtype: str = "float32", outputs: int = 10, fixed: bool = False
) -> tuple[Network, int]:
    """A network with one layer, and its logits; with `fixed` it takes one image only."""
    network = Network(shape, dtype)
    x = network.image
    if dtype == "uint8":
        x = network.add(CAST, [x], shape)
    if not fixed:
        return network, network.logits(x, 784, outputs)
    flat = network.add(RESHAPE, [x, network.constant(np.array([1, 784], np.int32))], (1, 784))
    weights = network.constant(random_weights((outputs, 784)) / np.float32(28))
    return network, network.add(FULLY_CONNECTED, [flat, weights, -1], (1, outputs))


def expected(images: Images, full: float, outputs: int = 10) -> NDArray[np.float32]:
    weights = random_weights((outputs, 784)) / np.float32(28)
    rows = images.reshape(-1, 784).astype(np.float32) * np.float32(full / 255)
    return np.asarray(softmax(rows @ weights.T))


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 28, 28, 1), (1, 1, 28, 28), (1, 784)])
@pytest.mark.parametrize("fixed", [False, True])
def test_usual_inputs_of_floats(shape: tuple[int, ...], fixed: bool, images: Images) -> None:
    network, logits = made(shape, fixed=fixed)
    found = ForeignClassifier("theirs.tflite", network.file(logits))
    some = images[:7] if fixed else images
    read = found.read(some)
    assert not found.gives_probabilities
    assert found.digit_threshold == 0
    np.testing.assert_allclose(read.probabilities, expected(some, 1), atol=1e-4)
    np.testing.assert_allclose(read.digit_scores, read.probabilities.max(axis=1), atol=1e-6)


def test_full_ink_may_be_255(images: Images) -> None:
    network, logits = made((1, 784))
    found = ForeignClassifier("theirs.tflite", network.file(logits), pixel_range=255)
    np.testing.assert_allclose(found.read(images).probabilities, expected(images, 255), atol=1e-3)


def test_whole_numbers_are_taken_as_they_are(images: Images) -> None:
    network, logits = made((1, 28, 28), "uint8")
    found = ForeignClassifier("theirs.tflite", network.file(logits))
    np.testing.assert_allclose(found.read(images).probabilities, expected(images, 255), atol=1e-3)


@pytest.mark.parametrize(("scale", "zero", "full"), [(1 / 255, -128, 1), (1.0, -128, 255)])
def test_a_quantised_input_says_its_range_itself(
    scale: float, zero: int, full: int, images: Images
) -> None:
    network = Network((1, 28, 28), "int8")
    network.quantise(network.image, scale, zero)
    logits = network.logits(network.add(DEQUANTIZE, [network.image], (1, 28, 28)), 784)
    found = ForeignClassifier("theirs.tflite", network.file(logits))
    np.testing.assert_allclose(found.read(images).probabilities, expected(images, full), atol=1e-3)


def test_probabilities_stay_what_they_are(images: Images) -> None:
    network, logits = made((1, 784))
    out = network.add(SOFTMAX, [logits], (1, 10), {0: ("f", 1.0)})  # type: ignore[dict-item]
    found = ForeignClassifier("theirs.tflite", network.file(out))
    assert found.gives_probabilities
    np.testing.assert_allclose(found.read(images).probabilities, expected(images, 1), atol=1e-4)


def test_an_eleventh_output_means_no_digit(images: Images) -> None:
    network, logits = made((1, 784), outputs=11)
    found = ForeignClassifier("theirs.tflite", network.file(logits))
    every = expected(images, 1, 11)
    read = found.read(images)
    refused = read.digit_scores < found.digit_threshold
    np.testing.assert_array_equal(refused, every.argmax(axis=1) == 10)
    assert 0 < refused.sum() < len(images)
    np.testing.assert_allclose(read.probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(read.probabilities.argmax(axis=1), every[:, :10].argmax(axis=1))


def test_our_own_exported_file_gives_the_same_answers(images: Images) -> None:
    ours = load_classifier("mlp")
    found = ForeignClassifier("exported.tflite", ours.tflite)
    proba = found.read(images).probabilities
    np.testing.assert_allclose(proba, ours.read(images).probabilities, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"hello", b"<!doctype html>", bytes(1000)])
def test_what_is_no_model_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"it is not a \.tflite file\); it needs one input"):
        open_foreign(path)


def test_a_truncated_model_is_refused() -> None:
    network, logits = made((1, 784))
    with pytest.raises(ModelError, match=r"cannot be judged \(.*\); it needs one input of 28 x 28"):
        ForeignClassifier("cut.tflite", network.file(logits)[:4000])


@pytest.mark.parametrize(
    ("shape", "width", "outputs", "reason"),
    [
        ((1, 32, 32), 1024, 10, "its input is 1 x 32 x 32"),
        ((1, 28, 28, 3), 2352, 10, "its input is 1 x 28 x 28 x 3"),
        ((1, 784), 784, 26, "its output is 1 x 26"),
        ((1, 784), 784, 1, "its output is 1 x 1"),
    ],
)
def test_other_shapes_are_refused(
    shape: tuple[int, ...], width: int, outputs: int, reason: str
) -> None:
    network = Network(shape, "float32")
    file = network.file(network.logits(network.image, width, outputs))
    with pytest.raises(ModelError, match=rf"theirs \({reason}\); |{reason}\); it needs one input"):
        ForeignClassifier("theirs", file)


def test_outputs_that_are_no_numbers_are_refused() -> None:
    network = Network((1, 784), "float32")
    weights = network.constant(np.full((10, 784), np.nan, np.float32))
    logits = network.add(FULLY_CONNECTED, [network.image, weights, -1], (1, 10))
    with pytest.raises(ModelError, match="outputs are not finite numbers"):
        ForeignClassifier("theirs.tflite", network.file(logits))


def test_a_network_that_would_take_all_memory_is_refused() -> None:
    network, logits = made((1, 784))
    network.tensor((10**6, 10**6))
    with pytest.raises(ModelError, match="it is larger than any digit classifier"):
        ForeignClassifier("theirs.tflite", network.file(logits))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        read_model_file(tmp_path / "missing.tflite")
    with pytest.raises(ModelError, match="is not a file"):
        read_model_file(tmp_path)
