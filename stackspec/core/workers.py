"""Threads that call hooks, and give up on one that does not return."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key")
Result = TypeVar("Result")

GRACE = 5.0
"""Seconds past its deadline after which a call is given up."""


class Workers(Generic[Key, Result]):
    """Calls run in threads; results come back in the order in which they end.

    The threads are daemons: one that a hook never gives back must not keep the process from ending.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._jobs: SimpleQueue[tuple[Key, Callable[[], Result]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Key, Result] | Callable[[], None]] = SimpleQueue()
        self._deadlines: dict[Key, float] = {}
        self._threads = 0
        self._started = 0

    @property
    def busy(self) -> int:
        """How many calls have not come back."""
        return len(self._deadlines)

    def call(self, key: Key, deadline: float, function: Callable[[], Result]) -> None:
        """Run `function` in a thread; it must not raise. `deadline` is in `time.monotonic()` seconds."""
        self._deadlines[key] = deadline
        if self._threads < min(self.most, len(self._deadlines)):
            self._threads += 1
            self._started += 1
            threading.Thread(target=self._work, daemon=True, name="stackspec-worker").start()
        self._jobs.put((key, function))

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            key, function = job
            self._results.put((key, function()))

    def close(self) -> None:
        """Have each thread end as soon as it is idle: a process that goes on for months makes many workers."""
        for _ in range(self._started):
            self._jobs.put(None)

    def tell(self, message: Callable[[], None]) -> None:
        """Have `message` called in the thread that collects results; safe from any thread and from signal handlers."""
        self._results.put(message)

    def wait(self, timeout: float | None = None) -> tuple[list[tuple[Key, Result]], list[Key]]:
        """Wait for something to happen; the calls that ended, and those given up since their deadline is long past.

        May return neither, when woken by `tell` or after `timeout` seconds.
        """
        ended: list[tuple[Key, Result]] = []
        nearest = min(self._deadlines.values(), default=monotonic()) + GRACE
        patience = max(0.0, nearest - monotonic())
        try:
            item = self._results.get(timeout=patience if timeout is None else min(patience, timeout))
            while True:
                if isinstance(item, tuple):
                    key, result = item
                    # A call that was given up may still come back; nobody waits for it any more.
                    if self._deadlines.pop(key, None) is not None:
                        ended.append((key, result))
                else:
                    item()
                item = self._results.get_nowait()
        except Empty:
            pass
        now = monotonic()
        overdue = [key for key, deadline in self._deadlines.items() if deadline + GRACE < now]
        for key in overdue:
            del self._deadlines[key]
            self._threads -= 1  # its thread is lost; another may be started
        return ended, overdue
