"""A call made again after a failure that may pass: with growing waits, within its deadline, and not once told to stop.

tenacity is imported when the first failure of that kind comes.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from stackspec.core.frozen import dataclass

if TYPE_CHECKING:
    from tenacity import RetryCallState

Result = TypeVar("Result")

FIRST_WAIT = 1.0
"""Seconds before the second call, at least; each further wait is twice as long."""
LONGEST_WAIT = 30.0
"""Seconds that no wait exceeds, but for what chance adds."""
MOST_JITTER = 1.0
"""Seconds, at most, that chance adds to a wait, so that what failed together does not come back together."""

Wait = Callable[[Event, float], bool]
"""Waits for an event, for some seconds at most; whether it came."""


@dataclass(frozen=True, slots=True)
class Again:
    """A call that failed is about to be made again.

    Attributes:
        seconds: Until then.
        call: Its number, 2 for the first repetition.
        most: How many calls are made at most, the first included.
    """

    error: Exception
    seconds: float
    call: int
    most: int


@dataclass(frozen=True, slots=True)
class Retries:
    """What bounds the repetitions of one call.

    Attributes:
        most: How often it is repeated at most.
        deadline: `time.monotonic()` seconds after which it is not.
        stop: Ends a wait at once when set; nothing is repeated then.
        told: Is told before each wait.
    """

    most: int
    deadline: float
    stop: Event
    told: Callable[[Again], None] = lambda _again: None
    wait: Wait = Event.wait


def call(
    first: Callable[[], Result],
    again: Callable[[], Result],
    is_transient: Callable[[BaseException], bool],
    retries: Retries,
) -> Result:
    """The result of `first`, or of `again` where that failed with something that may pass.

    Raises:
        Exception: the last call's, as soon as it cannot pass or there is no more time, repetition or wish for another.
    """
    try:
        return first()
    except Exception as error:
        if retries.most < 1 or not is_transient(error):
            raise
        return _repeated(error, again, is_transient, retries)


def _repeated(
    failed: Exception, again: Callable[[], Result], is_transient: Callable[[BaseException], bool], retries: Retries
) -> Result:
    from tenacity import Retrying, retry_if_exception, wait_exponential, wait_random

    most = retries.most + 1
    failures = [failed]

    def attempt() -> Result:
        # The call that failed already is the first that tenacity counts.
        if failures:
            raise failures.pop()
        return again()

    def is_enough(state: RetryCallState) -> bool:
        late = monotonic() + state.upcoming_sleep >= retries.deadline
        return late or retries.stop.is_set() or state.attempt_number >= most

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        assert isinstance(error, Exception)
        last[:] = [error]
        retries.told(Again(error, state.upcoming_sleep, state.attempt_number + 1, most))

    def wait(seconds: float) -> None:
        if retries.wait(retries.stop, seconds):
            raise last[0]

    last: list[Exception] = []
    retrying = Retrying(
        stop=is_enough,
        wait=wait_exponential(multiplier=FIRST_WAIT, max=LONGEST_WAIT) + wait_random(0, MOST_JITTER),
        retry=retry_if_exception(is_transient),
        before_sleep=tell,
        sleep=wait,
        reraise=True,
    )
    return retrying(attempt)
