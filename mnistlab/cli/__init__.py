"""The command line, `mnistlab COMMAND`. Modules that a command needs load when it runs."""

from mnistlab.cli.program import main

__all__ = ["main"]
