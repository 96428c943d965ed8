"""The fleet of `deploy/compose.yaml`: names, addresses and settings fit together."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from tests.deploy.shipped import DEPLOY, ROOT, image_environment, is_setting, read_yaml

COMPOSE = read_yaml("compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SERVERS = {name: each for name, each in SERVICES.items() if name.startswith("server-")}


def test_every_setting_is_one_of_the_server() -> None:
    for name, service in SERVICES.items():
        for variable in service.get("environment", {}):
            assert is_setting(variable), f"{name}: {variable}"


def test_the_proxy_names_each_server_as_it_names_itself() -> None:
    proxy = SERVICES["proxy"]["environment"]
    named = {key: value for key, value in proxy.items() if key.startswith("SERVER_")}
    port = image_environment()["MNISTLAB_APP_PORT"]
    assert sorted(named.values()) == [f"{name}:{port}" for name in sorted(SERVERS)]
    lines = dict(
        re.findall(r'server (\S+) "\$\{(SERVER_\d)\}" cookie \1$', _haproxy(), re.MULTILINE)
    )
    assert len(lines) == 8
    for name, server in SERVERS.items():
        assert server["environment"]["MNISTLAB_APP_SERVER_NAME"] == name
        assert proxy[lines[name]] == f"{name}:{port}"


def test_servers_trust_the_proxy_and_nobody_else() -> None:
    address = SERVICES["proxy"]["networks"]["inside"]["ipv4_address"]
    (subnet,) = COMPOSE["networks"]["inside"]["ipam"]["config"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(subnet["subnet"])
    for server in SERVERS.values():
        assert server["environment"]["MNISTLAB_APP_TRUSTED_PROXIES"] == address


def test_a_server_has_time_to_drain() -> None:
    for server in SERVERS.values():
        minutes = int(server["stop_grace_period"].removesuffix("m"))
        assert 60 * minutes >= int(server["environment"]["MNISTLAB_APP_DRAIN_SECONDS"]) + 30


def test_our_containers_have_no_privileges_and_write_nowhere() -> None:
    ours = {name: each for name, each in SERVICES.items() if each["image"].startswith("mnistlab-")}
    assert ours.keys() == {*SERVERS, "scheduler", "worker"}
    for each in ours.values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in each["security_opt"]
        assert each["tmpfs"] == "/tmp"
        assert each["networks"] == ["inside"]  # which cannot reach the internet
        assert "ports" not in each
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_images_and_files_exist() -> None:
    stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for name, service in SERVICES.items():
        if build := service.get("build"):
            assert service["image"] == f"mnistlab-{build['target']}"
            assert build["target"] in stages
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("./"):
                assert (DEPLOY / source).is_file(), f"{name}: {source}"
            else:
                assert source in COMPOSE["volumes"]


def test_trainings_go_to_the_scheduler_of_the_fleet() -> None:
    command = SERVICES["scheduler"]["command"]
    address = f"tcp://scheduler:{command[command.index('--port') + 1]}"
    assert address in SERVICES["worker"]["command"]
    for server in SERVERS.values():
        assert server["environment"]["MNISTLAB_SCHEDULER"] == address


def _haproxy() -> str:
    return (DEPLOY / "haproxy.cfg").read_text()
