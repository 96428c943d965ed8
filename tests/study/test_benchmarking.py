"""A model is judged on the public test sets that are there; what is missing is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mnistlab
from mnistlab.data.benchmark_sets import load_set
from mnistlab.errors import ConfigError, DataError, ModelError
from mnistlab.images import Drawing, preprocess
from mnistlab.models import Classifier, load_classifier
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.study import benchmarking
from mnistlab.study.benchmarking import BenchmarkCard
from mnistlab.study.foreign import convert, open_model
from tests.data import made_sets
from tests.data.made_sets import LABELS, WRITERS, N
from tests.trained import Trained


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of small made sets, and no MNIST."""
    folder = tmp_path / "home" / "benchmark-sets"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.setattr(benchmarking, "SETS", made_sets.small_table())
    return folder


@pytest.fixture
def full(place: Path) -> Path:
    for write in WRITERS.values():
        write(place)
    return place


def test_all_sets_on_one_card(full: Path) -> None:
    said: list[tuple[float, str]] = []
    card = mnistlab.benchmark("mlp", on_progress=lambda *told: said.append(told))
    assert [each.info.name for each in card.results] == list(WRITERS)
    assert [each.name for each in card.unavailable] == ["mnist"]
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert (fractions[0], said[-1]) == (0, (1, "done"))
    facts = json.loads(json.dumps(card.to_dict()))
    sets = {each["name"]: each for each in facts["sets"]}
    assert {name: each["n"] for name, each in sets.items()} == dict.fromkeys(WRITERS, N)
    assert len(sets["mnist-c"]["corruptions"]) == 15
    assert sets["emnist-letters"]["refused"]["n"] == N
    assert "accuracy" not in sets["emnist-letters"]
    assert sets["qmnist"]["refused"]["fraction"] is not None
    assert all(len(each["sha256"]) == 64 for each in facts["sets"])
    assert str(full) not in json.dumps(facts)
    assert str(full) not in card.to_html()


def test_figures_are_those_of_the_model_on_the_prepared_images(place: Path) -> None:
    made_sets.write_pendigits(place)
    made_sets.write_usps(place)
    pens, usps = mnistlab.benchmark("cnn", ["usps", "pendigits"]).results[::-1]
    classifier = load_classifier("cnn")
    rows = [json.loads(line) for line in made_sets.pen_lines().splitlines()]
    drawn = [preprocess(Drawing.from_strokes(row["strokes"])).image for row in rows]
    scanned = [preprocess(image).image for image in made_sets.images(side=16)]
    for result, images in ((pens, drawn), (usps, scanned)):
        proba = classifier.predict_proba(np.stack(images))
        assert result.accuracy == (proba.argmax(axis=1) == LABELS).mean()


def test_sets_are_chosen_by_name_and_told_in_their_own_order(full: Path) -> None:
    card = mnistlab.benchmark("mlp", ["usps", "ardis", "usps", "qmnist"], folder=full)
    assert [each.info.name for each in card.results] == ["qmnist", "usps", "ardis"]
    assert not card.unavailable


def test_bad_names_are_refused_before_the_work(full: Path) -> None:
    with pytest.raises(ConfigError, match="no test set 'svhn'"):
        mnistlab.benchmark("no-model", ["svhn"])
    with pytest.raises(ModelError, match="no model 'no-model'"):
        mnistlab.benchmark("no-model")


def test_what_is_missing_or_damaged_is_listed_with_a_remedy(place: Path) -> None:
    made_sets.write_usps(place)
    made_sets.write_ardis(place)
    (place / "ARDIS_test_2828.csv").write_text("<html>")
    (place / "qmnist-test-images-idx3-ubyte.gz").write_bytes(b"")
    card = mnistlab.benchmark("mlp")
    assert [each.info.name for each in card.results] == ["usps"]
    missing = {each.name: each for each in card.unavailable}
    assert set(missing) == {each.name for each in made_sets.small_table()} - {"usps"}
    assert "there is no qmnist-test-labels-idx2-int or" in missing["qmnist"].reason
    assert "--fetch" in missing["qmnist"].remedy
    assert missing["ardis"].reason.startswith("ARDIS_test_2828.csv is a web page")
    assert "unpack it there with unrar" in missing["ardis"].remedy
    assert "MNISTLAB_MNIST" in missing["mnist"].remedy
    assert "there is no pendigits-orig.tes.Z or" in missing["pendigits"].reason


def test_offline_nothing_is_fetched(place: Path) -> None:
    made_sets.write_usps(place)
    card = mnistlab.benchmark("mlp", ["usps", "emnist-digits"], fetch=True)
    (missing,) = card.unavailable
    assert missing.reason.startswith("MNISTLAB_OFFLINE forbids a download")


def test_without_any_set_there_is_an_error() -> None:
    with pytest.raises(DataError, match=r"Not one of 8 test sets can be read \(the first, MNIST"):
        mnistlab.benchmark("mlp")


