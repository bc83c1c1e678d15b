"""When an environment is looked at next: a value, and functions from what is known and the clock to the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf

from stackspec.core.frozen import dataclass
from stackspec.reconcile.condition import Condition

STUCK_AFTER = 5
"""Intervals after which what does not go on is called stuck."""
LONGEST_WAIT = 900.0
"""Seconds between two attempts, at most, but for what chance adds."""
FIRST_WAIT = 5.0
"""Seconds before the second attempt, where the interval is not shorter."""

Wait = Callable[[int], float]
"""How many attempts have failed, to the seconds until the next."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an environment between two looks.

    Attributes:
        failures: How many looks have failed in a row.
        due: The clock's value from which on it is looked at again.
        locked_since: When it was first found locked, of the looks that found nothing else since.
    """

    condition: Condition | None = None
    failures: int = 0
    due: float = -inf
    locked_since: float | None = None


def after(standing: Standing, condition: Condition, now: float, interval: float, wait: Wait) -> Standing:
    """What is known after a look: failures are tried again with growing waits, all else at the interval.

    Args:
        interval: Seconds.
    """
    if condition is Condition.FAILED:
        failures = standing.failures + 1
        return Standing(condition, failures, now + wait(failures))
    if condition is Condition.LOCKED:
        since = now if standing.locked_since is None else standing.locked_since
        late = now - since >= STUCK_AFTER * interval
        return Standing(Condition.STUCK if late else condition, standing.failures, now + interval, since)
    return Standing(condition, 0, now + interval)


def renewed(standing: Standing) -> Standing:
    """The same with a new commit: it is looked at now, and what failed before counts no more."""
    return replace(standing, failures=0, due=-inf)


def is_due(standing: Standing, now: float) -> bool:
    """Whether an environment is to be looked at."""
    return standing.due <= now


def next_look(standings: Mapping[str, Standing], follow_at: float) -> float:
    """The clock's value at which there is something to do again.

    Args:
        follow_at: When the repository is looked at.
    """
    return min([follow_at, *(one.due for one in standings.values())])


def backing_off(interval: float) -> Wait:
    """Waits that double, with some chance in them, so that agents that failed together do not come back together."""
    from tenacity import RetryCallState, wait_exponential, wait_random

    first = min(FIRST_WAIT, interval)
    growing = wait_exponential(multiplier=first, max=LONGEST_WAIT) + wait_random(0, first)

    def wait(failures: int) -> float:
        state = RetryCallState(None, None, (), {})  # type: ignore[arg-type]  # tenacity's waits read the number alone
        state.attempt_number = failures
        return growing(state)

    return wait
