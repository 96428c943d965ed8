"""The card that says what a training has led to."""

from __future__ import annotations

from dataclasses import replace

from mnistlab.models.config import TrainingConfig
from mnistlab.ui.compare import CompareTab
from mnistlab.ui.compare.state import JobState
from tests.ui.compare.conftest import SaveRun


def trained(tab: CompareTab, *runs: str) -> None:
    """The page after a training that led to these runs."""
    jobs: dict[tuple[str, int], JobState] = {}
    for name in runs:
        config = TrainingConfig(name.partition("-")[0])
        jobs[config.model, 0] = replace(JobState(config), run_id=name, is_over=True)
    tab.state.jobs = dict(jobs)
    tab.results.add(runs)
    tab.wait()


def text(tab: CompareTab) -> str:
    return str(tab.outcome._text.value)


def test_there_is_no_card_before_a_training(tab: CompareTab) -> None:
    assert tab.outcome.widget.layout.display == "none"


def test_a_clear_difference_is_said_with_both_accuracies(
    tab: CompareTab, save_run: SaveRun
) -> None:
    save_run("mlp-0001-aaaa", wrong=80)
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "mlp-0001-aaaa", "cnn-0001-bbbb")
    assert tab.outcome.widget.layout.display == ""
    expected = "Your CNN bbbb (98.6 %) is significantly better than your MLP aaaa (77.8 %)."
    assert expected in text(tab)


def test_a_small_difference_is_not_significant(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("mlp-0001-aaaa", wrong=6)
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "mlp-0001-aaaa", "cnn-0001-bbbb")
    both = "your CNN bbbb (98.6 %) and your MLP aaaa (98.3 %)"
    assert f"The difference between {both} is not significant." in text(tab)


def test_as_many_images_right_is_equally_accurate(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("mlp-0001-aaaa", wrong=5)
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "mlp-0001-aaaa", "cnn-0001-bbbb")
    assert "aaaa and your CNN bbbb are equally accurate (98.6 %)." in text(tab)


def test_one_model_alone_is_said_with_its_accuracy(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "cnn-0001-bbbb")
    assert "Your CNN bbbb reads 98.6 % of the test images right." in text(tab)


def test_another_pair_leaves_the_card_at_what_was_trained(
    tab: CompareTab, save_run: SaveRun
) -> None:
    save_run("mlp-0001-aaaa", wrong=80)
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "mlp-0001-aaaa", "cnn-0001-bbbb")
    tab.results.compare("mlp", "cnn")
    expected = "Your MLP aaaa reads 77.8 % and your CNN bbbb reads 98.6 % of the test images right."
    assert expected in text(tab)


def test_it_can_be_tried_in_predict(tab: CompareTab, save_run: SaveRun) -> None:
    save_run("cnn-0001-bbbb", "cnn", wrong=5)
    trained(tab, "cnn-0001-bbbb")
    tab.outcome.try_it()
    assert tab.app.loaded == {"cnn": "cnn-0001-bbbb"}
    assert tab.app.wanted == "predict"
