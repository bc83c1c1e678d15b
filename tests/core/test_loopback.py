"""Which addresses are this machine's."""

from __future__ import annotations

import pytest

from stackspec.core.loopback import is_in_the_clear, is_local, is_loopback
from stackspec.flavors.images.distribution import OciRegistry

_HERE = (
    "::1",
    "[::1]:5000/team",
    "[::]",
    "0.0.0.0:80",
    "127.0.0.1",
    "127.8.9.1:5000",
    "LOCALHOST",
    "localhost.",
    "localhost:5000/team",
    "http://user:word@localhost:80/x",
    "http://LocalHost./x",
    "http://[::1]:8080",
    "sqlite:///x.db",
    "sqlite+x:////tmp/x",
    "duckdb:///x",
    "memory://",
    "postgresql:///db?host=/tmp",
    "file:///tmp",
    "unix:///run/docker.sock",
    "./there",
    "/there",
    "~/there",
)
_ELSEWHERE = (
    "127.evil.com",
    "http://127.evil.example.org/token",
    "http://example.org?x=@localhost",
    "http://example.org#@localhost",
    "http://localhost@example.org",
    "http://localhost.example.org",
    "https://example.org",
    "ghcr.io/acme",
    "s3://bucket",
    "10.0.0.1:80",
    "2001:db8::1",
    "[2001:db8::1]:80",
    "http://[::1",
)


@pytest.mark.parametrize("address", _HERE)
def test_an_address_of_this_machine(address: str) -> None:
    assert is_local(address)
    assert not is_in_the_clear(address)


@pytest.mark.parametrize("address", _ELSEWHERE)
def test_an_address_of_another_machine(address: str) -> None:
    assert not is_local(address)
    assert is_in_the_clear(address) == address.startswith("http:")


def test_hosts() -> None:
    assert all(map(is_loopback, ("", "localhost", "Localhost.", "127.0.0.1", "::1", "[::1]", "0.0.0.0", "::")))
    assert not any(map(is_loopback, ("127.evil.com", "localhost.example.org", "10.0.0.1", "fe80::1%eth0")))


@pytest.mark.parametrize(
    "realm", ["http://127.evil.example.org/token", "http://example.org?x=@localhost", "", "file:///etc/hostname"]
)
def test_no_password_goes_to_who_only_looks_like_this_machine(realm: str) -> None:
    registry = OciRegistry("https://registry.example.org", ("user", "word"))
    assert registry._token({"realm": realm}) is None
