"""Requests over HTTP, by the standard library alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from stackspec.core.frozen import dataclass
from stackspec.core.loopback import is_local
from stackspec.flavors.contract import HookError

_MOST = 64_000_000
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers, whatever its status; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def request(
    method: str,
    url: str,
    *,
    body: bytes | IO[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30.0,
    into: IO[bytes] | None = None,
    most: int | None = _MOST,
    called: str | None = None,
) -> Answer:
    """Ask a server; redirects are answers like others. To this machine no proxy is used.

    Args:
        body: What is sent; with a file, the header `Content-Length` must be given.
        timeout: Seconds to reach it, and for each part of its answer.
        into: Where the body of an answer with status 200 goes, of any length.
        most: Bytes of the body that there may be otherwise; None for one that is not read.
        called: What a person calls the server, whose address is not to be told; by default it is.

    Raises:
        HookError: it is longer, or the server cannot be reached, breaks off, or does not speak HTTP; nothing of the
            headers is told.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError

    server = called or url
    try:
        asked, opener = _prepared(method, url, body, headers, server)
        try:
            with opener.open(asked, timeout=timeout) as answer:
                return _read(answer, server, into, most)
        except HTTPError as error:
            with error:
                return _read(error, server, None, most)
    except URLError as error:
        raise HookError(f"{server} cannot be reached: {_reason(error.reason)}", transient=True) from error
    except HTTPException as error:  # its message would quote what was sent
        raise HookError(f"{server} does not speak HTTP: {type(error).__name__}") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise HookError(f"{server} broke off: {reason}", transient=True) from error
    except ValueError as error:  # its message would quote what was sent
        raise HookError(f"what is to be shown to {server} is no header") from error


def _prepared(
    method: str, url: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str] | None, server: str
) -> tuple[Any, Any]:
    """The request, and what makes it: without redirects, and without a proxy to this machine."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    try:
        if urlsplit(url).scheme not in ("http", "https"):
            raise HookError(f"{server} is no address of a server that speaks HTTP")
        asked = Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310 - the scheme is checked
    except ValueError as error:  # brackets around something else than an IPv6 address, for example
        raise HookError(f"{server} is no address") from error
    return asked, build_opener(NoRedirect, ProxyHandler({} if is_local(url) else None))


def _reason(reason: object) -> str:
    return (reason.strerror or type(reason).__name__) if isinstance(reason, OSError) else str(reason)


def _read(answer: Any, server: str, into: IO[bytes] | None, most: int | None) -> Answer:
    headers = {name.lower(): text for name, text in answer.headers.items()}
    if into is not None and answer.status == 200:
        shutil.copyfileobj(answer, into)
        return Answer(answer.status, headers, b"")
    if most is None:
        return Answer(answer.status, headers, b"")
    body = answer.read(most + 1)
    if len(body) > most:
        raise HookError(f"the answer of {server} is longer than {most} bytes")
    return Answer(answer.status, headers, body)
