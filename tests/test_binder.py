"""Binder's build, as far as it goes without conda."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="binder/postBuild is a shell script")


@pytest.mark.mnist  # the build would have to download it
def test_post_build_makes_a_lab_in_a_new_environment(tmp_path: Path) -> None:
    # A copy of what git knows: the build writes into its folder.
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.split("\0")
    clone = tmp_path / "clone"
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    # It sees the packages that `make install` took from the same lock file; installing them again
    # would take minutes and show nothing new.
    venv.create(tmp_path / "env", with_pip=True)
    own = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "env")})
    (Path(own) / "locked.pth").write_text(sysconfig.get_path("purelib"))
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "MNISTLAB_HOME": str(tmp_path / "home"),
    }
    built = subprocess.run(
        ["bash", "binder/postBuild"], cwd=clone, env=environment, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    python = str(tmp_path / "env" / "bin" / "python")
    seen = subprocess.run(
        [python, "-m", "mnistlab", "data", "info", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert '"mnist"' in seen.stdout
    code = "import voila, jupyterlab, tensorflow, mnistlab.ui; print('ready')"
    seen = subprocess.run(
        [python, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "ready" in seen.stdout, seen.stderr


def test_binder_and_conda_name_the_same_python() -> None:
    texts = [(ROOT / path).read_text() for path in ("environment.yml", "binder/environment.yml")]
    pythons = {line.strip() for text in texts for line in text.splitlines() if "python=" in line}
    assert len(pythons) == 1
