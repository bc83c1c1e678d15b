"""Artifacts in a bucket of Amazon S3, or of a store that speaks its language."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from stackspec.flavors.artifact_store import ArtifactStore
from stackspec.flavors.aws.client import CREDENTIALS, REFUSED, TAG, client_of, code_of, reporting
from stackspec.flavors.contract import FlavorConfig, HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.owned.bucket import MARK, BucketFlavor, mark_of, owner_in, owner_of

PAGE = 1000
"""Objects in one page of a listing."""
_UNSUPPORTED = {"NotImplemented", "501", "MethodNotAllowed", "405", "UnsupportedOperation"}
_ABSENT = {"404", "NoSuchBucket", "NotFound"}
_FOREIGN = {"AccessDenied", "403", "AllAccessDisabled", "Forbidden"}
_REGION = {"PermanentRedirect", "301", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_PASSING = {
    "500",
    "502",
    "503",
    "504",
    "BadGateway",
    "ConditionalRequestConflict",
    "GatewayTimeout",
    "InternalError",
    "OperationAborted",  # a bucket of the name is being made or removed
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
}
_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_LIFECYCLE: Mapping[str, tuple[str, str]] = {
    "expire_days": ("Expiration", "Days"),
    "noncurrent_expire_days": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    "abort_multipart_days": ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
}
"""Config field to where a lifecycle rule has its days."""


class S3ArtifactStore(BucketFlavor, ArtifactStore):
    """A bucket of Amazon S3, or of a store that speaks its language; one that was there before is never deleted."""

    flavor = "s3"
    extra = "s3-artifacts"
    imports = ("boto3",)
    packages = ("fsspec", "s3fs")
    requirements = ("s3fs>=2026",)
    is_remote = True
    located_by = "endpoint_url"
    occupies = frozenset({"bucket"})

    class Config(FlavorConfig):
        """A bucket that keeps artifacts; what is null stays as the bucket has it."""

        bucket: str = setting(
            "The bucket.",
            requires_replacement=True,
            pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
            examples=["acme-artifacts"],
        )
        prefix: str = setting(
            "The folder of the artifacts in the bucket.",
            default="",
            pattern="^([A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*)?$",
        )
        region: str | None = setting(
            "The region; null for the one that the AWS tools would take.",
            default=None,
            requires_replacement=True,
            schema={"type": ["string", "null"], "pattern": "^[a-z0-9-]+$"},
        )
        endpoint_url: str | None = setting(
            "The address of a store other than Amazon's.",
            default=None,
            requires_replacement=True,
            schema={"type": ["string", "null"], "pattern": "^https?://[^/@?# ]+/?$"},
        )
        profile: str | None = setting("The profile of the AWS tools whose credentials are used.", default=None)
        create: bool = setting("Whether the bucket is made where it is not there.", default=True)
        versioning: bool | None = setting("Whether what is overwritten or deleted is kept.", default=None)
        encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = setting(
            "How the store encrypts what is written.",
            default=None,
            schema={"enum": ["AES256", "aws:kms", "aws:kms:dsse", None]},
        )
        kms_key_id: str | None = setting(
            "The key of KMS, with 'aws:kms' or 'aws:kms:dsse': its id, its ARN or an alias.", default=None
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
        tags: Mapping[str, str] | None = setting(
            "The tags of the bucket. One that stackspec made has these and no others; one that was there before keeps "
            "its others.",
            default=None,
            schema={
                "type": ["object", "null"],
                "propertyNames": {"not": {"pattern": "^(aws:|stackspec-)"}, "minLength": 1, "maxLength": 128},
                "additionalProperties": {"type": "string", "maxLength": 256},
            },
        )
        block_public_access: bool | None = setting(
            "Whether nothing in the bucket can be made public, by whatever policy.", default=None
        )
        delete_data: bool = setting(
            "Whether removing the component removes the artifacts too, in every version. Without it a bucket that "
            "holds any is kept.",
            default=False,
        )

    class Outputs(ArtifactStore.Outputs):
        """What other components may read."""

        bucket: str = setting("The bucket.")
        endpoint_url: str | None = setting("The address of the store; null for Amazon's.")
        region: str | None = setting("The region as configured; null for the one that the AWS tools would take.")

    config: Config

    def storage_options(self) -> Mapping[str, Any]:
        """What s3fs is told: where the store is, and whose credentials to use."""
        config = self.config
        given = {"endpoint_url": config.endpoint_url, "profile": config.profile}
        return {
            **{name: value for name, value in given.items() if value is not None},
            "client_kwargs": {"region_name": region} if (region := _region(config)) else {},
            "config_kwargs": {"s3": {"addressing_style": _addressing(config)}},
            "use_listings_cache": False,  # others write as well
        }

    def outputs(self) -> Outputs:
        """Its place."""
        config = self.config
        uri = f"s3://{config.bucket}/{config.prefix}".rstrip("/")
        return self.Outputs(uri=uri, bucket=config.bucket, endpoint_url=config.endpoint_url, region=config.region)

    @contextmanager
    def bucket(self) -> Iterator[_S3Bucket]:
        """The bucket; what boto3 reports becomes what a user is told."""
        require_imports(self)
        if self.config.kms_key_id is not None and self.config.encryption not in ("aws:kms", "aws:kms:dsse"):
            raise HookError("kms_key_id needs encryption by KMS", "set encryption to aws:kms, or leave kms_key_id out")
        with reporting(f"s3://{self.config.bucket}", self.config.endpoint_url or "Amazon S3", _refused):
            yield _S3Bucket(_client(self.config, self.context), self.config, self.context)


class _S3Bucket:
    """See `Bucket`."""

    def __init__(self, client: Any, config: S3ArtifactStore.Config, context: HookContext) -> None:
        self._client = client
        self._config = config
        self._context = context

    def __str__(self) -> str:
        return f"s3://{self._config.bucket}"

    def exists(self) -> bool:
        if self._unless(_ABSENT | {"400", "403", "301"}, self._client.head_bucket) is not None:
            return True
        # An answer to HEAD has no body: only this tells why.
        return self._unless(_ABSENT, self._client.list_objects_v2, MaxKeys=1) is not None

    def make(self) -> bool:
        # With its mark at once, from stores that know how; the others pass over it.
        place: dict[str, Any] = {"Tags": _tag_set(self._mark_tags)}
        region = self._config.region or (None if self._config.endpoint_url else self._client.meta.region_name)
        if region not in (None, "us-east-1", "aws-global"):
            place["LocationConstraint"] = region
        answer = self._unless({"BucketAlreadyOwnedByYou"}, self._client.create_bucket, CreateBucketConfiguration=place)
        return answer is not None

    def owner(self) -> Owner | None:
        tags = self._tags()
        if owner := owner_of({key.removeprefix(TAG): tags[key] for key in tags if key.startswith(TAG)}):
            return owner
        found = self._unless({"NoSuchKey", "404"}, self._client.get_object, Key=MARK)
        return None if found is None else owner_in(found["Body"].read())

    def mark(self) -> None:
        if self._tags():
            return  # another has made it, and tagged it, in between
        # A store that passes over the word takes it for another wish to make the bucket.
        deaf = {"BucketAlreadyExists", "BucketAlreadyOwnedByYou", *_UNSUPPORTED}
        self._unless(deaf, self._client.put_bucket_tagging, Tagging={"TagSet": _tag_set(self._mark_tags)})
        if TAG + "identity" not in self._tags():
            body = json.dumps(mark_of(self._context)).encode()
            self._unless({"PreconditionFailed", "412"}, self._client.put_object, Key=MARK, Body=body, IfNoneMatch="*")

    def release(self, *, ours: bool) -> None:
        rules = self._rules()
        if left := [rule for rule in rules if rule.get("ID") not in {self._rule_id(field) for field in _LIFECYCLE}]:
            if left != rules:
                self._put_rules(left)
        elif rules:
            self._put_rules([])
        if ours:
            self._remove_mark_object()
            tags = self._tags()
            self._put_tags({key: value for key, value in tags.items() if not key.startswith(TAG)}, tags)

    def settings(self, *, ours: bool) -> dict[str, Any]:
        given = self._given()
        read: dict[str, Callable[[], Any]] = {
            "versioning": self._versioning,
            "block_public_access": self._public_access,
            "tags": lambda: self._shown_tags(ours),
        }
        real = {field: seen() for field, seen in read.items() if field in given}
        if {"encryption", "kms_key_id"} & given.keys():
            real.update({field: value for field, value in self._encryption().items() if field in given})
        if given.keys() & _LIFECYCLE.keys():
            rules = self._rules()
            real.update({field: self._days(rules, field) for field in _LIFECYCLE if field in given})
        return real

    def converge(self, *, ours: bool) -> None:
        real, given = self.settings(ours=ours), self._given()
        moved = {field for field, value in real.items() if value != given[field]}
        put = self._put_setting
        if "versioning" in moved:
            status = "Enabled" if given["versioning"] else "Suspended"
            put("versioning", self._client.put_bucket_versioning, VersioningConfiguration={"Status": status})
        if {"encryption", "kms_key_id"} & moved:
            rule = {"SSEAlgorithm": given["encryption"]}
            if "kms_key_id" in given:
                rule["KMSMasterKeyID"] = given["kms_key_id"]
            rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
            put("encryption of buckets", self._client.put_bucket_encryption, ServerSideEncryptionConfiguration=rules)
        if "block_public_access" in moved:
            block = dict.fromkeys(_PUBLIC_ACCESS, given["block_public_access"])
            change = self._client.put_public_access_block
            put("block of public access", change, PublicAccessBlockConfiguration=block)
        if "tags" in moved:
            tags = self._tags()
            kept = {key: tags[key] for key in tags if not ours or key.startswith(TAG)}
            self._put_tags({**kept, **given["tags"]}, tags)
        if moved & _LIFECYCLE.keys():
            self._converge_lifecycle(moved & _LIFECYCLE.keys())

    def count(self) -> tuple[int, bool]:
        page = self._call(self._client.list_objects_v2, MaxKeys=PAGE)
        found = [one for one in page.get("Contents", ()) if one["Key"] != MARK]
        return len(found), bool(page.get("IsTruncated"))

    def empty(self) -> None:
        pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._config.bucket)
        for one in [upload for page in pages for upload in page.get("Uploads", ())]:
            abort = self._client.abort_multipart_upload
            self._unless({"NoSuchUpload"}, abort, Key=one["Key"], UploadId=one["UploadId"])
        self._delete_versions(lambda key: key != MARK)

    def remove(self) -> bool:
        self._remove_mark_object()
        gone = _ABSENT | {"BucketNotEmpty"}
        if self._unless(gone, self._client.delete_bucket) is not None:
            return True
        return not self.exists()

    @property
    def _mark_tags(self) -> dict[str, str]:
        return {TAG + word: value for word, value in mark_of(self._context).items()}

    @property
    def _folder(self) -> str:
        """What the keys of the artifacts begin with."""
        return f"{self._config.prefix}/" if self._config.prefix else ""

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self._config).items() if value is not None}

    def _call(self, request: Callable[..., Any], **arguments: Any) -> Any:
        return request(Bucket=self._config.bucket, **arguments)

    def _unless(self, codes: Collection[str], request: Callable[..., Any], **arguments: Any) -> Any:
        """The answer to a request; None where it is refused by one of these codes."""
        from botocore.exceptions import ClientError

        try:
            return self._call(request, **arguments)
        except ClientError as error:
            if code_of(error) in codes:
                return None
            raise

    def _put_setting(self, field: str, request: Callable[..., Any], **arguments: Any) -> None:
        if self._unless(_UNSUPPORTED, request, **arguments) is None:
            raise HookError(f"{self}: the store has no {field}", "leave out what the config says of it")

    def _tags(self) -> dict[str, str]:
        answer = self._unless({"NoSuchTagSet", *_UNSUPPORTED}, self._client.get_bucket_tagging)
        return {} if answer is None else {one["Key"]: one["Value"] for one in answer.get("TagSet", ())}

    def _shown_tags(self, ours: bool) -> dict[str, str]:
        wanted = self._config.tags or {}
        return {
            key: value
            for key, value in self._tags().items()
            if (ours or key in wanted) and not key.startswith((TAG, "aws:"))
        }

    def _put_tags(self, tags: Mapping[str, str], before: Mapping[str, str]) -> None:
        own = {key: value for key, value in tags.items() if not key.startswith("aws:")}
        if own == before:
            return
        if own:
            self._put_setting("tags of buckets", self._client.put_bucket_tagging, Tagging={"TagSet": _tag_set(own)})
        else:
            self._call(self._client.delete_bucket_tagging)

    def _versioning(self) -> bool:
        answer = self._unless(_UNSUPPORTED, self._client.get_bucket_versioning) or {}
        return answer.get("Status") == "Enabled"

    def _public_access(self) -> bool:
        none = {"NoSuchPublicAccessBlockConfiguration", *_UNSUPPORTED}
        answer = self._unless(none, self._client.get_public_access_block) or {}
        block = answer.get("PublicAccessBlockConfiguration", {})
        # Where some of the four are in force it is what was not asked for, whichever that is.
        states = {bool(block.get(one)) for one in _PUBLIC_ACCESS}
        return states == {True} if self._config.block_public_access else states != {False}

    def _encryption(self) -> dict[str, Any]:
        none = {"ServerSideEncryptionConfigurationNotFoundError", *_UNSUPPORTED}
        answer = self._unless(none, self._client.get_bucket_encryption) or {}
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
        rule = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
        key, wanted = rule.get("KMSMasterKeyID"), self._config.kms_key_id
        if key and wanted and key.endswith((f":key/{wanted}", f":{wanted}")):
            key = wanted  # the same, by its full name
        return {"encryption": rule.get("SSEAlgorithm"), "kms_key_id": key}

    def _rule_id(self, field: str) -> str:
        return f"{TAG}{self._context.identity}-{field}"

    def _rule(self, field: str, days: int) -> dict[str, Any]:
        action, unit = _LIFECYCLE[field]
        of = {"Prefix": self._folder}
        return {"ID": self._rule_id(field), "Status": "Enabled", "Filter": of, action: {unit: days}}

    def _rules(self) -> list[dict[str, Any]]:
        none = {"NoSuchLifecycleConfiguration", *_UNSUPPORTED}
        answer = self._unless(none, self._client.get_bucket_lifecycle_configuration) or {}
        return list(answer.get("Rules", ()))

    def _days(self, rules: list[dict[str, Any]], field: str) -> int:
        """What our rule for a field says; 0 where there is none in force that says it of all our artifacts."""
        action, unit = _LIFECYCLE[field]
        for rule in rules:
            of = rule.get("Filter", {"Prefix": rule.get("Prefix", "")})
            # A filter for everything may be empty in the answer.
            whole = {"Prefix": "", **of} == {"Prefix": self._folder}
            if rule.get("ID") == self._rule_id(field) and rule.get("Status") == "Enabled" and whole:
                return int(rule.get(action, {}).get(unit, 0))
        return 0

    def _converge_lifecycle(self, moved: Collection[str]) -> None:
        given, rules = self._given(), self._rules()
        ids = {self._rule_id(field) for field in moved}
        kept = [rule for rule in rules if rule.get("ID") not in ids]
        self._put_rules(kept + [self._rule(field, given[field]) for field in sorted(moved) if given[field]])

    def _put_rules(self, rules: list[dict[str, Any]]) -> None:
        if rules:
            put = self._client.put_bucket_lifecycle_configuration
            self._put_setting("rules of expiry", put, LifecycleConfiguration={"Rules": rules})
        else:
            self._call(self._client.delete_bucket_lifecycle)

    def _remove_mark_object(self) -> None:
        self._delete_versions(lambda key: key == MARK, MARK)

    def _delete_versions(self, of: Callable[[str], bool], prefix: str = "") -> None:
        """Delete the objects whose key is such a one; from the beginning after each page, since pages move by it."""
        client, names = self._client, ("Key", "VersionId")
        while True:
            page = self._unless(_UNSUPPORTED, client.list_object_versions, Prefix=prefix, MaxKeys=PAGE)
            if page is None:  # a store that knows no versions
                page = self._call(client.list_objects_v2, Prefix=prefix, MaxKeys=PAGE)
            found = [one for kind in ("Versions", "DeleteMarkers", "Contents") for one in page.get(kind, ())]
            if not (keys := [{name: one[name] for name in names if name in one} for one in found if of(one["Key"])]):
                return
            self._delete(keys)

    def _delete(self, keys: list[dict[str, str]]) -> None:
        answer = self._call(self._client.delete_objects, Delete={"Objects": keys, "Quiet": True})
        if errors := answer.get("Errors"):
            codes = ", ".join(sorted({one.get("Code", "unknown") for one in errors}))
            message = f"{self}: {len(errors)} objects cannot be deleted ({codes})"
            raise HookError(message, "look at locks on the objects and at what the credentials may delete")


def _client(config: S3ArtifactStore.Config, context: HookContext) -> Any:
    return client_of(
        "s3",
        config,
        context,
        s3={"addressing_style": _addressing(config)},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _region(config: S3ArtifactStore.Config) -> str | None:
    return config.region or ("us-east-1" if config.endpoint_url else None)


def _addressing(config: S3ArtifactStore.Config) -> str:
    """Many stores know no host names with a bucket in them."""
    return "path" if config.endpoint_url else "auto"


def _tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _refused(place: str, code: str, operation: str) -> HookError:
    if code in REFUSED:
        return HookError(f"{place}: the credentials are refused ({code})", CREDENTIALS)
    if code == "BucketAlreadyExists":
        return HookError(f"{place} belongs to another account", "names of buckets are everybody's: use another name")
    if code in _FOREIGN:
        message = f"{place}: {operation} is denied: it belongs to another account, or the credentials may not do that"
        return HookError(message, "use another bucket, or credentials that may; " + CREDENTIALS)
    if code in _REGION:
        return HookError(f"{place} is in another region", "set 'region' to the region of the bucket")
    if code == "RequestTimeTooSkewed":
        return HookError(f"{place}: the clock of this machine is wrong", "set it")
    message = f"{place}: the store refuses {operation} ({code or 'no reason given'})"
    return HookError(message, "look at the config and at what the store can do", transient=code in _PASSING)
