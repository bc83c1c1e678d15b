"""Servers that speak HTTP, asked within a hook's time."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from typing import Any

from stackspec.core.loopback import is_in_the_clear
from stackspec.flavors.contract import HookContext, HookError
from stackspec.flavors.hook_time import in_time, time_left
from stackspec.flavors.http.request import Answer, request

SAFE_ADDRESS = r"^(https://[^/@?#\s]+|http://(localhost|127[.]0[.]0[.]1|\[::1\])(:[0-9]+)?)(/[^@?#\s]*)?$"
"""The pattern of addresses that may be shown credentials: encrypted ones, and this machine's own."""
_PATIENCE = 5.0
"""Seconds given to a server to say that it is there."""
_ANSWERING = 15.0
"""Seconds given to a server to do something."""
_PASSING = (429, 500, 502, 503, 504)


def refuse_in_the_clear(url: str, *credentials: str | None) -> None:
    """See to it that credentials, where there are any, are not sent to another machine without encryption.

    Raises:
        HookError: they would be.
    """
    if any(credentials) and is_in_the_clear(url):
        raise HookError(f"{url} would be shown credentials without encryption", "use https://, or no credentials")


def trouble(url: str, context: HookContext, *, serving: Container[int]) -> str:
    """Why a server does not serve; empty where it does. What it answers is not read.

    Args:
        serving: The statuses of one that serves.

    Raises:
        HookError: there was no time left to ask, or the user insists on stopping.
    """
    patience = min(_PATIENCE, time_left(context))
    try:
        status = in_time(lambda: _told(url, 2 * patience), context, patience)
    except TimeoutError:
        return f"{url} did not answer within {patience:.1f} s"
    if isinstance(status, str):
        return status
    return "" if status in serving else f"{url} answers with status {status}"


def _told(url: str, timeout: float) -> int | str:
    """The status that a server answers with, or why it answers with none."""
    try:
        return request("GET", url, timeout=timeout, most=None).status
    except HookError as error:
        return error.message


def ask(
    url: str,
    context: HookContext,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    credentials: str = "look at the credentials",
) -> bytes:
    """The body of the answer to a GET, or to a POST of `body`.

    Args:
        credentials: What to do where the server refuses who asks.

    Raises:
        HookError: the server does not answer in time, which may pass; or it refuses, or answers with another status.
    """
    patience = min(_PATIENCE, time_left(context))
    method = "GET" if body is None else "POST"
    try:
        answer = in_time(
            lambda: request(method, url, body=body, headers=headers, timeout=2 * patience), context, patience
        )
    except TimeoutError:
        hint = "look at the address, the network and the server"
        raise HookError(f"{url} did not answer within {patience:.1f} s", hint, transient=True) from None
    if answer.status in (401, 403):
        raise HookError(f"{url} refuses who asks, with status {answer.status}", credentials)
    if not 200 <= answer.status < 300:
        hint = "look at the address and at the server"
        transient = answer.status in _PASSING
        raise HookError(f"{url} answers with status {answer.status}", hint, transient=transient)
    return answer.body


def post_json(
    url: str, body: Mapping[str, Any], context: HookContext, *, called: str, headers: Mapping[str, str] = {}
) -> Answer:
    """Send an object as JSON, to an address that may hold credentials and is never told.

    Args:
        called: What a person calls the service.

    Raises:
        HookError: it cannot be reached, or there is no time left.
    """
    given = {"Content-Type": "application/json; charset=utf-8", **headers}
    data = json.dumps(body).encode()
    hint = "look at the network, and at its address"
    try:
        return in_time(lambda: request("POST", url, body=data, headers=given, called=called), context, _ANSWERING)
    except TimeoutError:
        raise HookError(f"{called} did not answer within {_ANSWERING:.0f} s", hint, transient=True) from None
    except HookError as error:
        raise HookError(error.message, error.hint or hint, transient=error.transient) from error
