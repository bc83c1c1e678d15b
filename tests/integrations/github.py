"""A stand-in of GitHub, as far as jobs ask it: the REST API of one repository, and another host that has artifacts.

What it answers has the form that https://docs.github.com/rest tells.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/ml"
TOKEN = "gh-C4nary-token"
"""The token of jobs; what is asked with another is refused."""
BOT = {"login": "github-actions[bot]"}
_OWN = 1
_PREFIX = f"/repos/{REPOSITORY}"
_MOST = 100


class GitHub:
    """One repository.

    Attributes:
        comments: By number of the pull request, as the API shows them; so are issues, and artifacts with their zip
            file under `zip`.
        pulls: By a commit of the main branch.
        writes: Method and path of each request that changed something.
        stored: The headers of each request for the content of an artifact, which is on another host.
        broken: What to answer instead, by path: a status and a text.
    """

    def __init__(self) -> None:
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.artifacts: list[dict[str, Any]] = []
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.writes: list[tuple[str, str]] = []
        self.stored: list[dict[str, str]] = []
        self.broken: dict[str, tuple[int, str]] = {}
        self.url = self.storage = ""
        self._ids = iter(range(1000, 10_000))

    def add_comment(self, number: int, body: str, user: dict[str, str] | None = BOT) -> dict[str, Any]:
        one = {"id": next(self._ids), "user": user, "body": body}
        self.comments.setdefault(number, []).append(one)
        return one

    def add_issue(self, title: str, body: str, labels: list[str], user: dict[str, str] = BOT) -> dict[str, Any]:
        one = {"number": next(self._ids), "title": title, "body": body, "labels": labels, "user": user, "state": "open"}
        self.issues.append(one)
        return one

    def add_artifact(self, name: str, head: str, files: dict[str, bytes], **more: Any) -> dict[str, Any]:
        """Keep files; `more` is what is not as for a run of this repository."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        number = next(self._ids)
        run = {"id": 1, "repository_id": _OWN, "head_repository_id": more.pop("head_repository_id", _OWN)}
        one = {
            "id": number,
            "name": name,
            "expired": False,
            "created_at": f"2026-01-01T00:{number % 3600 // 60:02}:{number % 60:02}Z",
            "workflow_run": {**run, "head_sha": head},
            "zip": packed.getvalue(),
            **more,
        }
        self.artifacts.append(one)
        return one

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and document."""
        if path in self.broken:
            return self.broken[path]
        if method != "GET":
            self.writes.append((method, path))
        route = f"{method} {path.removeprefix(_PREFIX)}"
        if found := re.fullmatch(r"(GET|POST) /issues/(\d+)/comments", route):
            number = int(found[2])
            if method == "POST":
                return 201, self.add_comment(number, body["body"])
            return 200, _page(self.comments.get(number, []), query)
        if found := re.fullmatch(r"PATCH /issues/comments/(\d+)", route):
            return _patched([one for all_ in self.comments.values() for one in all_], "id", found[1], body)
        if route == "GET /issues":
            kept = [one for one in self.issues if one["state"] == query["state"] and query["labels"] in one["labels"]]
            return 200, _page(kept, query)
        if route == "POST /issues":
            return 201, self.add_issue(body["title"], body["body"], body["labels"])
        if found := re.fullmatch(r"PATCH /issues/(\d+)", route):
            return _patched(self.issues, "number", found[1], body)
        if found := re.fullmatch(r"GET /commits/(\w+)/pulls", route):
            return 200, _page(self.pulls.get(found[1], []), query)
        if route == "GET /actions/artifacts":
            kept = [one for one in self.artifacts if one["name"] == query["name"]]
            shown = [{key: value for key, value in one.items() if key != "zip"} for one in _page(kept, query)]
            return 200, {"total_count": len(kept), "artifacts": shown}
        if found := re.fullmatch(r"GET /actions/artifacts/(\d+)/zip", route):
            return 302, f"{self.storage}/{found[1]}?sig=C4nary"
        return 404, {"message": "Not Found"}


def _page(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size = min(int(query.get("per_page", 30)), _MOST)
    first = (int(query.get("page", 1)) - 1) * size
    return found[first : first + size]


def _patched(found: list[dict[str, Any]], key: str, number: str, body: dict[str, Any]) -> tuple[int, Any]:
    for one in found:
        if one[key] == int(number):
            one.update(body)
            return 200, one
    return 404, {"message": "Not Found"}


class _Handler(BaseHTTPRequestHandler):
    hub: GitHub

    def _send(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments: object) -> None:
        pass


class _Api(_Handler):
    def _answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._send(401, json.dumps({"message": "Bad credentials"}).encode())
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        status, found = self.hub.answer(self.command, parts.path, query, json.loads(content) if content else None)
        if status == 302:
            return self._send(status, b"", Location=found)
        return self._send(status, found.encode() if isinstance(found, str) else json.dumps(found).encode())

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PATCH(self) -> None:
        self._answer()


class _Storage(_Handler):
    """Where artifacts are; what jobs keep is taken by the name and the commit that the path says."""

    def do_GET(self) -> None:
        self.hub.stored.append(dict(self.headers.items()))
        number = int(urlsplit(self.path).path.strip("/"))
        self._send(200, next(one["zip"] for one in self.hub.artifacts if one["id"] == number))

    def do_PUT(self) -> None:
        name, head, file = self.path.strip("/").split("/")
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.add_artifact(name, head, {file: content})
        self._send(201, b"")


@contextmanager
def github() -> Iterator[GitHub]:
    """A repository without anything in it, as long as its servers are up."""
    hub = GitHub()
    handlers = (type("Api", (_Api,), {"hub": hub}), type("Storage", (_Storage,), {"hub": hub}))
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), one) for one in handlers]
    for server in servers:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    hub.url, hub.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
