"""What all kernels of the web app have in common, made before they are forked."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from mnistlab.errors import MnistLabError
from mnistlab.images.preprocessing import IMAGE_SIDE
from mnistlab.ui.predict.controller import pretrained


def preload() -> None:
    """Load the pretrained models: 20 MB that the processes forked from this one share.

    A model that cannot be read is the page's to report.
    """
    blank = np.zeros((1, IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    with suppress(MnistLabError):
        for classifier in pretrained().values():
            classifier.read(blank)
