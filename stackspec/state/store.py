"""What a state store must do; `sqlite` is the embedded one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation


@dataclass(frozen=True, slots=True)
class Begin:
    """An operation begins, or has failed and stays pending with its failure."""

    pending: PendingOperation


@dataclass(frozen=True, slots=True)
class Finish:
    """An operation ended well: the component as it is now, None where it is gone."""

    address: ComponentAddress
    component: AppliedComponent | None


StateChange = Begin | Finish


def locked(writer: str) -> StackspecError:
    """The error of who wants to write while somebody else does."""
    return StackspecError.of("SS0703", f"the state is being changed by {writer}", hint="wait for it to finish")


class ApplyStore(Protocol):
    """The applied state of one environment, as an apply needs it.

    A reader never waits. A writer holds the lock, and what `commit` returns from survives a power cut.
    """

    def read(self) -> AppliedState:
        """The state as it is; an empty one where none was written.

        Raises:
            StackspecError: it is damaged, not ours, or newer than this version.
        """

    def writer(self) -> str | None:
        """Who holds the lock at this moment, for people; None if nobody does."""

    def lock(self, purpose: str, timeout: float = 0.0) -> AbstractContextManager[None]:
        """Be the only writer while the context lasts.

        Args:
            purpose: What others are told that it is locked for.
            timeout: Seconds to wait for another writer to finish.

        Raises:
            StackspecError: another process is; the diagnostic says who and since when.
        """

    def commit(self, changes: Sequence[StateChange]) -> int:
        """Write all of the changes or none, durably, and return the new serial; the lock must be held.

        Raises:
            StackspecError: they cannot be written.
        """


class StateStore(ApplyStore, Protocol):
    """The same as a whole, which people take out and put in."""

    def pull(self) -> str:
        """The whole state as `stackspec.state.export` writes it.

        Raises:
            StackspecError: as `read`.
        """

    def lineage(self) -> str | None:
        """The lineage that belongs here, told even where the state itself is damaged; None if none is known."""

    def push(self, state: AppliedState) -> int:
        """Have another state in the place of what is there, under the next serial, which is returned.

        Raises:
            StackspecError: another process writes, or it cannot be written.
        """
