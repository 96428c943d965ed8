"""Training, as a blocking function that reports events.

TensorFlow is imported inside the functions, because processes that must not load it import this
module too.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistlab.data import Dataset
from mnistlab.errors import TrainingError
from mnistlab.models.backends import choose_backend
from mnistlab.models.classifier import Classifier
from mnistlab.models.config import TrainingConfig
from mnistlab.training.augmentation import batches
from mnistlab.training.compiling import compile_model, create_variables, cross_entropy
from mnistlab.training.events import EpochEnd, Event, Preparing, Started, Testing
from mnistlab.training.examples import (
    NO_PENS,
    load_pens,
    split_training,
    training_images,
    with_extra_images,
)
from mnistlab.training.handwriting import Images
from mnistlab.training.reporter import Reporter

# Fraction of the validation digits that are not answered with "?". Chosen on tuning data: of
# `drawings-dev.jsonl` 99 % are shown right, and of the letters of Hershey's fonts 93 to 94 % are
# refused. The CNN learned from fewer kinds of letters, so it must refuse more digits for that.
DIGITS_KEPT = {"cnn": 0.998, "mlp": 0.9992}
Floats = NDArray[np.float32]


def has_tensorflow() -> bool:
    """Return whether TensorFlow is installed; does not import it."""
    return util.find_spec("tensorflow") is not None


def no_tensorflow() -> str:
    """Return the sentence for a machine without TensorFlow: what is missing, and the remedy."""
    if sys.version_info >= (3, 14):
        where, remedy = f"Python 3.{sys.version_info[1]}", "train with Python 3.11, 3.12 or 3.13"
    elif sys.platform == "darwin" and platform.machine() == "x86_64":
        where, remedy = "Macs with Intel processors", "train on another machine"
    elif sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        where, remedy = "Linux without glibc", "train on another machine"
    else:
        return (
            "Training needs TensorFlow, which is not installed here; "
            'install it with: pip install "mnistlab[train]"'
        )
    return f"Training needs TensorFlow, which has no release for {where} yet; {remedy}."


class TrainingCancelledError(TrainingError):
    """Raised by `train` when `should_stop` returned true."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """The result of `train`."""

    config: TrainingConfig
    model: Any
    """The `keras.Model`, with the weights of the best epoch."""
    tflite: bytes
    """The same model in LiteRT's format."""
    history: list[EpochEnd]
    best_epoch: int
    """The latest epoch within one standard error of the highest validation accuracy, from 1."""
    y_val: NDArray[np.uint8]
    val_proba: NDArray[np.float32]
    """`(n, 10)`, the exported model's probabilities for the validation part."""
    y_test: NDArray[np.uint8]
    test_proba: NDArray[np.float32]
    """`(n, 10)`, those for the test set."""
    digit_threshold: float | None
    """The digit score below which the answer is "?"; None without non-digits in the training."""
    parameters: int
    data: dict[str, Any]
    """Name and digest of the data, and the number of extra images."""

    @property
    def seconds(self) -> float:
        """Training time from the first step to the last, validation included."""
        return self.history[-1].seconds

    @property
    def test_accuracy(self) -> float:
        """Accuracy on the test set, 0 to 1."""
        return float(np.mean(self.test_proba.argmax(1) == self.y_test))

    @property
    def weights_digest(self) -> str:
        """SHA-256 over all weights, in the model's order, as C-ordered bytes."""
        return hashlib.sha256(b"".join(w.tobytes() for w in self.model.get_weights())).hexdigest()


