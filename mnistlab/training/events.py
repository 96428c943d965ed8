"""The events of a training run: frozen dataclasses that travel as JSON lines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True)
class Queued(Event):
    """Other jobs train first; `ahead` of them must end before this one may begin."""

    ahead: int


@dataclass(frozen=True)
class Preparing(Event):
    """Work before the first step, such as importing TensorFlow."""

    message: str


@dataclass(frozen=True)
class Started(Event):
    """The first step is about to run; `steps` are those of one epoch."""

    epochs: int
    steps: int
    parameters: int


@dataclass(frozen=True)
class Progress(Event):
    """Sent a few times a second. Loss and accuracy are means over the epoch so far.

    The loss is the cross-entropy without label smoothing, so that models can be compared.
    """

    epoch: int
    """The running epoch, from 1."""
    epochs: int
    step: int
    """Steps done in this epoch, of `steps`."""
    steps: int
    loss: float
    accuracy: float
    seconds: float
    """Since `Started`."""
    seconds_left: float
    """Extrapolated from the pace so far."""

    @property
    def fraction(self) -> float:
        """Fraction of the whole run that is done, 0 to 1."""
        return (self.epoch - 1 + self.step / self.steps) / self.epochs


@dataclass(frozen=True)
class EpochEnd(Event):
    """An epoch is over and validated, `seconds` after `Started`. Losses are as in `Progress`."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Testing(Event):
    """Training is over; the model is exported and evaluated on the test set."""

    best_epoch: int


@dataclass(frozen=True)
class Finished(Event):
    """The run folder is complete."""

    run: str
    test_accuracy: float
    seconds: float
    """Training time: from `Started` to the last step, validation included."""


@dataclass(frozen=True)
class Cancelled(Event):
    """The run was cancelled; nothing was kept."""


@dataclass(frozen=True)
class Failed(Event):
    """The run ended with an error."""

    message: str
    """One sentence for the user."""
    details: str = ""
    """The end of the worker's output."""


LastEvent = Finished | Cancelled | Failed
"""How a run ends."""
_EVENTS: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}


def to_json(event: Event) -> str:
    """Return an event as one line of JSON."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_json(line: str) -> Event:
    """Return the reverse of `to_json`; raise `ValueError` or `TypeError` for anything else."""
    values = json.loads(line)
    if not isinstance(values, dict) or values.get("event") not in _EVENTS:
        raise ValueError(f"not an event: {line[:80]!r}")
    return _EVENTS[values.pop("event")](**values)
