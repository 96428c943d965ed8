"""A network of the same shape with random weights, made without TensorFlow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.classifier import Classifier


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
    from ai_edge_litert.interpreter import Interpreter  # here as in models/classifier.py

    interpreter = Interpreter(model_content=tflite)
    weights = []
    for tensor in interpreter.get_tensor_details():
        if tensor["dtype"] is np.float32 and tensor["shape"].prod() > 1:
            try:
                weights.append(interpreter.get_tensor(tensor["index"]))
            except ValueError:
                continue  # a layer's output, which has no values before the model runs
    return weights
