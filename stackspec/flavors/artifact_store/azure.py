"""Artifacts in a container of Azure Blob Storage."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Literal

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.owned.bucket import BucketFlavor, mark_of, owner_of

PAGE = 1000
"""Blobs in one page of a listing."""
_CONNECT, _READ = 5.0, 30.0
"""Seconds to reach the store, and for each part of an answer, at most."""
_PAUSE, _RETRIES = 1, 2
"""Seconds before a request is tried anew that failed for a reason that may pass, and how often."""
_WORD = "stackspec_"
"""What the names in the metadata begin with that are the mark."""
_CREDENTIALS = (
    "give credentials that may make, read, write and delete there: AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, or what "
    "the Azure tools take, such as az login"
)
_PASSING = {429, 500, 502, 503, 504}


class AzureArtifactStore(BucketFlavor, ArtifactStore):
    """A container of Azure Blob Storage; one that was there before is used, and never deleted."""

    flavor = "azure"
    extra = "azure-artifacts"
    imports = ("azure.storage.blob", "azure.identity")
    packages = ("fsspec", "adlfs")
    requirements = ("adlfs>=2026",)
    located_by = "account_url"
    occupies = frozenset({"container"})

    class Config(FlavorConfig):
        """A container that keeps artifacts; what is null stays as the container has it.

        Versions, encryption and rules of expiry are the account's, and no matter of a container.
        """

        account_url: str = setting(
            "The address of the account.",
            requires_replacement=True,
            pattern="^https?://[^/@?# ]+(/[a-z0-9]+)?/?$",
            examples=["https://acme.blob.core.windows.net"],
        )
        container: str = setting(
            "The container.", requires_replacement=True, pattern="^[a-z0-9](-?[a-z0-9]){2,62}$", examples=["artifacts"]
        )
        prefix: str = setting(
            "The folder of the artifacts in the container.",
            default="",
            pattern="^([A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*)?$",
        )
        create: bool = setting("Whether the container is made where it is not there.", default=True)
        public_access: Literal["none", "blob", "container"] | None = setting(
            "What everybody may read without credentials: nothing, each blob, or the listing as well.",
            default=None,
            schema={"enum": ["none", "blob", "container", None]},
        )
        metadata: Mapping[str, str] | None = setting(
            "The metadata of the container. One that stackspec made has this and no other; one that was there before "
            "keeps its other.",
            default=None,
            schema={
                "type": ["object", "null"],
                # Names of headers, which have no case.
                "propertyNames": {"pattern": "^[a-z_][a-z0-9_]*$", "not": {"pattern": "^stackspec_"}},
                "additionalProperties": {"type": "string", "pattern": "^[!-~]([ -~]*[!-~])?$"},
            },
        )
        delete_data: bool = setting(
            "Whether removing the component removes the artifacts too. Without it a container that holds any is kept.",
            default=False,
        )

    class Outputs(ArtifactStore.Outputs):
        """What other components may read."""

        account_url: str = setting("The address of the account.")
        container: str = setting("The container.")

    config: Config

    def storage_options(self) -> Mapping[str, Any]:
        """What adlfs is told: where the account is, and what it is shown."""
        url = self.config.account_url.rstrip("/")
        host, _, path = url.partition("://")[2].partition("/")
        name = path or host.partition(".")[0]
        found = {"use_listings_cache": False}  # others write as well
        if key := os.environ.get("AZURE_STORAGE_KEY"):
            return {**found, "connection_string": f"BlobEndpoint={url};AccountName={name};AccountKey={key}"}
        if token := os.environ.get("AZURE_STORAGE_SAS_TOKEN"):
            shown = token.removeprefix("?")
            return {**found, "connection_string": f"BlobEndpoint={url};SharedAccessSignature={shown}"}
        return {**found, "account_name": name, "account_host": host, "anon": False}

    def outputs(self) -> Outputs:
        """Its place."""
        config = self.config
        uri = f"abfs://{config.container}/{config.prefix}".rstrip("/")
        return self.Outputs(uri=uri, account_url=config.account_url, container=config.container)

    @contextmanager
    def bucket(self) -> Iterator[_Container]:
        """The container; what the client reports becomes what a user is told."""
        require_imports(self)
        place = f"{self.config.account_url.rstrip('/')}/{self.config.container}"
        with _reporting(place):
            yield _Container(_client(self.config, self.context), place, self.config, self.context)


class _Container:
    """See `Bucket`."""

    def __init__(self, client: Any, place: str, config: AzureArtifactStore.Config, context: HookContext) -> None:
        self._client = client
        self._place = place
        self._config = config
        self._context = context

    def __str__(self) -> str:
        return self._place

    def exists(self) -> bool:
        return bool(self._client.exists())

    def make(self) -> bool:
        from azure.core.exceptions import ResourceExistsError

        try:
            self._client.create_container(metadata=self._mark)
        except ResourceExistsError as error:
            if getattr(error, "error_code", None) == "ContainerAlreadyExists":
                return False
            raise
        return True

    def owner(self) -> Owner | None:
        found = self._metadata()
        return owner_of({name.removeprefix(_WORD): found[name] for name in found if name.startswith(_WORD)})

    def mark(self) -> None:
        raise HookError(f"{self} lost its mark as it was made", "look at who else sets its metadata")

    def release(self, *, ours: bool) -> None:
        if ours:
            found = self._metadata()
            self._client.set_container_metadata({name: found[name] for name in found if not name.startswith(_WORD)})

    def settings(self, *, ours: bool) -> dict[str, Any]:
        real: dict[str, Any] = {}
        if self._config.public_access is not None:
            real["public_access"] = self._client.get_container_properties().public_access or "none"
        if (wanted := self._config.metadata) is not None:
            found = self._metadata()
            real["metadata"] = {
                name: found[name] for name in found if (ours or name in wanted) and not name.startswith(_WORD)
            }
        return real

    def converge(self, *, ours: bool) -> None:
        real, config = self.settings(ours=ours), self._config
        if config.public_access is not None and real["public_access"] != config.public_access:
            # The request replaces the signed identifiers as well.
            signed = {one.id: one.access_policy for one in self._signed()}
            access = None if config.public_access == "none" else config.public_access
            self._client.set_container_access_policy(signed, public_access=access)
        if config.metadata is not None and real["metadata"] != dict(config.metadata):
            found = self._metadata()
            kept = {name: found[name] for name in found if not ours or name.startswith(_WORD)}
            self._client.set_container_metadata({**kept, **config.metadata})

    def count(self) -> tuple[int, bool]:
        pages = self._client.list_blob_names(results_per_page=PAGE).by_page()
        found = sum(1 for _ in next(pages, ()))
        return found, bool(pages.continuation_token)

    def empty(self) -> None:
        """A container goes with all that it holds."""

    def remove(self) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        if not self._config.delete_data and self._holds_versions():
            return False
        with suppress(ResourceNotFoundError):  # another let go of it first
            self._client.delete_container()
        return True

    @property
    def _mark(self) -> dict[str, str]:
        return {_WORD + word: value for word, value in mark_of(self._context).items()}

    def _holds_versions(self) -> bool:
        """Whether there is anything, also what was overwritten or deleted, where the account keeps that."""
        return any(True for _ in self._client.list_blobs(include=["versions", "snapshots"], results_per_page=1))

    def _metadata(self) -> dict[str, str]:
        return dict(self._client.get_container_properties().metadata or {})

    def _signed(self) -> Any:
        return self._client.get_container_access_policy()["signed_identifiers"]


def _client(config: AzureArtifactStore.Config, context: HookContext) -> Any:
    """A client whose every attempt is within the hook's time."""
    from azure.storage.blob import ContainerClient, LinearRetry

    left = max(1.0, context.remaining())

    def in_time(_request: Any) -> None:
        time_left(context)

    return ContainerClient(
        config.account_url.rstrip("/"),
        config.container,
        _credential(),
        retry_policy=LinearRetry(_PAUSE, _RETRIES),
        connection_timeout=min(_CONNECT, left),
        read_timeout=min(_READ, left),
        raw_request_hook=in_time,
    )


