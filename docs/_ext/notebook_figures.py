"""Plotly's script for the pages whose cells show figures (`_ipython` writes those), from here.

The site loads nothing from other hosts.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx


def _add_plotly(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    if "plotly-figure" in context.get("body", ""):
        # Furo loads scripts at the end of a page, and the figures' own scripts run before that.
        address = context["pathto"]("_static/plotly.min.js", resource=True)
        context["metatags"] = f'{context.get("metatags", "")}<script src="{address}"></script>'


def _copy_plotly(app: Sphinx, error: Exception | None) -> None:
    spec = importlib.util.find_spec("plotly")
    if error is None and app.builder.format == "html" and spec and spec.origin:
        script = Path(spec.origin).parent / "package_data" / "plotly.min.js"
        shutil.copy(script, Path(app.outdir) / "_static")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what adds the script."""
    app.connect("html-page-context", _add_plotly)
    app.connect("build-finished", _copy_plotly)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
