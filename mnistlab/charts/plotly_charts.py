"""Charts as plain plotly dictionaries, and pictures as arrays.

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
TRAIN_COLOUR, TEST_COLOUR = "#009e73", "#cc79a7"
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
    """Images per digit as bars, one colour a split.

    Parameters
    ----------
    train, test : ten counts each
    """
    splits = (("training", train, TRAIN_COLOUR), ("test", test, TEST_COLOUR))
    traces = [
        {
            "type": "bar",
            "name": name,
            "y": [int(count) for count in counts],
            "marker": {"color": colour},
            "hovertemplate": "digit %{x}: %{y:,} images<extra>" + name + "</extra>",
        }
        for name, counts, colour in splits
    ]
    y_axis = {"title": {"text": "images"}, "separatethousands": True}
    return _by_digit(traces, y_axis, barmode="group", bargap=0.25)


def distribution_figure(quantiles: NDArray[np.float64], title: str) -> dict[str, Any]:
    """Quantiles by digit as boxes.

    Parameters
    ----------
    quantiles : array (10, 5)
        5, 25, 50, 75 and 95 % of each digit's values, NaN for a digit without any.
    title : what the values are, with their unit
    """
    parts = ("lowerfence", "q1", "median", "q3", "upperfence")
    values = [[None if np.isnan(v) else float(v) for v in row] for row in quantiles.T]
    trace = {
        "type": "box",
        **dict(zip(parts, values, strict=True)),
        "marker": {"color": TRAIN_COLOUR},
        "showlegend": False,
    }
    return _by_digit([trace], {"title": {"text": title}})


def mosaic(images: NDArray[np.uint8], columns: int = 10, zoom: int = 2) -> NDArray[np.uint8]:
    """Images side by side in one picture, with a dark line between them.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    columns : images in a row; the last row is filled with black
    zoom : how many pixels a side an image's pixel becomes

    Returns
    -------
    array (rows * 30 * zoom, columns * 30 * zoom) uint8
    """
    rows = -(-len(images) // columns)
    tiles = np.zeros((rows * columns, 30, 30), np.uint8)
    tiles[: len(images), 1:29, 1:29] = images
    sheet = tiles.reshape(rows, columns, 30, 30).swapaxes(1, 2).reshape(rows * 30, columns * 30)
    return sheet.repeat(zoom, 0).repeat(zoom, 1)
