"""What stands around the code: workflows, forms, recipes. It names only what exists, and agrees.

`make lint` checks their format and the workflows' security; here they are compared with the rest.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mnistlab.cli.parser import make_parser
from mnistlab.server.app import DEFAULT_PORT
from scripts.release_notes import main, release_notes, sections

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PYTHONS = [
    each.rpartition(" ")[2]
    for each in PROJECT["classifiers"]
    if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", each)
]
REPORT = "https://github.com/mnistlab/mnistlab/security/advisories/new"
# What a job may write, and why is said beside it.
WRITING = {
    ("docs.yml", "deploy"): {"pages", "id-token"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "release"): {"contents"},
    ("image.yml", "publish"): {"packages"},
}
# Packages of conda-forge that have another name there.
CONDA = {
    "jupyter-client": "jupyter_client",
    "jupyter-core": "jupyter_core",
    "jupyter-server": "jupyter_server",
    "nbconvert": "nbconvert-core",  # without pandoc
    "prometheus-client": "prometheus_client",
}


def text(name: str) -> str:
    """A file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def read(path: Path) -> Any:
    """A YAML file; a workflow's key `on` is a word, not the YAML 1.1 spelling of true."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in content.items()}


def found_in(pattern: str, where: str) -> set[str]:
    """All that a pattern finds."""
    return set(re.findall(pattern, where, re.MULTILINE))


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """All jobs, as file, name and content."""
    for path in WORKFLOWS:
        for name, job in read(path)["jobs"].items():
            yield path.name, name, job


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """All steps and their files."""
    for file, _, job in jobs():
        for step in job["steps"]:
            yield file, step


def commands() -> str:
    """All shell commands of workflows and of the development container."""
    container = json.loads(text(".devcontainer/devcontainer.json"))
    return "\n".join(
        [step.get("run", "") for _, step in steps()]
        + [value for key, value in container.items() if key.endswith("Command")]
    )


def test_make_has_every_target_that_is_named() -> None:
    (checked,) = found_in(r"`make ((?:[a-z]+ ?)+)`", text(".github/PULL_REQUEST_TEMPLATE.md"))
    named = found_in(r"\bmake ([a-z]+)\b", commands()) | set(checked.split())
    assert named >= {"docs", "install", "lint", "test"}
    assert named <= found_in(r"^([a-z]+):", text("Makefile"))


def test_every_file_that_is_named_is_there() -> None:
    said = commands()
    assert ".ci/run" in said
    assert os.name != "posix" or os.access(ROOT / ".ci/run", os.X_OK)
    modules = found_in(r"-m (scripts\.\w+)", said) | found_in(r"-p (tests\.\w+)", said)
    assert modules == {"scripts.release_notes", "tests.in_parallel"}
    paths = {module.replace(".", "/") + ".py" for module in modules}
    paths |= found_in(r"-(?:r|-constraint) (\S+)", said)
    settings = [step.get("with", {}) for _, step in steps()]
    paths |= {each["cache-dependency-path"] for each in settings if "cache-dependency-path" in each}
    paths |= {name for each in settings for name in re.findall(r"hashFiles\('(.*?)'\)", str(each))}
    triggers = read(GITHUB / "workflows/image.yml")["on"]["pull_request"]["paths"]
    paths |= {each.removesuffix("/**") for each in triggers}
    assert {"requirements.lock", "Dockerfile"} <= paths
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_extras_and_images_that_are_named_exist() -> None:
    named = set(",".join(found_in(r"\.\[([\w,]+)\]", commands())).split(","))
    assert named
    assert named <= set(PROJECT["optional-dependencies"])
    stages = found_in(r"^FROM \S+ AS (\S+)$", text("Dockerfile"))
    for job in read(GITHUB / "workflows/image.yml")["jobs"].values():
        assert set(job["strategy"]["matrix"]["target"]) <= stages


def test_every_supported_python_is_tested_and_no_other() -> None:
    tested = read(GITHUB / "workflows/tests.yml")["jobs"]
    for name in ("linux", "elsewhere"):
        assert tested[name]["strategy"]["matrix"]["python"] == PYTHONS
    tried = read(GITHUB / "workflows/release.yml")["jobs"]["try"]["strategy"]["matrix"]["python"]
    assert tried == [PYTHONS[0], PYTHONS[-1]]
    minors = [int(each.partition(".")[2]) for each in PYTHONS]
    assert PROJECT["requires-python"] == f">=3.{minors[0]},<3.{minors[-1] + 1}"
    others = [step["with"]["python-version"] for _, step in steps()
              if "python-version" in step.get("with", {})]  # fmt: skip
    assert {each for each in others if "matrix" not in each} <= set(PYTHONS)


def test_actions_are_pinned_to_a_commit_with_its_version() -> None:
    used = found_in(r"uses: (.*)$", "\n".join(path.read_text("utf-8") for path in WORKFLOWS))
    assert used
    pinned = r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+"
    assert [each for each in used if not re.fullmatch(pinned, each)] == []
    versions: dict[str, set[str]] = {}
    for each in used:
        versions.setdefault(each.partition("@")[0], set()).add(each)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_a_job_may_write_only_what_it_must() -> None:
    for path in WORKFLOWS:
        assert read(path)["permissions"] == {}, path.name
        assert "cancel-in-progress" in read(path)["concurrency"], path.name
    for file, name, job in jobs():
        rights = {what for what, level in job["permissions"].items() if level == "write"}
        assert rights == WRITING.get((file, name), set()), (file, name)
        assert job["timeout-minutes"] <= 90


def test_nothing_is_published_before_it_was_tried() -> None:
    release = read(GITHUB / "workflows/release.yml")
    assert release["on"] == {"push": {"tags": ["v*"]}}
    order = [release["jobs"][name].get("needs") for name in ("try", "publish", "release")]
    assert order == ["build", "try", "publish"]
    assert release["jobs"]["publish"]["environment"] == "pypi"
    publish = read(GITHUB / "workflows/image.yml")["jobs"]["publish"]
    assert (publish["needs"], "refs/tags/v" in publish["if"]) == ("try", True)


def test_forms_name_commands_that_exist() -> None:
    forms = "\n".join(
        path.read_text(encoding="utf-8") for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml")
    )
    named = found_in(r"`(?:\.venv/bin/)?mnistlab ([a-z ]+)`", forms)
    assert named == {"data info"}
    assert make_parser().parse_args(["data", "info"]).run
    for name in found_in(r"template=([\w.-]+)", forms):
        assert (GITHUB / "ISSUE_TEMPLATE" / name).is_file()


def test_a_problem_of_security_is_reported_in_private() -> None:
    for path in ("SECURITY.md", "CODE_OF_CONDUCT.md", ".github/ISSUE_TEMPLATE/config.yml"):
        assert REPORT in text(path)


def test_dependabot_looks_where_something_is() -> None:
    files = {"pip": "pyproject.toml", "docker": "Dockerfile", "docker-compose": "compose.yaml",
             "github-actions": ".github/workflows/tests.yml"}  # fmt: skip
    updates = read(GITHUB / "dependabot.yml")["updates"]
    assert {each["package-ecosystem"] for each in updates} == set(files)
    for each in updates:
        folder = ROOT / each["directory"].strip("/")
        assert (folder / files[each["package-ecosystem"]]).is_file()
        assert each["schedule"]["interval"] == "monthly"
        assert each["groups"]


def test_the_development_container_serves_where_the_app_does() -> None:
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert container["forwardPorts"] == [DEFAULT_PORT]
    assert list(container["portsAttributes"]) == [str(DEFAULT_PORT)]
    found = re.search(r"python:(3\.\d+)-", container["image"])
    assert found
    assert found[1] in PYTHONS


# The recipe for conda-forge


@pytest.fixture(scope="module")
def recipe() -> Any:
    return read(ROOT / "conda/recipe.yaml")


def _requirement(text: str) -> tuple[str, frozenset[str], str]:
    """Name, bounds and marker of a requirement."""
    text, _, marker = text.partition(";")
    found = re.fullmatch(r"\s*([\w.-]+)\s*(.*?)\s*", text)
    assert found
    bounds = frozenset(part.strip() for part in found[2].split(",") if part.strip())
    return found[1], bounds, marker.strip()


def _by_name(requirements: list[str]) -> dict[str, frozenset[str]]:
    return {name: bounds for name, bounds, _ in map(_requirement, requirements)}


def test_the_recipe_needs_what_the_package_needs(recipe: Any) -> None:
    expected = {CONDA.get(name, name): bounds for name, bounds, marker
                in map(_requirement, PROJECT["dependencies"]) if not marker}  # fmt: skip
    only_by_marker = {name for name, _, marker in map(_requirement, PROJECT["dependencies"])
                      if marker}  # fmt: skip
    assert only_by_marker == {"ai-edge-litert"}, "the recipe leaves out this one only"
    needs = _by_name([each.replace("${{ python_min }}", recipe["context"]["python_min"])
                      for each in recipe["requirements"]["run"]])  # fmt: skip
    assert needs.pop("python") == frozenset(PROJECT["requires-python"].split(","))
    assert needs == expected
    assert list(needs) == sorted(needs)


def test_the_recipe_builds_and_tests_as_the_project_does(recipe: Any) -> None:
    host = _by_name([each for each in recipe["requirements"]["host"] if "${{" not in each])
    assert host == _by_name([*PYPROJECT["build-system"]["requires"], "pip"])
    scripts = [f"{name} = {target}" for name, target in PROJECT["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts
    assert recipe["about"]["license"] == PROJECT["license"]
    assert [recipe["about"]["license_file"]] == PROJECT["license-files"]
    assert recipe["about"]["summary"] == PROJECT["description"]
    (tried,) = (each["python"]["python_version"] for each in recipe["tests"] if "python" in each)
    assert tried == ["${{ python_min }}.*", f"{PYTHONS[-1]}.*"]
    optional = _by_name([each.replace("tensorflow-cpu", "tensorflow")
                         for each in PROJECT["optional-dependencies"]["train"]])  # fmt: skip
    for name, bounds in _by_name(recipe["requirements"]["run_constraints"]).items():
        assert optional[name] == bounds


def test_the_recipe_takes_the_source_of_its_version(recipe: Any) -> None:
    assert recipe["package"]["version"] == "${{ version }}"
    assert recipe["source"]["url"].endswith("/refs/tags/v${{ version }}.tar.gz")
    assert re.fullmatch(r"[0-9a-f]{64}", recipe["source"]["sha256"])


# Releases


def test_citation_and_recipe_have_the_version_that_was_released_last(recipe: Any) -> None:
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == recipe["context"]["version"]
    assert (citation["version"], str(citation["date-released"])) == next(
        iter(sections(text("CHANGELOG.md")))
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that say the version, as for a release."""
    (tmp_path / "mnistlab").mkdir()
    (tmp_path / "conda").mkdir()
    (tmp_path / "mnistlab/version.py").write_text('"""Text."""\n\n__version__ = "2.1.0"\n')
    (tmp_path / "CITATION.cff").write_text(
        "cff-version: 1.2.0\nversion: 2.1.0\ndate-released: 2027-03-01\n"
    )
    (tmp_path / "conda/recipe.yaml").write_text('context:\n  version: "2.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [2.1.0] - 2027-03-01\n\n### Added\n- New.\n\n"
        "## [2.0.0] - 2027-01-01\n- Old.\n\n[2.0.0]: https://example.org\n"
    )
    return tmp_path


def test_a_release_says_what_its_section_says(clone: Path) -> None:
    assert release_notes("v2.1.0", clone) == "### Added\n- New."


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("mnistlab/version.py", "2.1.0", "2.0.9", "mnistlab/version.py says 2.0.9, not 2.1.0"),
        ("CITATION.cff", "version: 2.1.0", "version: 2", "CITATION.cff says 2, not 2.1.0"),
        ("CITATION.cff", "2027-03-01", "2027-02-01", "says 2027-02-01, not 2027-03-01"),
        ("conda/recipe.yaml", "2.1.0", "2.0.0", "conda/recipe.yaml says 2.0.0"),
        ("CHANGELOG.md", "2027-03-01", "unreleased", "no section '## [2.1.0]"),
    ],
)
def test_a_release_is_refused_where_files_disagree(
    clone: Path, name: str, old: str, new: str, said: str
) -> None:
    file = clone / name
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ValueError, match=re.escape(said)):
        release_notes("v2.1.0", clone)


def test_a_tag_without_a_section_ends_with_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["v0.0.0"]) == 1
    assert "CHANGELOG.md has no section" in capsys.readouterr().err
    assert main([]) == 2
