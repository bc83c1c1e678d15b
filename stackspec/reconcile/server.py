"""Metrics and health over HTTP: two paths to read, and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from stackspec.core.diagnostic import StackspecError
from stackspec.reconcile.health import Pulse, stuck

_PATIENCE = 10.0
"""Seconds for a client to say what it wants."""


class Answer(NamedTuple):
    """A status, the type of what follows, and that."""

    status: int
    content_type: str
    body: bytes


def plain(status: int, text: str) -> Answer:
    """A line of text."""
    return Answer(status, "text/plain; charset=utf-8", f"{text}\n".encode())


def health(pulse: Pulse, now: float, interval: float) -> Answer:
    """What is answered of an agent's health: 503 and why, where it is stuck."""
    why = stuck(pulse, now, interval)
    return plain(503, f"stuck {why}") if why else plain(200, f"ok: {pulse.doing}")


def address_of(text: str) -> tuple[str, int]:
    """Host and port that a text names: `HOST:PORT`, `[IPV6]:PORT`, or a port of loopback alone.

    Raises:
        StackspecError: it names none.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= 65_535):
        raise StackspecError.of("SS1304", f"'{text[:80]}' is no address", hint="like 127.0.0.1:9464, or 9464 alone")
    return host, int(port)


class Server:
    """Answers in threads of its own from when it is made, until the process ends.

    Args:
        answers: Path to what is answered.

    Raises:
        StackspecError: the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, answers: dict[str, Callable[[], Answer]]) -> None:
        class Handler(_Handler):
            paths = answers

        try:
            family, _, _, _, _ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            kind = type("_Server", (_Server,), {"address_family": family})
            self._server: ThreadingHTTPServer = kind((host, port), Handler)
        except (OSError, UnicodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "that is no name of a host"
            message = f"cannot listen on {host[:80]}:{port}: {why}"
            raise StackspecError.of("SS1304", message, hint="choose another address by --listen") from error
        Thread(target=self._server.serve_forever, daemon=True, name="stackspec-http").start()

    @property
    def address(self) -> str:
        """Where it listens, as `HOST:PORT`."""
        host, port = self._server.server_address[:2]
        text = host.decode() if isinstance(host, bytes) else str(host)
        return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nobody's business."""


class _Handler(BaseHTTPRequestHandler):
    paths: dict[str, Callable[[], Answer]]
    timeout = _PATIENCE
    server_version = "stackspec"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer what is asked for."""
        found = self.paths.get(self.path.partition("?")[0])
        answer = found() if found else plain(404, "there are /healthz and /metrics")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            with suppress(OSError):
                self.wfile.write(answer.body)

    do_HEAD = do_GET  # noqa: N815  as http.server calls it

    def log_message(self, *_arguments: object) -> None:
        """Requests are not logged: there is one every few seconds."""
