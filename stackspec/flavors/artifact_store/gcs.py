"""Artifacts in a bucket of Google Cloud Storage."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.contract import FlavorConfig, HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.hook_time import time_left
from stackspec.flavors.owned.bucket import MARK, BucketFlavor, mark_of, owner_in, owner_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

PAGE = 1000
"""Objects in one page of a listing."""
_CONNECT, _READ = 5.0, 30.0
"""Seconds to reach the store, and for each part of an answer, at most."""
_PATIENCE = 10.0
"""Seconds for which a request is tried anew that failed for a reason that may pass."""
_AT_ONCE = 8
"""Objects that are deleted at a time; the client has no more connections."""
_LABEL = "stackspec-"
"""What the keys of the labels begin with that are the mark."""
_VALUE = re.compile("[a-z0-9_-]{1,63}")
"""The values that labels can have."""
_CREDENTIALS = "give credentials that may make, read, write and delete there: gcloud auth application-default login"
_LIFECYCLE: Mapping[str, tuple[str, str]] = {
    "expire_days": ("Delete", "age"),
    "noncurrent_expire_days": ("Delete", "daysSinceNoncurrentTime"),
    "abort_multipart_days": ("AbortIncompleteMultipartUpload", "age"),
}
"""Config field to a lifecycle rule's action, and the condition that has its days."""


class GcsArtifactStore(BucketFlavor, ArtifactStore):
    """A bucket of Google Cloud Storage; one that was there before is used, and never deleted."""

    flavor = "gcs"
    extra = "gcs-artifacts"
    imports = ("google.cloud.storage",)
    packages = ("fsspec", "gcsfs")
    requirements = ("gcsfs>=2026",)
    is_remote = True
    occupies = frozenset({"bucket"})

    class Config(FlavorConfig):
        """A bucket that keeps artifacts; what is null stays as the bucket has it."""

        bucket: str = setting(
            "The bucket.",
            requires_replacement=True,
            pattern="^[a-z0-9][a-z0-9_.-]{1,220}[a-z0-9]$",
            examples=["acme-artifacts"],
        )
        prefix: str = setting(
            "The folder of the artifacts in the bucket.",
            default="",
            pattern="^([A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*)?$",
        )
        project: str | None = setting(
            "The project that the bucket is made in; null for the one that Google's tools would take.",
            default=None,
            requires_replacement=True,
            schema={"type": ["string", "null"], "pattern": "^[a-z0-9][a-z0-9:.-]*$"},
        )
        location: str | None = setting(
            "The region, or regions, that the bucket is made in; null for the store's own choice.",
            default=None,
            requires_replacement=True,
            schema={"type": ["string", "null"], "pattern": "^[A-Z0-9-]+$", "examples": ["EUROPE-WEST1", "EU"]},
        )
        endpoint_url: str | None = setting(
            "The address of the store, where it is not Google's own. Over HTTP no credentials are shown.",
            default=None,
            requires_replacement=True,
            schema={"type": ["string", "null"], "pattern": "^https?://[^/@?# ]+/?$"},
        )
        create: bool = setting("Whether the bucket is made where it is not there.", default=True)
        versioning: bool | None = setting("Whether what is overwritten or deleted is kept.", default=None)
        uniform_access: bool | None = setting(
            "Whether roles alone say who may do what, and no object has a list of its own.", default=None
        )
        kms_key: str | None = setting(
            "The key of Cloud KMS by which is encrypted what is written.",
            default=None,
            schema={
                "type": ["string", "null"],
                "pattern": "^projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/",
            },
        )
        expire_days: int | None = setting(
            "Days after which artifacts are deleted; 0 for never.", default=None, minimum=0
        )
        noncurrent_expire_days: int | None = setting(
            "Days after which what was overwritten or deleted is gone for good; 0 for never.", default=None, minimum=0
        )
        abort_multipart_days: int | None = setting(
            "Days after which uploads that were never completed are deleted; 0 for never.", default=None, minimum=0
        )
        labels: Mapping[str, str] | None = setting(
            "The labels of the bucket. One that stackspec made has these and no others; one that was there before "
            "keeps its others.",
            default=None,
            schema={
                "type": ["object", "null"],
                "propertyNames": {"pattern": "^[a-z][a-z0-9_-]{0,62}$", "not": {"pattern": "^stackspec-"}},
                "additionalProperties": {"type": "string", "pattern": "^[a-z0-9_-]{0,63}$"},
            },
        )
        delete_data: bool = setting(
            "Whether removing the component removes the artifacts too, in every version. Without it a bucket that "
            "holds any is kept.",
            default=False,
        )

    class Outputs(ArtifactStore.Outputs):
        """What other components may read."""

        bucket: str = setting("The bucket.")
        endpoint_url: str | None = setting("The address of the store; null for Google's.")

    config: Config

    def storage_options(self) -> Mapping[str, Any]:
        """What gcsfs is told: where the store is, and whether to show credentials."""
        config = self.config
        given = {"endpoint_url": config.endpoint_url, "project": config.project}
        return {
            **{name: value for name, value in given.items() if value is not None},
            "token": "anon" if _is_open(config) else "google_default",
            "use_listings_cache": False,  # others write as well
        }

    def outputs(self) -> Outputs:
        """Its place."""
        config = self.config
        uri = f"gs://{config.bucket}/{config.prefix}".rstrip("/")
        return self.Outputs(uri=uri, bucket=config.bucket, endpoint_url=config.endpoint_url)

    @contextmanager
    def bucket(self) -> Iterator[_GcsBucket]:
        """The bucket; what the client reports becomes what a user is told."""
        require_imports(self)
        place = f"gs://{self.config.bucket}"
        with _reporting(place, self.config):
            yield _GcsBucket(_client(self.config), self.config, self.context)

    def _place(self, path: str) -> tuple[AbstractFileSystem, str]:
        _choose_plain_reads()
        return super()._place(path)


