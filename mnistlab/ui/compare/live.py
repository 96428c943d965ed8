"""Trainings as they run: a bar with its text for each model, and curves that grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets

from mnistlab.charts.curves import Curves, draw_curves
from mnistlab.models.config import MODELS, TITLES
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState, Key, RunState, fraction_of
from mnistlab.ui.state import AppState

_SHOWN_CURVES = 8  # of each model; more are no longer told apart


class Live:
    """The bars and the curves; `widget` is all of them."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        self._state = state
        self.progress = {
            model: ui.classed(widgets.HTML(), f"ml-progress-{model}") for model in MODELS
        }
        self.curves = ui.classed(widgets.HTML(), "ml-curves")
        self.widget = ui.classed(
            widgets.VBox([*self.progress.values(), self.curves]), "ml-section", "ml-live"
        )
        state.observe(ui.guard(app, lambda _: self.paint()), ["runs"])
        self.paint()

    def paint(self) -> None:
        """Show the runs as they stand."""
        runs: Any = self._state.runs  # by Key; traitlets knows of text keys only
        for model, bar in self.progress.items():
            bar.value = progress_html(
                model, {key[1]: run for key, run in runs.items() if key[0] == model}
            )
        self.curves.value = curves_html(runs)


def progress_html(model: str, runs: Mapping[int, RunState]) -> str:
    """A bar with its text, which alone says it all; below it the runs, where there are several."""
    title = TITLES[model]
    if not runs:
        return _bar(model, f"{title} · not started", 0.0, failed=False)
    failed = any(run.failure for run in runs.values())
    if len(runs) == 1:
        (run,) = runs.values()
        bar = _bar(model, f"{title} · {run.text}", run.fraction, failed)
        return bar + _last_words(run)
    fraction = fraction_of(runs.values())
    over = sum(run.is_over for run in runs.values())
    text = f"{title} · {over} of {len(runs)} seeds over · {100 * fraction:.0f} %"
    lines = "".join(
        f"<li>seed {seed} · {ui.escape(run.text)}{_last_words(run)}</li>"
        for seed, run in runs.items()
    )
    return _bar(model, text, fraction, failed) + f"<ul class='ml-seed-list'>{lines}</ul>"


def _bar(model: str, text: str, share: float, failed: bool) -> str:
    kind = " ml-failed" if failed else ""
    return (
        f"<div class='ml-progress{kind}' role='progressbar' aria-label='{TITLES[model]}' "
        f"aria-valuemin='0' aria-valuemax='100' aria-valuenow='{100 * share:.0f}'>"
        f"<div class='ml-progress-track'><div class='ml-progress-bar ml-{model}' "
        f"style='width:{100 * share:.1f}%'></div></div>"
        f"<div class='ml-progress-text'>{ui.escape(text)}</div></div>"
    )


def _last_words(run: RunState) -> str:
    if not run.failure:
        return ""
    details = ""
    if run.details:
        words = ui.escape(run.details)
        details = f"<details><summary>Last words</summary><pre>{words}</pre></details>"
    return f"<p class='ml-warning' role='alert'>{ui.escape(run.failure)}</p>{details}"


def curves_html(runs: Mapping[Key, RunState]) -> str:
    """Loss and accuracy of all runs that have begun."""
    begun = [run for run in runs.values() if run.training_curve]
    if not begun:
        return "<p class='ml-note'>Training curves grow here while a model trains.</p>"
    shown = [run for model in MODELS for run in _newest(begun, model)]
    epochs = max(run.config.epochs for run in runs.values())
    many = len(runs) > len(MODELS)
    series = {_title(run, many): _curves(run) for run in shown}
    return draw_curves(series, epochs) + _best(begun)


def _newest(runs: Sequence[RunState], model: str) -> Sequence[RunState]:
    return [run for run in runs if run.config.model == model][-_SHOWN_CURVES:]


def _title(run: RunState, many: bool) -> str:
    return f"{run.config.title} seed {run.config.seed}" if many else run.config.title


def _curves(run: RunState) -> Curves:
    return Curves(run.config.model, run.training_curve, run.validation_curve)


def _best(runs: Sequence[RunState]) -> str:
    """The current best of each model."""
    known = [run for run in runs if run.validation_curve]
    if not known:
        return ""
    texts = []
    for model in MODELS:
        found = [p[2] for run in known if run.config.model == model for p in run.validation_curve]
        if found:
            texts.append(f"{TITLES[model]} {100 * max(found):.2f} %")
    return f"<p class='ml-note'>Best validation accuracy so far: {', '.join(texts)}</p>"
