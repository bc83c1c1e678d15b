"""Whether a server that speaks HTTP serves."""

from __future__ import annotations

from collections.abc import Container
from threading import Thread
from time import monotonic

from stackspec.flavors.contract import HookContext, HookError

_PATIENCE = 5.0
"""Seconds given to a server to answer."""
_TICK = 0.05
"""Seconds between looks at whether the user insists on stopping."""


def trouble(url: str, context: HookContext, *, direct: bool, serving: Container[int]) -> str:
    """Why a server does not serve; empty where it does.

    Args:
        direct: Whether to pass by the proxies that the environment names.
        serving: The statuses of one that serves.

    Raises:
        HookError: there was no time left to ask, or the user insists on stopping.
    """
    patience = min(_PATIENCE, context.remaining())
    if patience <= 0:
        raise HookError(f"no time was left to ask {url}")
    found: list[str] = []
    # The timeout of a socket starts anew with each byte and says nothing of name resolution, so a server that
    # answers drop by drop would hold the hook for ever. A thread can be left behind.
    asker = Thread(target=lambda: found.append(_ask(url, patience, direct, serving)), daemon=True)
    asker.start()
    end = monotonic() + patience
    while asker.is_alive() and monotonic() < end:
        if context.cancelled.is_set():
            raise HookError(f"stopped while asking {url}")
        asker.join(_TICK)
    if asker.is_alive():
        return f"{url} did not answer within {patience:.1f} s"
    return found[0]


def _ask(url: str, timeout: float, direct: bool, serving: Container[int]) -> str:
    """What is wrong with the answer of `url`. The body is not read, redirects are not followed.

    Without `direct` the environment's proxies are used, as by the programs that push images.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class NoRedirect(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    try:
        with build_opener(NoRedirect, ProxyHandler({} if direct else None)).open(url, timeout=timeout) as answer:
            status = answer.status
    except HTTPError as error:
        with error:
            status = error.code
    except URLError as error:
        return f"{url} cannot be reached: {error.reason}"
    except HTTPException as error:
        return f"{url} does not speak HTTP: {type(error).__name__}"  # its message would quote what was sent
    except ValueError:
        return f"{url} is no address"  # brackets around something else than an IPv6 address, for example
    except OSError as error:
        return f"{url} broke off: {error.strerror or type(error).__name__}"
    return "" if status in serving else f"{url} answers with status {status}"
