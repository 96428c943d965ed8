"""The image, as far as it goes without Docker: its steps, and a server started from them.

`deploy/install.sh` runs as the Dockerfile runs it, on the files that Docker would be given. The
server then runs as another user, who can write only to its home and temporary folder.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from drivers.visitor import Visitor
from drivers.waiting import until
from mnistlab.data import load_mnist
from tests.deploy.shipped import DEPLOY, ROOT, image_environment, is_setting

pytestmark = pytest.mark.skipif(os.name != "posix", reason="deploy/install.sh is a shell script")
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
# The Python of the tests may lie in a folder of root's own; the system's is for every user.
SYSTEM_PYTHON = Path("/usr/bin/python3")
MEMORY = Path("/dev/shm")
IS_ROOT = os.name == "posix" and os.geteuid() == 0
OTHER_USER = 65534 if IS_ROOT else None


def docker_files() -> list[str]:
    """What `.dockerignore` lets in: files and folders, each on a line with `!`."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def test_the_dockerfile_copies_what_docker_is_given() -> None:
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
    ]
    assert sorted(copied) == sorted(docker_files())
    for name in copied:
        assert (ROOT / name).exists(), name


def test_the_dockerfile_runs_the_script_that_is_tested() -> None:
    steps = re.findall(r"^RUN (.*)$", DOCKERFILE, re.MULTILINE)
    assert [step for step in steps if not step.startswith("useradd ")] == [
        f"deploy/install.sh {target} /opt/mnistlab ${{MNIST:+/opt/mnistlab/mnist.npz}}"
        for target in ("serve", "full")
    ]
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [base for base in bases if ":" in base] == ["python:3.12-slim"]
    assert bases[-2:] == ["run", "run"]  # nothing of the stages that install but the result
    assert re.findall(r"^USER (.*)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^EXPOSE (.*)$", DOCKERFILE, re.MULTILINE) == ["8866 8867"]
    assert "HEALTHCHECK" in DOCKERFILE


def test_the_image_sets_only_known_variables() -> None:
    assert [name for name in image_environment() if not is_setting(name)] == []


@pytest.mark.mnist
def test_the_image_can_hold_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mnist.npz"
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "build"))
    subprocess.run([sys.executable, str(DEPLOY / "save_mnist.py"), str(file)], check=True)
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("MNISTLAB_MNIST", str(file))
    assert load_mnist(progress=False, verify=True).x_train.shape == (60_000, 28, 28)


class Installed:
    """What `deploy/install.sh` made of a target."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder, self.prefix = folder, folder / "opt"
        source = folder / "source"
        for name in docker_files():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, source / name, ignore=ignored)
            else:
                shutil.copy2(ROOT / name, source / name)
        python = str(SYSTEM_PYTHON) if IS_ROOT else sys.executable
        hidden = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        built = subprocess.run(
            ["sh", "deploy/install.sh", target, str(self.prefix)], cwd=source,
            env={**environment, "PYTHON": python, "BUILD_PYTHON": sys.executable,
                 "TMPDIR": str(folder)},
            capture_output=True, text=True,
        )  # fmt: skip
        assert built.returncode == 0, built.stdout + built.stderr
        shutil.rmtree(source)
        for path in [self.prefix, *self.prefix.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)

    def packages(self) -> dict[str, str]:
        """Versions of the installed packages by name."""
        (place,) = self.prefix.glob("lib/python*/site-packages")
        return {
            re.sub(r"[-_.]+", "-", each.name).lower(): each.version
            for each in metadata.distributions(path=[str(place)])
        }

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[str], int]]:
        """The server as in a container: the image's variables, and two folders to write to."""
        home, tmp = self.folder / "data", self.folder / "tmp"
        for each in (home, tmp):
            each.mkdir()
            if OTHER_USER is not None:
                os.chown(each, OTHER_USER, OTHER_USER)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        settings = {
            **image_environment(),
            "PATH": f"{self.prefix}/bin{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(home), "MNISTLAB_HOME": str(home), "TMPDIR": str(tmp),
            "MNISTLAB_APP_PORT": str(port), "MNISTLAB_APP_IP": "127.0.0.1", "MNISTLAB_OFFLINE": "1",
        }  # fmt: skip
        server = subprocess.Popen(
            ["mnistlab", "app"], cwd=home, env=settings, executable=f"{self.prefix}/bin/mnistlab",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            user=OTHER_USER, group=OTHER_USER, extra_groups=() if IS_ROOT else None,
        )  # fmt: skip
        try:
            yield server, port
        finally:
            server.kill()
            server.communicate()

    def healthcheck(self, port: int) -> int:
        """The status of the image's HEALTHCHECK."""
        checked = subprocess.run(
            [f"{self.prefix}/bin/python", str(DEPLOY / "healthcheck.py")],
            env={"MNISTLAB_APP_PORT": str(port)}, capture_output=True,
        )  # fmt: skip
        return checked.returncode


@contextmanager
def installed(target: str) -> Iterator[Installed]:
    # Not pytest's own temporary folder, which other users cannot enter. In memory where there is
    # plenty: some disks take a minute to delete 30,000 files.
    roomy = MEMORY.is_dir() and min(
        shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available
    ) > 8e9  # fmt: skip
    folder = Path(tempfile.mkdtemp(prefix="mnistlab-image-", dir=MEMORY if roomy else None))
    folder.chmod(0o755)
    try:
        yield Installed(folder, target)
    finally:
        for path in folder.rglob("*"):  # or only root could delete them
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


def check(image: Installed) -> None:
    """Check what both targets have in common."""
    locked = set((ROOT / "requirements.lock").read_text().split())
    packages = image.packages()
    ours = packages.pop("mnistlab")
    assert ours
    assert [f"{n}=={v}" for n, v in packages.items() if f"{n}=={v}" not in locked] == []
    assert not {"pip", "uv", "hatchling", "pytest"} & packages.keys()
    assert list(image.prefix.glob("lib/python*/site-packages/mnistlab/__pycache__/*.pyc"))
    with image.serving() as (server, port):
        until(lambda: server.poll() is not None or image.healthcheck(port) == 0, "the server", 60)
        with Visitor(f"http://127.0.0.1:{port}/") as visitor:
            visitor.open_pad()
            visitor.draw([[[90, 60], [190, 60], [130, 220]]])
        server.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        assert server.wait(30) == 0
        assert time.monotonic() - begun < 15
        assert image.healthcheck(port) != 0


@pytest.mark.timeout(600)  # a minute or two, by the network
def test_a_server_runs_from_what_the_image_holds() -> None:
    with installed("serve") as image:
        assert not {"tensorflow", "tensorflow-cpu", "keras"} & image.packages().keys()
        assert "distributed" in image.packages()
        check(image)


@pytest.mark.soak  # TensorFlow takes minutes more to install
@pytest.mark.timeout(1200)
def test_a_server_runs_from_the_full_image() -> None:
    with installed("full") as image:
        assert {"keras", "distributed"} <= image.packages().keys()
        check(image)
