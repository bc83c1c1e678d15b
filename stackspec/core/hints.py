"""Hints for many mistakes at once, with bounded work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import field

from stackspec.core.diagnostic import did_you_mean
from stackspec.core.frozen import dataclass

MOST_COMPARISONS = 50_000
"""How many pairs of names one run compares; each takes some ten microseconds."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The names of a collection, which is held so that no other can get its identity, and the hints found so far."""

    collection: Collection[object]
    names: list[str]
    hints: dict[str, str | None] = field(default_factory=dict)


class Hints:
    """What mistaken names were meant to be, for one run: each is looked for once, and none after enough comparisons.

    A project of thousands of components, all with a mistake, must not cost the square of their number.
    """

    def __init__(self, comparisons: int = MOST_COMPARISONS) -> None:
        self._left = comparisons
        self._known: dict[int, _Known] = {}

    def did_you_mean(self, name: str, known: Collection[object]) -> str | None:
        """The hint of `did_you_mean`, as long as comparisons are left; give the same collection each time."""
        kept = self._known.get(id(known))
        if kept is None or name not in kept.hints:
            if self._left < 0:
                return None
            if kept is None:
                kept = self._known[id(known)] = _Known(known, sorted(map(str, known)))
            self._left -= 1 + len(kept.names)
            kept.hints[name] = did_you_mean(name, kept.names)
        return kept.hints[name]