def _credential() -> Any:
    """What the store is shown: a key or a token from the environment, else what the Azure tools find."""
    if given := os.environ.get("AZURE_STORAGE_KEY") or os.environ.get("AZURE_STORAGE_SAS_TOKEN"):
        return given
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


@contextmanager
def _reporting(place: str) -> Iterator[None]:
    """What the client reports as what a user is told; nothing of what a store says about credentials is repeated."""
    from azure.core import exceptions as azure

    try:
        yield
    except azure.ClientAuthenticationError as error:
        raise HookError(f"{place}: the credentials are refused", _CREDENTIALS) from error
    except azure.HttpResponseError as error:
        raise _refused(place, error) from error
    except azure.AzureError as error:  # no answer, or half of one
        message = f"{place} does not answer ({type(error).__name__})"
        raise HookError(message, "look at the network and at 'account_url'", transient=True) from error
    except ValueError as error:  # a key that is none; the text may quote it
        raise HookError(f"{place}: there are no credentials to use", _CREDENTIALS) from error


def _refused(place: str, error: Any) -> HookError:
    code = str(getattr(error.error_code, "value", None) or error.error_code or error.reason or "no reason given")
    if error.status_code in (401, 403):
        message = f"{place}: the credentials are refused, or may not do that ({code})"
        return HookError(message, _CREDENTIALS)
    message = f"{place}: the store refuses ({code})"
    hint = "look at the config and at what the account allows"
    return HookError(message, hint, transient=error.status_code in _PASSING or code == "ContainerBeingDeleted")