def train(
    config: TrainingConfig,
    dataset: Dataset,
    on_event: Callable[[Event], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainedModel:
    """Train a model; blocks until it is done.

    A twelfth of the training images is put aside for validation and decides which epoch's weights
    are kept. The test set is read once, at the end. The result depends only on `config`, the data
    and the number of threads.

    Parameters
    ----------
    config : TrainingConfig
        What to train.
    dataset : Dataset
        What to train on.
    on_event : function
        Called in this thread with `Preparing`, `Started`, `Progress`, `EpochEnd` and `Testing`.
    should_stop : function
        Asked after every step; True ends the training.

    Raises
    ------
    TrainingCancelledError
        When `should_stop` returned true.
    TrainingError
        When TensorFlow is missing or the loss is no longer finite.
    ConfigError
        When `MNISTLAB_BACKEND` is wrong: the trained model is tested by that backend.
    """
    emit = on_event or (lambda event: None)
    stop = should_stop or (lambda: False)
    choose_backend()  # an error is better told before the training
    emit(Preparing("loading TensorFlow"))
    _set_up_tensorflow(config)
    if stop():
        raise TrainingCancelledError("Training was cancelled.")
    train_rows, val_rows = split_training(len(dataset.x_train), config)
    x_val, y_val = dataset.x_train[val_rows], dataset.y_train[val_rows]
    part = with_extra_images(dataset.x_train[train_rows], dataset.y_train[train_rows], dataset)
    pens = NO_PENS
    if config.pens:
        emit(Preparing("drawing with a pen"))
        pens = load_pens(config)
        if not pens.drawings:
            emit(Preparing("there are no pen drawings here; training without them"))
    images = training_images(*part, config, pens.training)
    reporter = _fit(config, images, (x_val, y_val), emit, stop)
    emit(Testing(reporter.best_epoch))
    tflite = export_litert(reporter.model)
    classifier = Classifier(config.model, tflite)
    validated = classifier.read(x_val)
    drawn = classifier.read(pens.validation).digit_scores
    threshold = digit_threshold(validated.digit_scores, drawn, DIGITS_KEPT[config.model])
    return TrainedModel(
        config=config,
        model=reporter.model,
        tflite=tflite,
        history=reporter.history,
        best_epoch=reporter.best_epoch,
        y_val=y_val,
        val_proba=validated.probabilities,
        y_test=np.array(dataset.y_test),
        test_proba=classifier.predict_proba(dataset.x_test),
        digit_threshold=threshold if config.non_digits else None,
        parameters=reporter.model.count_params(),
        data={
            "name": dataset.name,
            "digest": dataset.digest,
            "more": len(dataset.extra_images),
            "pens": pens.drawings,
        },
    )


def digit_threshold(images: Floats, drawings: Floats, kept: float) -> float:
    """Return the digit score below which the answer is "?".

    `images` and `drawings` are the scores (n,) and (m,) of digits of the validation part and of
    pen drawings; a fraction `kept` of both stays, and both count the same.
    """
    scores = np.concatenate([images, drawings])
    parts = [part for part in (images, drawings) if len(part)]
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in parts])
    order = np.argsort(scores)
    below = np.cumsum(weights[order]) / weights.sum()
    return float(scores[order][np.searchsorted(below, 1 - kept)])


def _set_up_tensorflow(config: TrainingConfig) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import keras
        import tensorflow as tf
    except ImportError as error:
        raise TrainingError(no_tensorflow()) from error
    threads = config.threads or os.cpu_count() or 1
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(2)
        tf.config.experimental.enable_op_determinism()
    except RuntimeError:
        # TensorFlow already runs in this process, with the thread counts it started with.
        if tf.config.threading.get_intra_op_parallelism_threads() != threads:
            raise TrainingError(
                "TensorFlow already runs in this process with another number of threads; "
                "use mnistlab.submit, or start a new process."
            ) from None
    keras.utils.set_random_seed(config.seed)


def _fit(
    config: TrainingConfig,
    training: Images,
    validation: Images,
    emit: Callable[[Event], None],
    stop: Callable[[], bool],
) -> Reporter:
    """Train a new network; its model then has the weights of the best epoch."""
    import keras

    from mnistlab.models.networks import build_model

    x, y = training
    steps = -(-len(x) // config.batch_size)
    model = build_model(config)
    compile_model(model, config, steps)
    create_variables(model, x[:1], y[:1])
    reporter = Reporter(model, config, steps, len(validation[0]), emit, stop)
    emit(Started(config.epochs, steps, model.count_params()))
    fit = partial(
        model.fit,
        validation_data=validation,
        validation_batch_size=1000,
        shuffle=False,  # the batches come shuffled
        callbacks=[keras.callbacks.LambdaCallback(**reporter.callbacks())],
        verbose=0,
    )
    for part, first, last in phases(config):
        if not reporter.stopped:
            fit(batches(x, y, part), initial_epoch=first, epochs=last)
    if reporter.stopped:
        raise TrainingCancelledError("Training was cancelled.")
    model.set_weights(reporter.best_weights)
    # With a loss of Keras's own, so that the saved model can be opened without mnistlab.
    model.compile(model.optimizer, cross_entropy(0.0), metrics=["accuracy"])
    return reporter


def phases(config: TrainingConfig) -> list[tuple[TrainingConfig, int, int]]:
    """Return the settings of each phase of a training, its first epoch from 0, and its end."""
    plain = replace(config, augmentation="none", seed=config.seed + 1)
    at = max(0, config.epochs - config.plain_epochs)
    both = [(config, 0, at), (plain, at, config.epochs)]
    return [phase for phase in both if phase[1] < phase[2]]


def export_litert(model: Any) -> bytes:
    """Return a Keras model in LiteRT's format, float32, with its features as second output."""
    import keras

    # By name: `Classifier` finds them by name too, whatever their widths are.
    outputs = {name: model.get_layer(name).output for name in ("logits", "features")}
    model = keras.Model(model.inputs, outputs)
    with tempfile.TemporaryDirectory(prefix="mnistlab-export-") as folder:
        path = Path(folder) / "model.tflite"
        model.export(str(path), format="litert", verbose=False)
        return path.read_bytes()
