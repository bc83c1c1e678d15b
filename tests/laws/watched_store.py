"""State stores of the laws: one in memory, and one around any store that can end the process at each commit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from stackspec.core.address import ComponentAddress
from stackspec.core.values import canonical
from stackspec.state.changes import after
from stackspec.state.codec import change_from_json, change_to_json
from stackspec.state.model import AppliedComponent, AppliedState, Operation
from stackspec.state.run import Run
from stackspec.state.store import ApplyStore, Begin, Depose, Finish, Protect, StateChange
from tests.laws.world import Points


class MemoryStateStore:
    """The protocol without a file; what it keeps goes through the real codec."""

    def __init__(self, state: AppliedState | None = None) -> None:
        self._state = state or AppliedState("default", "lineage")

    def read(self) -> AppliedState:
        return self._state

    def writer(self) -> Run | None:
        return None

    @contextmanager
    def lock(self, run: Run, timeout: float = 0.0) -> Iterator[None]:
        yield

    def commit(self, changes: Sequence[StateChange]) -> int:
        self._state = after(self._state, _stored(changes))
        return self._state.serial


def _stored(changes: Sequence[StateChange]) -> list[StateChange]:
    """The changes as the codec keeps them."""
    return [change_from_json(json.loads(canonical(change_to_json(change)))) for change in changes]


class WatchedStore:
    """A store whose commits are instants, and which knows what was forgotten rather than deprovisioned.

    Attributes:
        state: What the store holds.
        forgotten: The identities of what was given up.
    """

    def __init__(self, store: ApplyStore, points: Points) -> None:
        self._store = store
        self.points = points
        self.state = store.read()
        self.forgotten: set[str] = set()
        self._deprovisioning: set[ComponentAddress] = set()

    def read(self) -> AppliedState:
        return self._store.read()

    def writer(self) -> Run | None:
        return self._store.writer()

    def lock(self, run: Run, timeout: float = 0.0) -> AbstractContextManager[None]:
        self._deprovisioning = set()
        return self._store.lock(run, timeout)

    def commit(self, changes: Sequence[StateChange]) -> int:
        name = f"commit {', '.join(map(_short, changes))}"
        self.points.reach(f"before {name}")
        serial = self._store.commit(changes)
        self._deprovisioning |= {
            change.pending.component.address
            for change in changes
            if isinstance(change, Begin) and change.pending.operation is Operation.DEPROVISION
        }
        self.forgotten.update(self._forgotten_by(changes))
        self.state = after(self.state, _stored(changes))
        self.points.reach(f"after {name}")
        return serial

    def _forgotten_by(self, changes: Sequence[StateChange]) -> Iterator[str]:
        deposed = {change.identity for change in changes if isinstance(change, Depose)}
        for change in changes:
            match change:
                case Finish(address, None) if address not in self._deprovisioning:
                    identity = self.state.components[address].identity
                    if identity not in deposed:
                        yield identity

    def records_of(self, identity: str) -> list[AppliedComponent]:
        """What is recorded of what carries an identity, as applied and as begun; not as deposed."""
        begun = (one.component for one in self.state.pending.values())
        return [one for one in (*self.state.components.values(), *begun) if one.identity == identity]


def _short(change: StateChange) -> str:
    match change:
        case Depose(identity, removal):
            return f"{'gone' if removal is None else 'owed'} {identity}"
        case Begin(pending):
            return f"begin {pending.operation} {pending.component.address.name}"
        case Finish(address, component):
            return f"{'gone' if component is None else 'done'} {address.name}"
        case Protect(protected):
            return "protect" if protected else "protect no more"
