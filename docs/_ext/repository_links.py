"""Links between files of the repository, as they work on GitHub, lead to pages of the site.

Some pages include a file beside `docs/`: `docs/changelog.md` is `CHANGELOG.md`. Links to such a
file become links to its page, and links to files that are no pages lead to the repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
PAGES = {
    "CHANGELOG.md": "docs/changelog.md",
    "CONTRIBUTING.md": "docs/contributing.md",
    "SECURITY.md": "docs/security.md",
    "benchmarks/RESULTS.md": "docs/benchmarks.md",
}
"""File of the repository -> the page that includes it."""
_INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", re.MULTILINE)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?\)")


def site_source(text: str, page: str, base: str) -> tuple[str, list[Path]]:
    """Return a page's Markdown or notebook as the site has it, and the files that it includes.

    Parameters
    ----------
    page : such as `"guide/explore"`
    base : address of the repository
    """
    file = PurePosixPath(page if page.startswith("notebooks/") else f"docs/{page}")
    text = rewrite(text, file.parent, page, base)
    included = []

    def include(found: re.Match[str]) -> str:
        path = PurePosixPath(os.path.normpath(file.parent / found[1]))
        included.append(ROOT / path)
        return rewrite((ROOT / path).read_text(encoding="utf-8"), path.parent, page, base)

    return _INCLUDE.sub(include, text), included


def rewrite(text: str, folder: PurePosixPath, page: str, base: str) -> str:
    """Return text from a folder of the repository with links that work on a page of the site."""

    def link(found: re.Match[str]) -> str:
        anchor = found[2] or ""
        wanted = os.path.normpath(folder / found[1])
        wanted = PAGES.get(wanted, wanted)
        if wanted.startswith(("docs/", "notebooks/")):
            inside = os.path.relpath(wanted.removeprefix("docs/"), PurePosixPath(page).parent)
            return f"]({inside}{anchor})"
        kind = "tree" if (ROOT / wanted).is_dir() else "blob"
        return f"]({base}/{kind}/main/{wanted}{anchor})"

    return _LINK.sub(link, text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what changes the sources as they are read."""

    def on_source(app: Sphinx, page: str, source: list[str]) -> None:
        source[0], included = site_source(source[0], page, app.config.repository_links_base)
        for file in included:
            app.env.note_dependency(str(file))

    app.add_config_value("repository_links_base", "", "env", str)
    app.connect("source-read", on_source)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
