"""Servers that keep secrets: what of an address is shown, who may be asked without encryption, what is told of errors.

The words of the libraries that ask them are never passed on: they may hold a token.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stackspec.core.frozen import dataclass
from stackspec.core.loopback import is_loopback
from stackspec.secret_stores.contract import StoreConfig, StoreError, setting

if TYPE_CHECKING:
    import requests


class ServerConfig(StoreConfig):
    """Whom a store trusts its credentials to."""

    allow_http: bool = setting(
        "Whether another machine may be asked by http://, so that everybody on the way reads tokens and secrets.",
        default=False,
    )


@dataclass(frozen=True, slots=True)
class Server:
    """A server, as its errors are told.

    Attributes:
        called: What a person calls it; never an address with a password in it: see `shown_address`.
        address: What says where it is: `'endpoint_url'`.
        authorities: What says by which certificates its own is checked: `'ca_file'`.
    """

    called: str
    address: str
    authorities: str

    def untrusted(self) -> StoreError:
        """It does not prove who it is."""
        hint = f"name the certificates that it is to be checked by in {self.authorities}"
        return StoreError(f"the certificate of {self.called} is not trusted", hint, unfit=True)

    def late(self) -> StoreError:
        """It says nothing."""
        return StoreError(f"{self.called} does not answer in time", "look at the server and the network")

    def unreachable(self) -> StoreError:
        """It is not there."""
        return StoreError(f"{self.called} cannot be reached", f"look at {self.address} and the network")

    @contextmanager
    def asked_by_requests(self) -> Iterator[None]:
        """What the library requests reports, as what a user is told.

        Raises:
            StoreError: in the place of its errors, and of those of the system.
        """
        from requests import RequestException, Timeout
        from requests.exceptions import SSLError

        try:
            yield
        except SSLError as error:
            raise self.untrusted() from error
        except Timeout as error:
            raise self.late() from error
        except (RequestException, OSError) as error:
            raise self.unreachable() from error


def shown_address(url: str) -> str:
    """An address as messages may show it: without a user and password, without a query."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    length = next((index for index, sign in enumerate(rest) if sign in "/?#\\"), len(rest))
    if "@" in rest[length:]:
        return f"{scheme}{separator}…"  # a password may hold any sign, and nobody knows where it ends
    path = rest[length:].partition("?")[0].partition("#")[0]
    return f"{scheme}{separator}{rest[:length].rpartition('@')[2]}{path}"


def refuse_plain(url: str, config: ServerConfig) -> None:
    """See to it that who is on the way to a server cannot read tokens and secrets.

    Raises:
        StoreError: it is on another machine, asked without encryption, and the config does not allow it.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise StoreError(f"{shown_address(url)} is no address", "write https://HOST:PORT", unfit=True) from None
    if parts.scheme == "https" or config.allow_http or (host and is_loopback(host)):
        return
    hint = "use https://, or set 'allow_http: true' where the network itself is encrypted"
    raise StoreError(f"{shown_address(url)} would be asked without encryption", hint, unfit=True)


def keep_netrc_out(session: requests.Session, url: str = "") -> None:
    """Have a session send no more than it is told to, and what the address itself says: nothing of `~/.netrc`.

    Unlike without `trust_env` the proxies and certificates of the environment stay.
    """
    from requests.utils import get_auth_from_url

    own = get_auth_from_url(url)
    session.auth = own if any(own) else lambda request: request
