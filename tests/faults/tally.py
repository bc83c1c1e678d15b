"""What the tests of faults count, so that a run can say how often it tried and what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

COUNTED = ("kills", "errors injected", "orphans", "missing", "manual steps", "false successes")
"""What is counted, in the order in which it is told; all but the first two must stay 0."""


@dataclass
class Tally:
    """The counts of one test.

    Attributes:
        wrong: What was not as it must be, each with where.
    """

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, count: int = 1, where: str = "") -> None:
        """Count something; whatever must not be is kept with where it was."""
        assert what in COUNTED
        self.counts[what] += count
        if count and what not in COUNTED[:2]:
            self.wrong.append(f"{where}: {count} {what}")


def summary(counts: Mapping[str, int]) -> str:
    """All counts in one line."""
    return ", ".join(f"{counts.get(what, 0)} {what}" for what in COUNTED)
