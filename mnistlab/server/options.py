"""The settings of `mnistlab app`. Mistakes in them raise `ConfigError`."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mnistlab import settings
from mnistlab.errors import ConfigError
from mnistlab.server.addresses import parse_proxies

ENVIRONMENT = "MNISTLAB_APP_"
_NAME = re.compile(r"[\w.-]{1,64}")  # it becomes a cookie
_SWITCHES = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
# Of all trainings on this machine: `MNISTLAB_WORKERS` and so on count as settings of the app too.
_OF_TRAININGS = ("workers", "training_memory", "training_minutes")


def _option(
    default: Any,
    text: str,
    limits: tuple[float, float] | None = None,
    metavar: str = "N",
    kind: type | None = None,
) -> Any:
    facts = {"help": text, "limits": limits, "metavar": metavar, "kind": kind or type(default)}
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class AppOptions:
    """The settings of `mnistlab app`, checked."""

    port: int | None = _option(
        None, "port, 0 for any free one (8866, or one near it)", (0, 65535), kind=int
    )
    ip: str = _option(
        "127.0.0.1", "address to listen on, 0.0.0.0 to admit other machines (127.0.0.1)", None, "IP"
    )
    base_url: str = _option("/", "path below which the app is served (/)", None, "PATH")
    host: str = _option("", "name of the site, if a reverse proxy serves the app", None, "NAME")
    token: str = _option("", "password of the app; better set MNISTLAB_APP_TOKEN", None, "WORD")
    browser: bool = _option(True, "open the page in a browser (yes)")
    warm: int = _option(1, "kernels kept ready, so that pages open faster (1)", (0, 64))
    fork: bool = _option(True, "fork kernels from one process, where the system can (yes)")
    max_visitors: int = _option(
        40, "visitors at once, 0 for no limit; others see a page that retries (40)", (0, 10_000)
    )
    address_visits: int | None = _option(
        None, "visits at once of one address, 0 for no limit (half of all)", (0, 10_000), kind=int
    )
    idle_minutes: float = _option(
        0.0, "minutes without activity until a session ends, 0 for never (0)", (0, 10_000)
    )
    shared: bool = _option(False, "give each session its own runs and drawings, deleted at its end")
    trust_visitors: bool = _option(
        False, "admit others without --shared: they see your runs and can read your data files"
    )
    workers: int = _option(
        1, "trainings at once (MNISTLAB_WORKERS, or 1)", (1, settings.MOST_WORKERS)
    )
    training_memory: float = _option(
        0.0, "megabytes for a training, 0 for no limit (MNISTLAB_TRAINING_MEMORY, or 0)", (0, 1e6)
    )
    training_minutes: float = _option(
        0.0, "minutes for a training, 0 for no limit (MNISTLAB_TRAINING_MINUTES, or 0)", (0, 1e4)
    )

    trusted_proxies: str = _option(
        "", "proxies whose X-Forwarded-For is believed: addresses or networks", None, "LIST"
    )
    server_name: str = _option(
        "", "name of this server among several, for a proxy (the host's name)", None, "NAME"
    )
    drain_seconds: float = _option(
        0.0, "seconds in which visits may finish after SIGTERM or POST /drain (0)", (0, 86_400)
    )
    metrics_port: int = _option(0, "port of /metrics for Prometheus, 0 for none (0)", (0, 65535))
    parent: int = _option(
        0, "id of a process whose end ends the server, 0 for none (0)", (0, 2**31 - 1)
    )

    def __post_init__(self) -> None:
        for each in fields(self):
            value, limits = getattr(self, each.name), each.metadata["limits"]
            if limits and value is not None and not limits[0] <= value <= limits[1]:
                low, high = limits
                raise ConfigError(f"{each.name} is {value:g}; give {low:g} to {high:g}.")
        if not self.base_url.startswith("/") or set(self.base_url) & set("?#\"'<> "):
            raise ConfigError(f"base_url is {self.base_url!r}; give a path such as /lab/")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/") + "/")
        if self.address_visits is None:
            object.__setattr__(self, "address_visits", (self.max_visitors + 1) // 2)
        object.__setattr__(self, "server_name", self.server_name or socket.gethostname())
        if not _NAME.fullmatch(self.server_name):
            raise ConfigError(
                f"server_name is {self.server_name!r}; give letters, digits, dots and dashes."
            )
        parse_proxies(self.trusted_proxies)
        if not (self.is_private or self.shared or self.trust_visitors):
            where = f"--host {self.host}" if self.listens_here else f"--ip {self.ip or repr('')}"
            raise ConfigError(
                f"With {where} other people can see your runs and read data files of this machine; "
                "add --shared, which gives each visitor their own runs, or --trust-visitors."
            )

    @property
    def listens_here(self) -> bool:
        """Whether only this machine can connect."""
        return _is_this_machine(self.ip)

    @property
    def is_private(self) -> bool:
        """Whether no other machine can open the page, even through a proxy on this one."""
        return self.listens_here and (not self.host or _is_this_machine(self.host))


_KINDS: dict[str, type] = {each.name: each.metadata["kind"] for each in fields(AppOptions)}


def _is_this_machine(address: str) -> bool:
    with suppress(ValueError):  # a name; or nothing, which means all addresses of this machine
        return ipaddress.ip_address(address).is_loopback
    return address.lower() == "localhost"


def read_options(given: Mapping[str, Any], config: str | None = None) -> AppOptions:
    """The options from flags, then the environment, then a TOML file.

    Parameters
    ----------
    given : values of flags by the option's name; None for flags that were not used
    config : the TOML file's path, by default that of `MNISTLAB_APP_CONFIG`
    """
    file = config or os.environ.get(f"{ENVIRONMENT}CONFIG", "").strip()
    values = (_from_file(file) if file else {}) | _from_environment()
    flags = {name: given[name] for name in _KINDS if given.get(name) is not None}
    return AppOptions(**values | flags)


def _from_environment() -> dict[str, Any]:
    known = {ENVIRONMENT + name.upper(): name for name in _KINDS}
    named = {each for each in os.environ if each.startswith(ENVIRONMENT)}
    if unknown := named - {*known, f"{ENVIRONMENT}CONFIG"}:  # a misspelt token would leave it open
        raise ConfigError(f"{min(unknown)} is not a setting; choose {', '.join(known)}.")
    values = {}
    of_trainings = {f"MNISTLAB_{name.upper()}": name for name in _OF_TRAININGS}
    for variable, name in (of_trainings | known).items():
        if text := os.environ.get(variable, "").strip():
            values[name] = _parse(text, _KINDS[name], variable)
    return values


def _parse(text: str, kind: type, variable: str) -> Any:
    try:
        return _SWITCHES[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        remedy = "1 or 0" if kind is bool else "a number"
        raise ConfigError(f"{variable} is {text!r}; give {remedy}.") from None


def _from_file(name: str) -> dict[str, Any]:
    try:
        values = tomllib.loads(Path(name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be read ({error}); give a TOML file.") from error
    for key, value in values.items():
        if key not in _KINDS:
            raise ConfigError(f"{name} has an unknown setting {key}; choose {', '.join(_KINDS)}.")
        # A whole number is right for any number; True is not a number.
        if type(value) is not _KINDS[key] and (_KINDS[key], type(value)) != (float, int):
            raise ConfigError(f"{name}: {key} is {value!r}; see --help for the values it takes.")
    return values
