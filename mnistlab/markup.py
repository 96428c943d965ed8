"""Small pieces of HTML and images, for charts, the report and the page."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistlab.glossary import info

UNKNOWN = "–"

escape = html.escape


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    label: str,
    summaries: frozenset[int] = frozenset(),
    explained: bool = False,
) -> str:
    """Return a table; the first cell of each row is its heading. Wide tables scroll.

    `summaries` are the indices of the rows that summarise those above them. `explained` adds an
    (i) to the columns that the glossary knows, for a page that has the glossary.
    """
    top = "".join(
        f"<th scope='col'>{escape(cell)}{info(cell) if explained else ''}</th>"
        if cell
        else "<td></td>"
        for cell in head
    )
    body = "".join(_row(row, number in summaries) for number, row in enumerate(rows))
    return (
        f"<div class='ml-scroll' tabindex='0' role='region' aria-label='{escape(label)}'>"
        "<table class='ml-table'>"
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: Sequence[str], is_summary: bool) -> str:
    mark = " class='ml-summary'" if is_summary else ""
    values = "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
    return f"<tr{mark}><th scope='row'>{escape(cells[0])}</th>{values}</tr>"


def note(text: str, *terms: str) -> str:
    """Return a paragraph in small print; behind it, an (i) for each term of the glossary."""
    return f"<p class='ml-note'>{escape(text)}{''.join(map(info, terms))}</p>"


def number(value: float | None, form: str = ",") -> str:
    """Format a number as with `.4f`; an en dash where it is unknown."""
    return UNKNOWN if value is None or not math.isfinite(value) else format(value, form)


def signed(value: float, form: str = ",") -> str:
    """Format a number with its sign; zero, also after rounding, has none."""
    text = format(abs(value), form)
    if not any(digit in text for digit in "123456789"):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def data_uri(array: NDArray[np.uint8]) -> str:
    """Return a uint8 image, (h, w) grey or (h, w, 3), as the `data:` address of a PNG file.

    Optimised files would be 7 % smaller and take seven times as long.
    """
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def strip(pictures: Mapping[str, NDArray[np.uint8]], height: int = 84) -> str:
    """Return grey images (h, w) uint8 side by side, by their captions, for a notebook.

    Styled inline, since a notebook has no style sheet of ours, and without colours of text, so
    that it is readable on light and dark.
    """
    figures = "".join(
        f"<figure style='margin:0'><img src='{data_uri(image)}' alt='{escape(caption)}' "
        f"height='{height}' style='image-rendering:pixelated; border:1px solid gray'>"
        f"<figcaption style='font-size:smaller'>{escape(caption)}</figcaption></figure>"
        for caption, image in pictures.items()
    )
    return f"<div style='display:flex; flex-wrap:wrap; gap:8px'>{figures}</div>"
