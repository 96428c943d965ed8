"""Figures as plain plotly dictionaries: what plotly draws, without importing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PLOTLY_MIME = "application/vnd.plotly.v1+json"

# Okabe and Ito's palette: told apart with any colour vision, and on light and dark pages.
TRAIN_COLOUR, TEST_COLOUR = "#009e73", "#cc79a7"
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
