"""Networks in NumPy give the answers of LiteRT, and no file can harm them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.classifier import randomised
from mnistlab.models.numpy_network import NumpyNetwork
from mnistlab.models.store import PRETRAINED, PRETRAINED_FOLDER
from mnistlab.models.tflite_file import read_tensors
from tests.models import tflite_files as files
from tests.models.tflite_files import Network

RANDOM = np.random.default_rng(0).integers(0, 256, (21, 28, 28), dtype=np.uint8)
Images = NDArray[np.uint8]
EXPORT = """
import sys
import numpy as np
from pathlib import Path
from mnistlab.models import TrainingConfig
from mnistlab.models.config import NETWORKS
from mnistlab.models.networks import build_model
from mnistlab.training.loop import export_litert
rng = np.random.default_rng(0)
for model, networks in NETWORKS.items():
    for i, network in enumerate(networks):
        config = TrainingConfig(model, network=network, units=20, filters=4, non_digits=i % 2 == 0)
        built = build_model(config)
        for each in built.weights:
            if each.name in ("moving_mean", "beta", "bias"):
                each.assign(rng.normal(0, 0.3, each.shape))
            elif each.name in ("moving_variance", "gamma"):
                each.assign(rng.uniform(0.5, 1.5, each.shape))
        Path(sys.argv[1], f"{model}-{network}.tflite").write_bytes(export_litert(built))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A small network of each kind, as training exports it, with BatchNorm that does something."""
    folder = tmp_path_factory.mktemp("exported")
    subprocess.run([sys.executable, "-c", EXPORT, str(folder)], check=True)
    return sorted(folder.iterdir())


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], tuple[Classifier, Classifier]]:
    """Opens a file in LiteRT and in NumPy."""

    def open_both(tflite: bytes) -> tuple[Classifier, Classifier]:
        found = []
        for backend in ("litert", "numpy"):
            monkeypatch.setenv("MNISTLAB_BACKEND", backend)
            found.append(Classifier("it", tflite))
            assert found[-1].backend == backend
        return found[0], found[1]

    return open_both


def assert_same(pair: tuple[Classifier, Classifier], images: Images, atol: float = 1e-5) -> None:
    expected, found = (each.read(images) for each in pair)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=atol)
    np.testing.assert_allclose(found.digit_scores, expected.digit_scores, atol=atol)
    np.testing.assert_allclose(found.features, expected.features, atol=atol)
    assert found.features.dtype == found.probabilities.dtype == np.float32
    same = found.probabilities.argmax(1) == expected.probabilities.argmax(1)
    assert same.all()


def pretrained(name: str) -> bytes:
    return (PRETRAINED_FOLDER / f"{name}.tflite").read_bytes()


@pytest.mark.litert
@pytest.mark.parametrize("name", PRETRAINED)
def test_the_pretrained_pair_answers_as_in_litert(
    name: str, both: Callable[[bytes], tuple[Classifier, Classifier]], digits: Dataset
) -> None:
    pair = both(pretrained(name))
    assert_same(pair, digits.x_test)
    for images in (RANDOM, RANDOM[:1], np.zeros((3, 28, 28), np.uint8)):
        assert_same(pair, images)


@pytest.mark.mnist
@pytest.mark.litert
@pytest.mark.parametrize("name", PRETRAINED)
def test_all_of_mnists_test_images_get_the_same_answers(
    name: str, both: Callable[[bytes], tuple[Classifier, Classifier]], mnist: Dataset
) -> None:
    assert_same(both(pretrained(name)), mnist.x_test)


@pytest.mark.litert
@pytest.mark.tensorflow
def test_every_kind_of_network_answers_as_in_litert(
    exported: list[Path], both: Callable[[bytes], tuple[Classifier, Classifier]]
) -> None:
    assert len(exported) == 7
    for path in exported:
        assert_same(both(path.read_bytes()), RANDOM)


@pytest.mark.litert
@pytest.mark.parametrize(
    ("size", "padding", "stride", "pool_padding", "pool_stride", "out"),
    [
        (3, files.SAME, 1, files.VALID, 2, 14),
        (5, files.VALID, 1, files.VALID, 2, 12),
        (3, files.SAME, 2, files.SAME, 2, 7),
        (2, files.SAME, 3, files.SAME, 1, 10),
        (1, files.VALID, 5, files.SAME, 2, 3),
        (28, files.VALID, 1, files.SAME, 2, 1),
    ],
)
def test_strides_and_borders_are_those_of_litert(
    both: Callable[[bytes], tuple[Classifier, Classifier]],
    size: int, padding: int, stride: int, pool_padding: int, pool_stride: int, out: int,
) -> None:  # fmt: skip
    tflite = files.convolution(size, padding, stride, pool_padding, pool_stride, out)
    assert_same(both(tflite), RANDOM)


@pytest.mark.litert
def test_random_weights_are_the_same_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = []
    for backend in ("litert", "numpy"):
        monkeypatch.setenv("MNISTLAB_BACKEND", backend)
        pair.append(randomised(load_classifier("cnn"), seed=1))
    assert pair[0].tflite == pair[1].tflite != pretrained("cnn")
    assert_same((pair[0], pair[1]), RANDOM, 1e-4)


def test_threads_get_the_answers_of_their_own_images() -> None:
    network = NumpyNetwork(pretrained("cnn"))
    expected = network.run(RANDOM)["logits"]
    wrong: list[int] = []

    def work(start: int) -> None:
        for i in range(start, len(RANDOM), 3):
            found = network.run(RANDOM[i : i + 1])["logits"][0]
            if not np.allclose(found, expected[i], atol=1e-4):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# Files from elsewhere


@pytest.fixture
def in_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_BACKEND", "numpy")


def softmax() -> bytes:
    network = Network()
    return network.file(network.add(files.SOFTMAX, [network.logits(network.scaled(), 784)]))


def clipped() -> bytes:
    network = Network()
    x = network.scaled()
    six = network.add(files.ADD, [x, x], (1, 28, 28, 1), {0: ("b", 3)})
    return network.file(network.logits(six, 784))


def quantised() -> bytes:
    network = Network()
    weights = network.constant(np.zeros((10, 784), np.int8))
    flat = network.add(files.CAST, [network.image])
    return network.file(network.add(files.FULLY_CONNECTED, [flat, weights, -1]))


def sliced(begin: int, end: int, step: int) -> bytes:
    """Rows and columns 2 to 25, of the images that the masks leave."""
    network = Network()
    ends = (
        np.array(values, np.int32) for values in ([1, 2, 2, 0], [0, -2, -2, 0], [step, 1, 1, 1])
    )
    operands = [network.scaled(), *(network.constant(values) for values in ends)]
    options = {0: ("i", begin), 1: ("i", end)}
    middle = network.add(files.STRIDED_SLICE, operands, (1, 24, 24, 1), options)
    return network.file(network.logits(middle, 24 * 24))


@pytest.mark.litert
def test_the_middle_of_images_is_that_of_litert(
    both: Callable[[bytes], tuple[Classifier, Classifier]],
) -> None:
    assert_same(both(sliced(begin=9, end=9, step=1)), RANDOM)


@pytest.mark.parametrize(
    ("tflite", "what"),
    [
        (sliced(begin=8, end=9, step=1), "a STRIDED_SLICE of some of the images"),
        (sliced(begin=9, end=9, step=-1), "a STRIDED_SLICE of some of the images"),
        (softmax(), "the operation SOFTMAX"),
        (clipped(), "the activation number 3"),
        (quantised(), "numbers of another type"),
    ],
)
def test_what_numpy_lacks_is_named_with_the_remedy(
    tflite: bytes, what: str, in_numpy: None
) -> None:
    with pytest.raises(ModelError, match=f"{what}.*pip install ai-edge-litert"):
        Classifier("it", tflite)


def packed() -> bytes:
    """Sixteen times as much at each of its operations."""
    network = Network()
    x = network.scaled()
    for _ in range(20):
        x = network.add(files.PACK, [x] * 16)
    return network.file(x)


def multiplied() -> bytes:
    network = Network()
    flat = network.add(
        files.RESHAPE, [network.scaled(), network.constant(np.array([-1, 784, 1], np.int32))]
    )
    wide = network.constant(np.ones((1, 1, 200_000), np.float32))
    return network.file(network.add(files.MUL, [flat, wide]))


def too_many_filters() -> bytes:
    network = Network()
    kernel = network.constant(np.ones((50_000, 1, 1, 1), np.float32))
    options = {0: ("b", files.SAME), 1: ("i", 1), 2: ("i", 1)}
    return network.file(network.add(files.CONV_2D, [network.scaled(), kernel, -1], (1,), options))


def endless_border() -> bytes:
    network = Network()
    options = {1: ("i", 1), 2: ("i", 1), 3: ("i", 2**31 - 1), 4: ("i", 2**31 - 1)}
    return network.file(network.add(files.MAX_POOL_2D, [network.scaled()], (1,), options))


def no_stride() -> bytes:
    network = Network()
    options = {0: ("b", files.VALID), 3: ("i", 2), 4: ("i", 2)}
    return network.file(network.add(files.MAX_POOL_2D, [network.scaled()], (1,), options))


def rows_as_images() -> bytes:
    network = Network()
    shape = network.constant(np.array([-1, 1], np.int32))
    rows = network.add(files.RESHAPE, [network.scaled(), shape])
    weights = network.constant(np.ones((10, 1), np.float32))
    return network.file(network.add(files.FULLY_CONNECTED, [rows, weights, -1]))


def unknown_operand(index: int = 1000) -> bytes:
    network = Network()
    return network.file(network.add(files.ADD, [network.image, index]))


def too_many_operations() -> bytes:
    network = Network()
    x = network.scaled()
    for _ in range(200):
        x = network.add(files.ADD, [x, x])
    return network.file(network.logits(x, 784))


def other_widths() -> bytes:
    network = Network()
    return network.file(network.logits(network.scaled(), 784, outputs=12))


def constants_only() -> bytes:
    network = Network()
    return network.file(network.constant(np.ones((2, 10), np.float32)))


def short_values() -> bytes:
    network = Network()
    buffer = network.constant(np.ones(3, np.float32))
    return network.file(network.tensor((10, 784), "float32", buffer=buffer))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "make",
    [
        packed, multiplied, too_many_filters, endless_border, no_stride, rows_as_images,
        unknown_operand, too_many_operations, other_widths, short_values,
    ],
)  # fmt: skip
def test_hostile_networks_are_refused(make: Callable[[], bytes], in_numpy: None) -> None:
    with pytest.raises(ModelError, match=r"^Model 'it' "):
        Classifier("it", make())


def test_an_answer_for_another_number_of_images_is_refused(in_numpy: None) -> None:
    """Two constant rows are no answer for two images, nor for five."""
    with pytest.raises(ModelError, match="not numbers for each image"):
        Classifier("it", constants_only()).read(RANDOM[:5])


CNN = pretrained("cnn")
WEIGHTS = [tensor for tensor in read_tensors(CNN) if tensor.values is not None]
COVERED = np.zeros(len(CNN), bool)
for _tensor in WEIGHTS:
    assert _tensor.values is not None
    COVERED[_tensor.at : _tensor.at + _tensor.values.nbytes] = True
STRUCTURE = np.flatnonzero(~COVERED)
"""Positions of all bytes that are not values of tensors."""


def is_refused_or_read(tflite: bytes) -> bool:
    """Whether a file is refused with a reason, or gives finite numbers for each image."""
    try:
        network = NumpyNetwork(tflite)
    except ValueError as error:
        # One line that fits into the sentence of a `ModelError`.
        return re.fullmatch(r"[a-z].*[^.]", str(error)) is not None
    found = network.run(RANDOM[:3])
    shapes = {name: (3, width) for name, width in network.widths.items()}
    assert {name: rows.shape for name, rows in found.items()} == shapes
    assert all(rows.dtype == np.float32 for rows in found.values())
    return all(bool(np.isfinite(rows).all()) for rows in found.values())


@settings(deadline=5000)
@given(
    st.lists(
        st.tuples(st.integers(0, len(STRUCTURE) - 1), st.integers(0, 255)), min_size=1, max_size=12
    )
)
def test_changed_bytes_do_no_harm(changes: list[tuple[int, int]]) -> None:
    tflite = bytearray(CNN)
    for at, value in changes:
        tflite[STRUCTURE[at]] = value
    assert is_refused_or_read(bytes(tflite))


@settings(deadline=5000)
@given(
    st.integers(0, len(STRUCTURE) - 1),
    st.sampled_from([0, 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, len(CNN), len(CNN) - 4]),
)
def test_wild_offsets_and_counts_do_no_harm(at: int, value: int) -> None:
    start = int(STRUCTURE[at]) // 4 * 4
    assert is_refused_or_read(CNN[:start] + value.to_bytes(4, "little") + CNN[start + 4 :])


@settings(deadline=5000)
@given(st.integers(0, len(CNN) - 1))
def test_a_file_that_is_cut_off_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="it is"):
        NumpyNetwork(CNN[:length])


@settings(deadline=5000)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_network_are_refused(data: bytes) -> None:
    for tflite in (data, b"\x08\0\0\0TFL3" + data):
        with pytest.raises(ValueError, match="it "):
            NumpyNetwork(tflite)
