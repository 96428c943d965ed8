"""The frame of a self-contained HTML page, and the parts that all pages have."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from importlib import metadata, resources

from mnistlab.glossary import glossary
from mnistlab.markup import UNKNOWN, escape
from mnistlab.version import __version__

# Only of a page of its own: a notebook that shows a summary keeps its own paper.
_PAPER = "@page { size: A4 landscape; margin: 12mm; }"
_PACKAGES = ("numpy", "ai-edge-litert", "tensorflow-cpu", "tensorflow", "keras")


def environment() -> str:
    """The versions and the machine that a page was written with."""
    packages = {name: next(iter(metadata.distributions(name=name)), None) for name in _PACKAGES}
    rows = [
        ["Written", time.strftime("%Y-%m-%d %H:%M")],
        ["MNIST Lab", __version__],
        ["Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"],
        ["CPUs", str(os.cpu_count() or UNKNOWN)],
        *([name, found.version] for name, found in packages.items() if found),
    ]
    return facts(rows, "Environment")


def facts(rows: Sequence[Sequence[str]], label: str) -> str:
    """A table of names and texts (name, text)."""
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table class='ml-table ml-facts' aria-label='{escape(label)}'>{body}</table>"


def page(title: str, sections: Mapping[str, str], lead: str = "") -> str:
    """A page of sections, HTML by their headings; `lead`, HTML too, stands above them."""
    links = body = ""
    for i, (name, text) in enumerate(sections.items()):
        links += f"<li><a href='#s{i}'>{escape(name)}</a></li>"
        body += f"<section><h2 id='s{i}'>{escape(name)}</h2>{text}</section>\n"
    # The policy is a promise kept by the browser: nothing from outside is ever asked for.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>"
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title>\n<style>\n{style()}\n{_PAPER}</style></head>\n"
        f"<body class='ml-report'><h1>{escape(title)}</h1>{lead}"
        f"<nav aria-label='Sections'><ul>{links}</ul></nav>\n{body}{glossary()}</body></html>\n"
    )


def style() -> str:
    """The style sheet of figures and pages."""
    return "\n".join(
        (resources.files(f"mnistlab.{package}") / name).read_text(encoding="utf-8")
        for package, name in (("charts", "style.css"), ("report", "report.css"))
    )
