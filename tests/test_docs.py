"""The documentation, without building it: pages, pictures, links, commands, labels and figures."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, QUICK
from docs._ext.repository_links import PAGES, site_source
from mnistlab.cli.parser import make_parser
from scripts.check_links import broken_links

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
BUILT = {"_build", "notebooks"}  # what building the site leaves in `docs/`
GITHUB = "https://github.com/mnistlab/mnistlab"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


PAGE_FILES = [
    path for path in sorted(DOCS.rglob("*.md")) if not BUILT & set(path.relative_to(DOCS).parts)
]
SOURCES = [*PAGE_FILES, ROOT / "README.md", *(ROOT / name for name in PAGES)]
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page_name(path: Path) -> str:
    return str(path)


# Pages and pictures


def test_every_page_and_notebook_is_in_the_table_of_contents() -> None:
    listed = set()
    for tree in re.findall(r"^```\{toctree\}\n(.*?)^```$", read(DOCS / "index.md"), re.M | re.S):
        listed |= {line for line in tree.splitlines() if line and not line.startswith(":")}
    pages = {str(path.relative_to(DOCS).with_suffix("")) for path in PAGE_FILES} - {"index"}
    notebooks = {f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == pages | notebooks


def test_every_picture_exists_and_is_shown_and_described() -> None:
    shown = set()
    for path in SOURCES:
        text = read(path)
        named = re.findall(r"^```\{(?:image|figure)\} (\S+)\n(.*?)^```$", text, re.M | re.S)
        assert all(":alt:" in options for _, options in named), path
        plain = re.findall(r"!\[([^\]]*)\]\((?!http)([^)]+)\)|srcset=\"(?!http)([^\"]+)\"", text)
        files = [name for name, _ in named] + [link or source for _, link, source in plain]
        shown |= {(path.parent / name).resolve() for name in files}
    assert {path for path in shown if not path.is_file()} == set()
    pictures = {path for kind in ("png", "svg") for path in DOCS.glob(f"*.{kind}")}
    assert pictures - shown == set()


# Links, as they work on GitHub; the built site is checked by `python -m scripts.check_links`


def anchors(path: Path) -> set[str]:
    """Of a page's headings, as GitHub and MyST name them."""
    text = FENCE.sub("", read(path))
    if found := re.search(r"\{include\} (\S+)", read(path)):
        text = FENCE.sub("", read((path.parent / found[1]).resolve()))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("path", SOURCES, ids=page_name)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", read(path)):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{target} is missing"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{file.name} has no heading for #{anchor}"


def test_links_to_files_beside_the_docs_become_links_of_the_site() -> None:
    text, _ = site_source("[a](../SECURITY.md#x) [b](../README.md#y)", "serving", GITHUB)
    assert text == f"[a](security.md#x) [b]({GITHUB}/blob/main/README.md#y)"
    text, _ = site_source("[a](../../CONTRIBUTING.md) [b](../faq.md)", "guide/predict", GITHUB)
    assert text == "[a](../contributing.md) [b](../faq.md)"
    text, _ = site_source("[a](../docs/faq.md) [b](EDA.ipynb)", "notebooks/Solutions", GITHUB)
    assert text == "[a](../faq.md) [b](EDA.ipynb)"
    text, included = site_source("```{include} ../CHANGELOG.md\n```\n", "changelog", GITHUB)
    assert included == [ROOT / "CHANGELOG.md"]
    assert text.strip() == read(ROOT / "CHANGELOG.md").strip()


def test_a_broken_link_of_the_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.html").write_text("<h1 id='here'>B</h1>")
    page = "<a href='b.html#here'></a><a href='#top'></a><a href='https://example.org/x'></a>"
    (tmp_path / "a.html").write_text(page)
    assert list(broken_links(tmp_path)) == []
    page += "<a href='b.html#there'></a><img src='c.png'><a href='../secret.html'></a>"
    (tmp_path / "a.html").write_text(page)
    assert list(broken_links(tmp_path)) == [
        "a.html: b.html#there has no element 'there'",
        "a.html: c.png is missing",
        "a.html: ../secret.html leads out of the site",
    ]
    assert list(broken_links(tmp_path / "empty"))


