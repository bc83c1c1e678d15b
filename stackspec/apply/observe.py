"""Every component looked at, in parallel."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from functools import partial
from threading import Event
from time import monotonic

from stackspec.apply.hooks import HookFailure, Hooks, seconds_for
from stackspec.core.address import ComponentAddress
from stackspec.core.workers import Workers
from stackspec.flavors.contract import Observation
from stackspec.state.model import AppliedComponent

PARALLELISM = 10


def observe(components: Iterable[AppliedComponent], hooks: Hooks) -> dict[ComponentAddress, Observation | HookFailure]:
    """What each component really is, or why it could not be told; in the order of `components`."""
    waiting = {component.address: component for component in components}
    seen: dict[ComponentAddress, Observation | HookFailure] = dict.fromkeys(
        waiting, HookFailure("SS0601", "not observed")
    )
    workers: Workers[ComponentAddress, Observation | HookFailure] = Workers(PARALLELISM)
    cancelled = Event()
    todo = list(waiting.values())
    with closing(workers):
        while todo or workers.busy:
            while todo and workers.busy < PARALLELISM:
                component = todo.pop(0)
                deadline = monotonic() + seconds_for(component, "observe")
                workers.call(component.address, deadline, partial(hooks.observe, component, cancelled))
            ended, overdue = workers.wait()
            seen.update(ended)
            seen.update({address: HookFailure("SS0601", "observe did not end in its time") for address in overdue})
    return seen
