"""Who writes a state: one command of one process, from taking the lock to giving it back."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any, Self

from stackspec.core.frozen import dataclass
from stackspec.state.process import has_ended, start_of, this_machine


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of writing by one process.

    Attributes:
        id: Random text that names it, and its lock.
        process: The process id on `host`.
        since: When it took the lock: UTC, in ISO 8601.
        purpose: The command, for people.
        commit: The git commit that was checked out, where there is one.
        machine: What tells the machine from every other, `host` or not; None where the system does not say.
        started: When the process began, in clock ticks since the machine's boot; None likewise.
    """

    id: str
    user: str
    host: str
    process: int
    since: str
    purpose: str
    commit: str | None = None
    machine: str | None = None
    started: int | None = None

    @classmethod
    def of_this_process(cls, purpose: str, commit: str | None = None) -> Self:
        """A new run that begins now."""
        from datetime import UTC, datetime  # a plan of what nobody writes needs none of it

        since = datetime.now(UTC).isoformat(timespec="seconds")
        process = os.getpid()
        place = (this_machine(), start_of(process))
        return cls(os.urandom(8).hex(), _user(), os.uname().nodename, process, since, purpose, commit, *place)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """The inverse of `as_json`.

        Raises:
            TypeError: the record is not one.
        """
        run = cls(**record)
        if not all(isinstance(text, str) for text in (run.id, run.user, run.host, run.since, run.purpose)):
            raise TypeError("not a run")
        return run

    def as_json(self) -> dict[str, Any]:
        """The run as a record."""
        return asdict(self)

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine, so that `has_ended` can tell."""
        return self.started is not None and self.machine is not None and self.machine == this_machine()

    @property
    def has_ended(self) -> bool:
        """Whether its process is known to be no more; of another machine's nothing is known."""
        return self.is_here and self.started is not None and has_ended(self.process, self.started)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.process} ({self.purpose}), since {self.since}"


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that no table names
        return str(os.getuid())
