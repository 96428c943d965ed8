"""The jobs as they run: a progress bar with text for each model, and training curves."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import cast

import ipywidgets as widgets

from mnistlab.charts.curves import Curves, draw_curves
from mnistlab.models.config import MODELS, TITLES
from mnistlab.texts import percent
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.compare.state import CompareState, JobState, Key
from mnistlab.ui.state import AppState

_SHOWN_CURVES = 8  # of each model; more could not be told apart


class TrainingProgress(ui.View):
    """The bars and the curves."""

    def __init__(self, app: AppState, state: CompareState) -> None:
        super().__init__(app)
        self._state = state
        self.bars = {model: ui.classed(widgets.HTML(), f"ml-progress-{model}") for model in MODELS}
        self.curves = ui.classed(widgets.HTML(), "ml-curves")
        parts = [*self.bars.values(), self.curves]
        self.widget = ui.classed(widgets.VBox(parts), "ml-section", "ml-live")
        self._follow(state, self._paint, "jobs")

    def _paint(self) -> None:
        jobs = cast(Mapping[Key, JobState], self._state.jobs)  # traitlets types keys as str
        for model, bar in self.bars.items():
            bar.value = _progress_html(
                model, {seed: job for (of, seed), job in jobs.items() if of == model}
            )
        self.curves.value = _curves_html(jobs)


def _progress_html(model: str, jobs: Mapping[int, JobState]) -> str:
    """One model's bar with its text, and a list of its jobs, by seed, where there are several."""
    if not jobs:
        return _bar(model, "not started", 0.0)
    failed = " ml-failed" * any(job.failure for job in jobs.values())
    if len(jobs) == 1:
        (job,) = jobs.values()
        return _bar(model, job.text, job.fraction, failed) + _failure(job)
    fraction = fmean(job.fraction for job in jobs.values())
    ended = sum(job.is_over for job in jobs.values())
    text = f"{ended} of {len(jobs)} seeds ended · {percent(fraction, 0)}"
    lines = "".join(
        f"<li>seed {seed} · {ui.escape(job.text)}{_failure(job)}</li>" for seed, job in jobs.items()
    )
    return _bar(model, text, fraction, failed) + f"<ul class='ml-seed-list'>{lines}</ul>"


def _bar(model: str, text: str, fraction: float, failed: str = "") -> str:
    return (
        f"<div class='ml-progress{failed}' role='progressbar' aria-label='{TITLES[model]}' "
        f"aria-valuemin='0' aria-valuemax='100' aria-valuenow='{100 * fraction:.0f}'>"
        f"<div class='ml-progress-track'><div class='ml-progress-bar ml-{model}' "
        f"style='width:{100 * fraction:.1f}%'></div></div>"
        f"<div class='ml-progress-text'>{TITLES[model]} · {ui.escape(text)}</div></div>"
    )


def _failure(job: JobState) -> str:
    if not job.failure:
        return ""
    output = f"<summary>Worker output</summary><pre>{ui.escape(job.details)}</pre>"
    text = f"<p class='ml-warning' role='alert'>{ui.escape(job.failure)}</p>"
    return text + f"<details>{output}</details>" * bool(job.details)


def _curves_html(jobs: Mapping[Key, JobState]) -> str:
    """Loss and accuracy of the jobs that have begun, and the best accuracies so far."""
    shown: dict[str, Curves] = {}
    best = []
    for model in MODELS:
        begun = [j for (of, _), j in jobs.items() if of == model and j.training_curve]
        for job in begun[-_SHOWN_CURVES:]:
            seed = f" seed {job.config.seed}" if len(jobs) > len(MODELS) else ""
            curves = Curves(model, job.training_curve, job.validation_curve, job.test_accuracy)
            shown[f"{TITLES[model]}{seed}"] = curves
        accuracies = [accuracy for job in begun for _, _, accuracy in job.validation_curve]
        if accuracies:
            best.append(f"{TITLES[model]} {percent(max(accuracies))}")
    epochs = max((job.config.epochs for job in jobs.values()), default=1)
    text = f"Best validation accuracy so far: {', '.join(best)}"
    return draw_curves(shown, epochs) + (ui.note(text) if best else "")
