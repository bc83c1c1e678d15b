"""What stores of AWS have in common: how they are asked, in batches first, and what is told of their errors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from stackspec.secret_stores.contract import Answer, Missing, SecretStore, StoreError, setting
from stackspec.secret_stores.entries import AT_ONCE, each, entry_of, value_of
from stackspec.secret_stores.server import Server, ServerConfig, refuse_plain, shown_address

_ATTEMPTS = 3
_CREDENTIALS = "give credentials as the AWS tools take them: variables, 'profile', or the machine's role"


class AwsStoreConfig(ServerConfig):
    """Where the store is, and who asks."""

    region: str | None = setting("The region; without it the one that the AWS tools would use.", default=None)
    profile: str | None = setting("A profile of the AWS tools, with its credentials and region.", default=None)
    endpoint_url: str | None = setting(
        "Another address than Amazon's.",
        default=None,
        pattern="^https?://",
        examples=["https://vpce-1.secretsmanager.eu-central-1.vpce.amazonaws.com"],
    )


class AwsSecretStore(SecretStore):
    """A service of AWS that keeps texts by name.

    Attributes:
        service: What the library calls it.
        title: What people call it.
        action: What a policy must allow.
        at_most: How many texts one call may bring.
        missing: The codes with which it says that there is no such text.
    """

    extra = "aws"
    path_form = "NAME, or NAME#FIELD of its JSON"
    Config = AwsStoreConfig

    service: ClassVar[str]
    title: ClassVar[str]
    action: ClassVar[str]
    at_most: ClassVar[int]
    missing: ClassVar[frozenset[str]]

    @abstractmethod
    def several(self, client: Any, names: Sequence[str]) -> Iterable[tuple[str, str]]:
        """Names and texts of those that one call brings; others are asked for one by one."""

    @abstractmethod
    def one(self, client: Any, name: str) -> str:
        """The text of one name; raises what the library does, and `StoreError` where it is no text."""

    def read(self, paths: Sequence[str]) -> Mapping[str, Answer]:
        """See `SecretStore.read`."""
        if self.config.endpoint_url:
            refuse_plain(self.config.endpoint_url, self.config)
        with self._reporting():
            client = self._client()
        names = list(dict.fromkeys(map(entry_of, paths)))
        texts: dict[str, str | Missing | StoreError] = {}
        batches = [tuple(names[start : start + self.at_most]) for start in range(0, len(names), self.at_most)]
        for batch in each(partial(self._several, client), (batch for batch in batches if len(batch) > 1)).values():
            texts |= batch
        texts |= each(partial(self._one, client), (name for name in names if name not in texts))
        return {path: value_of(texts[entry_of(path)], path) for path in paths}

    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        patience = self.place.seconds / 5
        config = Config(
            connect_timeout=patience,
            read_timeout=patience,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=AT_ONCE,
        )
        session = boto3.Session(region_name=self.config.region, profile_name=self.config.profile)
        return session.client(self.service, endpoint_url=self.config.endpoint_url, config=config)

    def _several(self, client: Any, names: Sequence[str]) -> dict[str, str]:
        from botocore.exceptions import ClientError, ParamValidationError

        with self._reporting():
            try:
                return dict(self.several(client, names))
            except (ClientError, ParamValidationError, StoreError):
                # One name may be the cause, or who asks may not ask for several: asked alone, each has its own answer.
                return {}

    def _one(self, client: Any, name: str) -> str | Missing | StoreError:
        from botocore.exceptions import ClientError, ParamValidationError

        with self._reporting():
            try:
                return self.one(client, name)
            except StoreError as error:
                return error.with_traceback(None)
            except ParamValidationError:
                return Missing(f"'{name}' is no name that {self.title} knows")
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in self.missing:
                    return Missing(f"there is no '{name}' in {self.title}")
                hint = f"look at the region and the credentials: their policies must allow {self.action}"
                return StoreError(f"{self._server.called} does not give '{name}': {code}", hint)

    @property
    def _server(self) -> Server:
        url = self.config.endpoint_url
        called = f"{self.title} at {shown_address(url)}" if url else self.title
        return Server(called, "'endpoint_url'", "the variable AWS_CA_BUNDLE")

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the library reports as what a user is told."""
        from botocore.exceptions import BotoCoreError, ConnectTimeoutError, HTTPClientError, ReadTimeoutError, SSLError
        from botocore.exceptions import ConnectionError as UnreachableError

        try:
            yield
        except SSLError as error:
            raise self._server.untrusted() from error
        except (ConnectTimeoutError, ReadTimeoutError) as error:
            raise self._server.late() from error
        except (UnreachableError, HTTPClientError) as error:
            raise self._server.unreachable() from error
        except BotoCoreError as error:
            raise StoreError(f"{self.title} cannot be asked: {type(error).__name__}", _CREDENTIALS) from error
