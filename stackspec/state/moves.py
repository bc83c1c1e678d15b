"""Components that get another address, with all that names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.store import Begin, Depose, Finish, StateChange

Moves = Mapping[ComponentAddress, ComponentAddress]
"""Address as it is applied to the one that it gets, which nothing has yet."""


def wanted_moves(applied: AppliedState, before: Mapping[ComponentAddress, Sequence[ComponentAddress]]) -> Moves:
    """The moves that are still to be made.

    Args:
        before: Address to those that it had before.
    """
    known = set(applied.addresses)
    return {
        old: address
        for address, olds in before.items()
        if address not in known
        for old in [next((one for one in olds if one in known), None)]
        if old is not None
    }


def moved(applied: AppliedState, moves: Moves) -> AppliedState:
    """The state with the moves made, in the order that it had."""
    components = {moves.get(address, address): _moved(one, moves) for address, one in applied.components.items()}
    pending = {moves.get(address, address): _moved_operation(one, moves) for address, one in applied.pending.items()}
    deposed = {identity: _moved_operation(one, moves) for identity, one in applied.deposed.items()}
    return replace(applied, components=components, pending=pending, deposed=deposed)


def move_changes(applied: AppliedState, moves: Moves) -> Iterator[StateChange]:
    """What makes of a state the one that `moved` returns."""
    after = moved(applied, moves)
    for address in applied.addresses:
        new = moves.get(address, address)
        component, pending = after.components.get(new), after.pending.get(new)
        if new == address and component == applied.components.get(address) and pending == applied.pending.get(address):
            continue
        if new != address:
            yield Finish(address, None)
        if component is not None:
            yield Finish(new, component)
        if pending is not None:
            yield Begin(pending)
    for identity, removal in after.deposed.items():
        if removal != applied.deposed[identity]:
            yield Depose(identity, removal)


def _moved_operation(pending: PendingOperation, moves: Moves) -> PendingOperation:
    return replace(pending, component=_moved(pending.component, moves))


def _moved(component: AppliedComponent, moves: Moves) -> AppliedComponent:
    address = moves.get(component.address, component.address)
    depends_on = tuple(moves.get(one, one) for one in component.depends_on)
    if address == component.address and depends_on == component.depends_on:
        return component
    home = component.home or (component.address if address != component.address else None)
    return replace(component, address=address, depends_on=depends_on, home=home if home != address else None)