@pytest.mark.mnist
def test_mnist_comes_from_where_it_always_does(
    monkeypatch: pytest.MonkeyPatch, mnist_file: Path
) -> None:
    monkeypatch.setenv("MNISTLAB_MNIST", str(mnist_file))
    (result,) = mnistlab.benchmark("mlp", ["mnist"]).results
    assert (result.n, result.accuracy) == (10_000, load_classifier("mlp").card["test_accuracy"])
    assert result.relation == "same source"
    assert result.source == mnist_file.name


# What models say of their training data


def relations(card: BenchmarkCard) -> dict[str, str]:
    return {each.info.name: each.relation for each in card.results}


def test_relations_to_the_training_data(full: Path) -> None:
    found = relations(mnistlab.benchmark("mlp"))
    assert found["qmnist"] == found["emnist-digits"] == found["pendigits"] == "same source"
    assert found["usps"] == found["ardis"] == "other source"


def test_a_model_without_pens_or_on_other_data(full: Path) -> None:
    ours = load_classifier("mlp")
    data = {**ours.card["data"], "pens": 0}
    plain = Classifier("plain", ours.tflite, {**ours.card, "data": data})
    assert relations(mnistlab.benchmark(plain, ["pendigits"])) == {"pendigits": "other source"}
    other = Classifier("other", ours.tflite, {"data": {"name": "own", "digest": "0" * 64}})
    card = mnistlab.benchmark(other, ["usps", "emnist-letters"])
    assert set(relations(card).values()) == {"unknown"}
    assert "the data named own" in card.model.trained_on
    assert card.model.can_refuse is False
    letters = card.results[0].to_dict()
    assert letters["refused"] is None
    assert letters["confident"]["n"] == N
    nothing = Classifier("nothing", ours.tflite)
    assert "does not say" in mnistlab.benchmark(nothing, ["usps"]).model.trained_on


def test_corruptions_in_different_orders_have_no_interval(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = load_set

    def shuffled(info: object, folder: object) -> object:
        loaded = read(info, folder)  # type: ignore[arg-type]
        first = loaded.parts[0]
        assert first.images is not None
        turned = replace(first, labels=first.labels[::-1], images=first.images[::-1])
        return replace(loaded, parts=(turned, *loaded.parts[1:]))

    assert mnistlab.benchmark("mlp", ["mnist-c"]).results[0].accuracy_ci is not None
    monkeypatch.setattr(benchmarking, "load_set", shuffled)
    (result,) = mnistlab.benchmark("mlp", ["mnist-c"]).results
    assert result.accuracy_ci is None
    assert "different orders" in result.notes[-1]


# Files of other projects


@pytest.mark.litert
def test_a_tflite_file_is_judged_with_a_warning(full: Path, tmp_path: Path) -> None:
    path = tmp_path / "theirs.tflite"
    path.write_bytes((PRETRAINED_FOLDER / "mlp.tflite").read_bytes())
    card = mnistlab.benchmark(str(path), ["usps"])
    assert card.model.is_foreign
    assert card.model.name == card.model.title == "theirs.tflite"
    assert "Nothing is known about the training data" in card.model.trained_on
    assert card.results[0].relation == "unknown"
    assert card.model.sha256 == load_classifier("mlp").card["sha256"]
    ours = mnistlab.benchmark("mlp", ["usps"]).results[0]
    assert card.results[0].accuracy == ours.accuracy
    assert "A file of another project" in card.to_html()


def test_missing_files_and_untrusted_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no file"):
        open_model(str(tmp_path / "a.tflite"))
    path = tmp_path / "a.keras"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"can run code of whoever made it.*--trust-file"):
        open_model(str(path))


def test_without_tensorflow_a_keras_file_is_refused(
    tmp_path: Path, without_tensorflow: None
) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="needs TensorFlow, which is not installed here"):
        open_model(str(path), trust_file=True)


@pytest.mark.tensorflow
@pytest.mark.litert
def test_a_trusted_keras_file_is_converted_and_judged(
    full: Path, trained: dict[str, Trained]
) -> None:
    run = trained["mlp"].run
    path = run.folder / "model.keras"
    card = mnistlab.benchmark(str(path), ["qmnist"], trust_file=True)
    ours = Classifier("ours", (run.folder / "model.tflite").read_bytes(), run.card)
    (theirs,), (known,) = card.results, mnistlab.benchmark(ours, ["qmnist"]).results
    assert theirs.accuracy == known.accuracy
    assert theirs.digits[0].scores.nll == pytest.approx(known.digits[0].scores.nll, abs=1e-4)


@pytest.mark.tensorflow
def test_what_keras_cannot_load_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(b"no model")
    with pytest.raises(ModelError, match=r"a\.keras cannot be converted \(.+\); save it with"):
        convert(path)
