"""Who writes a state: one command of one process, from taking the lock to giving it back."""

from __future__ import annotations

import getpass
import os
import platform
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of writing by one process.

    Attributes:
        id: Random text that names it, and its lock.
        process: The process id on `host`.
        since: When it took the lock: UTC, in ISO 8601.
        purpose: The command, for people.
        commit: The git commit that was checked out, where there is one.
    """

    id: str
    user: str
    host: str
    process: int
    since: str
    purpose: str
    commit: str | None = None

    @classmethod
    def of_this_process(cls, purpose: str, commit: str | None = None) -> Self:
        """A new run that begins now."""
        since = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(secrets.token_hex(8), _user(), platform.node(), os.getpid(), since, purpose, commit)

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

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.process} ({self.purpose}), since {self.since}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number that no table names
        return str(os.getuid())
