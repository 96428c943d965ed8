"""Files chosen in the browser, in the form in which the kernel receives them."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets


def choose(button: widgets.FileUpload, *files: tuple[str, bytes]) -> None:
    """Choose files by name and content.

    The message is the browser's, with each content as a binary buffer, so that handlers get the
    types that ipywidgets really hands them.
    """
    value = [
        {"name": name, "type": "", "size": len(content), "last_modified": 0}
        for name, content in files
    ]
    data: dict[str, Any] = {
        "method": "update",
        "state": {"value": value},
        "buffer_paths": [["value", place, "content"] for place in range(len(files))],
    }
    buffers = [memoryview(content) for _, content in files]
    button._handle_msg({"content": {"data": data}, "buffers": buffers})
