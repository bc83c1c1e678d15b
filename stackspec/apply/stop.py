"""A request to stop, told to whoever waits."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Stop:
    """Nobody has asked to stop, or somebody has, or insists.

    `request` may be called from a signal handler: it only counts, sets an event and calls `wake`.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.asked = threading.Event()
        """Set by the first request; what waits to try again ends."""
        self.insisted = threading.Event()
        """Set by the second request; hooks that wait look at it."""
        self.wake: Callable[[], None] = lambda: None

    @property
    def requested(self) -> bool:
        """Whether nothing new should begin."""
        return self.requests > 0

    def request(self) -> None:
        """Ask to stop; the second time, insist."""
        self.requests += 1
        self.asked.set()
        if self.requests > 1:
            self.insisted.set()
        self.wake()
