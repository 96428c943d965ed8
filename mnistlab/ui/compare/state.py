"""What Train & Compare shows, as data: no widgets, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ipywidgets import TypedTuple
from traitlets import Bool, Dict, Enum, Float, HasTraits, Instance, Int, Tuple, Unicode

from mnistlab.data.dataset import Dataset
from mnistlab.metrics.evaluation import ORDERS, Evaluation, Group, Pair, Robustness
from mnistlab.models import Run
from mnistlab.models.config import TrainingConfig
from mnistlab.study.study import Study
from mnistlab.texts import counted, duration, percent
from mnistlab.training import events

_MAX_POINTS = 400  # of a training curve

Key = tuple[str, int]
"""Model and seed: names one of the jobs that were started together."""


@dataclass(frozen=True)
class JobState:
    """One training job as the page shows it."""

    config: TrainingConfig
    text: str = "waiting"
    fraction: float = 0.0
    training_curve: tuple[tuple[float, float, float], ...] = ()
    """Points `(epochs done, loss, accuracy)`, each the mean since the one before."""
    total: tuple[int, int, float, float] = (0, 0, 0.0, 0.0)
    """Epoch and step of the last point; loss and accuracy summed over the steps up to it."""
    validation_curve: tuple[tuple[float, float, float], ...] = ()
    run_id: str = ""
    """Set when the job is finished."""
    seconds: float = 0.0
    """Training time, known when the job is finished."""
    test_accuracy: float | None = None
    """Known when the job is finished."""
    failure: str = ""
    details: str = ""
    is_over: bool = False

    def after(self, event: events.Event) -> JobState:
        """Return the state that follows an event."""
        match event:
            case events.Queued(ahead):
                others = counted(ahead, "other job")
                return replace(self, text=f"place {ahead} in the queue, behind {others}")
            case events.Preparing(message):
                return replace(self, text=message)
            case events.Started():
                # More than once where a cluster lost a worker and the job starts again.
                return JobState(self.config, "first step")
            case events.Progress():
                return self._after_progress(event)
            case events.EpochEnd():
                point = (float(event.epoch), event.val_loss, event.val_accuracy)
                return replace(self, validation_curve=(*self.validation_curve, point))
            case events.Testing(best_epoch):
                text = f"evaluating the model of epoch {best_epoch} on the test set"
                return replace(self, text=text, fraction=1.0)
            case events.Finished(run_id, accuracy, seconds):
                text = f"done in {duration(seconds)} · test accuracy {percent(accuracy)}"
                done = replace(self, text=text, fraction=1.0, is_over=True)
                return replace(done, run_id=run_id, seconds=seconds, test_accuracy=accuracy)
            case events.Cancelled():
                return replace(self, text="cancelled", is_over=True)
            case events.Failed(message, details):
                return replace(self, text="failed", failure=message, details=details, is_over=True)
        return self

    def _after_progress(self, event: events.Progress) -> JobState:
        text = (
            f"epoch {event.epoch} of {event.epochs} · {percent(event.fraction, 0)} · "
            f"{duration(event.seconds_left)} left"
        )
        curve = (*self.training_curve, self._point(event))
        if len(curve) > _MAX_POINTS:
            curve = curve[::2]  # each update sends the whole curve
        total = event.epoch, event.step, event.step * event.loss, event.step * event.accuracy
        return replace(self, fraction=event.fraction, text=text, training_curve=curve, total=total)

    def _point(self, event: events.Progress) -> tuple[float, float, float]:
        """Where an event leads; its means over the epoch so far would jump at each epoch's end."""
        done = event.epoch - 1 + event.step / event.steps
        epoch, step, loss, accuracy = self.total
        if epoch != event.epoch or step >= event.step:
            return done, event.loss, event.accuracy
        steps = event.step - step
        new = event.step * event.loss - loss, event.step * event.accuracy - accuracy
        return done, new[0] / steps, new[1] / steps


class CompareState(HasTraits):
    """What the Train & Compare tab shows."""

    dataset = Instance(Dataset)
    """What to train and test on."""

    # Settings
    configs: tuple[TrainingConfig, ...] = TypedTuple(Instance(TrainingConfig))
    """What to train, seed by seed; empty where the settings have a problem."""
    my_digits = Bool(False)
    """Whether the drawings kept in Predict are added to the training images."""
    problem = Unicode("")
    """Why training cannot start, or an empty string."""
    cost = Unicode("")
    """How long the training will take on this machine."""
    preset_costs = Dict(value_trait=Unicode(), key_trait=Unicode())
    """Preset -> how long both of its models take; empty until it is known."""

    # Jobs
    is_training = Bool(False)
    jobs = Dict(value_trait=Instance(JobState), key_trait=Tuple(Unicode(), Int()))
    """`Key` -> `JobState` of the jobs that were started last."""

    # Results
    runs: tuple[Run, ...] = TypedTuple(Instance(Run))
    """All runs on this dataset, newest first, damaged ones too."""
    chosen: tuple[str, ...] = TypedTuple(Unicode())
    """The models of the table: ids of runs and names of pretrained models."""
    evaluations = Dict(value_trait=Instance(Evaluation), key_trait=Unicode())
    """Model -> its evaluation on the labels as published."""
    is_measuring = Bool(False)
    """Whether models of the table are being evaluated or timed."""
    corrected = Bool(False)
    """Whether the page shows figures on the corrected labels."""
    names = Tuple(Unicode(), Unicode(), default_value=("mlp", "cnn"))
    """The two models that are compared, A and B."""
    study = Instance(Study, allow_none=True)
    """Their comparison on the labels as published, None until both are evaluated."""
    pair = Instance(Pair, allow_none=True)
    """The two on the labels that are shown, None until both are evaluated."""

    # Images
    group = Instance(Group, ())
    order = Enum(ORDERS, default_value=ORDERS[0])
    page = Int(0, min=0)
    item = Int(None, allow_none=True)
    """Position in the pair of the image that is shown large."""

    # Robustness
    robustness: tuple[Robustness, ...] = TypedTuple(Instance(Robustness))
    """Of A and B, empty until it is measured."""
    robustness_progress = Float(None, allow_none=True)
    """Fraction that is done, 0 to 1; None when no measurement runs."""
