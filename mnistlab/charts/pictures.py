"""Pictures of digits with their captions, as one PNG that every picture is cut from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mnistlab.markup import data_uri, escape

_SIDE = 28


def picture_sheet(
    images: NDArray[np.uint8], captions: Sequence[Sequence[str]], name: str, label: str
) -> str:
    """A list of pictures, each with the lines of its caption under it.

    Parameters
    ----------
    images : array (n, 28, 28) uint8
    captions : n of them, each some lines
    name : of the sheet, unlike any other on the page; letters, digits and hyphens
    label : what the pictures are, in words
    """
    if not len(images):
        return ""
    strip = np.concatenate(list(images), axis=1)
    figures = "".join(
        f"<li><svg viewBox='{_SIDE * i} 0 {_SIDE} {_SIDE}' role='img' "
        f"aria-label='{escape('; '.join(lines))}'><use href='#{escape(name)}'/></svg>"
        f"<span aria-hidden='true'>{'<br>'.join(escape(line) for line in lines)}</span></li>"
        for i, lines in enumerate(captions)
    )
    # An image in the page, not in the background: browsers leave backgrounds out when they print.
    return (
        f"<svg class='ml-sheet' width='0' height='0' aria-hidden='true'><defs><image "
        f"id='{escape(name)}' width='{strip.shape[1]}' height='{_SIDE}' "
        f"href='{data_uri(strip)}'/></defs></svg>"
        f"<ul class='ml-pictures' aria-label='{escape(label)}'>{figures}</ul>"
    )
