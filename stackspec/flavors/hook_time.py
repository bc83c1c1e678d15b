"""What is left of a hook's time, and calls of libraries that know no deadline, within it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import TypeVar

from stackspec.flavors.contract import HookContext, HookError

_TICK = 0.05
"""Seconds between looks at whether the user insists on stopping."""
T = TypeVar("T")


def time_left(context: HookContext) -> float:
    """Seconds until the hook's deadline, for what is about to begin.

    Raises:
        HookError: there are none, or the user wants to stop.
    """
    if context.cancelled.is_set():
        raise HookError("stopped before it was done")
    if not (left := context.remaining()):
        raise HookError("out of time", "what is asked answers slowly, or there is much to do; apply again")
    return left


def in_time(call: Callable[[], T], context: HookContext, patience: float = float("inf")) -> T:
    """What a call returns, or raises.

    A timeout of a socket starts anew with each byte and says nothing of name resolution, so a server that answers drop
    by drop would hold a hook for ever. A thread can be left behind, where the call takes longer.

    Args:
        patience: Seconds that the call may take, beside the hook's deadline.

    Raises:
        TimeoutError: it took longer than `patience`.
        HookError: there is no time left, or the user wants to stop.
    """
    answers: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # raised again by who waits
            problems.append(error)

    time_left(context)
    runner, end = Thread(target=run, daemon=True), monotonic() + patience
    runner.start()
    while runner.is_alive():
        if monotonic() >= end:
            raise TimeoutError
        runner.join(min(_TICK, time_left(context)))
    if problems:
        raise problems[0]
    return answers[0]
