"""Objects in memory, for faults that no server can be made to have: lost answers, damage, an end at any request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext

from stackspec.core.diagnostic import StackspecError
from stackspec.state.objects import Presence


class MemoryObjects:
    """Objects that several stores share.

    Attributes:
        kept: What is there.
        before, after: Called at each request, with its name, and the first object's or what names begin with.
        known_presence: What is known of every run.
    """

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.before: Callable[[str, str], None] = lambda _request, _key: None
        self.after: Callable[[str, str], None] = lambda _request, _key: None
        self.requests = 0
        self.known_presence = Presence.UNKNOWN

    def __str__(self) -> str:
        return "memory"

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        self.requests += 1
        self.before("read", next(iter(keys), ""))
        found = [self.kept.get(key) for key in keys]
        self.after("read", next(iter(keys), ""))
        return found

    def keys(self, prefix: str, after: str = "") -> list[str]:
        self.requests += 1
        self.before("keys", prefix)
        found = sorted(key for key in self.kept if key.startswith(prefix) and key > after)
        self.after("keys", prefix)
        return found

    def folders(self) -> list[str]:
        return sorted({key.partition("/")[0] for key in self.kept})

    def create(self, key: str, data: bytes) -> bool:
        self.requests += 1
        self.before("create", key)
        if key in self.kept:
            return False
        self.kept[key] = data
        self.after("create", key)
        return True

    def delete(self, keys: Iterable[str]) -> None:
        self.requests += 1
        for key in keys:
            self.before("delete", key)
            self.kept.pop(key, None)
            self.after("delete", key)

    def present(self, run_id: str) -> nullcontext[None]:
        return nullcontext()

    def presence(self, run_id: str) -> Presence:
        return self.known_presence


def unreachable() -> StackspecError:
    """What a place tells that does not answer."""
    return StackspecError.of("SS0709", "it does not answer")
