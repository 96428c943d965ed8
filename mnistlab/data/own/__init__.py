"""Your own files as a `Dataset`, whatever the layout of their arrays or columns."""

from mnistlab.data.own.reader import load_own

__all__ = ["load_own"]
