"""Opens the model that a person names: ours by its name, others' by the path of their file."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mnistlab.errors import ConfigError, ModelError
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.foreign import ForeignClassifier, open_foreign, read_model_file
from mnistlab.models.foreign_network import PixelRange
from mnistlab.models.store import PRETRAINED

AnyClassifier = Classifier | ForeignClassifier

TRUST_KERAS = (
    "Loading a .keras file can run code of whoever made it, even in Keras's safe mode; if you "
    "trust its author, say so"
)
_SUFFIXES = (".tflite", ".keras")
_SECONDS = 600  # that a conversion may take

UNKNOWN_TRAINING = (
    "Nothing is known about the training data of this file. It may have been trained on the very "
    "images it is tested on here, so high figures prove little."
)


def is_foreign(model: str) -> bool:
    """Return whether a person who names a model means a file of another project."""
    return model not in PRETRAINED and model.lower().endswith(_SUFFIXES)


def open_model(
    model: str, *, trust_file: bool = False, pixel_range: PixelRange = 1
) -> AnyClassifier:
    """Return the model of a name, or of the path of a `.tflite` or `.keras` file.

    Parameters
    ----------
    model : `"mlp"`, `"cnn"`, a run's id, or a path
    trust_file : a `.keras` file is loaded only with this, in a process of its own
    pixel_range : what full ink is in a float input of a file: 1 or 255

    Raises
    ------
    ModelError
        When there is no such model, or the file is no digit classifier of a usual shape.
    ConfigError
        When a `.keras` file is not trusted.
    """
    if not is_foreign(model):
        return load_classifier(model)
    path = Path(model)
    if not path.exists():
        raise ModelError(f"There is no file {model}; check the path.")
    if path.suffix.lower() == ".tflite":
        return open_foreign(path, pixel_range)
    if not trust_file:
        raise ConfigError(f"{TRUST_KERAS} with --trust-file (trust_file=True in Python).")
    return ForeignClassifier(model, convert(path), pixel_range)


def convert(path: Path) -> bytes:
    """Return the model of a `.keras` file in LiteRT's format, converted by another process.

    Raises `ModelError` when TensorFlow is missing or the file cannot be converted.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise ModelError(
            "Converting a .keras file needs TensorFlow, which is not installed here; install it "
            'with: pip install "mnistlab[train]", or convert the file to .tflite elsewhere.'
        )
    read_model_file(path)  # so that a file that cannot be read is told apart
    with tempfile.TemporaryDirectory(prefix="mnistlab-convert-") as folder:
        out = Path(folder) / "model.tflite"
        worker = [sys.executable, "-m", "mnistlab.training.convert"]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder)
        try:
            done = subprocess.run(
                [*worker, str(path.absolute()), str(out)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                env=environment,
                check=False,
            )
            if done.returncode == 0 and out.is_file():
                return read_model_file(out)
        except subprocess.TimeoutExpired as error:
            raise ModelError(
                f"{path} was not converted within {_SECONDS // 60} minutes; convert it to .tflite "
                "elsewhere and give that."
            ) from error
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    reason = lines[-1][:300] if lines else f"exit status {done.returncode}"
    raise ModelError(
        f"{path} cannot be converted ({reason}); save it with this version of Keras, or convert "
        "it to .tflite elsewhere and give that."
    )
