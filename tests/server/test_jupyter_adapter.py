"""What `server/jupyter_adapter/` needs of other packages, and that it alone does.

After an upgrade a failure here says which name went missing, and what must be written anew.
"""

from __future__ import annotations

import ast
import asyncio
import importlib
import inspect
import json
from functools import reduce
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from tornado.web import HTTPError

import mnistlab
from mnistlab.server import jupyter_adapter
from mnistlab.server.jupyter_adapter.kernels import VisitKernels
from mnistlab.server.jupyter_adapter.sockets import KernelSocket
from mnistlab.server.messages import V1_PROTOCOL, AnswerTimes, Moves
from tests.server.alone import run_alone
from tests.server.test_messages import newer, older, text

PACKAGE = Path(mnistlab.__file__).parent
SERVER_KERNELS = "jupyter_server.services.kernels"
KERNELS = f"{SERVER_KERNELS}.kernelmanager:AsyncMappingKernelManager"
CONNECTION = f"{SERVER_KERNELS}.connection.channels:ZMQChannelsWebsocketConnection"
SOCKET = f"{SERVER_KERNELS}.websocket:KernelWebsocketHandler"
FACTORY = "voila.voila_kernel_manager:voila_kernel_manager_factory"
VOILA_SOCKET = "voila.tornado.kernel_websocket_handler:VoilaKernelWebsocketHandler"
IDENTITY = "jupyter_server.auth.identity:PasswordIdentityProvider"
PROVISIONER = "jupyter_client.provisioning.local_provisioner:LocalProvisioner"
PAGE = "voila.tornado.handler:TornadoVoilaHandler"

# Attributes, as package.module:attribute.attribute, and what of the adapter needs them.
ATTRIBUTES = {
    f"{KERNELS}._kernels": "VisitKernels",
    f"{KERNELS}.start_kernel": "VisitKernels.start_kernel",
    f"{KERNELS}.start_watching_activity": "VisitKernels.start_watching_activity",
    f"{KERNELS}.shutdown_kernel": "VisitKernels.shutdown_kernel",
    f"{KERNELS}.shutdown_all": "LabServer.stop",
    f"{KERNELS}.remove_kernel": "VisitKernels.remove_kernel",
    f"{KERNELS}._handle_kernel_died": "VisitKernels._handle_kernel_died",
    f"{KERNELS}.remove_restart_callback": "VisitKernels._handle_kernel_died",
    f"{CONNECTION}.on_restart_failed": "VisitKernels._handle_kernel_died",
    f"{CONNECTION}.channels": "KernelSocket._forward",
    f"{CONNECTION}.session": "KernelSocket._forward",
    "jupyter_client.session:Session.send_raw": "KernelSocket._forward",
    "jupyter_client.manager:AsyncKernelManager.connect_hb": "VisitKernels._answers",
    "jupyter_client.manager:AsyncKernelManager.is_alive": "VisitKernels._answers",
    "jupyter_client.multikernelmanager:AsyncMultiKernelManager.context": "VisitKernels",
    "jupyter_client.manager:AsyncKernelManager.client_factory": "VisitKernel",
    "jupyter_client.restarter:KernelRestarter.restart_limit": "make_server",
    f"{CONNECTION}.limit_rate": "make_server",
    "jupyter_client.kernelspec:KernelSpecManager.allowed_kernelspecs": "make_server",
    f"{SOCKET}.pre_get": "KernelSocket.pre_get",
    f"{SOCKET}.open": "KernelSocket.open",
    "jupyter_server.base.websocket:WebSocketMixin.send_ping": "KernelSocket.send_ping",
    "jupyter_server.base.websocket:WebSocketMixin.last_pong": "KernelSocket.send_ping",
    "jupyter_server.base.handlers:JupyterHandler.kernel_manager": "VisitSocket.get",
    "jupyter_server.auth.decorator:ws_authenticated": "VisitSocket.get",
    "jupyter_server.auth.login:LoginFormHandler": "LabServer.init_handlers",
    f"{SERVER_KERNELS}.handlers:KernelHandler": "LabServer.init_handlers",
    "tornado.websocket:WebSocketHandler.set_nodelay": "KernelSocket.open",
    "tornado.iostream:BaseIOStream": "KernelSocket.open",
    "tornado.ioloop:IOLoop.add_callback_from_signal": "LabServer.start",
    "voila.app:Voila.init_settings": "LabServer.init_settings",
    "voila.app:Voila.init_handlers": "LabServer.init_handlers",
    "voila.app:Voila.labextensions_path": "LabServer.init_handlers",
    "voila.app:Voila.template_paths": "LabServer.init_handlers",
    "voila.app:Voila.static_paths": "LabServer.init_handlers",
    "voila.app:Voila.server_url": "LabServer.init_handlers",
    "voila.app:Voila.connection_dir_root": "make_server",
    "voila.app:Voila.port_retries": "make_server",
    "voila.configuration:VoilaConfiguration.multi_kernel_manager_class": "make_server",
    "voila.configuration:VoilaConfiguration.preheat_kernel": "make_server",
    "voila.configuration:VoilaConfiguration.default_pool_size": "make_server",
    "voila.configuration:VoilaConfiguration.http_keep_alive_timeout": "make_server",
    "voila.utils:ENV_VARIABLE.VOILA_PREHEAT": "VisitKernels.start_kernel",
    "voila.shutdown_kernel_handler:VoilaShutdownKernelHandler.post": "LabServer.init_handlers",
    "voila.static_file_handler:MultiStaticFileHandler.initialize": "LabServer.init_handlers",
    f"{VOILA_SOCKET}.write_message": "KernelSocket.write_message",
    f"{PAGE}.get_generator": "Page._send_page",
    f"{PAGE}.should_use_rendered_notebook": "Page.should_use_rendered_notebook",
    f"{PAGE}.render_template": "Page._send_notice",
}  # fmt: skip

