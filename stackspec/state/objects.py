"""What a place must do to keep shared state: named bytes, each written once, by whoever comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol


class Presence(Enum):
    """What a place knows of the process of a run."""

    ALIVE = "alive"
    GONE = "gone"
    UNKNOWN = "unknown"


class Objects(Protocol):
    """Named bytes in a place that several machines reach; `str()` of it says where, for people.

    A name is an environment's, then parts of lower-case letters, digits, '.' and '-', parted by '/'. What `create` and
    `delete` return from survives a power cut, and is seen by every `read` and `keys` that begins later.

    Every method raises a `StackspecError`, SS0709, where the place cannot be reached or refuses who asks, after a few
    attempts; SS0710 where it cannot do what is asked.
    """

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """What the names stand for, in their order; None for one that is not there."""

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """The names that begin with `prefix` and come after `after`, sorted by their ASCII bytes."""

    def folders(self) -> list[str]:
        """The first parts of all names, sorted."""

    def create(self, key: str, data: bytes) -> bool:
        """Write what is not there yet; whole or not at all, one of several who try.

        Returns:
            Whether it was written. False also where an attempt of this very call has written it and its answer was
            lost: read it back to know.
        """

    def delete(self, keys: Iterable[str]) -> None:
        """Have names stand for nothing, in any order; one that is not there is no mistake."""

    def present(self, run_id: str) -> AbstractContextManager[None]:
        """Be seen as the process of a run while the context lasts, where the place sees who is connected."""

    def presence(self, run_id: str) -> Presence:
        """Whether the process of a run is there, as far as the place sees who is connected.

        A connection that broke and is made anew is not the end of a process: to know that one is gone may take a while.
        """
