"""The public card of a model as one self-contained HTML page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from mnistlab.glossary import glossary
from mnistlab.markup import UNKNOWN, escape, note, number, table
from mnistlab.metrics.benchmark import CONFIDENT, LIKE_DIGITS, DigitResult, Interval, Rate
from mnistlab.report.html import _environment, _facts, _page
from mnistlab.report.set_result import SetResult
from mnistlab.texts import percent
