"""Connections to an engine: over a socket of this machine, or over the network, encrypted or not."""

from __future__ import annotations

import os
import socket
import ssl
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from stackspec.flavors.contract import HookError


def connection_to(host: str, timeout: float) -> HTTPConnection:
    """A connection that is not opened yet.

    Args:
        host: As DOCKER_HOST has it.
        timeout: Seconds to reach the engine.

    Raises:
        HookError: `host` is no address, or the certificates cannot be used.
    """
    parts = urlsplit(host)
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout)
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise HookError(f"{host} is no address of a Docker engine", "use unix:// or tcp://")
    verified = parts.scheme == "https" or (parts.scheme == "tcp" and bool(os.environ.get("DOCKER_TLS_VERIFY")))
    port = parts.port or (2376 if verified else 2375)
    if not verified:
        return HTTPConnection(parts.hostname, port, timeout=timeout)
    return HTTPSConnection(parts.hostname, port, timeout=timeout, context=_certificates())


class _UnixConnection(HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _certificates() -> ssl.SSLContext:
    folder = os.environ.get("DOCKER_CERT_PATH") or os.path.expanduser("~/.docker")
    try:
        context = ssl.create_default_context(cafile=os.path.join(folder, "ca.pem"))
        if Path(folder, "cert.pem").exists():
            context.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    except (OSError, ssl.SSLError) as error:
        raise HookError(f"cannot use the certificates in {folder}: {error.strerror}", "set DOCKER_CERT_PATH") from error
    return context
