"""Predictions with LiteRT: a tenth of a millisecond an image, and no TensorFlow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.files import silent_stderr
from mnistlab.metrics.scores import softmax

_CHUNK = 50  # images per call; 250 are no faster and take 39 MB instead of 12 (CNN)
_DIGITS = 10
_REFUSED = 0.05  # a digit score that no other classifier's can mend
_LOGITS, _FEATURES = "logits", "features"  # the outputs' names, as `export_litert` gives them

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Outputs:
    """The outputs of a model for n images."""

    probabilities: Floats
    """`(n, 10)`, of the ten digits, given that it is one; rows sum to 1."""
    digit_scores: Floats
    """`(n,)`, 0 to 1: the probability that it is a digit at all, from a model that was trained on
    non-digits; otherwise the highest probability, which says much less."""
    features: Floats
    """`(n, m)`, the output of the layer before the last; m is 0 for a model without it."""


class Classifier:
    """A trained model that gives probabilities for 28x28 images. Thread-safe.

    Parameters
    ----------
    name : `"mlp"`, `"cnn"` or a run's id
    tflite : the model in LiteRT's format: `(n, 28, 28)` uint8 in; "logits" out, `(n, 10)` or
        `(n, 11)` where the last one means "no digit", and, if it has them, "features"
    card : what is known about it (architecture, config, data, scores, ...)

    Raises
    ------
    ModelError
        When `tflite` is no such model.
    """

    def __init__(self, name: str, tflite: bytes, card: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.tflite = tflite
        self.card = dict(card or {})
        self._lock = threading.Lock()
        self._single = self._open(1)
        self._many: _Network | None = None

    @property
    def title(self) -> str:
        """The display name."""
        return str(self.card.get("title", self.name.upper()))

    @property
    def digit_threshold(self) -> float:
        """The lowest digit score that is answered with a digit, from the card; 0 without one."""
        return float(self.card.get("digit_threshold", 0.0))

    def __repr__(self) -> str:
        return f"Classifier({self.name!r})"

    def predict_proba(self, images: NDArray[np.uint8]) -> Floats:
        """Return the probabilities of the ten digits.

        Parameters
        ----------
        images : array (n, 28, 28) uint8
            Bright ink on black, as MNIST's recipe leaves it; a single `(28, 28)` image is read
            as `(1, 28, 28)`.

        Returns
        -------
        array (n, 10) float32, rows summing to 1

        Raises
        ------
        ValueError
            For another shape or dtype.
        """
        # Part by part, because the features of ten thousand images would take 20 MB.
        parts = _parts(_checked(images))
        return np.concatenate([self.read(part).probabilities for part in parts])

    def read(self, images: NDArray[np.uint8]) -> Outputs:
        """Return all outputs for images as `predict_proba` takes them."""
        images = _checked(images)
        if not len(images):
            return _outputs(np.zeros((0, _DIGITS), np.float32), np.zeros((0, 0), np.float32))
        with self._lock:
            parts = [self._network_for(len(part)).run(part) for part in _parts(images)]
        logits, features = zip(*parts, strict=True)
        return _outputs(np.concatenate(logits), np.concatenate(features))

    def _network_for(self, n: int) -> _Network:
        if n == 1:
            return self._single
        if self._many is None or self._many.n != n:
            self._many = self._open(n)
        return self._many

    def _open(self, n: int) -> _Network:
        try:
            return _Network(self.tflite, n)
        except (ValueError, RuntimeError) as error:
            raise ModelError(
                f"Model {self.name!r} cannot be read as a digit classifier ({error}); "
                "train it again, or reinstall mnistlab if it is a pretrained one."
            ) from error


def digit_scorer(classifiers: Iterable[Classifier]) -> Callable[[NDArray[np.uint8]], Floats] | None:
    """Return a function that gives the digit scores (n,), 0 to 1, of images (n, 28, 28).

    They are those of the classifiers that were trained on non-digits: the probability of the
    likeliest digit, by the classifier that finds it least likely. It is low where a classifier
    takes an image for no digit, or each for another one. Without a classifier, the result is None.
    """
    trained = [classifier for classifier in classifiers if classifier.digit_threshold]
    if not trained:
        return None

    def scores(images: NDArray[np.uint8]) -> Floats:
        lowest = np.ones((len(images), _DIGITS), np.float32)
        for classifier in trained:
            # Images that one refuses need not be read by the others: most of many candidates.
            left = np.flatnonzero(lowest.max(axis=1) >= _REFUSED)
            if len(left):
                read = classifier.read(images[left])
                each = read.digit_scores[:, None] * read.probabilities
                lowest[left] = np.minimum(lowest[left], each)
        highest: Floats = lowest.max(axis=1)
        return highest

    return scores


def randomised(classifier: Classifier, seed: int = 0) -> Classifier:
    """Return the same network with the values of each of its weight tensors shuffled.

    The network keeps its shape and the spread of its weights: the full randomisation of Adebayo
    et al. 2018, arXiv:1810.03292. Constants that are not weights (scale of the pixels, shapes)
    stay. The card differs in the title, and in the threshold, 0: it always answers with a digit.
    """
    rng = np.random.default_rng(seed)
    tflite = bytearray(classifier.tflite)
    for values in _weights(classifier.tflite):
        # A constant's values are in the file as they are. Bytes that occur more than once belong
        # to equal tensors, or are all zeros, which shuffling does not change.
        stored = values.tobytes()
        at = classifier.tflite.find(stored)
        if at >= 0:
            tflite[at : at + len(stored)] = rng.permutation(values.ravel()).tobytes()
    title = f"{classifier.title} with random weights"
    card = {**classifier.card, "title": title, "digit_threshold": 0.0}
    return Classifier(f"{classifier.name}-random-{seed}", bytes(tflite), card)


def _weights(tflite: bytes) -> list[NDArray[np.float32]]:
    """Return the weights and biases of a model, float tensors of more than one value.

    From the interpreter, because the flatbuffer's own schema would cost 35 MB to import.
    """
    from ai_edge_litert.interpreter import Interpreter  # here as in `_Network`

    interpreter = Interpreter(model_content=tflite)
    weights = []
    for tensor in interpreter.get_tensor_details():
        if tensor["dtype"] is np.float32 and tensor["shape"].prod() > 1:
            try:
                weights.append(interpreter.get_tensor(tensor["index"]))
            except ValueError:
                continue  # a layer's output, which has no values before the model runs
    return weights


def _outputs(logits: Floats, features: Floats) -> Outputs:
    probabilities = softmax(logits[:, :_DIGITS])
    if logits.shape[1] > _DIGITS:
        return Outputs(probabilities, 1 - softmax(logits)[:, -1], features)
    return Outputs(probabilities, probabilities.max(axis=1), features)


def _checked(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    images = np.asarray(images)
    if images.ndim == 2:
        images = images[None]
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(
            f"Give images as (n, 28, 28) uint8, not {images.shape} {images.dtype}; "
            "mnistlab.preprocess makes them."
        )
    return images


def _parts(images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield parts of at most `_CHUNK` images, at least one."""
    return (images[i : i + _CHUNK] for i in range(0, max(1, len(images)), _CHUNK))


