"""An engine that speaks Docker's API: Docker's own, or podman's.

Source: https://docs.docker.com/reference/api/engine/version/v1.41/
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode

from stackspec.flavors.contract import HookContext, HookError, Owner, setting
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.owned.bucket import mark_of, owner_of

if TYPE_CHECKING:
    from http.client import HTTPResponse
    from socket import socket

_WORD = "stackspec."
"""What the names of the labels begin with that are the mark."""
_API = "/v1.41"
_CONNECT = 5.0
_TICK = 0.05


def host_setting() -> Any:
    """The field `docker_host` of a config."""
    return setting(
        "The engine's address, as in DOCKER_HOST: `unix://` and a path, or `tcp://`, host and port. By default the one "
        "that DOCKER_HOST names, else the one of this machine. With DOCKER_TLS_VERIFY in the environment TCP is spoken "
        "with TLS, by the certificates in DOCKER_CERT_PATH.",
        default=None,
        requires_replacement=True,
        pattern="^(unix:///.+|(tcp|http|https)://[^/@\\s]+)$",
        examples=["unix:///var/run/docker.sock", "tcp://build.example.org:2376"],
    )


def labels_of(context: HookContext) -> dict[str, str]:
    """The labels that mark what a component makes."""
    return {_WORD + word: value for word, value in mark_of(context).items()}


def owner_by(labels: Mapping[str, str] | None) -> Owner | None:
    """Whose mark is among labels."""
    found = labels or {}
    return owner_of({name.removeprefix(_WORD): found[name] for name in found if name.startswith(_WORD)})


class DockerEngine:
    """An engine as one hook sees it.

    Args:
        host: Its address; None for what the environment names, else this machine's.
    """

    def __init__(self, host: str | None, context: HookContext) -> None:
        self.host = host or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
        self._context = context

    def version(self) -> str:
        """What answers, and its version.

        Raises:
            HookError: nobody does, or not an engine.
        """
        with self._answer("GET", "/_ping", None, None, {}) as answer:
            told = answer.read()
            if answer.status != 200:
                raise self._refused(answer.status, told)
            return (answer.getheader("Server") or "an engine").partition(" ")[0]

    def find(self, path: str) -> Any:
        """What is there, as the engine tells it; None where there is nothing."""
        return self.ask("GET", path, absent=True)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        absent: bool = False,
        also: tuple[int, ...] = (),
    ) -> Any:
        """The answer to a request, parsed where it is JSON.

        Args:
            path: Without the version of the API.
            body: What is sent as JSON.
            absent: Whether to answer None where the engine knows no such thing, instead of raising.
            also: Statuses that are no failure: 304, that it was so already.

        Raises:
            HookError: the engine cannot be reached, refuses or answers with something else.
        """
        sent = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if sent is not None else {}
        with self._answer(method, path, sent, query, headers) as answer:
            told = answer.read()
            if absent and answer.status == 404:
                return None
            if answer.status >= 300 and answer.status not in also:
                raise self._refused(answer.status, told)
        try:
            return json.loads(told) if told.strip() else None
        except ValueError:
            return told

    def lines(
        self,
        method: str,
        path: str,
        *,
        body: BinaryIO | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """The progress that an engine tells, one record after the other.

        Raises:
            HookError: as for `ask`, or the engine tells of a failure.
        """
        with self._answer(method, path, body, query, headers or {}) as answer:
            if answer.status >= 300:
                raise self._refused(answer.status, answer.read())
            for line in answer:
                try:
                    record = json.loads(line) if line.strip() else {}
                except ValueError:
                    continue
                if error := record.get("error"):
                    raise HookError(f"the engine at {self.host} says: {str(error).strip()}")
                yield record

    def raw(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        longest: int = 1_000_000,
    ) -> tuple[int, bytes]:
        """The status and up to `longest` bytes of an answer that is no JSON, as far as it comes in time."""
        headers = {"Content-Type": "application/json"}
        sent = None if body is None else json.dumps(body).encode()
        with self._answer(method, path, sent, query, headers) as answer:
            return answer.status, answer.read(longest)

    def put(self, path: str, archive: bytes, query: Mapping[str, str]) -> None:
        """Unpack a tar archive at a place in a container."""
        with self._answer("PUT", path, archive, query, {"Content-Type": "application/x-tar"}) as answer:
            told = answer.read()
            if answer.status >= 300:
                raise self._refused(answer.status, told)

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
    ) -> Iterator[HTTPResponse]:
        # Nobody who lists flavors pays for the modules that speak HTTP.
        from http.client import HTTPException

        from stackspec.flavors.docker.connection import connection_to

        left = time_left(self._context)
        connection = connection_to(self.host, min(_CONNECT, left))
        done = Event()
        try:
            connection.connect()
            connection.sock.settimeout(left + _CONNECT)
            watcher = Thread(target=self._watch, args=(connection.sock, done), daemon=True)
            watcher.start()
            url = f"{_API}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
            connection.request(method, url, body, dict(headers))
            yield connection.getresponse()
        except HTTPException as error:
            time_left(self._context)
            raise HookError(f"what answers at {self.host} is no Docker engine ({type(error).__name__})") from error
        except PermissionError as error:
            hint = "run as a user who may use it; for Docker one in the group 'docker'"
            raise HookError(f"may not speak to the Docker engine at {self.host}", hint) from error
        except OSError as error:
            time_left(self._context)
            hint = "start it, or set docker_host or DOCKER_HOST to where one runs"
            why = error.strerror or type(error).__name__
            raise HookError(f"no Docker engine answers at {self.host}: {why}", hint, transient=True) from error
        finally:
            done.set()
            connection.close()

    def _watch(self, opened: socket, done: Event) -> None:
        """End a request whose time is up, or that the user does not wait for."""
        from socket import SHUT_RDWR

        while not done.wait(_TICK):
            if self._context.cancelled.is_set() or not self._context.remaining():
                with suppress(OSError):  # it has just ended by itself
                    opened.shutdown(SHUT_RDWR)
                return

    def _refused(self, status: int, told: bytes) -> HookError:
        try:
            why = json.loads(told)["message"]
        except (ValueError, KeyError, TypeError):
            why = f"status {status}"
        return HookError(f"the engine at {self.host} refuses: {why}", transient=status in (429, 502, 503, 504))
