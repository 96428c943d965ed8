"""Who a visitor is, behind proxies that are trusted and others."""

from __future__ import annotations

import pytest

from mnistlab.errors import ConfigError
from mnistlab.server.addresses import parse_proxies, visitor_address

PROXIES = parse_proxies("10.0.0.5, 172.16.0.0/12, ::1, 127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # no trusted proxy says so
        ("10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.5", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # the first is the visitor's lie
        ("10.0.0.5", ["6.6.6.6", "198.51.100.1, 172.20.1.1"], "198.51.100.1"),
        ("10.0.0.5", [], "10.0.0.5"),
        ("10.0.0.5", ["something"], "unknown"),
        ("::ffff:10.0.0.5", ["198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("127.0.0.1", [], None),
        ("127.0.0.1", ["127.0.0.1"], None),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::1", ["::1"], None),
        (None, [], None),
    ],
)
def test_the_visitor_is_the_last_address_that_is_no_trusted_proxy(
    peer: str | None, forwarded: list[str], address: str | None
) -> None:
    assert visitor_address(peer, forwarded, PROXIES) == address


def test_without_trusted_proxies_nothing_is_believed() -> None:
    assert visitor_address("127.0.0.1", ["198.51.100.1"], ()) is None
    assert visitor_address("198.51.100.2", ["127.0.0.1"], ()) == "198.51.100.2"


def test_names_of_hosts_are_no_proxies() -> None:
    with pytest.raises(ConfigError, match=r"proxy\.local.*such as 10\.0\.0\.5"):
        parse_proxies("10.0.0.5, proxy.local")
