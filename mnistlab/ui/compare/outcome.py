"""What a training has led to, in one sentence, and where to go from there."""

from __future__ import annotations

import ipywidgets as widgets

from mnistlab.metrics.comparison import LEVEL
from mnistlab.metrics.evaluation import Evaluation, Pair
from mnistlab.metrics.seed_comparison import compare_seeds
from mnistlab.models.config import TITLES
from mnistlab.texts import counted, percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.results import Results
from mnistlab.ui.compare.state import CompareState
from mnistlab.ui.state import AppState


class Outcome(ui.View):
    """A card that appears when the models that were trained last have been evaluated."""

    def __init__(self, app: AppState, state: CompareState, results: Results) -> None:
        super().__init__(app)
        self._state, self._results = state, results
        self._text = widgets.HTML()
        try_it = self._button("Try it in Predict", "ml-try", self.try_it, "Let it read your digits")
        try_it.add_class("ml-primary")
        self.widget = ui.classed(
            widgets.VBox([self._text, ui.tools(try_it)]), "ml-section", "ml-outcome"
        )
        self._follow(state, self._paint, "jobs", "is_training", "evaluations", "pair")

    def try_it(self) -> None:
        """Let Predict use the models that were trained last, and go there."""
        for name in self._trained():
            self._results.load(name)
        self._app.wanted = "predict"

    def _trained(self) -> list[str]:
        """The last finished run of each kind of network among the jobs that were started last."""
        jobs = [job for job in self._state.jobs.values() if job.run_id]
        return list({job.config.model: job.run_id for job in jobs}.values())

    def _over_seeds(self) -> str:
        """What several seeds of each model have reached; empty for one seed."""
        reached: dict[str, list[float]] = {}
        for job in self._state.jobs.values():
            if job.test_accuracy is not None:
                reached.setdefault(job.config.model, []).append(job.test_accuracy)
        if max(map(len, reached.values()), default=0) < 2:
            return ""
        means = ", ".join(
            f"{TITLES[model]} {percent(sum(each) / len(each), 1)} over {counted(len(each), 'seed')}"
            for model, each in reached.items()
        )
        if len(reached) < 2:
            return f"Mean accuracy: {means}."
        verdict = compare_seeds(*reached.values()).verdict(*(TITLES[model] for model in reached))
        return f"Mean accuracy: {means}. {verdict}"

    def _paint(self) -> None:
        known, trained = self._state.evaluations, self._trained()
        is_ready = trained and not self._state.is_training and all(n in known for n in trained)
        self.widget.layout.display = "" if is_ready else "none"
        if is_ready:
            text = self._over_seeds() or outcome(
                [known[name] for name in trained], self._state.pair
            )
            self._text.value = f"<p class='ml-sentence' role='status'>{ui.escape(text)}</p>"


def outcome(trained: list[Evaluation], pair: Pair | None) -> str:
    """What one or two trained models have reached, and whether one is better.

    `pair` tells which of the two is better, where it is about them.
    """
    if len(trained) == 1:
        return f"Your {_named(trained[0])} of the test images right."
    if pair is None or {each.model for each in pair.evaluations} != {e.model for e in trained}:
        text = " and ".join(f"your {_named(each)}" for each in trained)
        return f"{text[0].upper()}{text[1:]} of the test images right."
    better, other = sorted(pair.evaluations, key=lambda each: -each.scores.accuracy)
    high, low = (f"{e.title} ({percent(e.scores.accuracy, 1)})" for e in (better, other))
    if pair.comparison.p_value < LEVEL:
        text = f"Your {high} is significantly better than your {low}."
    elif pair.comparison.only_a == pair.comparison.only_b:
        titles = f"Your {better.title} and your {other.title}"
        text = f"{titles} are equally accurate ({percent(better.scores.accuracy, 1)})."
    else:
        text = f"The difference between your {high} and your {low} is not significant."
    return f"{text} Side by side, below, shows where they differ."


def _named(each: Evaluation) -> str:
    return f"{each.title} reads {percent(each.scores.accuracy, 1)}"
