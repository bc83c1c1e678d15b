"""State in Azure Blob Storage."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import AzureSettings
from stackspec.state.backends.requests import Unconnected, each

_AT_ONCE = 8
"""Requests at once."""
_BOUNDS: dict[str, Any] = {"connection_timeout": 5, "read_timeout": 30}
"""Seconds to reach the store, and for each part of an answer."""
_PAUSE, _RETRIES = 1, 2
"""Seconds before a request is tried anew that failed for a reason that may pass, and how often."""
_CREDENTIALS = (
    "give credentials that may read, write, list and delete there: AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or what "
    "the Azure tools take, such as az login"
)
_HINTS = {
    "ContainerNotFound": "make it, or mend 'container' in the Project's 'state'",
}
"""What the store answers, to what to do; anything else is about credentials."""


class AzureObjects(Unconnected):
    """Blobs under a prefix of a container."""

    def __init__(self, settings: AzureSettings) -> None:
        self._settings = settings
        self._prefix = settings.prefix + "/"
        self._made: Any = None

    def __str__(self) -> str:
        return f"{self._settings.account_url.rstrip('/')}/{self._settings.container}/{self._settings.prefix}"

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Objects.read`."""
        container = self._container()
        return each(lambda key: self._read(container, key), keys, _AT_ONCE)

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """See `Objects.keys`."""
        start, container = self._prefix + max(prefix, after), self._container()
        with self._reporting():
            names = list(container.list_blob_names(name_starts_with=self._prefix + prefix))
        return sorted(name.removeprefix(self._prefix) for name in names if name > start)

    def folders(self) -> list[str]:
        """See `Objects.folders`."""
        container = self._container()
        with self._reporting():
            found = [one.name for one in container.walk_blobs(name_starts_with=self._prefix, delimiter="/")]
        return sorted(name.removeprefix(self._prefix).rstrip("/") for name in found)

    def create(self, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        container = self._container()
        with self._reporting():
            from azure.core.exceptions import ResourceExistsError

            try:
                # In one request, which is refused where a blob is there.
                container.upload_blob(self._prefix + key, data, overwrite=False)
            except ResourceExistsError:
                return False
            return True

    def delete(self, keys: Iterable[str]) -> None:
        """See `Objects.delete`."""
        container = self._container()
        each(lambda key: self._delete(container, key), keys, _AT_ONCE)

    def _read(self, container: Any, key: str) -> bytes | None:
        with self._reporting():
            from azure.core.exceptions import ResourceNotFoundError

            try:
                data: bytes = container.download_blob(self._prefix + key).readall()
            except ResourceNotFoundError:
                return None
            return data

    def _delete(self, container: Any, key: str) -> None:
        with self._reporting():
            from azure.core.exceptions import ResourceNotFoundError

            with suppress(ResourceNotFoundError):  # another let go of it first
                container.delete_blob(self._prefix + key)

    def _container(self) -> Any:
        if self._made is None:
            with self._reporting():
                from azure.storage.blob import ContainerClient, LinearRetry

                settings = self._settings
                self._made = ContainerClient(
                    settings.account_url,
                    settings.container,
                    _credential(),
                    # All that is written goes in one request, of which the condition holds.
                    max_single_put_size=256 * 1024 * 1024,
                    retry_policy=LinearRetry(_PAUSE, _RETRIES),
                    **_BOUNDS,
                )
        return self._made

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What the client reports as what a user is told."""
        try:
            from azure.core.exceptions import AzureError, ServiceRequestError
        except ImportError as error:
            message = "the state backend 'azure' needs azure-storage-blob, which is not installed"
            raise StackspecError.of("SS0709", message, hint="pip install 'stackspec[azure]'") from error
        try:
            yield
        except ServiceRequestError as error:
            message = f"cannot reach the state in {self}: {error.message}"
            raise StackspecError.of("SS0709", message, hint="look at the network and at 'account_url'") from error
        except (AzureError, ValueError) as error:
            code = str(getattr(error, "error_code", ""))
            why = str(error).partition("\n")[0]
            hint = _HINTS.get(code, _CREDENTIALS)
            raise StackspecError.of("SS0709", f"cannot use the state in {self}: {why}", hint=hint) from error


def _credential() -> Any:
    """What the store is shown: a key or a token from the environment, else what the Azure tools find."""
    if given := os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN"):
        return given
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()