class _Network:
    """A LiteRT interpreter for batches of n images."""

    def __init__(self, tflite: bytes, n: int) -> None:
        # Imported here: 33 MB that a page without the Predict tab open does not need.
        from ai_edge_litert.interpreter import Interpreter

        self.n = n
        self._interpreter = Interpreter(model_content=tflite, num_threads=1)
        inputs, outputs = self._interpreter.get_input_details(), _named_outputs(self._interpreter)
        width, self._logits = outputs.get(_LOGITS, (0, 0))
        if [each["dtype"] for each in inputs] != [np.uint8] or width - _DIGITS not in (0, 1):
            raise ValueError("it does not take one uint8 image and give ten or eleven logits")
        self._input = inputs[0]["index"]
        self._features = outputs[_FEATURES][1] if _FEATURES in outputs else None
        self._interpreter.resize_tensor_input(self._input, (n, 28, 28))
        with silent_stderr():
            self._interpreter.allocate_tensors()

    def run(self, images: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Return logits (n, 10 or 11) and features (n, m) of images (n, 28, 28)."""
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        logits: Floats = self._interpreter.get_tensor(self._logits)
        if self._features is None:
            return logits, np.zeros((self.n, 0), np.float32)
        return logits, self._interpreter.get_tensor(self._features)


def _named_outputs(interpreter: Any) -> dict[str, tuple[int, int]]:
    """Return the width and the tensor's index of each output, by its name in the signature.

    The outputs come in any order and may be of equal width. A single output needs no name: it is
    the logits.
    """
    signatures = list(interpreter.get_signature_list())
    if signatures:
        details = interpreter.get_signature_runner(signatures[0]).get_output_details()
    else:
        details = {output["name"]: output for output in interpreter.get_output_details()}
    outputs = {name: (int(o["shape"][-1]), int(o["index"])) for name, o in details.items()}
    return {_LOGITS: next(iter(outputs.values()))} if len(outputs) == 1 else outputs
