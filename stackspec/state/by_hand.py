"""What people change of a state by hand: checked, then written under the lock; no hook is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError, did_you_mean
from stackspec.state.export import ExportError, import_state
from stackspec.state.model import AppliedState
from stackspec.state.moves import Moves, move_changes
from stackspec.state.run import Run
from stackspec.state.store import Depose, Finish, StateChange, StateStore

_WAYS = {
    "SS0702": "upgrade stackspec; to give up what is there add --force",
    "SS0704": "mend the cause shown; if what is there can be read no more, move it away and do this again",
}
"""Code of what keeps a state from being read to what somebody can do who has another to put in its place."""
_GIVE = "give it what 'stackspec state pull' printed, or a kept copy"


def pushable(text: str, environment: str, store: StateStore, *, force: bool) -> AppliedState:
    """The exported state that a text is, if it may be put in the place of what a store holds.

    Args:
        force: Whether it may be of another lineage, or older.

    Raises:
        StackspecError: the text is no state, or another environment's, or it would need `force`.
    """
    try:
        state = import_state(text)
    except ExportError as error:
        raise StackspecError.of("SS0707", f"this is not a state that can be taken: {error}", hint=_GIVE) from error
    if state.environment != environment:
        raise StackspecError.of(
            "SS0707",
            f"this is a state of the environment '{state.environment}', not of '{environment}'",
            hint=f"select that with -e {state.environment}",
        )
    if force:
        return state
    lineage = store.lineage()
    if lineage not in (None, state.lineage):
        hint = "it is of another project, or of a beginning made anew; to take it all the same add --force"
        raise StackspecError.of("SS0707", f"its lineage is {state.lineage}, and here belongs {lineage}", hint=hint)
    if (serial := _good_serial(store)) > state.serial:
        message = f"it is at serial {state.serial}, and the state is at {serial}: what was made since is not in it"
        hint = "nobody would know of that any more; to go back by a plan: stackspec rollback; to take it: --force"
        raise StackspecError.of("SS0707", message, hint=hint)
    return state


def _good_serial(store: StateStore) -> int:
    """The serial of what a store holds; 0 where that is damaged or gone, so that anything is better."""
    try:
        return store.read().serial
    except StackspecError as error:
        if all(one.code == "SS0701" for one in error.diagnostics):
            return 0
        # What may be good, and only newer or out of reach for now, is given up by a person only.
        raise StackspecError([replace(one, hint=_WAYS.get(one.code, one.hint)) for one in error.diagnostics]) from error


def move(store: StateStore, moves: Moves, run: Run, timeout: float = 0.0) -> int:
    """Give applied components other addresses; the new serial.

    Args:
        timeout: Seconds to wait for another writer.

    Raises:
        StackspecError: an address is not in the state, or the new one is, or is of another type.
    """
    with store.lock(run, timeout):
        applied = store.read()
        _check_moves(applied, moves)
        return store.commit(list(move_changes(applied, moves)))


def forget(store: StateStore, addresses: Sequence[ComponentAddress], run: Run, timeout: float = 0.0) -> int:
    """Have components be in a state no more; the new serial.

    Args:
        timeout: Seconds to wait for another writer.

    Raises:
        StackspecError: one of them is not in the state.
    """
    with store.lock(run, timeout):
        applied = store.read()
        _check_there(applied, addresses)
        return store.commit(list(_forget_changes(applied, addresses)))


def _check_there(applied: AppliedState, addresses: Iterable[ComponentAddress]) -> None:
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


def _check_moves(applied: AppliedState, moves: Moves) -> None:
    """Make sure that moves can be made.

    Raises:
        StackspecError: an address is not in the state, or the new one is, or is of another type.
    """
    _check_there(applied, moves)
    for old, new in moves.items():
        if new in applied.addresses:
            raise StackspecError.of("SS0705", f"{new} is in the state already", hint="choose another address")
        if old.type != new.type:
            hint = f"only the name can change, like {old.type}/{new.name}"
            raise StackspecError.of("SS0705", f"{old} cannot become {new}", hint=hint)


def _forget_changes(applied: AppliedState, addresses: Iterable[ComponentAddress]) -> Iterator[StateChange]:
    """What takes components out of a state, with what is owed under their addresses."""
    for address in addresses:
        yield Finish(address, None)
        for removal in applied.deposed_of(address):
            yield Depose(removal.component.identity, None)
