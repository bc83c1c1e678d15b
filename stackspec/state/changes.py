"""What changes make of a state, as a function of values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.store import Begin, Depose, Finish, Protect, StateChange


def make(
    changes: Iterable[StateChange],
    components: dict[ComponentAddress, AppliedComponent],
    pending: dict[ComponentAddress, PendingOperation],
    deposed: dict[str, PendingOperation],
) -> None:
    """Make the changes in place, in their order; `protected_after` tells what else they do."""
    for change in changes:
        match change:
            case Begin(operation):
                pending[operation.component.address] = operation
            case Finish(address, component):
                pending.pop(address, None)
                if component is None:
                    components.pop(address, None)
                else:
                    components[address] = component
            case Depose(identity, removal):
                if removal is None:
                    deposed.pop(identity, None)
                else:
                    deposed[identity] = removal


def protected_after(protected: bool, changes: Iterable[StateChange]) -> bool:
    """Whether an environment is protected after the changes."""
    for change in changes:
        if isinstance(change, Protect):
            protected = change.protected
    return protected


def after(state: AppliedState, changes: Sequence[StateChange]) -> AppliedState:
    """The state with the changes made, under the next serial."""
    components, pending, deposed = dict(state.components), dict(state.pending), dict(state.deposed)
    make(changes, components, pending, deposed)
    protected = protected_after(state.protected, changes)
    return replace(
        state, serial=state.serial + 1, components=components, pending=pending, deposed=deposed, protected=protected
    )