# Code without a name to ask for: a text of the source of an object.
SOURCES = [
    (FACTORY, "self._pools: ", "VisitKernels._pool"),
    (FACTORY, "self._pools[notebook_name].pop(0)", "VisitKernels.find_warm"),
    (FACTORY, '{"task": task, "renderer": renderer, "kernel_id": kernel_id}', "_is_drawn"),
    (FACTORY, "f.result().get(", "VisitKernels.start_kernel"),
    (FACTORY, "self.notebook_path = ", "VisitKernels._refill"),
    (FACTORY, "def fill_if_needed(", "VisitKernels._refill"),
    (FACTORY, "fill_delay = Float(", "make_server"),
    (f"{KERNELS}.start_kernel", "_finish_kernel_start", "VisitKernels.start_kernel"),
    (f"{KERNELS}._finish_kernel_start", "_handle_kernel_died", "VisitKernels._handle_kernel_died"),
    (f"{CONNECTION}.nudge", 'execution_state == "starting"',
     "VisitKernels.start_watching_activity"),
    (f"{SOCKET}.pre_get", "self.connection = ", "KernelSocket.on_close"),
    (f"{SOCKET}.select_subprotocol", V1_PROTOCOL, "KernelSocket.write_message"),
    ("jupyter_server.base.websocket:WebSocketMixin", "ws_ping_interval", "LabServer.init_settings"),
    ("jupyter_server.base.websocket:WebSocketMixin", "ws_ping_timeout", "LabServer.init_settings"),
    ("jupyter_server.base.handlers:JupyterHandler", '"jinja2_env"', "LabServer.init_settings"),
    ("jupyter_server.base.handlers:JupyterHandler", '"local_hostnames"', "LabServer.init_settings"),
    (f"{IDENTITY}.get_cookie_name", "handler.request.host", "Host in mnistlab/launcher.py"),
    ("voila.app:Voila.init_settings", "voila_jinja2_env=", "LabServer.init_settings"),
    ("voila.app:Voila.start", "self.connection_dir = ", "LabServer.stop"),
    ("voila.handler:VoilaHandler.initialize", '"notebook_path"', "LabServer.init_handlers"),
    ("voila.handler:VoilaHandler.get_generator", "self.should_use_rendered_notebook(",
     "Page.should_use_rendered_notebook"),
    ("tornado.web:Application.__init__", "transforms", "LabServer.init_settings"),
    ("tornado.iostream:BaseIOStream.__init__", "self.max_write_buffer_size", "KernelSocket.open"),
    ("tornado.websocket:WebSocketHandler", "self.ws_connection", "KernelSocket.write_message"),
    ("jupyter_client.manager:KernelManager.format_kernel_cmd", "sys.executable", "kernel.json"),
    ("nbconvert.exporters.templateexporter:TemplateExporter._create_environment",
     "extensions=JINJA_EXTENSIONS", "make_server"),
    ("nbclient.client:NotebookClient.async_start_new_kernel_client", "self.kc.wait_for_ready(",
     "QuickClient in kernel_client.py"),
    (f"{PROVISIONER}.poll", "self.process.poll()", "Forked in forks.py"),
    (f"{PROVISIONER}.wait", "self.process.wait()", "Forked in forks.py"),
    (f"{PROVISIONER}.send_signal", "self.process.send_signal(", "Forked in forks.py"),
    (f"{PROVISIONER}.pre_launch", "self.connection_info = ", "launch_kernel in provisioner.py"),
    ("jupyter_client.provisioning.factory:KernelProvisionerFactory.create_provisioner_instance",
     "self.provisioners[provisioner_name].load()", "register in provisioner.py"),
    ("ipykernel.kernelapp:IPKernelApp.init_poller", "self.parent_handle != 1",
     "_FORKED in provisioner.py"),
    ("ipywidgets:load_ipython_extension", "register_comm_target()", "_FORKED in provisioner.py"),
]  # fmt: skip


def find(path: str) -> Any:
    """The object at package.module:attribute.attribute; raises AttributeError or ImportError."""
    module, _, names = path.partition(":")
    found: Any = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("path", ATTRIBUTES)
