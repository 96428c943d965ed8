"""The lab behind jupyter-server-proxy, as people reach it from JupyterLab and JupyterHub."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import psutil
import pytest
import websocket

from drivers.jupyter import jupyter
from drivers.visitor import Visitor
from drivers.waiting import until
from mnistlab.launcher import launcher

ROOT = Path(__file__).parents[2]
TOKEN = "of-jupyter"
SEVEN = [[[90, 60], [190, 60], [130, 220]]]
HUB = "hub.example.org"
on_posix = pytest.mark.skipif(os.name != "posix", reason="processes are looked at as on Unix")


@dataclass
class Proxied:
    """The lab behind a user's Jupyter server."""

    url: str  # of the Jupyter server
    jupyter: psutil.Process

    @property
    def lab(self) -> str:
        """The lab's address."""
        return f"{self.url}mnistlab/"

    def processes(self) -> list[psutil.Process]:
        """The lab's own servers; the first request starts one."""
        return [each for each in self.jupyter.children() if "mnistlab" in each.cmdline()]

    def visitors(self) -> int:
        """How many pages are open."""
        with urllib.request.urlopen(f"{self.lab}healthz?token={TOKEN}", timeout=60) as answer:
            return int(json.load(answer)["visitors"])


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("launcher")
    (folder / "tmp").mkdir()
    home = {"MNISTLAB_HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    # JupyterHub lets its users' servers answer to any name.
    with jupyter(
        folder, "--ServerApp.allow_remote_access=True", base_url="/user/ada/", token=TOKEN, **home
    ) as (url, process):
        yield Proxied(url, psutil.Process(process.pid))


def test_the_entry_point_gives_the_tile() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["jupyter_serverproxy_servers"] == {
        "mnistlab": "mnistlab.launcher:launcher"
    }
    (found,) = entry_points(group="jupyter_serverproxy_servers", name="mnistlab")
    entry = found.load()()["launcher_entry"]
    assert entry["title"] == "MNIST Lab"
    assert Path(entry["icon_path"]).read_text().startswith("<svg")


def test_each_jupyter_server_has_a_token_of_its_own_outside_the_command() -> None:
    first, second = launcher(), launcher()
    tokens = [each["environment"]["MNISTLAB_APP_TOKEN"] for each in (first, second)]
    assert tokens[0] != tokens[1]
    assert min(map(len, tokens)) >= 32
    assert tokens[0] not in " ".join(first["command"])


def test_the_jupyter_server_loads_nothing_of_the_lab() -> None:
    code = (
        "import sys; from mnistlab.launcher import launcher; launcher(); "
        "print(*(name for name in sys.modules if name.startswith('mnistlab')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert set(done.stdout.split()) == {"mnistlab", "mnistlab.launcher", "mnistlab.version"}


@on_posix
def test_a_visitor_draws_through_the_proxy(proxied: Proxied) -> None:
    before = proxied.visitors()
    # The address has Jupyter's token, which is not the lab's. The lab then asks for its own, and
    # finds it in the header.
    visitor = Visitor(f"{proxied.lab}?token={TOKEN}")
    visitor.open_pad()
    visitor.draw(SEVEN)
    assert visitor.text("ml-digit-cnn") == "7"
    visitor.leave()
    until(lambda: proxied.visitors() <= before, "the end of the visit", 30)


@on_posix
def test_runs_are_the_users_own_and_last(proxied: Proxied) -> None:
    with Visitor(f"{proxied.lab}?token={TOKEN}") as visitor:
        classes = visitor.states[visitor.find("ml-app")]["_dom_classes"]
    assert "ml-shared" not in classes


@on_posix
def test_a_hubs_name_is_taken_and_another_sites_page_is_not(proxied: Proxied) -> None:
    with Visitor(f"{proxied.lab}?token={TOKEN}") as visitor:
        socket = f"ws{proxied.lab[4:]}api/kernels/{visitor.kernel}/channels"
        # As a proxy passes on what a browser sends that has opened https://hub.example.org.
        cookie = "; ".join(f"{c.name}={c.value}" for c in visitor.cookies)
        headers = [f"Authorization: token {TOKEN}"]
        websocket.create_connection(
            socket, host=HUB, origin=f"https://{HUB}", header=headers, timeout=60
        ).close()
        for origin in ("https://evil.example", "null"):
            with pytest.raises(websocket.WebSocketBadStatusException):
                websocket.create_connection(socket, origin=origin, cookie=cookie, timeout=60)
    request = urllib.request.Request(proxied.lab, headers={"Host": HUB})
    request.add_header("Authorization", f"token {TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as page:
        assert b"jupyter-config-data" in page.read()


@on_posix
def test_its_cookies_have_other_names_than_those_of_jupyter(proxied: Proxied) -> None:
    with Visitor(f"{proxied.lab}?token={TOKEN}") as visitor:
        visitor.ask("healthz")
        names = {path: {c.name for c in visitor.cookies if c.path == path}
                 for path in ("/user/ada/", "/user/ada/mnistlab/")}  # fmt: skip
    assert all(names.values())
    assert not set.intersection(*names.values())


@on_posix
def test_nobody_else_gets_in(proxied: Proxied) -> None:
    with urllib.request.urlopen(f"{proxied.lab}?token={TOKEN}", timeout=60):
        pass  # the lab runs
    with urllib.request.urlopen(proxied.lab, timeout=60) as answer:  # of somebody else
        assert answer.url.startswith(f"{proxied.url}login")
    (lab,) = proxied.processes()
    port = _argument(lab, "--port")
    # Another user of the same machine goes around the proxy.
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/user/ada/mnistlab/", timeout=60) as form:
        page = form.read().decode()
    assert "jupyter-config-data" not in page
    assert re.search(r"<form[^>]*login", page)
    open_ports = [each.laddr for each in lab.net_connections("tcp") if each.status == "LISTEN"]
    assert {ip for ip, _ in open_ports} == {"127.0.0.1"}


@on_posix
def test_the_lab_ends_with_a_jupyter_server_that_ends_without_a_signal(tmp_path: Path) -> None:
    with jupyter(tmp_path, token=TOKEN, MNISTLAB_HOME=str(tmp_path / "home")) as (url, process):
        proxied = Proxied(url, psutil.Process(process.pid))
        assert proxied.visitors() == 0
        running = proxied.processes()
        running += [child for each in running for child in each.children(recursive=True)]
        # File, Shut Down in JupyterLab.
        request = urllib.request.Request(
            f"{url}api/shutdown", method="POST", headers={"Authorization": f"token {TOKEN}"}
        )
        urllib.request.urlopen(request, timeout=60).close()
        process.wait(60)
        gone, _ = psutil.wait_procs(running, timeout=60)
        assert {each.pid for each in gone} == {each.pid for each in running}


def _argument(process: psutil.Process, flag: str) -> str:
    command: list[Any] = process.cmdline()
    return str(command[command.index(flag) + 1])
