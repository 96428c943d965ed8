"""Small pieces of HTML."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

escape = html.escape


def table(head: Sequence[str], rows: Sequence[Sequence[str]], label: str) -> str:
    """A table; the first cell of each row names the row. Wide ones scroll in their own box."""
    top = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th scope='row'>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f"<div class='ml-scroll'><table class='ml-table' aria-label='{escape(label)}'>"
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def png(array: np.ndarray) -> bytes:
    """A uint8 image, (h, w) grey or (h, w, 2) grey and alpha, as PNG."""
    buffer = io.BytesIO()
    # Level 1: such images are tiny, and the answer to a stroke waits for this.
    Image.fromarray(np.ascontiguousarray(array)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def data_uri(array: np.ndarray) -> str:
    """A uint8 image as a `data:` address, ready for an `<img>`."""
    return "data:image/png;base64," + base64.b64encode(png(array)).decode("ascii")


def percent(share: float, places: int = 2) -> str:
    """A share, 0 to 1, such as `99.69 %`."""
    return f"{100 * share:.{places}f} %"
