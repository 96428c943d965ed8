"""The version, where every layer can read it."""

__version__ = "1.0.0"
