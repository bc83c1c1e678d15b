"""Repositories of git with a project in them: bare, with a clone in which people work, and served over HTTP."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server, socket
from threading import Thread

PATIENCE = 20.0
"""Seconds to wait for somebody to connect."""
LOGIN = "C4nary-token"
"""The password of the served repository."""

OF_ADA = {
    "GIT_AUTHOR_NAME": "ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}
"""Variables by which git commits, and asks nothing of this machine."""


def git(folder: Path, *words: str) -> str:
    """What a git of the test's own answers."""
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env={**os.environ, **OF_ADA}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


class Forge:
    """A bare repository, and a clone of it in which people work.

    Attributes:
        path: The bare repository.
        clone: The folder of the clone.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.clone = folder / "repository.git", folder / "ada"

    @classmethod
    def make(cls, folder: Path) -> Forge:
        """One with nothing in it."""
        one = cls(folder)
        folder.mkdir()
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(one.path))
        git(folder, "init", "--quiet", "--initial-branch=main", str(one.clone))
        git(one.clone, "remote", "add", "origin", "../repository.git")
        return one

    def push(self, files: Mapping[str, str | None], *, amend: bool = False) -> str:
        """Commit files, None for one that goes, and push; the commit. To amend is to push with force."""
        for name, text in files.items():
            path = self.clone / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        git(self.clone, "add", "--all", "--force")
        git(self.clone, "commit", "--quiet", "--allow-empty", "-m", "a change", *(["--amend"] if amend else []))
        git(self.clone, "push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
        return git(self.clone, "rev-parse", "HEAD")


class _Backend(BaseHTTPRequestHandler):
    """`git http-backend` as a web server calls it: https://git-scm.com/docs/git-http-backend."""

    root: Path

    def _answer(self) -> None:
        if self.headers.get("Authorization") != f"Basic {b64encode(f'agent:{LOGIN}'.encode()).decode()}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="forge"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        variables = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "REMOTE_USER": "agent",
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_arguments: object) -> None:
        pass


class Served:
    """A forge over HTTP, as long as it is up."""

    def __init__(self, forge: Forge) -> None:
        self._handler = type("Handler", (_Backend,), {"root": forge.path.parent})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler)
        self._port = self._server.server_address[1]
        self.url = f"http://agent:{LOGIN}@127.0.0.1:{self._port}/repository.git"
        self._serve()

    def _serve(self) -> None:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Lose the network."""
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def silent(self) -> Iterator[Callable[[], socket]]:
        """Have something in its place that never answers; what waits for a connection to it."""
        self.down()
        with create_server(("127.0.0.1", self._port)) as server:
            server.settimeout(PATIENCE)
            yield lambda: server.accept()[0]
        self.up()

    def up(self) -> None:
        """Have it back."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._serve()
