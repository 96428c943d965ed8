"""What Train & Compare shows, as data: no widgets, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import traitlets
from traitlets import HasTraits

from mnistlab.models.config import TrainingConfig
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


DOORS = ("only A", "only B", "neither", "cell")
ORDERS = ("most confident first", "least confident first", "by index")


@dataclass(frozen=True)
class Door:
    """Which test images the gallery shows: one of `DOORS`, and for a cell which one."""

    kind: str = "only A"
    side: int = 0
    """Whose confusion matrix the cell is in: 0 for A, 1 for B."""
    true: int | None = None
    predicted: int | None = None


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models on the same images, as the page compares them.

    `evaluations` are A's and B's on the labels `y` (n,); `rows` (n,) are the images' places in the
    test set, for with corrected labels some are left out.
    """

    evaluations: tuple[Any, Any]
    y: np.ndarray
    rows: np.ndarray

    @property
    def key(self) -> tuple[Any, ...]:
        """What tells it from another pair: a run's answers never change, its title may."""
        return (len(self.y), *((each.model, each.title) for each in self.evaluations))

    @property
    def titles(self) -> tuple[str, str]:
        """A's and B's names."""
        a, b = self.evaluations
        return a.title, b.title

    @property
    def predicted(self) -> tuple[np.ndarray, np.ndarray]:
        """A's and B's digits, (n,) each."""
        a, b = self.evaluations
        return a.y_proba.argmax(1), b.y_proba.argmax(1)

    def behind(self, door: Door, order: str) -> np.ndarray:
        """Positions (m,) of the images behind a door, in the order asked for.

        How sure a model is means its highest probability; of those that misread the image, or of
        the one whose cell it is, the surer counts.
        """
        a, b = self.predicted
        wrong_a, wrong_b = a != self.y, b != self.y
        sure_a, sure_b = (e.y_proba.max(1) for e in self.evaluations)
        if door.kind == "cell":
            guess, sure = ((a, sure_a), (b, sure_b))[door.side]
            chosen = (guess == door.predicted) & (self.y == door.true)
        else:
            chosen = {
                "only A": ~wrong_a & wrong_b,
                "only B": wrong_a & ~wrong_b,
                "neither": wrong_a & wrong_b,
            }[door.kind]
            sure = np.maximum(sure_a * wrong_a, sure_b * wrong_b)
        found = np.flatnonzero(chosen)
        if order == "by index":
            return found
        sign = -1 if order == "most confident first" else 1
        return found[np.argsort(sign * sure[found], kind="stable")]


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
    pair = traitlets.Instance(Pair, allow_none=True)
    """Those two's answers, None until both are known."""

    # Images
    door = traitlets.Instance(Door, ())
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
