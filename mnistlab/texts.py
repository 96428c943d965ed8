"""Texts for people, the same in the page, the report and the terminal."""

from __future__ import annotations

SITE = "https://mnistlab.github.io/mnistlab/"
"""The documentation, for people to open; nothing is ever loaded from there."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, whose plural takes an s.

    Examples
    --------
    >>> counted(1, "epoch"), counted(2000, "epoch")
    ('1 epoch', '2,000 epochs')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration(seconds: float) -> str:
    """Return finite seconds (0 or more) in a readable unit.

    Minutes are used from 2 minutes on, hours from 2 hours on.

    Examples
    --------
    >>> duration(12.4), duration(840), duration(78369)
    ('12 s', '14 min', '22 h')
    """
    if round(seconds) < 120:
        return f"{seconds:.0f} s"
    if round(seconds / 60) < 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def percent(fraction: float, decimals: int = 2) -> str:
    """A fraction, 0 to 1, as text, such as `98.30 %`; never rounded up to 100 %."""
    text = f"{100 * fraction:.{decimals}f}"
    if fraction < 1 and float(text) == 100:
        return f"over {100 - 10**-decimals:.{decimals}f} %"
    return f"{text} %"
