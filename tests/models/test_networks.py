"""Each network has the layers that its name promises."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from mnistlab.errors import ConfigError
from mnistlab.models import TrainingConfig, load_classifier
from mnistlab.models.config import NETWORKS, network_title

BUILD = """
import json, sys
from mnistlab.models import TrainingConfig
from mnistlab.models.config import NETWORKS
from mnistlab.models.networks import build_model
from mnistlab.training.save import describe_layers
configs = [(m, n) for m, names in NETWORKS.items() for n in names]
models = {f"{m} {n}": build_model(TrainingConfig(m, network=n)) for m, n in configs}
default = {m: build_model(TrainingConfig(m)) for m in NETWORKS}
print(json.dumps({
    name: {
        "layers": describe_layers(model),
        "activations": [l.activation.__name__ for l in model.layers if hasattr(l, "units")],
        "outputs": [model.layers[-1].name, next(
            l.name for l in reversed(model.layers[:-1]) if "Dropout" not in type(l).__name__
        )],
    }
    for name, model in (models | default).items()
}))
"""
NORMALISED = ["BatchNormalization", "ReLU"]
POOLED = ["MaxPooling2D", *NORMALISED]
LAYERS = {
    "mlp plain": [
        "Flatten", "Dense 512", "Dropout 0.2", "Dense 256", "Dropout 0.2", "Dense 10",
    ],
    "mlp normalised": [
        "Flatten", "Dense 512", *NORMALISED, "Dropout 0.2", "Dense 256", *NORMALISED, "Dropout 0.2",
        "Dense 10",
    ],
    "mlp wide": [
        "Flatten", "Dense 1024", *NORMALISED, "Dropout 0.2", "Dense 512", *NORMALISED,
        "Dropout 0.2", "Dense 10",
    ],
    "cnn plain": [
        "Reshape", "Conv2D 16", *POOLED, "Conv2D 32", *POOLED, "Flatten", "Dense 128",
        "Dropout 0.2", "Dense 10",
    ],
    "cnn deep": [
        "Reshape", "Conv2D 16", *POOLED, "Conv2D 32", *NORMALISED, "Conv2D 32", *POOLED,
        "Conv2D 64", *POOLED, "Flatten", "Dense 128", "Dropout 0.2", "Dense 10",
    ],
    "cnn wide": [
        "Reshape", "Conv2D 32", *POOLED, "Conv2D 64", *NORMALISED, "Conv2D 64", *POOLED,
        "Conv2D 128", *POOLED, "Flatten", "Dense 128", "Dropout 0.2", "Dense 10",
    ],
    "cnn lean": [
        "Reshape", "Cropping2D", "Conv2D 16", "MaxPooling2D", "Conv2D 32", *POOLED, "Flatten",
        "Dense 64", "Dropout 0.2", "Dense 10",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def built() -> dict[str, dict[str, Any]]:
    """All networks, built in another process: TensorFlow must not load in this one."""
    done = subprocess.run([sys.executable, "-c", BUILD], capture_output=True, text=True, check=True)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", [*LAYERS, "mlp", "cnn"])
def test_a_network_is_exactly_its_layers(built: dict[str, dict[str, Any]], name: str) -> None:
    expected = LAYERS[name if " " in name else f"{name} plain"]
    assert built[name]["layers"] == ["Rescaling", *expected]
    assert built[name]["outputs"] == ["logits", "features"]
    hidden = {"mlp normalised": "linear", "mlp wide": "linear"}.get(name, "relu")
    *activations, last = built[name]["activations"]
    assert set(activations) == {hidden}
    assert last == "linear"


def test_every_network_is_checked() -> None:
    assert set(LAYERS) == {f"{model} {name}" for model, names in NETWORKS.items() for name in names}


@pytest.mark.parametrize(("model", "network"), [("mlp", "lean"), ("mlp", "deep"), ("cnn", "big")])
def test_a_network_of_another_model_is_refused(model: str, network: str) -> None:
    with pytest.raises(ConfigError, match=r"network is .*; choose one of plain"):
        TrainingConfig(model, network=network)


OLD = {"share": 0.5, "seed": 2, "filters": 16, "units": 512, "outliers": False, "threads": 0}


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        ({"model": "mlp"}, "normalised 512-256"),
        ({"model": "mlp", "network": "deep"}, "normalised 512-256"),
        ({"model": "mlp", "units": 1024}, "wide 1024-512"),
        ({"model": "mlp", "units": 100}, "normalised 100-50"),
        ({"model": "cnn"}, "deep 16-32-32-64"),
        ({"model": "cnn", "network": "deep", "filters": 32}, "wide 32-64-64-128"),
        ({"model": "cnn", "network": "lean", "filters": 12}, "lean 12-24"),
        ({"model": "cnn", "network": "lean", "filters": 32}, "lean 32-64"),
    ],
)
def test_settings_under_their_old_names_are_still_read(
    settings: dict[str, Any], title: str
) -> None:
    config = TrainingConfig.from_dict(OLD | settings)
    assert config.network_title == title
    assert (config.fraction, config.non_digits) == (0.5, False)
    assert TrainingConfig.from_dict(config.to_dict()) == config


def test_the_pretrained_models_say_which_network_they_have() -> None:
    assert network_title(load_classifier("mlp").card) == "wide 1536-768"
    assert network_title(load_classifier("cnn").card) == "wide 32-64-64-128"
    assert network_title({"config": {"model": "cnn", "seed": 1}}) == network_title({}) == "–"
