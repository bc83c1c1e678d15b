"""State in Amazon S3, or a store that speaks its language and creates objects on condition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import S3Settings
from stackspec.state.backends.requests import Unconnected, each

_AT_ONCE = 16
"""Requests at once."""
_CONNECT, _READ = 5, 30
"""Seconds to reach the store, and for each part of an answer."""
_ATTEMPTS = 3
_CONFLICTS = 5
"""How often a creation is tried anew that the store refused because another was under way."""

_NO_BUCKET = "make it, or mend 'bucket' in the Project's 'state'"
_CREDENTIALS = "give credentials that may read, write, list and delete there, as the AWS tools take them"
_HINTS = {
    "NoSuchBucket": _NO_BUCKET,
    "404": "look at 'bucket' and 'endpoint_url' in the Project's 'state'",
    "PermanentRedirect": "the bucket is in another region: set 'region' in the Project's 'state'",
    "AuthorizationHeaderMalformed": "the bucket may be in another region: set 'region' in the Project's 'state'",
    "RequestTimeTooSkewed": "set this machine's clock",
}
"""What the store answers, to what to do; anything else is about credentials."""


class S3Objects(Unconnected):
    """Objects under a prefix of a bucket."""

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._prefix = settings.prefix + "/"
        self._made: Any = None

    def __str__(self) -> str:
        return f"s3://{self._settings.bucket}/{self._settings.prefix}"

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Objects.read`."""
        client = self._client()
        return each(lambda key: self._read(client, key), keys, _AT_ONCE)

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """See `Objects.keys`."""
        start = {"StartAfter": self._prefix + after} if after else {}
        found: list[str] = []
        for page in self._pages(Prefix=self._prefix + prefix, **start):
            found += [one["Key"].removeprefix(self._prefix) for one in page.get("Contents", ())]
        return found

    def folders(self) -> list[str]:
        """See `Objects.folders`."""
        found: list[str] = []
        for page in self._pages(Prefix=self._prefix, Delimiter="/"):
            found += [one["Prefix"].removeprefix(self._prefix).rstrip("/") for one in page.get("CommonPrefixes", ())]
        return found

    def create(self, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        from botocore.exceptions import ClientError

        client = self._client()
        for attempt in range(1, _CONFLICTS + 1):
            with self._reporting():
                try:
                    client.put_object(Bucket=self._settings.bucket, Key=self._prefix + key, Body=data, IfNoneMatch="*")
                    return True
                except ClientError as error:
                    code = _code(error)
                    if code in ("PreconditionFailed", "412"):
                        return False
                    # Two creations at once may both be refused by it, and the next attempt knows who came first.
                    if code != "ConditionalRequestConflict" or attempt == _CONFLICTS:
                        raise
        raise AssertionError

    def delete(self, keys: Iterable[str]) -> None:
        """See `Objects.delete`."""
        client = self._client()

        def delete(key: str) -> None:
            with self._reporting():
                client.delete_object(Bucket=self._settings.bucket, Key=self._prefix + key)

        each(delete, keys, _AT_ONCE)

    def _read(self, client: Any, key: str) -> bytes | None:
        from botocore.exceptions import ClientError

        with self._reporting():
            try:
                answer = client.get_object(Bucket=self._settings.bucket, Key=self._prefix + key)
                data: bytes = answer["Body"].read()
                return data
            except ClientError as error:
                if _code(error) == "NoSuchKey":
                    return None
                raise

    def _pages(self, **request: Any) -> Iterator[Any]:
        client = self._client()
        with self._reporting():
            yield from client.get_paginator("list_objects_v2").paginate(Bucket=self._settings.bucket, **request)

    def _client(self) -> Any:
        if self._made is None:
            with self._reporting():
                self._made = self._connect()
        return self._made

    def _connect(self) -> Any:
        import boto3
        from botocore.config import Config

        endpoint = self._settings.endpoint_url
        config = Config(
            connect_timeout=_CONNECT,
            read_timeout=_READ,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=_AT_ONCE,
            # Many stores know neither host names with a bucket in them nor the newer checksums; the records have their
            # own digests.
            s3={"addressing_style": "path" if endpoint else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = boto3.Session(region_name=self._settings.region)
        region = session.region_name or ("us-east-1" if endpoint else None)
        return session.client("s3", region_name=region, endpoint_url=endpoint, config=config)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What boto3 reports as what a user is told."""
        try:
            from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
            from botocore.exceptions import ConnectionError as UnreachableError
        except ImportError as error:
            message = "the state backend 's3' needs boto3, which is not installed"
            raise StackspecError.of("SS0709", message, hint="pip install 'stackspec[s3]'") from error
        try:
            yield
        except ClientError as error:
            raise self._refused(_code(error), error) from error
        except (UnreachableError, HTTPClientError) as error:
            why = re.sub('"?https?://[^ "]*"?', self._settings.endpoint_url or "Amazon S3", str(error))
            message = f"cannot reach the state in {self}: {why}"
            raise StackspecError.of("SS0709", message, hint="look at the network and at 'endpoint_url'") from error
        except BotoCoreError as error:
            raise StackspecError.of("SS0709", f"cannot use the state in {self}: {error}", hint=_CREDENTIALS) from error

    def _refused(self, code: str, error: Exception) -> StackspecError:
        if code in ("NotImplemented", "501"):
            return StackspecError.of("SS0710", f"{self} cannot keep a shared state: {error}")
        return StackspecError.of("SS0709", f"the state in {self}: {error}", hint=_HINTS.get(code, _CREDENTIALS))


def _code(error: Any) -> str:
    """What a refusal is called."""
    code: str = error.response.get("Error", {}).get("Code", "")
    return code
