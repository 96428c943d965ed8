"""Reliability diagrams, which show whether a model's confidence matches its accuracy."""

from __future__ import annotations

import math

from mnistlab.markup import UNKNOWN, escape, number, table
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.scores import Reliability
from mnistlab.texts import counted, percent

_SIDE, _MARGIN, _TOP = 200, 34, 24  # of a panel's square and around it, in SVG units
_LARGEST = 9.0  # radius of the dot of a bin that holds all images


def reliability_diagram(calibration: Calibration, title: str, model: str = "mlp") -> str:
    """Confidence against accuracy before and after temperature scaling, with the figures.

    Parameters
    ----------
    calibration : Calibration
    title : the model's
    model : `"mlp"` or `"cnn"`, decides the colour
    """
    c = calibration
    panels = _panel(c.before, "as trained", title, model) + _panel(
        c.after, f"at temperature {c.temperature:.2f}", title, model
    )
    return (
        f"<figure class='ml-reliability'><figcaption>{escape(title)}</figcaption>"
        f"<div class='ml-curve-pair'>{panels}</div>{_figures(c, title)}"
        f"<p class='ml-note'>{escape(_sentence(c))} Each dot is a bin of confidence; larger dots "
        "hold more images. On the diagonal, confidence equals accuracy.</p>"
        f"<details><summary>The bins in numbers</summary>{_bins(c, title)}</details></figure>"
    )


def _sentence(c: Calibration) -> str:
    """What the validation images show, and whether the test images agree."""
    if abs(c.temperature - 1) < 0.02:
        return "On the validation images its confidence matches its accuracy."
    state = "overconfident" if c.temperature > 1 else "underconfident"
    change = "smaller" if c.nll_after < c.nll_before else "larger"
    return (
        f"On the validation images it is {state}; dividing its logits by {c.temperature:.2f} "
        f"corrects this best. On these test images, that makes the loss {change}."
    )


def _figures(c: Calibration, title: str) -> str:
    rows = [
        ["as trained", *_row(c.before.ece, c.nll_before, c.brier_before)],
        [f"temperature {c.temperature:.3f}", *_row(c.after.ece, c.nll_after, c.brier_after)],
    ]
    return table(["", "ECE", "Loss", "Brier"], rows, f"{title}: calibration before and after")


def _row(*figures: float) -> list[str]:
    return [f"{value:.4f}" for value in figures]


def _panel(reliability: Reliability, when: str, title: str, model: str) -> str:
    total = max(1, int(reliability.count.sum()))
    dots = []
    for confidence, accuracy, count in zip(
        reliability.confidence, reliability.accuracy, reliability.count, strict=True
    ):
        if not count:
            continue
        x, y = _x(confidence), _y(accuracy)
        # By the logarithm: nearly all images are in the last bin, and the others matter too.
        radius = 1.5 + (_LARGEST - 1.5) * math.log1p(count) / math.log1p(total)
        dots.append(
            f"<line class='ml-gap' x1='{x:.1f}' x2='{x:.1f}' y1='{y:.1f}' "
            f"y2='{_y(confidence):.1f}'/>"
            f"<circle class='ml-dot ml-{escape(model)}' cx='{x:.1f}' cy='{y:.1f}' "
            f"r='{radius:.1f}'><title>{counted(int(count), 'image')}: confidence "
            f"{percent(confidence, 1)}, accuracy {percent(accuracy, 1)}</title></circle>"
        )
    label = f"Reliability of {title} {when}: calibration error {reliability.ece:.4f}"
    width, height = _SIDE + _MARGIN + 12, _SIDE + _TOP + _MARGIN
    return (
        f"<svg class='ml-curve' viewBox='0 0 {width} {height}' role='img' "
        f"aria-label='{escape(label)}'><text class='ml-title' x='{_MARGIN}' y='14'>"
        f"{escape(when[:1].upper() + when[1:])}</text>{_axes()}{''.join(dots)}</svg>"
    )


def _axes() -> str:
    parts = []
    for i in range(6):
        fraction = i / 5
        x, y = _x(fraction), _y(fraction)
        parts.append(
            f"<line class='ml-rule' x1='{_MARGIN}' x2='{_MARGIN + _SIDE}' y1='{y}' y2='{y}'/>"
            f"<text class='ml-tick' x='{_MARGIN - 5}' y='{y + 4}' text-anchor='end'>"
            f"{fraction:.1f}</text><text class='ml-tick' x='{x}' y='{_TOP + _SIDE + 14}' "
            f"text-anchor='middle'>{fraction:.1f}</text>"
        )
    return (
        "".join(parts)
        + f"<line class='ml-diagonal' x1='{_x(0)}' y1='{_y(0)}' x2='{_x(1)}' y2='{_y(1)}'/>"
        + f"<text class='ml-tick' x='{_x(0.5)}' y='{_TOP + _SIDE + 29}' text-anchor='middle'>"
        "confidence (accuracy upwards)</text>"
    )


def _x(fraction: float) -> float:
    return _MARGIN + _SIDE * float(fraction)


def _y(fraction: float) -> float:
    return _TOP + _SIDE * (1 - float(fraction))


def _bins(c: Calibration, title: str) -> str:
    edges = c.before.edges
    rows = [
        [
            f"{edges[i]:.3f} to {edges[i + 1]:.3f}",
            *(cell for side in (c.before, c.after) for cell in _bin(side, i)),
        ]
        for i in range(len(edges) - 1)
        if c.before.count[i] or c.after.count[i]
    ]
    head = ["Confidence", *("Images", "mean confidence", "accuracy") * 2]
    return table(head, rows, f"{title}: bins of confidence, as trained and after scaling")


def _bin(side: Reliability, i: int) -> list[str]:
    if not side.count[i]:
        return ["0", UNKNOWN, UNKNOWN]
    return [
        f"{int(side.count[i]):,}",
        number(float(side.confidence[i]), ".4f"),
        number(float(side.accuracy[i]), ".4f"),
    ]