# What people are told to type


def typed(text: str, program: str) -> Iterator[str]:
    """The commands of a program in a text: in code, also over two lines, up to a comment."""
    for block in FENCE.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(rf"\s*(?:\$ |\w+=\S+ )?({program} (?:[^#|\s]| (?! ))+)", line):
                yield found[1].strip()
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        if re.match(rf"{program} ", " ".join(code.split())):
            yield " ".join(code.split())


@pytest.mark.parametrize("path", SOURCES, ids=page_name)
def test_every_make_target_that_is_named_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    for command in typed(read(path), "make"):
        _, target, *rest = shlex.split(command)
        assert target in targets, command
        arguments = [each.removeprefix("ARGS=") for each in rest if each.startswith("ARGS=")]
        if target == "bench" and arguments:
            names = {each for each in arguments[0].split() if not each.startswith("-")}
            assert names <= {*NAMES, QUICK, "NAME"}, command


def parser_of(words: list[str]) -> tuple[argparse.ArgumentParser, list[str]]:
    """The parser of a command, and its arguments."""
    parser: argparse.ArgumentParser = make_parser()
    while groups := [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]:
        name, *words = words
        assert name in groups[0].choices, f"there is no command {name}"
        parser = groups[0].choices[name]
        if not words:
            break
    return parser, words


@pytest.mark.parametrize("path", SOURCES, ids=page_name)
def test_every_command_and_flag_that_is_named_exists(path: Path) -> None:
    for command in typed(read(path), "mnistlab"):
        first, *words = shlex.split(command.replace("…", "").replace("...", ""))[1:]
        parser: argparse.ArgumentParser = make_parser()
        if first.startswith("-"):
            words = [first]
        else:
            parser, words = parser_of([first, *words])
        known = {option for action in parser._actions for option in action.option_strings}
        flags = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert flags <= known, command


def test_every_environment_variable_is_documented() -> None:
    text = read(DOCS / "reference/environment.md")
    named = set(re.findall(r"MNISTLAB_[A-Z]+(?:_[A-Z]+)*", read(ROOT / "mnistlab/settings.py")))
    assert named <= set(re.findall(r"MNISTLAB_\w+", text))


# What the pages say about the page


def test_the_guides_name_labels_that_are_on_the_page() -> None:
    package = ROOT / "mnistlab"
    files = [*package.glob("ui/**/*.py"), *package.glob("charts/*.py"),
             *package.glob("server/jupyter/**/*.js"), package / "training/presets.py",
             package / "images/preprocessing.py"]  # fmt: skip
    page = re.sub(r'"\s*f?"', "", "\n".join(map(read, files))).lower()
    for guide in [*(DOCS / "guide").glob("*.md"), DOCS / "tutorial.md"]:
        for label in re.findall(r"\*\*([^*]+)\*\*", read(guide)):
            words = " ".join(label.split()).removeprefix("MNIST ").lower()
            assert words in page, f"{guide.name}: {label}"


_KNOWN = {"5 %", "70 %", "90 %", "95 %", "99.9 %", "100 %", "15 MB"}  # limits and examples
_SOURCES = r"make bench|`mnistlab|`python -m|\]\(|printed by|by hand|not in the repository|doubt"


@pytest.mark.parametrize("path", PAGE_FILES, ids=page_name)
def test_a_measured_figure_stands_near_its_command_or_source(path: Path) -> None:
    for section in re.split(r"^#+ ", FENCE.sub("", read(path)), flags=re.MULTILINE):
        figures = set(re.findall(r"\d[\d.,]* (?:%|(?:ms|MB|GB)\b)", section)) - _KNOWN
        assert not figures or re.search(_SOURCES, " ".join(section.split())), (
            f"{section[:60]}: {figures}"
        )