def test_private_and_unstable_names_are_there(path: str) -> None:
    try:
        find(path)
    except (AttributeError, ImportError) as error:
        package, name = path.split(".")[0].partition(":")[0], path.partition(":")[2]
        pytest.fail(
            f"{package} no longer has {name} ({path}), which {ATTRIBUTES[path]} of "
            f"server/jupyter_adapter/ needs: {error}."
        )


@pytest.mark.parametrize(("path", "text", "needed_by"), SOURCES)
def test_code_that_has_no_name_is_there(path: str, text: str, needed_by: str) -> None:
    source = inspect.getsource(find(path))
    assert text in source, (
        f"{path.split('.')[0]} no longer has {text!r} in {path}, which {needed_by} of "
        "server/jupyter_adapter/ needs."
    )


def test_the_kernel_is_the_servers_python() -> None:
    spec = json.loads((PACKAGE / "server/jupyter/kernels/python3/kernel.json").read_text("utf-8"))
    assert spec["argv"][0] == "python", "which jupyter_client replaces by sys.executable"


def test_a_message_is_parsed_once_and_forwarded_as_it_came(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed: list[str] = []
    loads = json.loads

    def parse(text: str) -> Any:
        parsed.append(text)
        return loads(text)

    monkeypatch.setattr(json, "loads", parse)
    session = Mock()
    for message, protocol in ((newer(comm_id="1"), V1_PROTOCOL), (older(text(comm_id="1")), None)):
        page = KernelSocket.__new__(KernelSocket)
        page.ws_connection = SimpleNamespace(selected_subprotocol=protocol)
        page.connection = SimpleNamespace(channels={"shell": "stream"}, session=session)
        page._moves = Moves(page._forward, page._send_idle, Mock())
        page._answers = AnswerTimes(Mock())
        page.on_message(message)
        stream, parts = session.send_raw.call_args[0]
        assert stream == "stream"
        assert [loads(part) for part in (parts[0], parts[3])] == [
            {"msg_type": "comm_msg"},
            {"comm_id": "1"},
        ]
        assert parts[4:] == [b"buffer" if protocol else b"picture"]
    assert len(parsed) == len(set(parsed)) == 3, "header and content, and the older one as a whole"


# What other modules of the server may import: names in the documentation of these packages.
PUBLIC = {
    "jupyter_client.asynchronous.client": {"AsyncKernelClient"},
    "jupyter_client.provisioning.factory": {"KernelProvisionerFactory"},
    "jupyter_client.provisioning.local_provisioner": {"LocalProvisioner"},
    "tornado.httputil": {"HTTPHeaders", "HTTPServerRequest"},
    "tornado.web": {"HTTPError", "OutputTransform", "RequestHandler"},
}
OTHERS = {"voila", "jupyter_server", "jupyter_client", "jupyter_core", "tornado", "traitlets"}


def test_other_modules_know_documented_names_only() -> None:
    for path in (PACKAGE / "server").rglob("*.py"):
        if path.parent.name == "jupyter_adapter":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not {each.name.partition(".")[0] for each in node.names} & OTHERS, path
            elif isinstance(node, ast.ImportFrom) and node.module:
                public = PUBLIC.get(node.module, set())
                is_other = node.module.partition(".")[0] in OTHERS
                assert not is_other or {each.name for each in node.names} <= public, path


def test_functions_named_here_exist() -> None:
    names = [*ATTRIBUTES.values(), *(needed_by for _, _, needed_by in SOURCES)]
    known: dict[str, Any] = {}
    for path in Path(jupyter_adapter.__file__).parent.glob("*.py"):
        known |= vars(importlib.import_module(f"{jupyter_adapter.__name__}.{path.stem}"))
    for name in names:
        if " " not in name and not name.endswith(".json"):
            first, *rest = name.split(".")
            reduce(getattr, rest, known[first])


def test_a_warm_kernel_that_could_not_be_started_leaves_the_pool() -> None:
    async def fail() -> None:
        raise OSError("too many open files")

    async def look() -> list[asyncio.Task[None]]:
        kernels = VisitKernels.__new__(VisitKernels)
        pool = [asyncio.ensure_future(fail()) for _ in range(3)]
        vars(kernels)["_pools"] = {"page.ipynb": pool}
        await asyncio.wait(pool)
        kernels._drop_dead()  # else each shutdown of a kernel would fail with it
        return pool

    assert run_alone(look()) == []


def test_the_end_of_the_server_survives_a_kernel_that_dies_at_the_same_time(tmp_path: Path) -> None:
    asked = []

    async def shutdown_all() -> None:
        asked.append("all")
        if len(asked) == 1:
            raise HTTPError(404, "Kernel does not exist: the one that has just died")

    folder = tmp_path / "connections"
    folder.mkdir()
    server = SimpleNamespace(
        _sweeper=SimpleNamespace(stop=lambda: None),
        kernel_manager=SimpleNamespace(shutdown_all=shutdown_all),
        connection_dir=str(folder),
    )
    lab = cast("jupyter_adapter.LabServer", server)
    jupyter_adapter.LabServer.stop(lab)
    assert asked == ["all", "all"], "the other kernels are asked again"
    assert not folder.exists()
