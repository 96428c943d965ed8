"""Predictions in a tenth of a millisecond an image, and no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from mnistlab.errors import ModelError
from mnistlab.metrics.scores import softmax
from mnistlab.models.backends import INSTALL_LITERT, choose_backend, open_network
from mnistlab.models.tflite_file import Tensor, UnsupportedError, read_tensors

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
    name : str
        `"mlp"`, `"cnn"` or a run's id.
    tflite : bytes
        The model in LiteRT's format: `(n, 28, 28)` uint8 in; "logits" out, `(n, 10)` or `(n, 11)`
        where the last one means "no digit", and, if it has them, "features".
    card : mapping
        What is known about it (architecture, config, data, scores, ...).

    Raises
    ------
    ModelError
        When `tflite` is no such model.
    ConfigError
        When `MNISTLAB_BACKEND` is wrong (`mnistlab.models.backends`).
    """

    def __init__(self, name: str, tflite: bytes, card: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.tflite = tflite
        self.card = dict(card or {})
        self.backend = choose_backend()
        """What computes it, `"litert"` or `"numpy"`."""
        try:
            self._network = open_network(tflite, self.backend)
            self._logits = _name_of_logits(self._network.widths)
        except (ValueError, RuntimeError) as error:
            self._refuse(error)

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
        array (n, 10) float32
            Rows sum to 1.

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
        try:
            parts = [self._network.run(part) for part in _parts(images)]
        except (ValueError, RuntimeError) as error:
            self._refuse(error)
        logits = np.concatenate([part[self._logits] for part in parts])
        if _FEATURES not in self._network.widths:
            return _outputs(logits, np.zeros((len(images), 0), np.float32))
        return _outputs(logits, np.concatenate([part[_FEATURES] for part in parts]))

    def _refuse(self, error: Exception) -> NoReturn:
        if isinstance(error, UnsupportedError):
            raise ModelError(
                f"Model {self.name!r} needs {error}, which NumPy does not compute here; install "
                f"LiteRT with: {INSTALL_LITERT}, and leave MNISTLAB_BACKEND unset."
            ) from error
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
    for tensor in _read_weights(classifier):
        assert tensor.values is not None
        shuffled = rng.permutation(tensor.values.ravel()).tobytes()
        tflite[tensor.at : tensor.at + len(shuffled)] = shuffled
    title = f"{classifier.title} with random weights"
    card = {**classifier.card, "title": title, "digit_threshold": 0.0}
    return Classifier(f"{classifier.name}-random-{seed}", bytes(tflite), card)


def _read_weights(classifier: Classifier) -> list[Tensor]:
    """Return the weights and biases of a model, float tensors of more than one value."""
    try:
        tensors = read_tensors(classifier.tflite)
    except ValueError as error:
        raise ModelError(
            f"The weights of model {classifier.name!r} cannot be read ({error}); "
            "choose another model."
        ) from error
    return [
        each
        for each in tensors
        if each.values is not None and each.dtype == np.float32 and each.values.size > 1
    ]


def _name_of_logits(widths: Mapping[str, int]) -> str:
    """Return the name of the logits among a network's outputs; a single output needs none."""
    name = next(iter(widths)) if len(widths) == 1 else _LOGITS
    if widths.get(name, 0) - _DIGITS not in (0, 1):
        raise ValueError("it does not give ten or eleven logits")
    return name


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
