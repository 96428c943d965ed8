"""The command line."""

from mnistlab.cli.commands import main

__all__ = ["main"]
