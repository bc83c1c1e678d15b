"""Components that get another address, with all that names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError, did_you_mean
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


def check_in_state(applied: AppliedState, addresses: Iterable[ComponentAddress]) -> None:
    """Make sure that a state holds components.

    Raises:
        StackspecError: it lacks some of them.
    """
    known = [str(address) for address in applied.addresses]
    missing = [str(address) for address in addresses if str(address) not in known]
    if missing:
        raise StackspecError(
            [Diagnostic("SS0705", f"{one} is not in the state", hint=did_you_mean(one, known)) for one in missing]
        )


def check_moves(applied: AppliedState, moves: Moves) -> None:
    """Make sure that moves can be made.

    Raises:
        StackspecError: an address is not in the state, or the new one is, or is of another type.
    """
    check_in_state(applied, moves)
    for old, new in moves.items():
        if new in applied.addresses:
            raise StackspecError.of("SS0705", f"{new} is in the state already", hint="choose another address")
        if old.type != new.type:
            hint = f"only the name can change, like {old.type}/{new.name}"
            raise StackspecError.of("SS0705", f"{old} cannot become {new}", hint=hint)


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


def forget_changes(applied: AppliedState, addresses: Iterable[ComponentAddress]) -> Iterator[StateChange]:
    """What takes components out of a state, with what is owed under their addresses."""
    for address in addresses:
        yield Finish(address, None)
        for removal in applied.deposed_of(address):
            yield Depose(removal.component.identity, None)


def _moved_operation(pending: PendingOperation, moves: Moves) -> PendingOperation:
    return replace(pending, component=_moved(pending.component, moves))


def _moved(component: AppliedComponent, moves: Moves) -> AppliedComponent:
    address = moves.get(component.address, component.address)
    depends_on = tuple(moves.get(one, one) for one in component.depends_on)
    if address == component.address and depends_on == component.depends_on:
        return component
    home = component.home or (component.address if address != component.address else None)
    return replace(component, address=address, depends_on=depends_on, home=home if home != address else None)
