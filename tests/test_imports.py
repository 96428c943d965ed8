"""Who imports what, and what the page's kernel weighs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mnistlab.settings import local_mnist

ROOT = Path(__file__).parent.parent
HEAVY = {
    "tensorflow", "keras", "sklearn", "scipy", "plotly", "pandas", "matplotlib", "distributed",
    "dask",
}  # fmt: skip
MEGABYTE = 2**20


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def test_layers_import_only_what_stands_below() -> None:
    code = "from importlinter.cli import lint_imports_command as lint; lint(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_package_that_is_imported_is_declared_and_locked() -> None:
    imported: set[str] = set()
    for path in (ROOT / "mnistlab").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {each.name.partition(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    imported -= {*sys.stdlib_module_names, "mnistlab"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        Requirement(text)
        for text in (*project["dependencies"], *extras["train"], *extras["cluster"])
    ]
    declared = {canonicalize_name(each.name) for each in wanted}
    homes = packages_distributions()
    for module in imported:
        # What has no release for this Python or machine, such as TensorFlow, bears its own name.
        names = {canonicalize_name(each) for each in homes.get(module, [module])}
        assert names & declared, f"{module} is imported, but {names} is not in pyproject.toml"
    locked = [Requirement(text) for text in (ROOT / "requirements.lock").read_text().splitlines()]
    for each in wanted:
        name = canonicalize_name(each.name)
        pins = [pin for pin in locked if canonicalize_name(pin.name) == name]
        assert pins, f"{name} is not in requirements.lock"
        for pin in pins:
            version = str(pin.specifier).removeprefix("==")
            assert each.specifier.contains(version), f"{pin} is locked, {each} is declared"


@pytest.mark.parametrize("module", ["mnistlab", "mnistlab.cli"])
def test_cheap_modules_load_no_package_beyond_python(module: str) -> None:
    loaded = run_python(f"import {module}, sys, json; print(json.dumps(list(sys.modules)))")
    top = {name.partition(".")[0] for name in json.loads(loaded)}
    assert not top & (HEAVY | {"numpy", "PIL", "ipywidgets", "tqdm", "ai_edge_litert", "voila"})


def test_the_server_leaves_to_kernels_what_only_they_need() -> None:
    """NumPy and IPython would be a tenth of its memory."""
    loaded = run_python(
        "import mnistlab.server.app, mnistlab.server.fork_server, sys, json\n"
        "from mnistlab.server.jupyter_adapter.kernels import LabKernelSpecs\n"
        "assert 'python3' in LabKernelSpecs().find_kernel_specs()\n"
        "print(json.dumps(list(sys.modules)))"
    )
    top = {name.partition(".")[0] for name in json.loads(loaded)}
    assert not top & {"numpy", "PIL", "IPython", "arrow"}


def test_library_loads_nothing_heavy() -> None:
    modules = "data, images.upload, metrics.comparison, models, training, jobs.worker"
    names = ", ".join(f"mnistlab.{name.strip()}" for name in modules.split(","))
    loaded = run_python(
        f"import {names}, mnistlab.charts.plotly_charts, sys, json;"
        " print(json.dumps([*sys.modules]))"
    )
    top = {name.partition(".")[0] for name in json.loads(loaded)}
    assert not top & (HEAVY | {"ipywidgets", "IPython", "ipycanvas", "traitlets", "voila"})


@contextmanager
def dashboard_kernel() -> Iterator[tuple[BlockingKernelClient, psutil.Process]]:
    """A real kernel that has run the dashboard's cells."""
    manager, client = start_new_kernel(cwd=str(ROOT))
    try:
        for cell in nbformat.read(ROOT / "dashboard.ipynb", 4).cells:
            if cell.cell_type == "code":
                execute(client, cell.source)
        assert isinstance(manager.provisioner, LocalProvisioner)
        yield client, psutil.Process(manager.provisioner.pid)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def execute(client: BlockingKernelClient, code: str, expression: str = "None") -> str:
    """Run code in the kernel, fail where it raises, and return an expression's repr."""
    reply = client.execute_interactive(
        code, user_expressions={"wanted": expression}, timeout=60, output_hook=lambda _: None
    )
    content = reply["content"]
    assert content["status"] == "ok", "\n".join(content.get("traceback", []))
    return str(content["user_expressions"]["wanted"]["data"]["text/plain"])


def loaded_packages(client: BlockingKernelClient) -> set[str]:
    names = "','.join({n.partition('.')[0] for n in __import__('sys').modules})"
    return set(execute(client, "", names).strip("'").split(","))


# Without MNIST on this machine the digits are what there is to test.
@pytest.fixture(params=["mnist", "digits"] if local_mnist() else ["digits"])
def data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The environment of a kernel on MNIST, or on the digits that stand in for it."""
    if request.param == "digits":
        monkeypatch.delenv("MNISTLAB_MNIST", raising=False)
    monkeypatch.setenv("MNISTLAB_OFFLINE", "1")
    monkeypatch.setenv("MNISTLAB_HOME", str(tmp_path))
    return str(request.param)


@pytest.mark.skipif(sys.platform != "linux", reason="PSS is Linux's measure")
def test_dashboards_kernel_is_light(data: str) -> None:
    run_python("from mnistlab.data import load_default; load_default()")  # a cache, as it mostly is
    with dashboard_kernel() as (client, process):
        assert not loaded_packages(client) & HEAVY
        assert process.memory_full_info().pss <= 120 * MEGABYTE
        execute(client, "d = Dashboard()\nfor tab in ('explore', 'compare'): d.open_tab(tab)")
        opened = execute(client, "", "sorted(d.tabs)")
        assert opened == "['compare', 'explore', 'predict']"
        # The verdict of Train & Compare needs scipy.special, 21 MB; scipy.stats would take 66.
        assert not loaded_packages(client) & (HEAVY - {"plotly", "scipy"})
        assert execute(client, "", "'scipy.stats' in __import__('sys').modules") == "False"
        print(f"PSS on {data}: {process.memory_full_info().pss / MEGABYTE:.0f} MB")
