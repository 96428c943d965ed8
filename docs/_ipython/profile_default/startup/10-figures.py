"""Kernels that run the pages of the site: plotly's figures as HTML that needs no network."""

from __future__ import annotations

import plotly.io as pio
from plotly.io.base_renderers import MimetypeRenderer


class SiteRenderer(MimetypeRenderer):
    """A figure for `docs/_ext/notebook_figures.py`, which adds plotly's script to the page."""

    def to_mimebundle(self, fig_dict: dict) -> dict[str, str]:
        """Return the figure as HTML, in colours that suit a light and a dark page."""
        layout = {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": "#808890"},
        }
        fig_dict["layout"] = {**fig_dict.get("layout", {}), **layout}
        for name, axis in fig_dict["layout"].items():
            if name.startswith(("xaxis", "yaxis")):
                axis.update(gridcolor="rgba(128,136,144,0.3)", zerolinecolor="rgba(0,0,0,0)")
        html = pio.to_html(
            fig_dict, config={"displayModeBar": False, "responsive": True},
            include_plotlyjs=False, full_html=False, default_width="100%",
        )  # fmt: skip
        return {"text/html": f"<div class='plotly-figure'>{html}</div>"}


pio.renderers["site"] = SiteRenderer()
pio.renderers.default = "site"
