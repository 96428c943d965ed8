"""Checks every link inside a built site, without a network: `python -m scripts.check_links FOLDER`.

Each `href` and `src` of each page must lead to a file of the folder, and each anchor to an element
with that id. Links to other hosts are left to Sphinx (`-b linkcheck`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links of a page, and the names that anchors may have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names = {"", "top"}  # browsers know these two
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value is not None}
        self.links += [found[name] for name in ("href", "src") if name in found]
        self.names |= {found[name] for name in ("id", "name") if name in found}


def broken_links(site: Path) -> Iterator[str]:
    """Yield a sentence for each link of a site's pages that leads nowhere."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site} has no pages; build the site first."
    for path, page in pages.items():
        for link in dict.fromkeys(page.links):
            if problem := _problem(link, path, site, pages):
                yield f"{path.relative_to(site)}: {link} {problem}"


def _problem(link: str, path: Path, site: Path, pages: dict[Path, Page]) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_relative_to(site):
        return "leads out of the site"
    if not target.is_file():
        return "is missing"
    anchor = unquote(parts.fragment)
    if target in pages and anchor not in pages[target].names:
        return f"has no element {anchor!r}"
    return ""


def main() -> None:
    (folder,) = sys.argv[1:] or ["docs/_build/html"]
    problems = list(broken_links(Path(folder)))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        sys.exit(f"{len(problems)} links are broken.")
    print("All links inside the site lead somewhere.")


if __name__ == "__main__":
    main()
