"""Where a visitor comes from, also behind proxies."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from mnistlab.errors import ConfigError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV6_PREFIX = 64  # what one customer of a provider has


@lru_cache
def parse_proxies(text: str) -> tuple[Network, ...]:
    """Addresses and networks that are separated by commas.

    Raises `ConfigError` for anything else, such as names of hosts.
    """
    try:
        parts = filter(None, (part.strip() for part in text.split(",")))
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError as error:
        raise ConfigError(
            f"trusted_proxies is {text!r} ({error}); give addresses or networks such as "
            "10.0.0.5, 172.16.0.0/12."
        ) from error


def visitor_address(
    peer: str | None, forwarded_for: Sequence[str], proxies: Sequence[Network]
) -> str | None:
    """The address that limits count by; None for this machine, which has none.

    Parameters
    ----------
    peer : the address of the other end of the connection; None or a path for a Unix socket
    forwarded_for : the values of all headers `X-Forwarded-For`. Each proxy adds at the end the
        address that it got the request from, and anybody can send what stands before. So the
        visitor is the last one that is no trusted proxy.
    proxies : those that are trusted
    """
    named = [part.strip() for value in forwarded_for for part in value.split(",")]
    for each in [peer or "", *reversed(named)]:
        try:
            address = ipaddress.ip_address(each)
        except ValueError:  # a proxy that hides it, or a Unix socket
            return None if each == (peer or "") else "unknown"
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in proxies):
            break
    if address.is_loopback:
        return None
    if address.version == 6:
        return str(ipaddress.ip_network((address, _IPV6_PREFIX), strict=False))
    return str(address)
