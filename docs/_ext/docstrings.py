"""How the reference reads docstrings.

- `name` between single backticks is code, and a link where that name is documented.
- Docstrings of attributes stay as they are written. Napoleon takes what stands before a colon for a
  type: of "For people: MNIST" it makes an attribute of the type "For people".
- Signatures say `ndarray`. The docstrings give shape and type.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import PyXRefRole
from sphinx.environment import BuildEnvironment

_NAME = re.compile(r"[A-Za-z_]\w*(\.\w+)*")
_kept: dict[str, list[str]] = {}


class _Array:
    """Stands for `numpy.typing.NDArray` while the reference is made."""

    def __class_getitem__(cls, dtype: object) -> type[np.ndarray[Any, Any]]:
        return np.ndarray


class _NameRole(PyXRefRole):
    """The role of `name`: only what can be a name may be a link."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if _NAME.fullmatch(self.text):
            return super().run()
        return [nodes.literal(self.rawtext, self.text)], []

    def process_link(
        self, env: BuildEnvironment, node: nodes.Element, has_title: bool, title: str, target: str
    ) -> tuple[str, str]:
        title, target = super().process_link(env, node, has_title, title, target)
        if target[:1].isupper():  # a class, in whatever module it is
            node["refspecific"] = True
        return title, target


def _hide(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    if what in ("attribute", "property", "data"):
        _kept[name], lines[:] = lines[:], []


def _show(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:0] = _kept.pop(name, [])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register all three; modules of mnistlab must not be imported before."""
    numpy.typing.NDArray = _Array  # type: ignore[misc, assignment]
    app.add_role_to_domain("py", "name", _NameRole())
    app.connect("autodoc-process-docstring", _hide, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", _show, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
