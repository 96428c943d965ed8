"""The settings of `mnistlab app`: flags first, then the environment, then a configuration file."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from mnistlab import settings
from mnistlab.errors import ConfigError

ENVIRONMENT = "MNISTLAB_APP_"
_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


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
    """What `mnistlab app` is told; a value out of range raises `ConfigError`."""

    port: int | None = _option(
        None, "0 for any free one (8866, or one near it)", (0, 65535), kind=int
    )
    ip: str = _option(
        "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines in (127.0.0.1)",
        metavar="ADDRESS",
    )  # fmt: skip
    base_url: str = _option("/", "path below which the app is served (/)", metavar="PATH")
    host: str = _option(
        "", "the name in the visitors' address bar, where a reverse proxy stands before the app",
        metavar="NAME",
    )  # fmt: skip
    token: str = _option(
        "", "a word that visitors must know; better set as MNISTLAB_APP_TOKEN", metavar="WORD"
    )
    browser: bool = _option(True, "do not open the page in a browser")
    warm: int = _option(0, "kernels kept ready, so that the next pages open faster (0)", (0, 64))
    max_visitors: int = _option(
        40, "visitors at once; further ones are asked to wait, 0 for no limit (40)", (0, 10_000)
    )
    idle_minutes: float = _option(
        0.0, "end a visit in which nothing happened for so long, 0 for never (0)", (0, 10_000)
    )
    shared: bool = _option(False, "each visit has runs and drawings of its own, which end with it")
    trust_visitors: bool = _option(
        False, "let other machines in without --shared: visitors see your runs and can name files "
        "of this machine",
    )  # fmt: skip
    workers: int = _option(
        1, "trainings at once over all visitors; further ones wait (MNISTLAB_WORKERS, or 1)",
        (1, settings.MOST_WORKERS),
    )  # fmt: skip
    training_memory: float = _option(
        0.0, "megabytes that one training may use, 0 for no limit (MNISTLAB_TRAINING_MEMORY, or 0)",
        (0, 1_000_000),
    )  # fmt: skip
    training_minutes: float = _option(
        0.0, "minutes that one training may take, 0 for no limit (MNISTLAB_TRAINING_MINUTES, or 0)",
        (0, 10_000),
    )  # fmt: skip

    def __post_init__(self) -> None:
        for each in fields(self):
            value, limits = getattr(self, each.name), each.metadata["limits"]
            if limits and value is not None and not limits[0] <= value <= limits[1]:
                low, high = limits
                raise ConfigError(f"{each.name} is {value:g}; give {low:g} to {high:g}.")
        if not self.base_url.startswith("/") or set(self.base_url) & set("?#\"'<> "):
            raise ConfigError(f"base_url is {self.base_url!r}; give a path such as /lab/")
        object.__setattr__(self, "base_url", self.base_url.rstrip("/") + "/")
        if not (self.is_private or self.shared or self.trust_visitors):
            where = f"--host {self.host}" if self.listens_here else f"--ip {self.ip or repr('')}"
            raise ConfigError(
                f"With {where} other people can see your runs and name files of this machine; add "
                "--shared, which gives each visitor runs of their own, or --trust-visitors."
            )

    @property
    def listens_here(self) -> bool:
        """Whether only this machine can connect."""
        return _is_this_machine(self.ip)

    @property
    def is_private(self) -> bool:
        """Whether no other machine can open the page, through a proxy on this one either."""
        return self.listens_here and (not self.host or _is_this_machine(self.host))


def _is_this_machine(address: str) -> bool:
    if address.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name; or nothing, which means all addresses of this machine
        return False


def read_options(given: Mapping[str, Any], config: str | None = None) -> AppOptions:
    """The options from flags, then the environment, then a TOML file.

    `MNISTLAB_WORKERS`, `MNISTLAB_TRAINING_MEMORY` and `MNISTLAB_TRAINING_MINUTES` belong to the
    environment, below the variable of the same setting that begins with `MNISTLAB_APP_`.

    Parameters
    ----------
    given : values of flags by the option's name; None where a flag was not used
    config : the TOML file's path, by default that of `MNISTLAB_APP_CONFIG`

    Raises
    ------
    ConfigError
        When a value cannot be read or is out of range, or the file has an unknown setting.
    """
    path = config or os.environ.get(f"{ENVIRONMENT}CONFIG", "").strip()
    flags = {name: value for name, value in given.items() if value is not None}
    return AppOptions(**_from_file(path) | _of_trainings() | _from_environment() | flags)


def _of_trainings() -> dict[str, Any]:
    """What the environment says of all trainings on this machine, where it says something."""
    values: dict[str, Any] = {}
    if _is_set("MNISTLAB_WORKERS"):
        values["workers"] = settings.workers()
    if _is_set("MNISTLAB_TRAINING_MEMORY"):
        values["training_memory"] = (settings.training_memory() or 0) / 2**20
    if _is_set("MNISTLAB_TRAINING_MINUTES"):
        values["training_minutes"] = (settings.training_seconds() or 0) / 60
    return values


def _is_set(variable: str) -> bool:
    return bool(os.environ.get(variable, "").strip())


def _from_environment() -> dict[str, Any]:
    known = {ENVIRONMENT + each.name.upper(): each for each in fields(AppOptions)}
    values = {}
    for variable, text in os.environ.items():
        if not variable.startswith(ENVIRONMENT) or variable == f"{ENVIRONMENT}CONFIG":
            continue
        if variable not in known:  # a misspelt token would leave the lab open
            raise ConfigError(f"{variable} is not a setting; choose {', '.join(known)}.")
        if text.strip():
            each = known[variable]
            values[each.name] = _parsed(text.strip(), each.metadata["kind"], variable)
    return values


def _parsed(text: str, kind: type, variable: str) -> Any:
    if kind is bool:
        if text.lower() not in _YES + _NO:
            raise ConfigError(f"{variable} is {text!r}; give 1 or 0.")
        return text.lower() in _YES
    try:
        return kind(text)
    except ValueError:
        raise ConfigError(f"{variable} is {text!r}; give a number.") from None


def _from_file(name: str) -> dict[str, Any]:
    if not name:
        return {}
    try:
        values = tomllib.loads(Path(name).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{name} cannot be read ({error}); give a TOML file.") from error
    kinds = {each.name: each.metadata["kind"] for each in fields(AppOptions)}
    for key, value in values.items():
        if key not in kinds:
            raise ConfigError(f"{name} has an unknown setting {key}; choose {', '.join(kinds)}.")
        # TOML's types are Python's, but a whole number will do for any number; True is none.
        right = type(value) is kinds[key] or (kinds[key] is float and type(value) is int)
        if not right:
            raise ConfigError(f"{name}: {key} is {value!r}; give a value of its kind, see --help.")
    return values
