"""How a network is trained: optimizer, schedule of the learning rate, and loss.

Keras and TensorFlow are imported inside the functions, as in `loop`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.models.config import TrainingConfig

CROSS_ENTROPY = "cross_entropy"
"""Name of the loss without label smoothing, where the training has any."""


def compile_model(model: Any, config: TrainingConfig, steps: int) -> None:
    """Give a network its optimizer and its loss; an epoch has `steps` batches."""
    import keras

    is_lean = config.network == "lean"
    model.compile(
        # Adam's usual average of squares looks back over more steps than a lean run has.
        optimizer=keras.optimizers.Adam(
            _learning_rate(config, steps), beta_2=0.98 if is_lean else 0.999
        ),
        loss=cross_entropy(config.label_smoothing),
        metrics=["accuracy", *_comparable_loss(config)],
        # The lean network's steps are so short that leaving TensorFlow after each one would
        # cost a tenth of the time.
        steps_per_execution=8 if is_lean else 1,
    )


def _comparable_loss(config: TrainingConfig) -> list[Any]:
    """The loss as it would be without label smoothing, which adds as much as 0.5 to it.

    Only so can training curves of models with other settings stand in one chart.
    """
    import keras

    if not config.label_smoothing:
        return []
    return [keras.metrics.SparseCategoricalCrossentropy(CROSS_ENTROPY, from_logits=True)]


def cross_entropy(smoothing: float) -> Any:
    """Return the loss of logits (n, k) against labels (n,), smoothed as by `label_smoothing`."""
    import keras

    if not smoothing:
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def smoothed(labels: Any, logits: Any) -> Any:
        # Keras smooths one-hot labels only.
        given = keras.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
        every = -keras.ops.mean(keras.ops.log_softmax(logits), axis=-1)
        return (1 - smoothing) * given + smoothing * every

    return smoothed


def create_variables(model: Any, x: NDArray[np.uint8], y: NDArray[np.uint8]) -> None:
    """Create the variables of the first step, so that TensorFlow traces that step only once.

    A `tf.function` that has created variables is traced again without; that is half a second.
    """
    import tensorflow as tf

    images, labels = tf.constant(x), tf.constant(y)
    model.optimizer.build(model.trainable_variables)
    logits = model(images)
    model.compute_loss(images, labels, logits)
    model.compute_metrics(images, labels, logits)
    model.reset_metrics()


def _learning_rate(config: TrainingConfig, steps: int) -> Any:
    import keras

    peak, total = config.learning_rate, steps * config.epochs
    cosine = partial(keras.optimizers.schedules.CosineDecay, alpha=1e-3)
    if config.schedule == "constant":
        return peak
    if config.schedule == "cosine":
        return cosine(peak, total)
    warm_up = max(1, round(0.3 * total))
    return cosine(peak / 25, max(1, total - warm_up), warmup_target=peak, warmup_steps=warm_up)
