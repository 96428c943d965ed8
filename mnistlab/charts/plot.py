"""Plots as HTML and SVG that fill their place: lines stretch with it, text keeps its size.

What a mark stands for is shown when the pointer is over it or the keyboard has reached it, by the
style sheet alone. So a plot works wherever HTML is shown: on the page, in a notebook, in a report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from mnistlab.markup import escape

Point = tuple[float, float]

_STEPS = (1, 2, 2.5, 5, 10)  # of ticks that are easy to read, times a power of ten


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, with a title and round ticks.

    Attributes
    ----------
    label : the text of a value
    ticks : where the axis has marks; `round_ticks` finds some
    """

    low: float
    high: float
    title: str
    ticks: Sequence[float]
    label: Callable[[float], str] = "{:g}".format

    def place(self, value: float) -> float:
        """Where a value lies, 0 to 100 % of the axis for those on it."""
        return 100 * (float(value) - self.low) / (self.high - self.low)


def round_ticks(low: float, high: float, most: int = 5, whole: bool = False) -> list[float]:
    """At most so many round values from `low` to `high`, evenly spaced; `whole` allows no others.

    The step is 1, 2, 2.5 or 5 times a power of ten, the smallest that gives few enough.
    """
    if not low < high:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = (power * 10**more * step for more in range(3) for step in _STEPS)
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most and (not whole or step == int(step)):
            return [round(i * step, 12) for i in range(first, last + 1)]
    return [low, high]


@dataclass
class Plot:
    """A plot to which marks are added, and which `html` then returns.

    `summary` is what it shows, in words, for those who do not see it.
    """

    x: Axis
    y: Axis
    summary: str
    _svg: list[str] = field(default_factory=list)
    _marks: list[str] = field(default_factory=list)

    def line(self, points: Iterable[Point], classes: str, opacity: float = 1.0) -> None:
        """Join points (x, y) by a line."""
        places = " ".join(f"{self.x.place(x):.2f},{100 - self.y.place(y):.2f}" for x, y in points)
        fade = f" opacity='{opacity:.2f}'" if opacity < 1 else ""
        self._svg.append(f"<polyline class='{classes}' points='{places}'{fade}/>")

    def dot(self, x: float, y: float, text: str, classes: str = "", radius: float = 3) -> None:
        """Mark a point by a dot that shows `text`."""
        place = f"left:{self.x.place(x):.2f}%;bottom:{self.y.place(y):.2f}%;--r:{radius:.1f}px"
        self._mark("ml-dot", classes, place, text)

    def bars(self, x: float, bars: Sequence[tuple[float, str]], text: str, width: float) -> None:
        """Draw bars (height, classes) side by side around `x`, which together show `text`.

        `width` is that of the group, in units of x.
        """
        left, right = self.x.place(x - width / 2), self.x.place(x + width / 2)
        inside = "".join(
            f"<i class='ml-bar {classes}' style='height:{self.y.place(height):.2f}%'></i>"
            for height, classes in bars
        )
        place = f"left:{left:.2f}%;width:{right - left:.2f}%"
        self._mark("ml-bar-group", "", place, text, inside)

    def box(self, x: float, quantiles: Sequence[float], text: str, width: float) -> None:
        """Draw a box over `x` from five rising quantiles: whiskers, box and middle."""
        left, right = self.x.place(x - width / 2), self.x.place(x + width / 2)
        low, q1, middle, q3, high = (self.y.place(value) for value in quantiles)
        inside = (
            f"<i class='ml-whisker' style='bottom:{low:.2f}%;height:{high - low:.2f}%'></i>"
            f"<i class='ml-box' style='bottom:{q1:.2f}%;height:{q3 - q1:.2f}%'></i>"
            f"<i class='ml-middle' style='bottom:{middle:.2f}%'></i>"
        )
        self._mark("ml-box-group", "", f"left:{left:.2f}%;width:{right - left:.2f}%", text, inside)

    def _mark(self, kind: str, classes: str, place: str, text: str, inside: str = "") -> None:
        # Inside the right half the text would leave the plot on its right.
        self._marks.append(
            f"<span class='ml-mark {kind} {classes}' style='{place}' tabindex='0' role='img' "
            f"aria-label='{escape(text)}' data-text='{escape(text)}'>{inside}</span>"
        )

    def html(self, title: str = "", legend: str = "", height: int = 220) -> str:
        """Return the plot with its title and legend; `height` is that of the area, in pixels."""
        across = "".join(
            f"<span style='left:{self.x.place(tick):.2f}%'>{escape(self.x.label(tick))}</span>"
            for tick in self.x.ticks
        )
        up = "".join(
            f"<span style='bottom:{self.y.place(tick):.2f}%'>{escape(self.y.label(tick))}</span>"
            for tick in self.y.ticks
        )
        widest = max((len(self.y.label(tick)) for tick in self.y.ticks), default=1)
        caption = f"<figcaption>{escape(title)}</figcaption>" if title else ""
        return (
            f"<figure class='ml-plot' role='group' aria-label='{escape(self.summary)}' "
            f"style='--widest:{widest}ch;--height:{height}px'>{caption}{legend}"
            f"<div class='ml-plot-y-title' aria-hidden='true'>{escape(self.y.title)}</div>"
            f"<div class='ml-plot-y' aria-hidden='true'>{up}</div>"
            f"<div class='ml-plot-area'><svg viewBox='0 0 100 100' preserveAspectRatio='none' "
            f"aria-hidden='true'>{self._rules()}{''.join(self._svg)}</svg>"
            f"{''.join(self._marks)}</div>"
            f"<div class='ml-plot-x' aria-hidden='true'>{across}</div>"
            f"<div class='ml-plot-x-title' aria-hidden='true'>{escape(self.x.title)}</div></figure>"
        )

    def _rules(self) -> str:
        heights = (100 - self.y.place(tick) for tick in self.y.ticks)
        return "".join(
            f"<line class='ml-rule' x1='0' x2='100' y1='{y:.2f}' y2='{y:.2f}'/>" for y in heights
        )


def key(names: Sequence[tuple[str, str]]) -> str:
    """A legend of (text, classes)."""
    items = "".join(
        f"<span class='ml-key {classes}'>{escape(text)}</span>" for text, classes in names
    )
    return f"<p class='ml-legend'>{items}</p>"
