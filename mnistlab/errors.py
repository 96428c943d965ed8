"""Exceptions, one for each kind of error that a caller can handle.

A message is one clear sentence with a remedy. The page and the command line show it unchanged.
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
    """A setting is unknown or out of its range."""