class _GcsBucket:
    """See `Bucket`."""

    def __init__(self, client: Any, config: GcsArtifactStore.Config, context: HookContext) -> None:
        self._client = client
        self._bucket = client.bucket(config.bucket)
        self._config = config
        self._context = context

    def __str__(self) -> str:
        return f"gs://{self._config.bucket}"

    def exists(self) -> bool:
        return self._unless_absent(self._bucket.reload) is not None

    def make(self) -> bool:
        from google.api_core.exceptions import Conflict

        # With its mark at once, from stores that keep labels.
        self._bucket.labels = self._mark_labels
        place = {"project": self._config.project, "location": self._config.location}
        try:
            self._call(self._client.create_bucket, self._bucket, **place)
        except Conflict:
            return False
        return True

    def owner(self) -> Owner | None:
        if found := self._labels():
            words = {key.removeprefix(_LABEL): found[key] for key in found if key.startswith(_LABEL)}
            kind, _, name = words.pop("component", "").partition("--")
            if owner := owner_of({**words, "address": f"{kind}/{name}"}):
                return owner
        data = self._unless_absent(self._bucket.blob(MARK).download_as_bytes)
        return None if data is None else owner_in(data)

    def mark(self) -> None:
        from google.api_core.exceptions import PreconditionFailed

        if self._labels():
            return  # another has made it, and labelled it, in between
        with suppress(PreconditionFailed):
            upload = self._bucket.blob(MARK).upload_from_string
            self._call(upload, json.dumps(mark_of(self._context)), if_generation_match=0)

    def release(self, *, ours: bool) -> None:
        self._call(self._bucket.reload)
        rules = self._rules()
        left = [rule for rule in rules if rule not in self._wanted_rules(self._given())]
        if left != rules:
            self._patch(lifecycle_rules=left)
        if ours:
            self._remove_mark_object()
            self._put_labels({key: value for key, value in self._labels().items() if not key.startswith(_LABEL)})

    def settings(self, *, ours: bool) -> dict[str, Any]:
        given, bucket = self._given(), self._bucket
        self._call(bucket.reload)
        wanted = given.get("labels", {})
        real = {
            "versioning": bucket.versioning_enabled,
            "uniform_access": bucket.iam_configuration.uniform_bucket_level_access_enabled,
            "kms_key": bucket.default_kms_key_name,
            "labels": {
                key: value
                for key, value in bucket.labels.items()
                if (ours or key in wanted) and not key.startswith(_LABEL)
            },
            **{field: self._days(field) for field in _LIFECYCLE},
        }
        return {field: value for field, value in real.items() if field in given}

    def converge(self, *, ours: bool) -> None:
        given, real = self._given(), self.settings(ours=ours)
        if not (moved := {field for field in real if real[field] != given[field]}):
            return
        bucket = self._bucket
        if "versioning" in moved:
            bucket.versioning_enabled = given["versioning"]
        if "uniform_access" in moved:
            bucket.iam_configuration.uniform_bucket_level_access_enabled = given["uniform_access"]
        if "kms_key" in moved:
            bucket.default_kms_key_name = given["kms_key"]
        if "labels" in moved:
            kept = {key: value for key, value in bucket.labels.items() if not ours or key.startswith(_LABEL)}
            bucket.labels = {**kept, **given["labels"]}
        if fields := moved & _LIFECYCLE.keys():
            rules = [rule for rule in self._rules() if not any(self._is_of(rule, field) for field in fields)]
            bucket.lifecycle_rules = rules + self._wanted_rules({field: given[field] for field in sorted(fields)})
        self._call(bucket.patch)
        real = self.settings(ours=ours)
        if left := [field for field in sorted(moved) if real[field] != given[field]]:
            raise HookError(
                f"{self}: the store does not keep {', '.join(left)}", "leave out what the config says of it"
            )

    def count(self) -> tuple[int, bool]:
        found = [blob.name for blob in self._listed(PAGE + 1)]
        return len([name for name in found[:PAGE] if name != MARK]), len(found) > PAGE

    def empty(self) -> None:
        self._delete(blob for blob in self._listed(versions=True) if blob.name != MARK)

    def remove(self) -> bool:
        from google.api_core.exceptions import Conflict

        self._remove_mark_object()
        try:
            self._unless_absent(self._bucket.delete)
        except Conflict:
            return False
        return True

    @property
    def _mark_labels(self) -> dict[str, str]:
        """The mark as labels; none where a word is longer than a label's value may be."""
        words = mark_of(self._context)
        words["component"] = words.pop("address").replace("/", "--", 1)
        fit = all(_VALUE.fullmatch(value) for value in words.values())
        return {_LABEL + word: value for word, value in words.items()} if fit else {}

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self._config).items() if value is not None}

    def _labels(self) -> dict[str, str]:
        self._call(self._bucket.reload)
        return dict(self._bucket.labels)

    def _put_labels(self, labels: Mapping[str, str]) -> None:
        if labels != self._bucket.labels:
            self._patch(labels=labels)

    def _patch(self, **properties: Any) -> None:
        for name, value in properties.items():
            setattr(self._bucket, name, value)
        self._call(self._bucket.patch)

    def _rules(self) -> list[dict[str, Any]]:
        return [dict(rule) for rule in self._bucket.lifecycle_rules]

    def _wanted_rules(self, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [
            {"action": {"type": action}, "condition": {condition: given[field], **self._of_ours}}
            for field, (action, condition) in _LIFECYCLE.items()
            if given.get(field)
        ]

    @property
    def _of_ours(self) -> dict[str, Any]:
        """The condition by which a rule is about the artifacts and nothing else."""
        return {"matchesPrefix": [f"{self._config.prefix}/"]} if self._config.prefix else {}

    def _is_of(self, rule: Mapping[str, Any], field: str) -> bool:
        """Whether a rule says of all our artifacts, and of nothing else, what a field says: rules have no names."""
        action, condition = _LIFECYCLE[field]
        conditions = dict(rule["condition"])
        return (
            rule["action"]["type"] == action
            and condition in conditions
            and self._of_ours == {name: value for name, value in conditions.items() if name != condition}
        )

    def _days(self, field: str) -> int:
        of_field = [rule for rule in self._bucket.lifecycle_rules if self._is_of(rule, field)]
        return min((int(rule["condition"][_LIFECYCLE[field][1]]) for rule in of_field), default=0)

    def _remove_mark_object(self) -> None:
        self._delete(blob for blob in self._listed(versions=True, prefix=MARK) if blob.name == MARK)

    def _listed(self, most: int | None = None, **of: Any) -> list[Any]:
        """The objects of the bucket, or some; each page within the hook's time."""
        pages = self._call(self._client.list_blobs, self._bucket, page_size=PAGE, **of).pages
        found = (blob for page in iter(lambda: self._next(pages), None) for blob in page)
        return list(islice(found, most))

    def _next(self, pages: Iterator[Any]) -> Any:
        time_left(self._context)
        return next(pages, None)

    def _delete(self, blobs: Iterable[Any]) -> None:
        def delete(blob: Any) -> None:
            self._unless_absent(blob.delete)

        with ThreadPoolExecutor(_AT_ONCE) as several:
            list(several.map(delete, blobs))

    def _call(self, request: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """The answer to a request, whose every attempt is within the hook's time."""
        from google.cloud.storage.retry import DEFAULT_RETRY

        left = time_left(self._context)
        timeout = min(_CONNECT, left), min(_READ, left)
        return request(*arguments, timeout=timeout, retry=DEFAULT_RETRY.with_timeout(min(_PATIENCE, left)), **options)

    def _unless_absent(self, request: Callable[..., Any]) -> Any:
        """The answer to a request, True for none; None where what it is about is not there."""
        from google.api_core.exceptions import NotFound

        try:
            answer = self._call(request)
        except NotFound:
            return None
        return True if answer is None else answer


def _is_open(config: GcsArtifactStore.Config) -> bool:
    """Whether no credentials are shown: a token that is sent over HTTP is everybody's."""
    return (config.endpoint_url or "").startswith("http://")


def _choose_plain_reads() -> None:
    """Have gcsfs use the API that every store speaks; it reads this when it is imported.

    The other asks each bucket how it is laid out, and waits a minute for a store that cannot tell.
    """
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")


def _client(config: GcsArtifactStore.Config) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    options = {"api_endpoint": config.endpoint_url.rstrip("/")} if config.endpoint_url else None
    if _is_open(config):
        project = config.project or "none"
        return storage.Client(project, AnonymousCredentials(), client_options=options)
    return storage.Client(config.project, client_options=options)


@contextmanager
def _reporting(place: str, config: GcsArtifactStore.Config) -> Iterator[None]:
    """What the client reports as what a user is told; nothing of what a store says about credentials is repeated."""
    from google.api_core import exceptions as api
    from google.auth.exceptions import GoogleAuthError, TransportError
    from requests.exceptions import RequestException

    store = config.endpoint_url or "Google Cloud Storage"
    try:
        yield
    except (api.Unauthorized, api.Forbidden) as error:
        message = f"{place}: the credentials are refused, or may not do that; it may belong to another project"
        raise HookError(message, f"use another bucket, or {_CREDENTIALS}") from error
    except api.NotFound as error:
        raise HookError(f"{place} is gone", "apply again") from error
    except api.GoogleAPICallError as error:
        code = int(error.code) if error.code else 0
        passing = code == 429 or code >= 500
        message = f"{place}: {store} refuses ({type(error).__name__})"
        raise HookError(message, "look at the config and at what the store can do", transient=passing) from error
    except (RequestException, api.RetryError, TransportError) as error:
        message = f"{place}: {store} does not answer ({type(error).__name__})"
        raise HookError(message, "look at the network and at 'endpoint_url'", transient=True) from error
    # An OSError is what the client says where no project is known, or a file of credentials cannot be read.
    except (GoogleAuthError, OSError) as error:
        message = f"{place}: there are no credentials to use, or no project is known ({type(error).__name__})"
        raise HookError(message, f"set 'project', and {_CREDENTIALS}") from error
