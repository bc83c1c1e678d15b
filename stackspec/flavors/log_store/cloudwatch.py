"""Logs in a log group of Amazon CloudWatch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Never

from stackspec.flavors.aws.client import TAG, TAGS, AwsConfig, client_of, left_over, reporting, shown_tags, unless
from stackspec.flavors.contract import HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.log_store import LogStore
from stackspec.flavors.owned.bucket import BucketFlavor, mark_of, owner_of

_ABSENT = {"ResourceNotFoundException"}
_TAKEN = {"ResourceAlreadyExistsException"}
_EVENTS, _BYTES, _OVERHEAD = 10_000, 1_000_000, 26
"""Events and bytes in one request at most, and how many bytes each counts beside its text."""
_LONGEST = 250_000
"""Bytes of the longest event; what is longer becomes several."""
_EMPTY = "\n"
"""What an empty line is sent as, since an event must have a text."""
_DAYS = [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]


class CloudwatchLogStore(BucketFlavor, LogStore):
    """A log group of Amazon CloudWatch, a stream for each run; one that was there before is never deleted."""

    flavor = "cloudwatch"
    extra = "aws"
    imports = ("boto3",)
    requirements = ("boto3>=1.36",)
    is_remote = True
    occupies = frozenset({"group"})
    kind = "log group"
    item = "log stream"

    class Config(AwsConfig):
        """A log group; what is null stays as the group has it."""

        group: str = setting(
            "The log group.",
            requires_replacement=True,
            pattern="^[A-Za-z0-9_./#-]{1,512}$",
            examples=["/acme/training"],
        )
        create: bool = setting("Whether the log group is made where it is not there.", default=True)
        kms_key: str | None = setting(
            "The ARN of the key of KMS by which the group is encrypted that is made; null for Amazon's own way.",
            default=None,
            requires_replacement=True,
        )
        retention_days: int | None = setting(
            "Days after which what was logged is deleted; 0 for never.",
            default=None,
            schema={"enum": [*_DAYS, None]},
        )
        tags: Mapping[str, str] | None = setting(
            "The tags of the group. One that stackspec made has these and no others; one that was there before keeps "
            "its others.",
            default=None,
            schema=TAGS,
        )
        delete_data: bool = setting(
            "Whether removing the component removes the logs too. Without it a group that holds any is kept.",
            default=False,
        )

    class Outputs(LogStore.Outputs):
        """What other components may read."""

        group: str = setting("The log group.")

    config: Config

    def append(self, run: str, lines: Iterable[str]) -> None:
        stream, events = self._stream(run), _events(lines)
        with self._logs() as client:
            unless(_TAKEN, client.create_log_stream, **stream)
            for batch in _batches(events):
                client.put_log_events(**stream, logEvents=batch)

    def lines(self, run: str) -> list[str]:
        request: dict[str, Any] = {**self._stream(run), "startFromHead": True}
        found: list[str] = []
        with self._logs() as client:
            while (page := unless(_ABSENT, client.get_log_events, **request)) is not None:
                found += [one["message"] for one in page["events"]]
                if page["nextForwardToken"] == request.get("nextToken"):
                    break
                request["nextToken"] = page["nextForwardToken"]
        return ["" if message == _EMPTY else message for message in found]

    def outputs(self) -> Outputs:
        """Its place."""
        return self.Outputs(uri=f"cloudwatch:{self.config.group}", group=self.config.group)

    @contextmanager
    def bucket(self) -> Iterator[_Group]:
        """The log group; what boto3 reports becomes what a user is told."""
        with self._logs() as client:
            yield _Group(client, self.config, self.context)

    @contextmanager
    def _logs(self) -> Iterator[Any]:
        require_imports(self)
        config = self.config
        with reporting(f"the log group {config.group}", config.endpoint_url or "Amazon CloudWatch"):
            yield client_of("logs", config, self.context)

    def _stream(self, run: str) -> dict[str, str]:
        self._file(run)
        if "uri" not in self.context.outputs:
            raise HookError(f"{self.context.address} is not provisioned", "apply first")
        return {"logGroupName": self.config.group, "logStreamName": run}

    def _place(self, path: str) -> Never:
        raise HookError("the flavor 'cloudwatch' keeps logs, and no files", "use `append` and `lines`")


class _Group:
    """See `Bucket`."""

    def __init__(self, client: Any, config: CloudwatchLogStore.Config, context: HookContext) -> None:
        self._client = client
        self._config = config
        self._context = context
        self._name = {"logGroupName": config.group}

    def __str__(self) -> str:
        return f"the log group {self._config.group}"

    def exists(self) -> bool:
        return self._description() is not None

    def make(self) -> bool:
        mark = {TAG + word: value for word, value in mark_of(self._context).items()}
        key = {} if self._config.kms_key is None else {"kmsKeyId": self._config.kms_key}
        return unless(_TAKEN, self._client.create_log_group, **self._name, **key, tags=mark) is not None

    def owner(self) -> Owner | None:
        return owner_of({key.removeprefix(TAG): value for key, value in self._tags().items() if key.startswith(TAG)})

    def mark(self) -> None:
        raise HookError(f"{self} lost its mark as it was made", "look at who else sets its tags")

    def release(self, *, ours: bool) -> None:
        if ours:
            if self._config.retention_days:
                self._client.delete_retention_policy(**self._name)
            self._untag([key for key in self._tags() if key.startswith(TAG)])

    def settings(self, *, ours: bool) -> dict[str, Any]:
        given, found = self._given(), self._description() or {}
        real = {
            "retention_days": found.get("retentionInDays", 0),
            "tags": shown_tags(self._tags(), self._config.tags, ours=ours),
        }
        return {field: value for field, value in real.items() if field in given}

    def converge(self, *, ours: bool) -> None:
        given, real = self._given(), self.settings(ours=ours)
        moved = {field for field in real if real[field] != given[field]}
        if "retention_days" in moved and given["retention_days"]:
            self._client.put_retention_policy(**self._name, retentionInDays=given["retention_days"])
        elif "retention_days" in moved:
            self._client.delete_retention_policy(**self._name)
        if "tags" in moved:
            self._untag(left_over(self._tags(), given["tags"], ours=ours))
            if given["tags"]:
                self._client.tag_resource(resourceArn=self._arn, tags=dict(given["tags"]))

    def count(self) -> tuple[int, bool]:
        page = self._client.describe_log_streams(**self._name, limit=50)
        return len(page["logStreams"]), "nextToken" in page

    def empty(self) -> None:
        """A log group goes with all that it holds."""

    def remove(self) -> bool:
        unless(_ABSENT, self._client.delete_log_group, **self._name)
        return True

    @property
    def _arn(self) -> str:
        """Its name for tags, which is without the words for all its streams."""
        arn: str = (self._description() or {})["arn"]
        return arn.removesuffix(":*")

    def _description(self) -> Mapping[str, Any] | None:
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._config.group)
        found = (one for page in pages for one in page["logGroups"])
        return next((one for one in found if one["logGroupName"] == self._config.group), None)

    def _given(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self._config).items() if value is not None}

    def _tags(self) -> dict[str, str]:
        return dict(self._client.list_tags_for_resource(resourceArn=self._arn).get("tags", {}))

    def _untag(self, keys: list[str]) -> None:
        if keys:
            self._client.untag_resource(resourceArn=self._arn, tagKeys=keys)


def _events(lines: Iterable[str]) -> Iterator[str]:
    """The texts of events: one a line, and none longer than may be."""
    for line in "".join(f"{line}\n" for line in lines).splitlines():
        data = line.encode()
        for start in range(0, max(1, len(data)), _LONGEST):
            yield data[start : start + _LONGEST].decode("utf-8", "ignore") or _EMPTY


def _batches(events: Iterator[str]) -> Iterator[list[dict[str, Any]]]:
    """Events as requests take them, as many at a time as may be."""
    batch: list[dict[str, Any]] = []
    size = 0
    for text in events:
        weight = len(text.encode()) + _OVERHEAD
        if batch and (len(batch) == _EVENTS or size + weight > _BYTES):
            yield batch
            batch, size = [], 0
        batch.append({"timestamp": int(time.time() * 1000), "message": text})
        size += weight
    if batch:
        yield batch
