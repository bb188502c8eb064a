"""The names under which the service answers: how they are read, and what others get."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.serving import hosts
from mendel.serving.keys import Keys, new

from .conftest import Store, running, settings, until

REBOUND = "evil.example"
"""A site whose name its owner has resolve to 127.0.0.1."""


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8080", "localhost"),
        ("localhost.", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[::1]:8080", "[::1]"),
        ("localhost:8080@evil.example", ""),
        ("localhost:x", ""),
        ("", ""),
    ],
)
def test_a_host_header_is_a_name_and_a_port(header: str, name: str) -> None:
    assert hosts.name(header) == name


@given(st.text(max_size=30))
def test_no_header_is_taken_for_a_name_that_it_does_not_begin_with(header: str) -> None:
    name = hosts.name(header)
    assert header.strip().lower().startswith(name)


@pytest.mark.parametrize(
    ("address", "named", "trusted"),
    [
        ("127.0.0.1", None, {"localhost", "127.0.0.1", "[::1]"}),
        ("127.0.0.2", None, {"localhost", "127.0.0.1", "[::1]", "127.0.0.2"}),
        ("localhost", ["Mendel.local"], {"mendel.local"}),
        ("0.0.0.0", ["api.example.com"], {"api.example.com"}),
        ("0.0.0.0", None, None),
    ],
)
def test_loopback_trusts_its_own_names_and_others_what_they_are_told(
    address: str, named: Sequence[str] | None, trusted: set[str] | None
) -> None:
    assert hosts.trusted(address, named) == trusted


@pytest.mark.parametrize(
    "path", ["/v1/ledger", "/v1/models", "/", "/static/api.js", "/openapi.json", "/metrics", "/readyz"]
)
def test_a_site_whose_name_resolves_to_loopback_reads_nothing(service: httpx.Client, path: str) -> None:
    refused = service.get(path, headers={"Host": REBOUND})
    assert (refused.status_code, refused.headers["content-type"]) == (421, "application/problem+json"), path
    for own in ("localhost:8080", "127.0.0.1", "[::1]:80"):
        assert service.get(path, headers={"Host": own}).status_code == 200, f"{own}{path}"


def test_a_deployed_service_answers_under_its_names_and_probes_under_any(with_champion: Store) -> None:
    key, digest = new()
    told = settings(host="0.0.0.0", hosts=["mendel.example.com"])
    with running(with_champion.root, told, Keys({"reports": digest})) as client:
        until(lambda: client.get("/readyz", headers={"Host": "10.0.0.7:8080"}).status_code == 200)
        asked = {
            host: client.get("/v1/models", headers={"Host": host, "X-API-Key": key}).status_code
            for host in ("mendel.example.com", REBOUND, "localhost")
        }
        assert client.get("/metrics", headers={"Host": "10.0.0.7:8080"}).status_code == 200
    assert asked == {"mendel.example.com": 200, REBOUND: 421, "localhost": 421}
