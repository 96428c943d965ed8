"""Figures as plain plotly dictionaries, which plotly draws, and pictures as arrays.

Nothing here imports plotly: a notebook gives a dictionary to `plotly.graph_objects.Figure`, the
dashboard sends it to the browser as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mnistlab.training.events import EpochEnd

PLOTLY_MIME = "application/vnd.plotly.v1+json"

# Okabe and Ito's palette: told apart with any colour vision, and on light and dark pages.
TRAIN_COLOUR, TEST_COLOUR = "#009e73", "#cc79a7"
_MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_FONT = "#808890"  # readable on white and on near black; the page's style sheet overrides it


def figure(data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> dict[str, Any]:
    """A figure that suits light and dark pages: no background, quiet grid, no tool bar."""
    axis = {"gridcolor": "rgba(128,136,144,0.25)", "zeroline": False, "fixedrange": True}
    base: dict[str, Any] = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": _FONT, "size": 12},
        "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {"font": {"size": 12}},
        "autosize": True,
    }
    merged = {**base, **layout}
    for name in ("xaxis", "yaxis"):
        merged[name] = {**axis, **layout.get(name, {})}
    config = {"displayModeBar": False, "responsive": True}
    return {"data": [dict(trace) for trace in data], "layout": merged, "config": config}


def counts_figure(train: Sequence[int], test: Sequence[int]) -> dict[str, Any]:
    """Images per digit as bars, one colour a split.

    Parameters
    ----------
    train, test : ten counts each
    """
    digits = [str(digit) for digit in range(10)]
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": digits,
            "y": [int(count) for count in counts],
            "marker": {"color": colour},
            "hovertemplate": "digit %{x}: %{y:,} images<extra>" + name + "</extra>",
        }
        for name, counts, colour in (
            ("training", train, TRAIN_COLOUR),
            ("test", test, TEST_COLOUR),
        )
    ]
    return figure(
        traces,
        {
            "barmode": "group",
            "bargap": 0.25,
            "height": 280,
            "xaxis": {"title": {"text": "digit"}, "type": "category", "showgrid": False},
            "yaxis": {"title": {"text": "images"}, "separatethousands": True},
        },
    )


def distribution_figure(quantiles: NDArray[np.float64], title: str) -> dict[str, Any]:
    """Quantiles by digit as boxes.

    Parameters
    ----------
    quantiles : array (10, 5)
        5, 25, 50, 75 and 95 % of each digit's values, NaN for a digit without any.
    title : what the values are, with their unit
    """
    lines = [[None if np.isnan(v) else float(v) for v in row] for row in quantiles.T]
    low, q1, median, q3, high = lines
    trace = {
        "type": "box",
        "x": [str(digit) for digit in range(10)],
        "lowerfence": low,
        "q1": q1,
        "median": median,
        "q3": q3,
        "upperfence": high,
        "marker": {"color": TRAIN_COLOUR},
        "showlegend": False,
    }
    layout = {
        "height": 280,
        "xaxis": {"title": {"text": "digit"}, "type": "category", "showgrid": False},
        "yaxis": {"title": {"text": title}},
    }
    return figure([trace], layout)


def confusion_figure(confusion: NDArray[np.int64], title: str) -> dict[str, Any]:
    """A confusion matrix as a heat map: rows true digits, columns predicted ones.

    The diagonal is left white, for its thousands would hide the errors, which are the point; its
    numbers are written like all others.

    Parameters
    ----------
    confusion : array (10, 10) of counts
    title : what stands above it
    """
    digits = [str(digit) for digit in range(10)]
    errors = confusion * (1 - np.eye(10, dtype=np.int64))
    trace = {
        "type": "heatmap",
        "x": digits,
        "y": digits,
        "z": errors.tolist(),
        "text": confusion.tolist(),
        "texttemplate": "%{text}",
        "colorscale": [[0, "#ffffff"], [1, "#d55e00"]],
        "showscale": False,
        "hovertemplate": "true %{y}, predicted %{x}: %{text}<extra></extra>",
    }
    layout = {
        "title": {"text": title, "font": {"size": 14}},
        "height": 420,
        "width": 460,
        "margin": {"l": 48, "r": 8, "t": 40, "b": 48},
        "xaxis": {"title": {"text": "predicted"}, "type": "category"},
        "yaxis": {"title": {"text": "true"}, "type": "category", "autorange": "reversed"},
    }
    return figure([trace], layout)


def curves_figure(histories: Mapping[str, Sequence[EpochEnd]]) -> dict[str, Any]:
    """Validation accuracy by epoch, a line for each model.

    Parameters
    ----------
    histories : what a model is called -> its epochs, as `TrainedModel.history` holds them
    """
    traces = [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "name": name,
            "x": [epoch.epoch for epoch in history],
            "y": [epoch.val_accuracy for epoch in history],
            "line": {"color": colour},
        }
        for (name, history), colour in zip(histories.items(), _MODEL_COLOURS, strict=False)
    ]
    layout = {
        "height": 300,
        "xaxis": {"title": {"text": "epoch"}, "dtick": 1},
        "yaxis": {"title": {"text": "validation accuracy"}, "tickformat": ".1%"},
    }
    return figure(traces, layout)


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
