"""Drawings as JSON text, to save and to load."""

from __future__ import annotations

import json

from mnistlab.errors import UploadError
from mnistlab.images.drawing import Drawing

MAX_BYTES = 2**20  # of one drawing; the largest that `Drawing` allows takes 840 KB


def write_drawing(drawing: Drawing) -> str:
    """A drawing as one line of JSON: `size`, `strokes`, and `label` if it has one.

    Raises
    ------
    UploadError
        When nothing was drawn.
    """
    if drawing.is_blank:
        raise UploadError("There is nothing to save: draw a digit first.")
    return json.dumps(drawing.to_dict())


def read_drawing(text: str | bytes | memoryview) -> Drawing:
    """The first drawing of a JSON or JSON-lines text.

    Raises
    ------
    UploadError
        When it is not JSON, not a drawing, too large, or has no strokes.
    """
    start = text[:MAX_BYTES]
    if not isinstance(start, str):
        # Bytes that are not UTF-8 are not JSON either: the error below says so.
        start = bytes(start).decode("utf-8-sig", "replace")
    try:
        data: object = json.JSONDecoder().raw_decode(start.lstrip())[0]
    except (ValueError, RecursionError) as error:
        reason = "it is not JSON"
        if len(text) > MAX_BYTES:
            reason = f"its first {MAX_BYTES // 2**20} MB contain no complete drawing"
        raise UploadError(
            f"The drawing cannot be read: {reason}. Choose a file that was saved here."
        ) from error
    drawing = Drawing.from_dict(data)
    if drawing.is_blank:
        raise UploadError("This drawing has no strokes; choose one that shows something.")
    return drawing
