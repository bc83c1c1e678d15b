"""A bucket that a component may own: used as found, removed only where the component made it.

What a store of objects can do is a `Bucket`; what is done with one is the same for each store, and is here.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, Self

from stackspec.flavors.contract import Flavor, FlavorOutputs, HookContext, HookError, Observation, Owner

MARK = ".stackspec-owner.json"
"""The name of the object that says which component made the bucket, where a bucket cannot say so itself."""


class Bucket(Protocol):
    """A bucket as a hook of one component sees it, there or not; `str` of it is its name for people.

    Every method raises `HookError` where the store refuses it or cannot be reached.
    """

    def exists(self) -> bool:
        """Whether it is there, and may be used."""
        ...

    def make(self) -> bool:
        """Make it, with its mark if the store can do both at once; False where another made it meanwhile."""
        ...

    def owner(self) -> Owner | None:
        """Whose mark it carries."""
        ...

    def mark(self) -> None:
        """Put the component's mark on it."""
        ...

    def release(self, *, ours: bool) -> None:
        """Take away the component's mark, and of its settings what would delete data later."""
        ...

    def settings(self, *, ours: bool) -> dict[str, Any]:
        """Config field to its real value, for the fields that the config gives."""
        ...

    def converge(self, *, ours: bool) -> None:
        """Bring the real values to those of the config."""
        ...

    def count(self) -> tuple[int, bool]:
        """How many objects are on the first page of its listing, and whether there are more."""
        ...

    def empty(self) -> None:
        """Remove all that it holds but the mark."""
        ...

    def remove(self) -> bool:
        """Remove it; False where it is not because it holds something."""
        ...


class BucketFlavor(Flavor, ABC):
    """The parent of a flavor that is nothing but a bucket: its hooks, given the bucket and what to do with data.

    It stands before the component type among a flavor's parents: `class S3ArtifactStore(BucketFlavor, ArtifactStore)`.
    Its config has the fields `create` and `delete_data`.

    Attributes:
        kind: What a person calls it.
        item: What a person calls one of the things that it holds.
    """

    kind: ClassVar[str] = "bucket"
    item: ClassVar[str] = "object"

    @abstractmethod
    def bucket(self) -> AbstractContextManager[Bucket]:
        """The bucket, reached as the config says; what is raised inside becomes what a user is told."""

    @abstractmethod
    def outputs(self) -> FlavorOutputs:
        """What other components may read, whatever is there."""

    def observe(self) -> Observation:
        """See whether the bucket is there for this component, whose it is, how it is set and how much it holds."""
        with self.bucket() as bucket:
            if not bucket.exists():
                return Observation(provisioned=False, detail=f"{bucket} does not exist")
            owner = bucket.owner()
            if owner is not None and not self._is_ours(owner):
                return Observation(provisioned=False, detail=f"{bucket} belongs to {owner}", owner=owner)
            origin = "was there before" if owner is None else "made by stackspec"
            detail = f"{origin}, {self._items(*bucket.count())}"
            return Observation(provisioned=True, detail=detail, fields=bucket.settings(ours=owner is not None))

    def provision(self) -> FlavorOutputs:
        """Make the bucket, marked as ours, or take the one that is there; and set it as the config says."""
        with self.bucket() as bucket:
            made = False
            if not bucket.exists():
                if not self.config.create:
                    raise HookError(f"{bucket} does not exist, and create is false", "make it, or set create to true")
                made = bucket.make()
            owner = bucket.owner()
            if made and owner is None:
                bucket.mark()
                owner = bucket.owner()
            if owner is not None and not self._is_ours(owner):
                raise HookError(
                    f"{bucket} belongs to another component, {owner}",
                    f"use another {self.kind}; if that one is forgotten, take it over: "
                    f"stackspec import {self.context.address}",
                )
            bucket.converge(ours=owner is not None)
        return self.outputs()

    def update(self, previous: Self) -> FlavorOutputs:
        """Set it as the config says; what the config no longer gives stays as it is."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the bucket where it is ours; what it holds stays unless `delete_data`, and then so does the bucket."""
        with self.bucket() as bucket:
            if not bucket.exists():
                return
            owner = bucket.owner()
            if owner is None or not self._is_ours(owner):
                bucket.release(ours=False)
                return
            if self.config.delete_data:
                bucket.empty()
                held = "what was written meanwhile"
            else:
                count, more = bucket.count()
                held = self._items(count, more) if count else "older versions of objects, or uploads under way"
                if count:
                    self._keep(bucket, held)
                    return
            if not bucket.remove():
                self._keep(bucket, held)

    def _keep(self, bucket: Bucket, held: str) -> None:
        bucket.release(ours=True)
        self.context.log(
            f"{bucket} is kept: it holds {held}, and delete_data is {str(self.config.delete_data).lower()}"
        )

    def _items(self, count: int, more: bool) -> str:
        if not count:
            return "empty"
        return f"{count} {self.item}{'s' if count > 1 else ''}{' or more' if more else ''}"

    def _is_ours(self, owner: Owner) -> bool:
        return owner.identity == self.context.identity


def mark_of(context: HookContext) -> dict[str, str]:
    """What a mark says: word to value, with no empty one."""
    words = {
        "identity": context.identity,
        "address": str(context.address),
        "environment": context.environment,
        "lineage": context.lineage,
    }
    return {word: value for word, value in words.items() if value}


def owner_of(mark: Mapping[str, str]) -> Owner | None:
    """Whose mark this is, if one."""
    if not mark.get("identity"):
        return None
    return Owner(mark["identity"], mark.get("address", "unknown"), mark.get("environment"), mark.get("lineage"))


def owner_in(data: bytes) -> Owner:
    """Whose mark is in an object; nobody's that is known where it cannot be read."""
    try:
        return owner_of(json.loads(data)) or Owner("", "unknown")
    except (ValueError, TypeError, AttributeError):
        return Owner("", "unknown")
