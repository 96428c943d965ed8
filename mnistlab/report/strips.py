"""Accuracies with their 95 % intervals, one in each line, on an axis that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mnistlab.charts.plot import Axis, round_ticks
from mnistlab.markup import escape
from mnistlab.metrics.benchmark import Interval
from mnistlab.texts import percent


@dataclass(frozen=True)
class Strip:
    """A line of the chart."""

    title: str
    subtitle: str
    accuracy: float
    interval: Interval | None


def axis_of(strips: Sequence[Strip]) -> Axis:
    """Return an axis that ends at 1 and starts at a round value below all intervals."""
    lowest = min(min(each.accuracy, each.interval[0] if each.interval else 1) for each in strips)
    step = 0.01 if lowest > 0.95 else 0.05 if lowest > 0.8 else 0.1
    low = int(lowest / step + 1e-9) * step
    if low > lowest - 0.1 * step:
        low = max(0.0, low - step)
    ticks = [tick for tick in round_ticks(low, 1.0, 6) if low <= tick <= 1]
    return Axis(low, 1.0, "Accuracy", ticks, lambda value: percent(value, 0))


def draw_strips(strips: Sequence[Strip], axis: Axis) -> str:
    """Return the chart as HTML; figures stand in it as text too."""
    lines = "".join(_line(each, axis) for each in strips)
    marks = "".join(
        f"<span style='left:{axis.place(tick):.2f}%'>{axis.label(tick)}</span>"
        for tick in axis.ticks
    )
    scale = f"<div class='ml-strip ml-strip-axis' aria-hidden='true'><div>{marks}</div></div>"
    return f"<div class='ml-strips'>{lines}{scale}</div>"


def _line(strip: Strip, axis: Axis) -> str:
    band, text = "", "no interval"
    if strip.interval is not None:
        low, high = map(axis.place, strip.interval)
        band = f"<i class='ml-band' style='left:{low:.2f}%;width:{high - low:.2f}%'></i>"
        text = " to ".join(map(percent, strip.interval))
    return (
        f"<div class='ml-strip'><div class='ml-strip-name'><b>{escape(strip.title)}</b>"
        f"<span>{escape(strip.subtitle)}</span></div>"
        f"<div class='ml-strip-value'><b>{percent(strip.accuracy)}</b><span>{text}</span></div>"
        f"<div class='ml-track' aria-hidden='true'>{band}"
        f"<i class='ml-point' style='left:{axis.place(strip.accuracy):.2f}%'></i></div></div>"
    )
