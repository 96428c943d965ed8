"""Public test sets of handwriting that models are judged on: what they are, and how to read them.

`table` lists them with their sources. The files lie in one folder (`place`), put there by hand or
by `fetch`. `read` has one function for each family of formats. Checksums of all published files
are not known, so the loaders check shapes, counts and labels instead.
"""

from mnistlab.data.benchmark_sets.read import BenchmarkSet, Part, load_set
from mnistlab.data.benchmark_sets.table import SETS, SetInfo, find_set

__all__ = ["SETS", "BenchmarkSet", "Part", "SetInfo", "find_set", "load_set"]
