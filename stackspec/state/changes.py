"""What changes make of a state, as a function of values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.store import Begin, Depose, Finish, StateChange


def make(
    changes: Iterable[StateChange],
    components: dict[ComponentAddress, AppliedComponent],
    pending: dict[ComponentAddress, PendingOperation],
    deposed: dict[str, PendingOperation],
) -> None:
    """Make the changes in place, in their order."""
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


def after(state: AppliedState, changes: Iterable[StateChange]) -> AppliedState:
    """The state with the changes made, under the next serial."""
    components, pending, deposed = dict(state.components), dict(state.pending), dict(state.deposed)
    make(changes, components, pending, deposed)
    return replace(state, serial=state.serial + 1, components=components, pending=pending, deposed=deposed)
