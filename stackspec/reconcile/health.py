"""Whether an agent goes on: what it last did and when, and what that says at some later time."""

from __future__ import annotations

from stackspec.core.frozen import dataclass
from stackspec.reconcile.schedule import STUCK_AFTER


@dataclass(frozen=True, slots=True)
class Pulse:
    """What an agent began to do.

    Attributes:
        at: The clock's value then.
        doing: What, for people.
        patience: Seconds that it may take, where that is known: hooks have deadlines.
    """

    at: float
    doing: str
    patience: float = 0.0


def stuck(pulse: Pulse, now: float, interval: float) -> str | None:
    """Why an agent is thought to be stuck; None while it goes on.

    Args:
        interval: Seconds between its rounds.
    """
    since = now - pulse.at
    if since <= max(STUCK_AFTER * interval, pulse.patience):
        return None
    return f"for {since:.0f} s: {pulse.doing}"
