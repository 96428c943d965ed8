"""What Train & Compare shows, as data: no widgets, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import traitlets
from traitlets import HasTraits

from mnistlab.metrics.pair import ORDERS, Group, Pair
from mnistlab.models.config import TrainingConfig
from mnistlab.study.study import Study
from mnistlab.texts import duration
from mnistlab.training import events

MAX_POINTS = 400  # of a training curve

Key = tuple[str, int]
"""Model and seed: one training of those started together."""


@dataclass(frozen=True)
class RunState:
    """One training as the page shows it; `after` gives the state that follows an event."""

    config: TrainingConfig
    text: str = "waiting"
    fraction: float = 0.0
    training_curve: tuple[tuple[float, float, float], ...] = ()
    """Points `(epochs done, loss, accuracy)`, means over the running epoch so far."""
    validation_curve: tuple[tuple[float, float, float], ...] = ()
    run_id: str = ""
    """Set once the run is finished."""
    seconds: float = 0.0
    """Training time, known once the run is finished."""
    failure: str = ""
    details: str = ""
    is_over: bool = False

    def after(self, event: events.Event) -> RunState:
        """The state once `event` has happened."""
        match event:
            case events.Queued(ahead):
                others = "another training" if ahead == 1 else f"{ahead} other trainings"
                return replace(self, text=f"place {ahead} in the queue, after {others}")
            case events.Preparing(message):
                return replace(self, text=message)
            case events.Started():
                # Not always the first time: a cluster that lost a worker begins again.
                return replace(
                    self, text="first step", fraction=0.0, training_curve=(), validation_curve=()
                )
            case events.Progress():
                return self._after_progress(event)
            case events.EpochEnd():
                point = (float(event.epoch), event.val_loss, event.val_accuracy)
                return replace(self, validation_curve=(*self.validation_curve, point))
            case events.Testing(best_epoch):
                return replace(
                    self, fraction=1.0, text=f"reading the test set with epoch {best_epoch}'s model"
                )
            case events.Finished():
                text = (
                    f"done in {duration(event.seconds)} · test accuracy {event.test_accuracy:.2%}"
                )
                return replace(
                    self,
                    fraction=1.0,
                    text=text,
                    run_id=event.run,
                    seconds=event.seconds,
                    is_over=True,
                )
            case events.Cancelled():
                return replace(self, text="cancelled", is_over=True)
            case events.Failed(message, details):
                return replace(self, text="failed", failure=message, details=details, is_over=True)
        return self

    def _after_progress(self, event: events.Progress) -> RunState:
        done = event.epoch - 1 + event.step / event.steps
        text = (
            f"epoch {event.epoch} of {event.epochs} · {event.fraction:.0%} · "
            f"{duration(event.seconds_left)} left"
        ).replace("%", " %")
        curve = self.training_curve
        # The first means of an epoch come from a few batches and only flicker.
        if event.step >= 0.1 * event.steps:
            curve = (*curve, (done, event.loss, event.accuracy))
        # The whole curve travels at each update, so a long run keeps every second point.
        if len(curve) > MAX_POINTS:
            curve = curve[::2]
        return replace(self, fraction=event.fraction, text=text, training_curve=curve)


class CompareState(HasTraits):
    """What the Train & Compare tab shows."""

    # Configure
    models = traitlets.Tuple(("mlp", "cnn"))
    preset = traitlets.Unicode("")
    """Name of a preset, or empty for the user's own settings."""
    settings = traitlets.Dict()
    """The fields of `TrainingConfig` but for the model and the seed."""
    seed = traitlets.Any(0)
    """The first seed."""
    seeds = traitlets.Any(1)
    """How many seeds each model is trained with."""
    my_digits = traitlets.Bool(False)
    """Whether the visitor's own drawings join the training images."""
    problem = traitlets.Unicode("")
    """Why training cannot start, or an empty string."""
    cost = traitlets.Unicode("")
    """What the training will take on this machine."""

    # Run
    is_training = traitlets.Bool(False)
    runs = traitlets.Dict()
    """`Key` -> `RunState` of the last training."""

    # Results
    history = traitlets.Tuple()
    """All runs on this dataset, newest first, damaged ones too."""
    chosen = traitlets.Tuple()
    """The models of the table: ids of runs and names of pretrained models."""
    evaluations = traitlets.Dict()
    """Model -> `Evaluation` on the labels as published."""
    corrected = traitlets.Bool(False)
    """Whether figures are on the corrected labels."""
    names = traitlets.Tuple(("mlp", "cnn"))
    """The two that stand side by side, A and B."""
    study = traitlets.Instance(Study, allow_none=True)
    """Those two compared on the labels as published, None until both are scored."""
    pair = traitlets.Instance(Pair, allow_none=True)
    """Those two on the labels that are chosen, None until both are scored."""

    # Images
    group = traitlets.Instance(Group, ())
    order = traitlets.Enum(ORDERS, default_value=ORDERS[0])
    page = traitlets.Int(0, min=0)
    item = traitlets.Int(None, allow_none=True)
    """Position in the pair of the image that is shown large."""

    # Robustness
    robustness = traitlets.Tuple()
    """`Robustness` of A and B, empty until it is measured."""
    robustness_progress = traitlets.Float(None, allow_none=True)
    """Share done, 0 to 1, None when nothing runs."""


def fraction_of(runs: Iterable[RunState]) -> float:
    """Share of several trainings that is done, 0 to 1, by their epochs."""
    known = list(runs)
    total = sum(run.config.epochs for run in known)
    return sum(run.fraction * run.config.epochs for run in known) / max(1, total)
