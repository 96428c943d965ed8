"""The report: all figures in one file, nothing outside it; and the files of a run."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.data import Dataset
from mnistlab.errors import ModelError
from mnistlab.metrics.evaluation import Evaluation, distinct_titles, pair_up
from mnistlab.models import load_classifier
from mnistlab.models.store import PRETRAINED_FOLDER
from mnistlab.report.export import export_model, read_history
from mnistlab.report.html import build_report
from mnistlab.study.evaluation import evaluate, validation_answers
from mnistlab.study.study import compare

VOID = {"meta", "br", "img"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and collects addresses, ids and headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "script"
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src"):
                self.addresses.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def small(dataset: Dataset) -> Dataset:
    """The same with 400 test images."""
    arrays = (dataset.x_train, dataset.y_train, dataset.x_test[:400], dataset.y_test[:400])
    return Dataset(dataset.name, dataset.title, *arrays, digest=dataset.digest, source="")


def save_run(
    runs: Path, name: str, dataset: Dataset, seed: int, accuracy: float = 0.9, epochs: int = 2
) -> None:
    """A run folder as a training leaves it, with the pretrained MLP for a model."""
    folder = runs / name
    folder.mkdir(parents=True)
    model = load_classifier("mlp")
    (folder / "model.tflite").write_bytes(model.tflite)
    (folder / "model.keras").write_bytes(b"keras")
    (folder / "history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,0.5,0.8,0.4,0.85,1\n2,0.3,0.9,0.2,0.95,2\n"
    )
    np.savez(
        folder / "predictions.npz",
        y_val=dataset.y_train[:200],
        val_proba=model.predict_proba(dataset.x_train[:200]),
        y_test=dataset.y_test,
        test_proba=model.predict_proba(dataset.x_test),
    )
    config = {**model.card["config"], "epochs": epochs, "seed": seed}
    files = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    card = {
        "title": f"MLP {name[-2:]}", "architecture": "mlp", "config": config,
        "data": {"name": dataset.name, "digest": dataset.digest}, "test_accuracy": accuracy,
        "created": f"2026-11-0{seed}", "files": files, "parameters": 5,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(card))


@pytest.fixture(scope="module")
def data(digits: Dataset) -> Dataset:
    return small(digits)


@pytest.fixture
def runs(tmp_path: Path, data: Dataset) -> Path:
    for seed, accuracy in ((1, 0.9), (2, 0.92), (3, 0.91)):
        save_run(tmp_path, f"mlp-{seed}{seed}", data, seed, accuracy)
    return tmp_path


def test_a_report_has_every_figure_and_asks_for_nothing_outside(data: Dataset, runs: Path) -> None:
    (runs / "strange").mkdir()
    (runs / "strange" / "run.json").write_text('{"files": {}, "data": null}')
    shares: list[float] = []
    text = compare("mlp-11", "cnn", data, on_progress=shares.append, runs=runs).to_html()
    page = Page(text)
    assert all(a.startswith(("#", "data:image/png;base64,")) for a in page.addresses)
    assert {a[1:] for a in page.addresses if a.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "://" not in text
    assert "url(" not in text
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", text)
    assert headings == [
        "Verdict", "Results", "Training curves", "Confusion matrices",
        "By digit", "The images that make the difference", "Calibration", "Settings", "Data",
        "Environment", "How each figure is computed",
    ]  # fmt: skip
    assert data.digest in text
    assert "No curves are kept of CNN." in text
    assert "Accuracy by epoch. Validation: MLP 11 95.00 %" in text
    assert "No validation answers on this data are known of CNN." in text
    assert text.count("class='ml-reliability'") == 1
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_settings_with_several_seeds_are_compared_as_settings(data: Dataset, runs: Path) -> None:
    save_run(runs, "mlp-44", data, 1, 0.95, epochs=4)
    save_run(runs, "mlp-55", data, 1, 0.9)  # the same training again counts once
    text = compare("mlp-11", "mlp-44", data, runs=runs).to_html()
    part = text.partition(">Training again</h2>")[2].partition("</section>")[0]
    assert "<th scope='row'>MLP 11</th><td>3</td><td>91.00 %</td><td>1.000 points</td>" in part
    assert "<th scope='row'>MLP 44</th><td>1</td><td>95.00 %</td><td>–</td>" in part
    # Two runs of one setting are no two settings.
    assert "Training again" not in compare("mlp-11", "mlp-22", data, runs=runs).to_html()


@pytest.mark.mnist  # only its test set has corrected labels, and the pair its validation part
def test_mnist_has_corrected_labels_calibration_of_both_and_robustness(
    mnist: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistlab.study.evaluation.IMAGES", 4)
    shares: list[float] = []
    text = compare("mlp", "cnn", mnist, robustness=True, on_progress=shares.append).to_html()
    Page(text)
    assert text.count("class='ml-reliability'") == 2
    assert "of 9,995" in text
    assert "Gaussian noise" in text
    assert "4 images in each cell" in text
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert len(text) < 1_000_000


def test_a_summary_does_not_style_the_notebook_around_it(data: Dataset) -> None:
    style, _, _ = compare("mlp", "cnn", data)._repr_html_().partition("</style>")
    rules = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    selectors = [each.strip() for each in re.findall(r"([^{};]+)\{", rules)]
    assert len(selectors) > 20
    assert all(".ml-" in each for each in selectors if not each.startswith(("@", "<style>")))
    assert not any(each.startswith("html:has(.") for each in selectors)  # any element in the page
    assert "@page" not in rules  # the paper of a printed notebook is its own
    assert "@page { size: A4 landscape" in compare("mlp", "cnn", data).to_html()


def test_pictures_are_those_that_differ(data: Dataset) -> None:
    a, b = (evaluate(load_classifier(n), data.x_test, data.y_test, 5) for n in ("mlp", "cnn"))
    text = build_report(pair_up(a, b, data.y_test), data)
    wrong = [e.y_proba.argmax(axis=1) != data.y_test for e in (a, b)]
    for name, rows in (
        ("only-a", ~wrong[0] & wrong[1]),
        ("only-b", wrong[0] & ~wrong[1]),
        ("neither", wrong[0] & wrong[1]),
    ):
        assert text.count(f"href='#sheet-{name}'") == min(60, rows.sum())
    only_a = np.flatnonzero(~wrong[0] & wrong[1])
    shown = re.findall(r"aria-label='no\. (\d+): (\d)", text)
    assert {(str(i), str(data.y_test[i])) for i in only_a} <= set(shown)


def test_titles_that_are_shared_get_their_names_and_are_escaped(data: Dataset) -> None:
    def named(model: str) -> Evaluation:
        values: dict[str, Any] = dict(vars(mlp)) | {"model": model, "title": "<b>same"}
        return Evaluation(**values)

    mlp = evaluate(load_classifier("mlp"), data.x_test, data.y_test, 5)
    x, y = distinct_titles([named("x"), named("y")])
    text = build_report(pair_up(x, y, data.y_test), data)
    assert "&lt;b&gt;same (x)" in text
    assert "<b>same" not in text
    Page(text)


def test_known_evaluations_are_kept_and_shown(data: Dataset) -> None:
    mlp = evaluate(load_classifier("mlp"), data.x_test, data.y_test, 5)
    third = Evaluation(**dict(vars(mlp)) | {"model": "third", "title": "Third", "card": {}})
    text = compare("mlp", "cnn", data, known=[mlp, third]).to_html()
    latency = mlp.latency_ms
    assert latency is not None
    shown = f"{latency.p50:.2f} / {latency.p90:.2f} / {latency.p99:.2f} ms"
    # The third stays as it was; the pair is timed together, or its latencies would not compare.
    assert text.count(f"<td>{shown}</td>") == 1
    assert "No curves are kept of MLP, CNN and Third." in text


def test_the_pretrained_pair_has_no_validation_answers_on_other_data(digits: Dataset) -> None:
    assert validation_answers(load_classifier("mlp"), digits) is None


@pytest.mark.mnist
def test_validation_answers_of_the_pretrained_pair_are_those_of_the_training(
    mnist: Dataset,
) -> None:
    classifier = load_classifier("mlp")
    answers = validation_answers(classifier, mnist)
    assert answers is not None
    y_val, proba = answers
    right = float((proba.argmax(axis=1) == y_val).mean())
    assert right == pytest.approx(classifier.card["validation_accuracy"], abs=5e-4)


def test_validation_answers_of_a_run_are_read(data: Dataset, runs: Path) -> None:
    answers = validation_answers(load_classifier("mlp-11", runs), data, runs)
    assert answers is not None
    np.testing.assert_array_equal(answers[0], data.y_train[:200])
    assert answers[1].shape == (200, 10)


def test_history_of_a_run(runs: Path) -> None:
    history = read_history("mlp-22", runs)
    assert history.model == "mlp"
    assert [history.training, history.validation] == [
        ((1, 0.5, 0.8), (2, 0.3, 0.9)),
        ((1, 0.4, 0.85), (2, 0.2, 0.95)),
    ]


def test_a_run_is_exported(runs: Path) -> None:
    folder = runs / "mlp-11"
    assert export_model("mlp-11", "keras", runs).data == b"keras"
    made = export_model("mlp-11", "tflite", runs)
    assert (made.name, made.data) == ("mlp-11.tflite", (folder / "model.tflite").read_bytes())
    card = json.loads(export_model("mlp-11", "json", runs).data)
    assert card == json.loads((folder / "run.json").read_text())
    with zipfile.ZipFile(io.BytesIO(export_model("mlp-11", "zip", runs).data)) as archive:
        assert {name.partition("/")[2] for name in archive.namelist()} == {
            path.name for path in folder.iterdir()
        }


def test_figures_of_a_run_as_csv(runs: Path, data: Dataset) -> None:
    text = export_model("mlp-11", "csv", runs).data.decode()
    rows = {
        (row["figure"], row["digit"]): row["value"] for row in csv.DictReader(io.StringIO(text))
    }
    right = load_classifier("mlp").predict_proba(data.x_test).argmax(axis=1) == data.y_test
    assert float(rows["accuracy", ""]) == pytest.approx(right.mean())
    assert rows["test_images", ""] == str(len(data.y_test))
    assert rows["parameters", ""] == "5"
    assert float(rows["recall", "3"]) == pytest.approx(right[data.y_test == 3].mean())


def test_the_pretrained_pair_is_exported_without_keras() -> None:
    assert export_model("cnn", "tflite").data == (PRETRAINED_FOLDER / "cnn.tflite").read_bytes()
    assert json.loads(export_model("cnn", "json").data)["architecture"] == "cnn"
    assert b"accuracy" in export_model("cnn", "csv").data
    for kind in ("keras", "zip"):
        with pytest.raises(ModelError, match="tflite, csv or json"):
            export_model("cnn", kind)


def test_a_damaged_run_and_an_unknown_format_are_refused(runs: Path) -> None:
    (runs / "mlp-11" / "model.keras").write_bytes(b"other")
    with pytest.raises(ModelError, match="damaged"):
        export_model("mlp-11", "keras", runs)
    with pytest.raises(ModelError, match="keras, tflite, csv, json, zip"):
        export_model("mlp-22", "exe", runs)
