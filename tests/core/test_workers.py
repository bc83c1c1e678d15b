"""Threads that call hooks do not outlive who needs them, but for one that is in a call."""

from __future__ import annotations

import threading
from contextlib import closing
from threading import Event
from time import monotonic

from stackspec.core.workers import Workers


def test_threads_end_once_they_are_idle() -> None:
    before, held = set(threading.enumerate()), Event()
    workers: Workers[int, bool] = Workers(4)
    with closing(workers):
        for number in range(3):
            workers.call(number, monotonic() + 10, lambda: True)
        workers.call(3, monotonic() + 10, lambda: held.wait(10))
        ended = 0
        while ended < 3:
            ended += len(workers.wait()[0])
    begun = set(threading.enumerate()) - before
    held.set()
    for thread in begun:
        thread.join(10)
        assert not thread.is_alive()
