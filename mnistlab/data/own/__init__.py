"""Files of one's own as a `Dataset`, however their arrays or columns are arranged."""

from mnistlab.data.own.reader import load_own

__all__ = ["load_own"]
