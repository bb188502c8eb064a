"""The names under which the service answers.

A page of any site can have its own name resolve to 127.0.0.1 and then read, as its own, what the service says there. Such a
request says the site's name as its Host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
HOST = re.compile(r"(?P<name>\[[^]]*\]|[^:]*?)\.?(:\d*)?")


def loopback(address: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def trusted(address: str, named: Iterable[str] | None) -> frozenset[str] | None:
    """Names that requests may call a service by that is bound to an address; None where any will do."""
    if named is not None:
        return frozenset(map(str.lower, named))
    return frozenset({*LOOPBACK, address}) if loopback(address) else None


def name(header: str) -> str:
    """The lower-case name in a Host header, without port; empty where it is none."""
    match = HOST.fullmatch(header.strip().lower())
    return match["name"] if match else ""
