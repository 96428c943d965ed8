"""A network of the same shape that has learned nothing, made without TensorFlow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier


def randomised(classifier: Classifier, seed: int = 0) -> Classifier:
    """The same network with the values of each of its weight tensors shuffled.

    All layers at once, so that the network keeps its shape and the spread of its weights and
    nothing of what it learned: the full randomisation of Adebayo et al. 2018, arXiv:1810.03292.
    Constants that are no weights (the pixels' scale, shapes) stay.

    Parameters
    ----------
    classifier : left as it is
    seed : of the shuffling

    Returns
    -------
    Classifier
        With the same card but for the title, and a threshold of 0: it answers always.
    """
    rng = np.random.default_rng(seed)
    tflite = bytearray(classifier.tflite)
    for values in _weights(classifier.tflite):
        # A constant's values stand in the file as they are. Where the bytes are not unique, the
        # tensors there are equal, or all zeros that shuffling leaves alone.
        stored = values.tobytes()
        at = classifier.tflite.find(stored)
        if at >= 0:
            tflite[at : at + len(stored)] = rng.permutation(values.ravel()).tobytes()
    title = f"{classifier.title} with random weights"
    card = {**classifier.card, "title": title, "digit_threshold": 0.0}
    return Classifier(f"{classifier.name}-random-{seed}", bytes(tflite), card)


def _weights(tflite: bytes) -> list[NDArray[np.float32]]:
    """The float tensors of a model that have more than one value, weights and biases.

    The interpreter knows them; the flatbuffer's own schema would cost 35 MB to import.
    """
    from ai_edge_litert.interpreter import Interpreter  # here as in models/classifier.py

    interpreter = Interpreter(model_content=tflite)
    weights = []
    for tensor in interpreter.get_tensor_details():
        if tensor["dtype"] is np.float32 and tensor["shape"].prod() > 1:
            try:
                weights.append(interpreter.get_tensor(tensor["index"]))
            except ValueError:
                continue  # what a layer puts out; it has no values before the model runs
    return weights
