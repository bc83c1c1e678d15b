"""A server of HTTP that answers as it is told, for what no machine of the tests can run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any


@dataclass
class Answering:
    """What the server answers, and what it was asked.

    Attributes:
        url: Its address.
        answers: Path, without the query, to a status and a document; bytes are sent as they are.
        asked: The paths, with the query, and the headers of requests.
        hangs: The paths that are never answered.
    """

    url: str = ""
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    hangs: set[str] = field(default_factory=set)


@contextmanager
def answering() -> Iterator[Answering]:
    """A server that answers nothing yet."""
    state, ended = Answering(), Event()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            path = self.path.partition("?")[0]
            state.asked.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if path in state.hangs:
                ended.wait(20)
            status, told = state.answers.get(path, (404, {}))
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _handle  # noqa: N815 - as the library wants them

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            ended.set()
            server.shutdown()
            thread.join()
