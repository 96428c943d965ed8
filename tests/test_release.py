"""What people get from the package index: built as for a release, installed as they install it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from drivers.server import serving
from drivers.visitor import Visitor
from mnistlab.version import __version__

ROOT = Path(__file__).parent.parent
SEVEN = [[[90, 60], [190, 60], [130, 220]]]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the folders of an environment")


def build(source: Path, target: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    (built,) = folder.glob("*.tar.gz" if target == "sdist" else "*.whl")
    return built


@dataclass(frozen=True)
class Release:
    sdist: Path
    wheel: Path
    """Built from the unpacked source distribution."""


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    folder = tmp_path_factory.mktemp("release")
    sdist = build(ROOT, "sdist", folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return Release(sdist, build(folder / f"mnistlab-{__version__}", "wheel", folder))


def test_the_workflow_installs_all_that_the_build_needs() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    text = (ROOT / ".github/workflows/release.yml").read_text()
    (command,) = re.findall("pip install .*hatchling.*", text)
    assert {re.split("[<>=]", each)[0] for each in build} <= set(command.split())


def contents(wheel: Path) -> dict[str, int]:
    """Checksums of the files of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {each.filename: each.CRC for each in archive.infolist()}


def metadata(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"mnistlab-{__version__}.dist-info/METADATA").decode()


def test_a_wheel_of_the_source_distribution_is_one_of_the_clone(
    release: Release, tmp_path: Path
) -> None:
    assert contents(release.wheel) == contents(build(ROOT, "wheel", tmp_path))


def test_a_wheel_holds_what_the_package_needs_and_nothing_else(release: Release) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "mnistlab"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    packed = {name for name in contents(release.wheel) if ".dist-info/" not in name}
    assert packed == {*tracked, "mnistlab/dashboard.ipynb"}


def test_the_index_shows_pictures_and_links_that_lead_somewhere(release: Release) -> None:
    text = metadata(release.wheel)
    assert f"\nVersion: {__version__}\n" in text
    targets = re.findall(r"\]\(([^)]+)\)|src(?:set)?=\"([^\"]+)\"", text)
    relative = [a or b for a, b in targets if not (a or b).startswith(("https://", "#"))]
    assert targets
    assert relative == []
    ours = re.compile(r"mnistlab/mnistlab/(?:blob/)?main/([\w./-]+)")
    missing = [name for name in ours.findall(text) if not (ROOT / name).is_file()]
    assert missing == []


class Environment:
    """A fresh environment with the release, its dependencies at the lock's versions."""

    def __init__(self, folder: Path, requirement: str) -> None:
        self._bin = folder / "env" / "bin"
        self._folder = folder
        self.settings = {
            "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}",
            "MNISTLAB_HOME": str(folder / "home"),
            "MNISTLAB_MNIST": "",
            "MNISTLAB_OFFLINE": "1",
            "PYTHONPATH": "",  # nothing of the clone
        }
        self._uv("venv", "--no-config", "--python", sys.executable, str(folder / "env"))
        lock = str(ROOT / "requirements.lock")
        python = str(self._bin / "python")
        self._uv(
            "pip", "install", "--no-config", "--python", python, "--constraints", lock, requirement
        )

    def _uv(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "uv", "--quiet", *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @property
    def python(self) -> str:
        return str(self._bin / "python")

    def mnistlab(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self._bin / "mnistlab"), *arguments], cwd=self._folder,
            env={**os.environ, **self.settings}, capture_output=True, text=True,
        )  # fmt: skip


@pytest.mark.timeout(600)  # half a minute, by the network
def test_a_plain_installation_serves_the_app_and_says_what_training_needs(
    release: Release, tmp_path: Path
) -> None:
    installed = Environment(tmp_path, str(release.wheel))
    assert installed.mnistlab("--version").stdout == f"mnistlab {__version__}\n"
    (tmp_path / "seven.json").write_text(json.dumps({"strokes": SEVEN}))
    read = installed.mnistlab("predict", "seven.json", "--json")
    assert [json.loads(line)["digit"] for line in read.stdout.splitlines()] == [7, 7], read.stderr
    refused = installed.mnistlab("train", "mlp")
    assert refused.returncode == 1
    assert 'pip install "mnistlab[train]"' in refused.stderr
    with (
        serving(tmp_path, python=installed.python, constants=None, **installed.settings) as server,
        Visitor(server.url) as visitor,
    ):
        visitor.open_pad()
        visitor.draw(SEVEN)
        assert server.get("voila/templates/mnistlab/static/icon.svg")[0] == 200


@pytest.mark.tensorflow
@pytest.mark.timeout(900)  # a minute, by the network
def test_the_source_distribution_installs_with_what_training_needs(
    release: Release, tmp_path: Path
) -> None:
    installed = Environment(tmp_path, f"mnistlab[train] @ {release.sdist.as_uri()}")
    trained = installed.mnistlab("train", "mlp", "--epochs", "1", "--share", "0.2", "--json")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["scores"]["n"] > 0
