"""What a state store must do; `sqlite` is the embedded one, `log` the one that several machines share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.run import Run


@dataclass(frozen=True, slots=True)
class Begin:
    """An operation begins, or has failed and stays pending with its failure."""

    pending: PendingOperation


@dataclass(frozen=True, slots=True)
class Finish:
    """An operation ended well: the component as it is now, None where it is gone."""

    address: ComponentAddress
    component: AppliedComponent | None


@dataclass(frozen=True, slots=True)
class Depose:
    """The removal of what another has taken the place of is owed, begins or has failed; None once it is gone."""

    identity: str
    removal: PendingOperation | None


@dataclass(frozen=True, slots=True)
class Protect:
    """The environment is protected from now on, or no more."""

    protected: bool


StateChange = Begin | Finish | Depose | Protect


def locked(writer: Run | None) -> StackspecError:
    """The error of who wants to write while somebody else does; None where it is not known who."""
    who = writer or "another process"
    hint = "wait for it to finish, by --lock-timeout; if it hangs, end that process, and its lock is free"
    return StackspecError.of("SS0703", f"the state is being changed by {who}", hint=hint)


def no_such_lock(run_id: str, holder: Run | None) -> StackspecError:
    """The error of who would free a lock that is not there, or that nobody may free.

    Args:
        holder: Who holds the lock that is there.
    """
    if holder is None:
        return StackspecError.of("SS0711", f"there is no lock '{run_id}' to free: nobody holds one")
    if holder.id != run_id:
        message = f"there is no lock '{run_id}' to free; the one that is held is '{holder.id}', by {holder}"
        return StackspecError.of("SS0711", message)
    message = f"the lock '{run_id}' is held by a process that is alive: {holder}"
    return StackspecError.of("SS0711", message, hint="end that process, and its lock is free")


@dataclass(frozen=True, slots=True)
class Chapter:
    """What one run did to a state.

    Attributes:
        first, last: The serials that it wrote.
        changes: Each component that is another afterwards, to `created`, `changed`, `moved from ADDRESS` or `removed`.
    """

    run: Run
    first: int
    last: int
    changes: Mapping[ComponentAddress, str]


def changes_between(
    before: Mapping[ComponentAddress, str], after: Mapping[ComponentAddress, str]
) -> dict[ComponentAddress, str]:
    """What became of components, given their encoded records, as `Chapter.changes` says it."""
    changes = {address: "created" if address not in before else "changed" for address in after}
    changes = {address: word for address, word in changes.items() if before.get(address) != after[address]}
    gone = {_identity(before[address]): address for address in before if address not in after}
    for address in [one for one, word in changes.items() if word == "created"]:
        if (old := gone.pop(_identity(after[address]), None)) is not None:
            changes[address] = f"moved from {old}"
    return {**changes, **dict.fromkeys(gone.values(), "removed")}


def _identity(record: str) -> str:
    identity: str = json.loads(record)["identity"]
    return identity


class ApplyStore(Protocol):
    """The applied state of one environment, as an apply needs it.

    A reader never waits. A writer holds the lock, and what `commit` returns from survives a power cut.
    """

    def read(self) -> AppliedState:
        """The state as it is; an empty one where none was written.

        Raises:
            StackspecError: it is damaged, not ours, or newer than this version.
        """

    def writer(self) -> Run | None:
        """Who holds the lock at this moment; None if nobody does, or only a run that is known to be no more."""

    def lock(self, run: Run, timeout: float = 0.0) -> AbstractContextManager[None]:
        """Be the only writer while the context lasts.

        Args:
            run: What others are told of who has locked it, and what history keeps.
            timeout: Seconds to wait for another writer to finish.

        Raises:
            StackspecError: another process is; the diagnostic says who and since when.
        """

    def commit(self, changes: Sequence[StateChange]) -> int:
        """Write all of the changes or none, durably, and return the new serial; the lock must be held.

        Raises:
            StackspecError: they cannot be written, or the lock was lost to another writer meanwhile.
        """


class StateStore(ApplyStore, Protocol):
    """The same as a whole, which people take out and put in, and its past."""

    def wait(self, timeout: float) -> None:
        """Wait until nobody holds the lock, so that what is planned then can be applied.

        Args:
            timeout: Seconds.

        Raises:
            StackspecError: somebody still does at the end; the diagnostic says who and since when.
        """

    def history(self) -> Sequence[Chapter]:
        """What was done to the state, the newest first, as far back as is kept; runs that changed nothing are not.

        Raises:
            StackspecError: as `read`.
        """

    def read_at(self, serial: int) -> AppliedState:
        """The components as they were at a serial, without what was pending or protected then.

        Raises:
            StackspecError: as `read`; or history does not reach back to that serial.
        """

    def unlock(self, run_id: str) -> Run:
        """Free a lock whose owner is gone, and tell who that was.

        Raises:
            StackspecError: nobody holds a lock of that id; or a process does that is known to be alive.
        """

    def pull(self) -> str:
        """The whole state as `stackspec.state.export` writes it.

        Raises:
            StackspecError: as `read`.
        """

    def lineage(self) -> str | None:
        """The lineage that belongs here, told even where the state itself is damaged; None if none is known."""

    def push(self, state: AppliedState, run: Run) -> int:
        """Have another state in the place of what is there, under the next serial, which is returned.

        Raises:
            StackspecError: another process writes, or it cannot be written.
        """
