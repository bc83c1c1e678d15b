"""Which hosts and addresses are this machine's own."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

_PATHS = (".", "/", "~")
_FILES = ("file", "sqlite", "unix")
"""What begins addresses that lead to files, whatever follows."""


def is_loopback(host: str) -> bool:
    """Whether a host, a name or an IP address with or without brackets, is this machine; no host at all is.

    No name is looked up. An address for all of a machine's, 0.0.0.0 or ::, leads a client to this one.
    """
    name = host.removeprefix("[").removesuffix("]")
    try:
        address = ip_address(name)
    except ValueError:
        return name.lower().removesuffix(".") in ("", "localhost")
    return address.is_loopback or address.is_unspecified


def is_local(address: str) -> bool:
    """Whether an address leads to this machine: a URL, a host with or without a port, the prefix of images, a path."""
    if address.startswith(_PATHS) or address.partition(":")[0].partition("+")[0].lower() in _FILES:
        return True
    try:
        ip_address(address)
    except ValueError:
        try:
            return is_loopback(urlsplit(address if "://" in address else f"//{address}").hostname or "")
        except ValueError:
            return False
    return is_loopback(address)


def is_in_the_clear(url: str) -> bool:
    """Whether others can read what is sent to a URL: by HTTP without encryption, to another machine."""
    return url.lower().startswith("http:") and not is_local(url)
