"""What places have in common that answer one request an object, and know nobody between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

from stackspec.state.objects import Presence

T = TypeVar("T")


def each(work: Callable[[str], T], keys: Iterable[str], at_once: int) -> list[T]:
    """What some work comes to for each key, in their order; several requests are under way at once."""
    several = list(keys)
    if len(several) < 2:
        return [work(key) for key in several]
    with ThreadPoolExecutor(min(at_once, len(several))) as pool:
        return list(pool.map(work, several))


class Unconnected:
    """The part of `Objects` about who is connected, for a place where nobody is."""

    def present(self, run_id: str) -> nullcontext[None]:
        """See `Objects.present`."""
        return nullcontext()

    def presence(self, run_id: str) -> Presence:
        """See `Objects.presence`."""
        return Presence.UNKNOWN
