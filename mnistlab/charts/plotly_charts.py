"""Charts over the ten digits as plain plotly dictionaries.

Nothing here imports plotly: a notebook gives a dictionary to `plotly.graph_objects.Figure`, the
dashboard sends it to the browser as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLOTLY_MIME = "application/vnd.plotly.v1+json"

# Okabe and Ito's palette: told apart with any colour vision, and on light and dark pages.
_TRAIN, _TEST = "#009e73", "#cc79a7"
_FONT = "#808890"  # readable on white and on near black; the page's style sheet overrides it


def _by_digit(
    traces: Sequence[Mapping[str, Any]], y_axis: Mapping[str, Any], **layout: Any
) -> dict[str, Any]:
    """A chart over the ten digits that suits light and dark pages: no background, no tool bar."""
    axis = {"gridcolor": "rgba(128,136,144,0.25)", "zeroline": False, "fixedrange": True}
    x_axis = {"title": {"text": "digit"}, "type": "category", "showgrid": False}
    return {
        "data": [{"x": [str(digit) for digit in range(10)], **trace} for trace in traces],
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": _FONT, "size": 12},
            "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {"font": {"size": 12}},
            "autosize": True,
            "height": 280,
            "xaxis": {**axis, **x_axis},
            "yaxis": {**axis, **y_axis},
            **layout,
        },
        "config": {"displayModeBar": False, "responsive": True},
    }


def counts_figure(train: Sequence[int], test: Sequence[int]) -> dict[str, Any]:
    """Images per digit, ten counts a split, as bars with one colour a split."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "y": [int(count) for count in counts],
            "marker": {"color": colour},
            "hovertemplate": "digit %{x}: %{y:,} images<extra>" + name + "</extra>",
        }
        for name, counts, colour in (("training", train, _TRAIN), ("test", test, _TEST))
    ]
    y_axis = {"title": {"text": "images"}, "separatethousands": True}
    return _by_digit(traces, y_axis, barmode="group", bargap=0.25)


def distribution_figure(quantiles: NDArray[np.float64], title: str) -> dict[str, Any]:
    """Quantiles by digit (10, 5), at 5, 25, 50, 75 and 95 %, as boxes.

    A digit without values has NaN. The title says what the values are, with their unit.
    """
    parts = ("lowerfence", "q1", "median", "q3", "upperfence")
    values = [[None if np.isnan(v) else float(v) for v in row] for row in quantiles.T]
    trace = {
        "type": "box",
        **dict(zip(parts, values, strict=True)),
        "marker": {"color": _TRAIN},
        "showlegend": False,
    }
    return _by_digit([trace], {"title": {"text": title}})
