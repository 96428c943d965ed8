"""Parts of the reference that are made from the code when the site is built.

`command-line` describes the commands from their parser, `app-settings` the settings of
`mnistlab app`, and `term-list` the terms of `mnistlab/glossary.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mnistlab.cli.parser import make_parser
from mnistlab.glossary import TERMS
from mnistlab.server.options import ENVIRONMENT, AppOptions


class _Generated(SphinxDirective):
    """A directive whose content is Markdown."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)

    def lines(self) -> Iterator[str]:
        raise NotImplementedError


class CommandLine(_Generated):
    """Every command: its usage and its arguments."""

    def lines(self) -> Iterator[str]:
        """Return Markdown, a section for each command."""
        for name, text, parser in commands(make_parser()):
            yield from (f"## {name}", "", f"{text[0].upper()}{text[1:]}.", "")
            yield from ("```text", _usage(parser), "```", "")
            for action in parser._actions:
                is_hidden = action.help == argparse.SUPPRESS  # an older name of a flag
                special = argparse._HelpAction | argparse._SubParsersAction
                if not is_hidden and not isinstance(action, special):
                    text = _help(parser, action)
                    yield from (f"`{_invocation(action)}`", f": {text}" * bool(text), "")
            if parser.epilog:
                yield from (_code(parser.epilog), "")


class AppSettings(_Generated):
    """The settings of `mnistlab app` under their three names."""

    def lines(self) -> Iterator[str]:
        """Return a table in Markdown."""
        yield "| flag | environment | in a TOML file | meaning (default) |"
        yield "| --- | --- | --- | --- |"
        for each in fields(AppOptions):
            flag, text = each.name.replace("_", "-"), _code(each.metadata["help"])
            flag = f"--[no-]{flag}" if each.metadata["kind"] is bool else f"--{flag}"
            yield f"| `{flag}` | `{ENVIRONMENT}{each.name.upper()}` | `{each.name}` | {text} |"


class TermList(_Generated):
    """The glossary of the page."""

    def lines(self) -> Iterator[str]:
        """Return a glossary in Markdown, in alphabetical order."""
        yield "```{glossary}"
        for term in sorted(TERMS, key=str.lower):
            yield from (term, f"  {TERMS[term]}", "")
        yield "```"


def commands(
    parser: argparse.ArgumentParser, name: str = "mnistlab"
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield each command that runs by itself: its name, its text and its parser."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for group in groups:
        for part, command in group.choices.items():
            yield from commands(command, f"{name} {part}")
    if not groups:
        yield name, parser.description or "", parser


def _usage(parser: argparse.ArgumentParser) -> str:
    return parser.format_usage().removeprefix("usage: ").strip()


def _invocation(action: argparse.Action) -> str:
    value = "" if action.nargs == 0 else f" {action.metavar or action.dest.upper()}"
    if not action.option_strings:
        return value.strip()
    return ", ".join(f"{option}{value}" for option in action.option_strings)


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    return _code(text)


def _code(text: str) -> str:
    """Mark what is typed: names in capitals with an underscore, and flags."""
    words = text.split(" ")
    return " ".join(_code_word(word) for word in words)


def _code_word(word: str) -> str:
    bare = word.strip("(),.;:")
    is_code = bare.startswith("--") or (bare.isupper() and "_" in bare) or "=" in bare
    return word.replace(bare, f"`{bare}`", 1) if bare and is_code else word


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("command-line", CommandLine)
    app.add_directive("app-settings", AppSettings)
    app.add_directive("term-list", TermList)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
