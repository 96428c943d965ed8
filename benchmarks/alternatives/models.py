"""`python -m benchmarks.alternatives.models FOLDER`: saves both Keras models, untrained.

They are the plain networks of `mnistlab.models.networks`, with a softmax; how long a prediction
takes does not depend on the weights.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def build(name: str) -> Any:
    """Return the plain `mlp` or `cnn`: images (n, 28, 28) uint8 in, probabilities (n, 10) out."""
    # Imported here: TensorFlow and Keras.
    import keras

    from mnistlab.models.config import TrainingConfig
    from mnistlab.models.networks import build_model

    keras.utils.set_random_seed(0)
    model = build_model(TrainingConfig(name))
    model.add(keras.layers.Softmax(name="probabilities"))
    return model


if __name__ == "__main__":
    for name in ("mlp", "cnn"):
        build(name).save(Path(sys.argv[1]) / f"{name}.keras")
