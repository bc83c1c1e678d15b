"""That an environment is not to be reconciled for now: who said so and why, kept where its state is.

It is a record beside the state and no part of it. So it needs no lock, and holds while an apply runs; and it moves no
serial, so that a plan that was shown stays good. Every agent of a shared state sees it, and so does who asks.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Protocol, Self

from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.whole_file import sync_folder, write_first
from stackspec.state.objects import Objects
from stackspec.state.run import Run


@dataclass(frozen=True, slots=True)
class Suspension:
    """Reconciling is suspended.

    Attributes:
        reason: Why, in its author's words; what a record says that cannot be read, in ours.
        by: Who suspended it, where and when; None where the record cannot be read.
    """

    reason: str
    by: Run | None

    def __str__(self) -> str:
        who = f" by {self.by.user}@{self.by.host} since {self.by.since}" if self.by else ""
        return f"suspended{who}: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """The suspension as a record."""
        return {"reason": self.reason, "by": self.by and self.by.as_json()}

    def encoded(self) -> bytes:
        """The record as bytes."""
        return json.dumps(self.as_json()).encode()

    @classmethod
    def decoded(cls, data: bytes) -> Self:
        """The inverse of `encoded`; of bytes that are no such record a suspension too, for somebody put them there."""
        try:
            record = json.loads(data)
            reason, by = record["reason"], Run.from_json(record["by"])
        except (ValueError, TypeError, KeyError, RecursionError):
            return cls("its record cannot be read", None)
        return cls(str(reason), by)


class Suspensions(Protocol):
    """The suspension of one environment.

    Every method raises a `StackspecError` where the place cannot be reached, read or written.
    """

    def read(self) -> Suspension | None:
        """The suspension there is, if there is one."""

    def suspend(self, suspension: Suspension) -> bool:
        """Write one where there is none; whether it was written, or another was first."""

    def resume(self) -> None:
        """Have none be there."""


class LocalSuspensions:
    """A file beside a state's own, `NAME.suspended`."""

    def __init__(self, folder: Path, environment: str) -> None:
        self._file = folder / f"{environment}.suspended"

    def read(self) -> Suspension | None:
        """See `Suspensions.read`."""
        try:
            # Non-blocking, so that a FIFO in its place cannot hang a command.
            with open(os.open(self._file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
                return Suspension.decoded(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read {self._file}: {error.strerror}") from error

    def suspend(self, suspension: Suspension) -> bool:
        """See `Suspensions.suspend`."""
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return write_first(self._file, suspension.encoded())
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write {self._file}: {error.strerror}") from error

    def resume(self) -> None:
        """See `Suspensions.resume`."""
        try:
            self._file.unlink(missing_ok=True)
            if self._file.parent.is_dir():
                sync_folder(self._file.parent)
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot remove {self._file}: {error.strerror}") from error


class SharedSuspensions:
    """An object beside a state's log, `NAME/suspended`."""

    def __init__(self, objects: Objects, environment: str) -> None:
        self._objects = objects
        self._key = f"{environment}/suspended"

    def read(self) -> Suspension | None:
        """See `Suspensions.read`."""
        (data,) = self._objects.read([self._key])
        return None if data is None else Suspension.decoded(data)

    def suspend(self, suspension: Suspension) -> bool:
        """See `Suspensions.suspend`."""
        # Where the answer to an attempt that wrote it was lost, the place says that something is there: our own.
        return self._objects.create(self._key, suspension.encoded()) or self.read() == suspension

    def resume(self) -> None:
        """See `Suspensions.resume`."""
        self._objects.delete([self._key])
