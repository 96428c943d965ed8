"""The app after a plain `pip install`: no clone, nothing but what the wheel holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.server import serving
from drivers.visitor import Visitor

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are looked at as on Unix")


@pytest.mark.timeout(300)
def test_an_installed_wheel_serves_the_dashboard(tmp_path: Path) -> None:
    source = tmp_path / "source"  # a build leaves files beside what it builds
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "dashboard.ipynb"):
        shutil.copy2(ROOT / name, source)
    shutil.copytree(
        ROOT / "mnistlab", source / "mnistlab", ignore=shutil.ignore_patterns("__pycache__")
    )
    installed = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(installed), str(source)], check=True)
    shutil.rmtree(source)
    found = subprocess.run(
        [sys.executable, "-c", "import mnistlab; print(mnistlab.__file__)"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()).is_relative_to(installed)

    with serving(tmp_path, PYTHONPATH=str(installed)) as server, Visitor(server.url) as visitor:
        visitor.open_pad()
        visitor.draw([[[90, 60], [190, 60], [130, 220]]])
        assert server.get("voila/templates/mnistlab/static/icon.svg")[0] == 200
