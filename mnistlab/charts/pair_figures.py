"""Two models side by side as plotly dictionaries: curves, calibration and robustness.

For a closer look than the tables allow: they zoom, tell the values under the pointer and can be
saved as pictures. Nothing here imports plotly, see `plotly_charts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mnistlab.charts.curves import Curves
from mnistlab.charts.plot import round_ticks
from mnistlab.metrics.calibration import Calibration
from mnistlab.metrics.evaluation import Robustness
from mnistlab.texts import percent

COLOURS = ("#2b8ac6", "#dd6a1f")
"""Of A and B: Okabe and Ito's blue and vermilion, so light that they stand out on dark, too."""
_GRID = "rgba(128,136,144,0.3)"
_FONT = "#808890"  # readable on white and near black; the page's style sheet overrides it

Trace = dict[str, Any]


def _figure(
    traces: Sequence[Trace], x: Mapping[str, Any], y: Mapping[str, Any], **layout: Any
) -> dict[str, Any]:
    axis = {"gridcolor": _GRID, "zeroline": False, "automargin": True}
    return {
        "data": list(traces),
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": _FONT, "size": 12, "family": "system-ui, sans-serif"},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": _FONT, "activecolor": COLOURS[0]},
            "margin": {"l": 56, "r": 16, "t": 24, "b": 48},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "autosize": True,
            "height": 320,
            "xaxis": {**axis, **x},
            "yaxis": {**axis, **y},
            **layout,
        },
        "config": {"displaylogo": False, "responsive": True},
    }


def _titled(text: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": text}, **more}


def _percent(text: str, **more: Any) -> dict[str, Any]:
    return _titled(text, ticksuffix=" %", **more)


def curves_figure(series: Mapping[str, Curves]) -> dict[str, Any]:
    """Accuracy by epoch of finished runs, by title: training dotted, validation solid."""
    traces: list[Trace] = []
    for number, (title, run) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        for name, curve, dash in (
            ("training", run.training, "dot"),
            ("validation", run.validation, "solid"),
        ):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": f"{title}, {name}",
                    "x": [point[0] for point in curve],
                    "y": [100 * point[2] for point in curve],
                    "line": {"color": colour, "dash": dash},
                    "marker": {"size": 5},
                    "hovertemplate": "epoch %{x}: %{y:.2f} %<extra>%{fullData.name}</extra>",
                }
            )
    epochs = max((point[0] for run in series.values() for point in run.validation), default=1)
    ticks = round_ticks(0, max(1, epochs), 7, whole=True)
    return _figure(traces, _titled("epoch", tickvals=list(ticks)), _percent("accuracy"))


def calibration_figure(found: Mapping[str, Calibration]) -> dict[str, Any]:
    """Accuracy by confidence of models, by title; calibrated ones lie on the diagonal."""
    traces: list[Trace] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "calibrated",
            "x": [0, 100],
            "y": [0, 100],
            "line": {"color": _FONT, "dash": "dash", "width": 1},
            "hoverinfo": "skip",
        }
    ]
    for number, (title, calibration) in enumerate(found.items()):
        side = calibration.before
        bins = np.flatnonzero(side.count)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": title,
                "x": (100 * side.confidence[bins]).tolist(),
                "y": (100 * side.accuracy[bins]).tolist(),
                "customdata": side.count[bins].tolist(),
                "line": {"color": COLOURS[number % len(COLOURS)], "width": 1},
                "marker": {"size": (5 + 3 * np.log10(side.count[bins])).tolist()},
                "hovertemplate": "confidence %{x:.1f} %, accuracy %{y:.1f} %, "
                "%{customdata:,} images<extra>%{fullData.name}</extra>",
            }
        )
    x, y = _percent("confidence"), _percent("accuracy")
    return _figure(traces, x, y)


def robustness_figure(results: Sequence[Robustness]) -> dict[str, Any]:
    """Mean accuracy by corruption, a bar for each model; the kindest corruption comes first."""
    order = np.argsort(-np.mean([result.accuracy.mean(axis=1) for result in results], axis=0))
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": result.title,
            "x": [result.corruptions[i] for i in order],
            "y": (100 * result.accuracy.mean(axis=1)[order]).tolist(),
            "marker": {"color": COLOURS[number % len(COLOURS)]},
            "hovertemplate": "%{x}: %{y:.1f} %<extra>%{fullData.name}</extra>",
        }
        for number, result in enumerate(results)
    ]
    x = _titled("corruption", showgrid=False, tickangle=-40)
    return _figure(traces, x, _percent("accuracy", range=[0, 105]), barmode="group")


def robustness_sentence(results: Sequence[Robustness]) -> str:
    """Which model keeps more of its accuracy, and what hurts it most."""
    parts = [
        f"{r.title} reads {percent(r.mean, 1)} of the corrupted images ({percent(r.clean, 1)} of "
        f"the unchanged ones) and suffers most from {_worst(r)}"
        for r in results
    ]
    return f"{'; '.join(parts)}."


def _worst(result: Robustness) -> str:
    return result.corruptions[int(result.accuracy.mean(axis=1).argmin())].lower()
