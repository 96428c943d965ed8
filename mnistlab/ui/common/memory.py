"""What a reload of the web app brings back: kept by the browser, as the kernel ends with its page.

The page's script `static/page.js` stores what `remembered` holds and gives it back to `recall`. In
JupyterLab nothing reads or writes them, and nothing is needed: the kernel outlives a reload.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mnistlab.errors import UploadError
from mnistlab.ui.common import widgets as ui
from mnistlab.ui.state import AppState

_MOST = 500_000  # characters of a part; a browser keeps some megabytes for a page


class Memory(ui.View):
    """Three hidden widgets between `app.remembered` and the page's script.

    Parameters
    ----------
    recall : called with what was remembered before the reload, by part
    open_tab : called with the name of a tab that the address or the browser's Back asks for
    leave : called when the server is about to end the visit; returns a link in HTML to what would
        be lost with it, or nothing
    """

    def __init__(
        self,
        app: AppState,
        recall: Callable[[Mapping[str, Any]], object],
        open_tab: Callable[[str], object],
        leave: Callable[[], str],
    ) -> None:
        super().__init__(app)
        self._leave = leave
        self._verbs: dict[str, Callable[[Any], object]] = {
            "memory": recall, "tab": open_tab, "leaving": lambda _: self._offer(),
        }  # fmt: skip
        self._leaving = ui.classed(widgets.HTML(), "ml-leaving")
        self._remembered = ui.classed(widgets.HTML(), "ml-remembered")
        self._recall = ui.classed(widgets.Text(tabbable=False), "ml-recall")
        self.widget = ui.classed(
            widgets.Box([self._remembered, self._recall, self._leaving]), "ml-memory"
        )
        self._watch(self._recall, self._on_message)
        self._watch(app, lambda _: self._paint(), "remembered")

    def _paint(self) -> None:
        parts = {k: v for k, v in self._app.remembered.items() if len(json.dumps(v)) <= _MOST}
        self._remembered.value = f"<span data-memory='{ui.escape(json.dumps(parts))}'></span>"

    def _offer(self) -> None:
        self._leaving.value = ""  # so that the same link is new
        self._leaving.value = self._leave()

    def _on_message(self, text: str) -> None:
        if not text:
            return
        self._recall.value = ""  # so that the same message can come again
        for name, content in json.loads(text).items():
            if verb := self._verbs.get(name):
                verb(content)


def picture_text(picture: NDArray[np.uint8]) -> str:
    """A picture (h, w) uint8 as text that `text_picture` reads."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def text_picture(text: str) -> NDArray[np.uint8]:
    """The picture (h, w) uint8 that `picture_text` made a text of.

    Raises `UploadError` for any other text.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(text)), formats=("PNG",)) as image:
            return np.asarray(image.convert("L"))
    except (ValueError, OSError, Image.DecompressionBombError) as error:
        raise UploadError("The picture of before the reload cannot be read.") from error
