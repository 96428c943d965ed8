"""The private names of ipycanvas that `ui/common/canvas.py` relies on, and who may import it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import mnistlab
from mnistlab.ui.common.canvas import Canvas

PACKAGE = Path(mnistlab.__file__).parent
NEEDED_BY = {
    "_canvas_manager": "forget_browser, held and open_manager",
    "_canvas_manager._current_canvas": "forget_browser",
    "_canvas_manager._caching": "held",
    "_canvas_manager._commands_cache": "held",
    "_canvas_manager._buffers_cache": "held",
}


@pytest.mark.parametrize("path", NEEDED_BY)
def test_ipycanvas_still_has_what_the_canvas_resets(path: str) -> None:
    found = Canvas()
    for name in path.split("."):
        assert hasattr(found, name), (
            f"ipycanvas no longer has Canvas.{path}, which {NEEDED_BY[path]} of "
            "mnistlab/ui/common/canvas.py needs."
        )
        found = getattr(found, name)


def test_only_the_canvas_knows_ipycanvas() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).as_posix() == "ui/common/canvas.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [node.attr] if isinstance(node, ast.Attribute) else []
            assert not {name.partition(".")[0] for name in names} & {
                "ipycanvas", "_canvas_manager"
            }, path  # fmt: skip
