"""What all tabs share, as data: traitlets and frozen records, no widgets, no I/O.

Controllers set these traits, views repaint from them, and tests read them. Values are replaced,
never edited in place, because traitlets compares before it notifies.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from traitlets import Bool, Dict, Enum, HasTraits, Instance, Unicode

from mnistlab.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class Sent:
    """An image (28, 28) that another tab sends to the pad, and a note for people."""

    image: NDArray[np.uint8]
    note: str


class AppState(HasTraits):
    """The data, the status line, and one reentrant lock.

    `lock` is held while a handler runs (see `widgets.guard`): callbacks arrive on the main
    thread in Voilà and on a subshell's thread in JupyterLab. A background thread takes it to
    change state. Never wait for that thread while holding the lock.
    """

    dataset: Any = Instance(Dataset, allow_none=True)  # Any: None only if no data could be loaded
    """The data to train and test on; Explore opens with it."""
    explored = Instance(Dataset, allow_none=True)
    """What Explore shows, None while that is `dataset`."""
    is_training = Bool(False)
    """Whether a training run is active that ends with the page."""
    sent = Instance(Sent, allow_none=True)
    """The last image sent to the pad."""
    drawing = Instance(np.ndarray, allow_none=True)
    """What the models see of the pad, (28, 28) uint8, None where there is no ink."""
    front = Unicode("predict")
    """The tab in front."""
    wanted = Unicode("")
    """The tab that another tab asks for."""
    loaded = Dict(value_trait=Unicode(), key_trait=Unicode())
    """Architecture -> id of the run that Predict uses instead of the pretrained model."""
    remembered = Dict(key_trait=Unicode())
    """What a reload of the web app brings back, by part: values that JSON can hold."""
    recalled = Dict(key_trait=Unicode())
    """The same from before the reload, for tabs that are built later."""
    status = Unicode("")
    status_kind = Enum(("info", "busy", "error"), default_value="info")

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.lock = threading.RLock()

    def remember(self, part: str, value: object) -> None:
        """Let a reload bring this back."""
        self.remembered = {**self.remembered, part: value}

    def say(self, text: str, kind: str = "info") -> None:
        """Put one sentence into the status line; `kind` is `info`, `busy` or `error`."""
        with self.hold_trait_notifications():
            self.status_kind, self.status = kind, text
