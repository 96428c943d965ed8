"""Confidence against accuracy."""

from __future__ import annotations

import math

from mnistlab.figures.markup import escape, table
from mnistlab.metrics.calibration import Calibration, Reliability

_SIDE, _LEFT, _BOTTOM, _TOP = 220, 40, 34, 26


def reliability_diagram(calibration: Calibration, title: str) -> str:
    """Diagrams before and after the temperature, side by side, with their numbers."""
    c = calibration
    sureness = "too sure" if c.temperature > 1 else "not sure enough"
    numbers = table(
        ["", "as trained", "with temperature"],
        [
            ["ECE", f"{c.before.ece:.4f}", f"{c.after.ece:.4f}"],
            ["Loss", f"{c.nll_before:.4f}", f"{c.nll_after:.4f}"],
            ["Brier", f"{c.brier_before:.4f}", f"{c.brier_after:.4f}"],
        ],
        f"Calibration of {title}",
    )
    panels = "".join(
        _panel(each, f"{title} {name}")
        for each, name in ((c.before, "as trained"), (c.after, "with temperature"))
    )
    return (
        f"<section class='ml-reliability'><h4>{escape(title)}</h4>"
        f"<p class='ml-note'>A temperature of {c.temperature:.3f}, fitted on the validation "
        f"images: as trained it is {sureness}. Answers stay the same, only how sure they are.</p>"
        f"<div class='ml-curve-pair'>{panels}</div>{numbers}{_bins(c)}</section>"
    )


def _panel(each: Reliability, title: str) -> str:
    size = _SIDE - _LEFT - _TOP
    bars = []
    for low, high, accuracy, confidence in zip(
        each.edges, each.edges[1:], each.accuracy, each.confidence, strict=False
    ):
        if math.isnan(accuracy):
            continue
        x, width = _LEFT + size * low, size * (high - low)
        bars.append(
            f"<rect class='ml-bar' x='{x + 1:.1f}' y='{_TOP + size * (1 - accuracy):.1f}' "
            f"width='{width - 2:.1f}' height='{size * accuracy:.1f}'/>"
            f"<circle class='ml-dot' r='3' cx='{_LEFT + size * confidence:.1f}' "
            f"cy='{_TOP + size * (1 - accuracy):.1f}'/>"
        )
    ticks = "".join(
        f"<text class='ml-tick' x='{_LEFT + size * v:.1f}' y='{_TOP + size + 14}' "
        f"text-anchor='middle'>{v:.1f}</text><text class='ml-tick' x='{_LEFT - 6}' "
        f"y='{_TOP + size * (1 - v) + 4:.1f}' text-anchor='end'>{v:.1f}</text>"
        for v in (0, 0.5, 1)
    )
    return (
        f"<svg class='ml-curve ml-square' viewBox='0 0 {_SIDE} {_SIDE + 10}' role='img' "
        f"aria-label='Reliability of {escape(title)}: ECE {each.ece:.4f}'>"
        f"<text class='ml-title' x='{_LEFT}' y='14'>{escape(title)}</text>{ticks}"
        f"<line class='ml-rule' x1='{_LEFT}' y1='{_TOP + size}' x2='{_LEFT + size}' y2='{_TOP}'/>"
        f"{''.join(bars)}<text class='ml-tick' x='{_LEFT + size / 2}' y='{_TOP + size + 30}' "
        f"text-anchor='middle'>confidence</text><text class='ml-tick' x='{_LEFT}' y='{_TOP - 2}' "
        "text-anchor='end'>accuracy</text></svg>"
    )


def _bins(c: Calibration) -> str:
    rows = [
        [
            f"{low:.2f} to {high:.2f}",
            f"{before_n:,}",
            _share(before_sure), _share(before_right),
            f"{after_n:,}",
            _share(after_sure), _share(after_right),
        ]
        for low, high, before_n, before_sure, before_right, after_n, after_sure, after_right in zip(
            c.before.edges, c.before.edges[1:],
            c.before.count, c.before.confidence, c.before.accuracy,
            c.after.count, c.after.confidence, c.after.accuracy, strict=False,
        )
        if before_n or after_n
    ]  # fmt: skip
    head = ["confidence", "images", "mean", "right", "after: images", "mean", "right"]
    inside = table(head, rows, "Answers by how sure they are")
    return f"<details><summary>Bins as numbers</summary>{inside}</details>"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"
