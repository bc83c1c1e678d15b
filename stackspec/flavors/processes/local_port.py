"""TCP ports of this machine."""

from __future__ import annotations

import random
import socket
from collections.abc import Container

from stackspec.flavors.contract import HookError

_LASTING_PORTS = range(20_000, 32_768)
"""Not lent to outgoing connections by any usual kernel, so a port that is free now stays free for the next start."""


def free_port(host: str) -> int:
    """A port on which nobody listens.

    Raises:
        HookError: none was found.
    """
    for port in random.sample(_LASTING_PORTS, 100):
        if _can_listen(host, port):
            return port
    raise HookError(f"no free port found between {_LASTING_PORTS.start} and {_LASTING_PORTS.stop}", "set the port")


def require_free_port(host: str, port: int) -> None:
    """Check that a server can listen on a port.

    Raises:
        HookError: it is in use; the message names the process that listens, as far as it can be seen.
    """
    if not _can_listen(host, port):
        raise HookError(f"port {port} is in use{_listener(port)}", "end what uses it, or set another port")


def answers(host: str, port: int, path: str, statuses: Container[int] = (200,)) -> bool:
    """Whether a GET over plain HTTP, past any proxy, is answered with one of the statuses within two seconds."""
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in statuses
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def listens(host: str, port: int) -> bool:
    """Whether somebody takes connections there within two seconds."""
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def _can_listen(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _listener(port: int) -> str:
    import psutil

    try:
        for connection in psutil.net_connections(kind="tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""  # another user's process, or it has just ended
    return ""
