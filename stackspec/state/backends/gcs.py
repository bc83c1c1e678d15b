"""State in Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import GcsSettings
from stackspec.state.backends.requests import Unconnected, each

_AT_ONCE = 8
"""Requests at once; the client has no more connections."""
_TIMEOUT = (5, 30)
"""Seconds to reach the store, and for each part of an answer."""
_PATIENCE = 15.0
"""Seconds for which a request is tried anew that failed for a reason that may pass."""
_CREDENTIALS = "give credentials that may read, write, list and delete there: gcloud auth application-default login"


class GcsObjects(Unconnected):
    """Objects under a prefix of a bucket."""

    def __init__(self, settings: GcsSettings) -> None:
        self._settings = settings
        self._prefix = settings.prefix + "/"
        self._made: Any = None

    def __str__(self) -> str:
        return f"gs://{self._settings.bucket}/{self._settings.prefix}"

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Objects.read`."""
        bucket = self._bucket()
        return each(lambda key: self._read(bucket, key), keys, _AT_ONCE)

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """See `Objects.keys`."""
        start = self._prefix + max(prefix, after)
        names, _ = self._listed(prefix=self._prefix + prefix, start_offset=start)
        return [name.removeprefix(self._prefix) for name in names if name > start]

    def folders(self) -> list[str]:
        """See `Objects.folders`."""
        _, prefixes = self._listed(prefix=self._prefix, delimiter="/")
        return [name.removeprefix(self._prefix).rstrip("/") for name in prefixes]

    def create(self, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        blob = self._bucket().blob(self._prefix + key)
        with self._reporting():
            from google.api_core.exceptions import PreconditionFailed

            try:
                blob.upload_from_string(data, if_generation_match=0, **_bounds())
            except PreconditionFailed:
                return False
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """See `Objects.delete`."""
        bucket = self._bucket()
        each(lambda key: self._delete(bucket, key), keys, _AT_ONCE)

    def _read(self, bucket: Any, key: str) -> bytes | None:
        with self._reporting():
            from google.api_core.exceptions import NotFound

            try:
                data: bytes = bucket.blob(self._prefix + key).download_as_bytes(**_bounds())
            except NotFound:
                return None
            return data

    def _delete(self, bucket: Any, key: str) -> None:
        with self._reporting():
            from google.api_core.exceptions import NotFound

            with suppress(NotFound):  # another let go of it first
                bucket.blob(self._prefix + key).delete(**_bounds())

    def _listed(self, **request: Any) -> tuple[list[str], list[str]]:
        """The names of objects, and what stands before the delimiter in those of others; sorted."""
        bucket = self._bucket()
        with self._reporting():
            pages = bucket.list_blobs(**request, **_bounds())
            names = [blob.name for blob in pages]
            return sorted(names), sorted(pages.prefixes)

    def _bucket(self) -> Any:
        if self._made is None:
            with self._reporting():
                from google.cloud import storage

                self._made = storage.Client().bucket(self._settings.bucket)
        return self._made

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the client reports as what a user is told."""
        try:
            from google.api_core.exceptions import GoogleAPIError, NotFound
            from google.auth.exceptions import GoogleAuthError
            from requests.exceptions import RequestException
        except ImportError as error:
            message = "the state backend 'gcs' needs google-cloud-storage, which is not installed"
            raise StackspecError.of("SS0709", message, hint="pip install 'stackspec[gcs]'") from error
        try:
            yield
        except NotFound as error:
            message = f"the bucket of the state in {self} does not exist: {error}"
            raise StackspecError.of(
                "SS0709", message, hint="make it, or mend 'bucket' in the Project's 'state'"
            ) from error
        # An OSError is what the client says where no project is known, or a file of credentials cannot be read.
        except (GoogleAPIError, GoogleAuthError, RequestException, OSError) as error:
            raise StackspecError.of("SS0709", f"cannot use the state in {self}: {error}", hint=_CREDENTIALS) from error


def _bounds() -> dict[str, Any]:
    """How long a request may take; a creation on condition is safe to repeat."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return {"timeout": _TIMEOUT, "retry": DEFAULT_RETRY.with_timeout(_PATIENCE)}
