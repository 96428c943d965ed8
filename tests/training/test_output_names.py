"""A model's outputs are identified by their names, whatever their widths.

`tests/trained.py` trains a model whose features are as narrow.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.models import Classifier

pytestmark = pytest.mark.tensorflow

# Units of the first hidden layer, and whether there is an eleventh logit: features of 10 and 11
# beside logits of 10 and 11.
WIDTHS = [(20, False), (21, True), (22, False), (23, True)]
EXPORT = """
import sys
import numpy as np
from pathlib import Path
from mnistlab.models import TrainingConfig
from mnistlab.models.networks import build_model
from mnistlab.training.loop import export_litert
folder = Path(sys.argv[1])
images = np.load(folder / "images.npy")
for argument in sys.argv[2:]:
    units, non_digits = map(int, argument.split(","))
    model = build_model(TrainingConfig("mlp", units=units, non_digits=bool(non_digits)))
    (folder / f"{units}.tflite").write_bytes(export_litert(model))
    hidden = model.get_layer("features").output
    import keras
    both = keras.Model(model.inputs, [model.get_layer("logits").output, hidden])
    logits, features = both.predict(images, verbose=0)
    np.savez(folder / f"{units}.npz", logits=logits, features=features)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    """Untrained models as LiteRT files, and the outputs of the same models in Keras."""
    folder = tmp_path_factory.mktemp("exported")
    np.save(folder / "images.npy", digits.x_test[:5])
    widths = [f"{units},{int(non_digits)}" for units, non_digits in WIDTHS]
    subprocess.run([sys.executable, "-c", EXPORT, str(folder), *widths], check=True)
    return folder


@pytest.mark.parametrize(("units", "non_digits"), WIDTHS)
def test_features_as_narrow_as_the_logits(units: int, non_digits: bool, exported: Path) -> None:
    images = np.load(exported / "images.npy")
    found = Classifier("narrow", (exported / f"{units}.tflite").read_bytes()).read(images)
    with np.load(exported / f"{units}.npz") as expected:
        powers = np.exp(expected["logits"])
        np.testing.assert_allclose(found.features, expected["features"], atol=1e-4)
    proba = powers[:, :10] / powers[:, :10].sum(1, keepdims=True)
    np.testing.assert_allclose(found.probabilities, proba, atol=1e-4)
    no_digit = powers[:, 10:].sum(1) / powers.sum(1)
    score = 1 - no_digit if non_digits else proba.max(1)
    np.testing.assert_allclose(found.digit_scores, score, atol=1e-4)
