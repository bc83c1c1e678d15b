"""A server that speaks as Vault and as the parameter store of AWS do, as far away as the other end of a continent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter, sleep
from typing import Any

SECONDS = 0.2
"""How long each answer takes at least."""


class SlowStores(ThreadingHTTPServer):
    """The server; it has a value for every name.

    Attributes:
        asked: The names that were asked for, in the order in which they were.
        requests: How many brought them.
        slowest: Seconds of the request that took longest.
    """

    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Count anew."""
        self.asked: list[str] = []
        self.requests = 0
        self.slowest = 0.0

    def note(self, names: list[str], seconds: float) -> None:
        """Take a request into account."""
        with self._lock:
            self.asked += names
            self.requests += 1
            self.slowest = max(self.slowest, seconds)

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: SlowStores
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Vault: one entry of a key-value engine, ten fields."""
        fields = {f"field_{number}": "a secret" for number in range(10)}
        self._answer([self.path.rpartition("/")[2]], {"data": {"data": fields}})

    def do_POST(self) -> None:
        """AWS: some parameters, or one."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "Names" not in asked:
            self._answer([asked["Name"]], {"Parameter": {"Name": asked["Name"], "Value": "a secret"}})
            return
        found = [{"Name": name, "Value": "a secret"} for name in asked["Names"]]
        self._answer(asked["Names"], {"Parameters": found, "InvalidParameters": []})

    def _answer(self, names: list[str], document: Any) -> None:
        began = perf_counter()
        sleep(SECONDS)
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.server.note(names, perf_counter() - began)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def slow_stores() -> Iterator[SlowStores]:
    """The server while it runs."""
    with SlowStores() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
