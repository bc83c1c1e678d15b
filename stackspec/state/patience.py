"""Waiting for another writer: politely, and not for ever."""

from __future__ import annotations

from random import uniform
from time import monotonic, sleep

from stackspec.core.diagnostic import StackspecError

_FIRST, _LONGEST, _GROWTH = 0.1, 2.0, 1.5
"""Seconds between two looks: at first, at most, and by what factor they grow."""


class Patience:
    """How long somebody waits, and what is left of it.

    Args:
        timeout: Seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._give_up_at = monotonic() + timeout
        self._pause = _FIRST

    def wait(self, otherwise: StackspecError) -> None:
        """Wait a little, of a length that those who wait together do not share.

        Raises:
            StackspecError: it is over; the error is the one given.
        """
        left = self._give_up_at - monotonic()
        if left <= 0:
            raise otherwise
        sleep(min(left, self._pause * uniform(0.5, 1.0)))  # noqa: S311 (nothing is to be kept secret by it)
        self._pause = min(_LONGEST, self._pause * _GROWTH)
