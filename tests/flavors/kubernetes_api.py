"""A server that keeps objects as the API of Kubernetes does: checked against its schemas, each with a version.

It stands for a cluster, which no machine of the tests has. It runs nothing: no controller, no scheduler.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from uuid import uuid4

import kubernetes_validate

VERSION = "1.31"
"""The version of Kubernetes whose schemas objects must satisfy."""


@dataclass
class Api:
    """What the server keeps, and how it is to behave.

    Attributes:
        url: Its address.
        objects: Path to object.
        token: What clients must show.
        forbidden: The methods that nobody is allowed.
        conflicts: How many of the next changes are refused because somebody else was first.
        lingering: How many looks a namespace takes to be gone.
    """

    url: str = ""
    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    token: str = "right"
    forbidden: set[str] = field(default_factory=set)
    conflicts: int = 0
    lingering: int = 1
    versions: Iterator[int] = field(default_factory=lambda: count(1))
    lock: Any = field(default_factory=Lock)

    def kubeconfig(self, file: Path, token: str | None = None) -> Path:
        """A file by which clients find the server."""
        file.write_text(
            json.dumps(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {"server": self.url}}],
                    "users": [{"name": "u", "user": {"token": token or self.token}}],
                    "contexts": [{"name": "tests", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "tests",
                }
            ),
            encoding="utf-8",
        )
        return file

    def answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """The status and the document with which a request is answered."""
        if method in self.forbidden:
            return _status(403, "Forbidden")
        if method == "POST":
            return self._make(path, body)
        found = self.objects.get(path)
        if found is None:
            parts = path.strip("/").split("/")
            if method == "GET" and len(parts) % 2 == 1 and parts[-1].endswith("s"):  # /api/v1/namespaces/N/pods
                below = [self.objects[one] for one in self.objects if one.rpartition("/")[0] == path]
                return 200, {"kind": "List", "apiVersion": "v1", "items": below}
            return _status(404, "NotFound")
        if method == "GET":
            self._linger(path, found)
            return (200, found) if path in self.objects else _status(404, "NotFound")
        if method == "PUT":
            return self._change(path, found, body)
        return self._remove(path, found, body)

    def _make(self, folder: str, body: Any) -> tuple[int, Any]:
        kubernetes_validate.validate(body, VERSION, strict=True)
        path = f"{folder}/{body['metadata']['name']}"
        if path in self.objects:
            return _status(409, "AlreadyExists")
        namespace = body["metadata"].get("namespace")
        if namespace and f"/api/v1/namespaces/{namespace}" not in self.objects:
            return _status(404, "NotFound")
        made = {"uid": str(uuid4()), "resourceVersion": str(next(self.versions))}
        self.objects[path] = {**body, "metadata": {**body["metadata"], **made}}
        return 201, self.objects[path]

    def _change(self, path: str, found: dict[str, Any], body: Any) -> tuple[int, Any]:
        if self.conflicts or body["metadata"].get("resourceVersion") != found["metadata"]["resourceVersion"]:
            self.conflicts = max(0, self.conflicts - 1)
            found["metadata"]["resourceVersion"] = str(next(self.versions))
            return _status(409, "Conflict")
        if body.get("roleRef") != found.get("roleRef"):
            return _status(422, "Invalid")
        body["metadata"]["resourceVersion"] = str(next(self.versions))
        kubernetes_validate.validate(body, VERSION, strict=True)
        self.objects[path] = body
        return 200, body

    def _remove(self, path: str, found: dict[str, Any], body: Any) -> tuple[int, Any]:
        wanted = ((body or {}).get("preconditions") or {}).get("uid", found["metadata"]["uid"])
        if wanted != found["metadata"]["uid"]:
            return _status(409, "Conflict")
        if found["kind"] == "Namespace":
            found["metadata"].setdefault("deletionTimestamp", "2026-01-01T00:00:00Z")
            found["metadata"].setdefault("looks", self.lingering)
        else:
            del self.objects[path]
        return 200, {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _linger(self, path: str, found: dict[str, Any]) -> None:
        """A namespace goes a while after it is asked to, with all that is in it."""
        if "looks" in found["metadata"]:
            found["metadata"]["looks"] -= 1
            if found["metadata"]["looks"] < 0:
                name = found["metadata"]["name"]
                for one in [one for one in self.objects if one == path or f"/namespaces/{name}/" in one]:
                    del self.objects[one]


def _status(code: int, reason: str) -> tuple[int, Any]:
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}


@contextmanager
def serving() -> Iterator[Api]:
    """A server with nothing in it."""
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one packet an answer

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length) or b"null")
            with api.lock:
                if self.headers.get("Authorization") != f"Bearer {api.token}":
                    status, document = _status(401, "Unauthorized")
                else:
                    status, document = api.answer(self.command, self.path, body)
                told = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815 - as the library wants them

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
