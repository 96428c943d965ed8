"""What can go wrong, one exception for each kind of trouble a caller can act on.

A message is one clear sentence with the remedy in it; the page and the command line show it as
it is.
"""

from __future__ import annotations


class MnistLabError(Exception):
    """The base of all errors that mnistlab raises on purpose."""


class DataError(MnistLabError):
    """A dataset cannot be read, checked, downloaded or cached."""


class UploadError(MnistLabError):
    """Uploaded bytes are not an image that can be read as a digit."""


class ModelError(MnistLabError):
    """A model or a run is unknown, damaged or not a digit classifier."""


class TrainingError(MnistLabError):
    """A training run failed."""


class ConfigError(MnistLabError):
    """A setting is out of its range or not known."""
