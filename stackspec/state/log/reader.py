"""Reading a log: the newest snapshot, the entries after it, and every check that they are what was written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import TypeVar

from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.state.log.entry import Entry, entry_of
from stackspec.state.log.names import Names, SnapshotName
from stackspec.state.log.reading import Follower, Reading
from stackspec.state.log.sealed import DamagedError, NewerError, Sealed, unseal
from stackspec.state.log.snapshot import reading_of
from stackspec.state.objects import Objects

T = TypeVar("T")

_LAST = 50
"""How many objects of a damaged log are looked into."""
_ATTEMPTS = 3
"""How often a log is read that has gaps: a writer that lets old objects go may be at work between two requests."""


class GapError(StackspecError):
    """An object that ought to be there is not: it was let go between two requests, or the log is damaged."""


@dataclass(frozen=True, slots=True)
class Tail:
    """How much of a log lies behind its newest snapshot.

    Attributes:
        entries: How many.
        size: Their bytes.
        snapshot: The snapshot's bytes.
    """

    entries: int = 0
    size: int = 0
    snapshot: int = 0

    def longer(self, entries: Sequence[bytes]) -> Tail:
        """With further entries."""
        return replace(self, entries=self.entries + len(entries), size=self.size + sum(map(len, entries)))


@dataclass(frozen=True, slots=True)
class Known:
    """What was last read of a log."""

    reading: Reading
    tail: Tail = Tail()


class LogReader:
    """Reads the log of one environment."""

    def __init__(self, objects: Objects, environment: str) -> None:
        self._objects = objects
        self._environment = environment
        self.names = Names(environment)

    def read(self, known: Known | None = None) -> Known:
        """What the log adds up to now.

        Args:
            known: What it added up to before, to go on from there where that can be done.

        Raises:
            StackspecError: it is damaged, another's, or newer than this version.
        """
        if known is not None:
            try:
                return self._go_on(known)
            except GapError:
                pass  # what came next was let go meanwhile: there is a newer snapshot
        return self.steadily(self._read_anew)

    def steadily(self, read: Callable[[], T]) -> T:
        """What a function reads, which is called again where objects are let go while it reads.

        Raises:
            StackspecError: objects are gone that ought to be there.
        """
        for _ in range(_ATTEMPTS - 1):
            with suppress(GapError):
                return read()
        return read()

    def _go_on(self, known: Known) -> Known:
        after = self.names.entry(known.reading.number)
        keys = self._objects.keys(self.names.entries, after)
        return self._followed(known, keys, self._bytes(keys))

    def _read_anew(self) -> Known:
        snapshots = self.snapshots()
        if not snapshots:
            return self._go_on(Known(Reading(self._environment)))
        newest = snapshots[-1]
        # Its own entry is never deleted before a newer snapshot is there, and proves that it is of this log.
        keys = self._objects.keys(self.names.entries, self.names.entry(newest.number - 1))
        snapshot, *entries = self._bytes([newest.key, *keys])
        if not entries or self.names.number(keys[0]) != newest.number:
            raise self.gap(f"{self.names.entry(newest.number)} is gone, and {newest.key} is there")
        reading = self._opened_snapshot(newest, snapshot)
        if self._unsealed(keys[0], entries[0]).digest != reading.digest:
            raise self.refused(f"{newest.key} is a snapshot of another log")
        return self._followed(Known(reading, Tail(snapshot=len(snapshot))), keys[1:], entries[1:])

    # --- its objects

    def snapshots(self, first: int = 0) -> list[SnapshotName]:
        """The snapshots there are at a number or a later one, the oldest first."""
        keys = self._objects.keys(self.names.snapshots, self.names.before_snapshots_from(first) if first else "")
        try:
            return [self.names.snapshot_at(key) for key in keys]
        except ValueError as error:
            raise self.refused(f"there are strange objects in {self.names.snapshots}") from error

    def numbers(self, after: int = 0) -> list[int]:
        """The numbers of the entries there are after a number, in order."""
        keys = self._objects.keys(self.names.entries, self.names.entry(after))
        try:
            return [self.names.number(key) for key in keys]
        except ValueError as error:
            raise self.refused(f"there are strange objects in {self.names.entries}") from error

    def snapshot(self, name: SnapshotName) -> Reading:
        """The reading that a snapshot is.

        Raises:
            GapError: it is gone.
            StackspecError: as `read`.
        """
        return self._opened_snapshot(name, self._bytes([name.key])[0])

    def _opened_snapshot(self, name: SnapshotName, data: bytes) -> Reading:
        sealed = self._unsealed(name.key, data)
        try:
            reading = reading_of(sealed)
        except DamagedError as error:
            raise self.refused(f"{name.key}: {error}") from error
        if (reading.environment, reading.number, reading.runs) != (self._environment, name.number, name.runs):
            raise self.refused(f"{name.key} is a snapshot of another state")
        return reading

    def entries(self, numbers: Sequence[int]) -> list[Entry]:
        """Entries by their numbers; raises as `snapshot`."""
        keys = [self.names.entry(number) for number in numbers]
        return [self.entry(key, data) for key, data in zip(keys, self._bytes(keys), strict=True)]

    def entry(self, key: str, data: bytes) -> Entry:
        """The entry that an object's bytes are; raises as `read`."""
        sealed = self._unsealed(key, data)
        try:
            return entry_of(sealed)
        except DamagedError as error:
            raise self.refused(f"{key}: {error}") from error

    def take(self, follower: Follower, entry: Entry) -> None:
        """Have a follower go one entry further; raises as `read`."""
        try:
            follower.take(entry)
        except DamagedError as error:
            raise self.refused(f"{self.names.entry(follower.now.number + 1)}: {error}") from error

    def _followed(self, known: Known, keys: Sequence[str], entries: Sequence[bytes]) -> Known:
        follower = Follower(known.reading)
        for number, key, data in zip(count(known.reading.number + 1), keys, entries):
            if key != self.names.entry(number):
                raise self.gap(f"{self.names.entry(number)} is gone, and {key} is there")
            self.take(follower, self.entry(key, data))
        return Known(follower.now, known.tail.longer(entries))

    # --- what can be told of a damaged log

    def last_number(self) -> int:
        """The last number that any object has in its name."""
        keys = [*self._objects.keys(self.names.entries), *self._objects.keys(self.names.snapshots)]
        found = [re.match("[0-9]{1,10}", key.rpartition("/")[2]) for key in keys]
        return max((int(match[0]) for match in found if match), default=0)

    def last_lineage(self) -> str | None:
        """The lineage that the newest whole object tells; None if none does."""
        keys = [*self._objects.keys(self.names.snapshots), *self._objects.keys(self.names.entries)]
        for key in reversed(keys[-_LAST:]):
            for data in filter(None, self._objects.read([key])):
                try:
                    lineage = unseal(data).record.get("lineage")
                except (DamagedError, NewerError):
                    continue
                if isinstance(lineage, str):
                    return lineage
        return None

    def _bytes(self, keys: Sequence[str]) -> list[bytes]:
        found = self._objects.read(keys)
        whole = [data for data in found if data is not None]
        if len(whole) < len(keys):
            raise self.gap(f"{keys[found.index(None)]} is gone")
        return whole

    def _unsealed(self, key: str, data: bytes) -> Sealed:
        try:
            return unseal(data)
        except NewerError as error:
            message = f"{self._objects}/{key} was written by a newer stackspec ({error})"
            raise StackspecError.of("SS0702", message, hint="upgrade stackspec") from error
        except DamagedError as error:
            raise self.refused(f"{key}: {error}") from error

    def gap(self, why: str) -> GapError:
        """The error of a log that lacks an object."""
        return GapError(self.refused(why).diagnostics)

    def refused(self, why: str) -> StackspecError:
        """The error of a log that is not what was written."""
        return StackspecError.of(
            "SS0701",
            f"the state of '{self._environment}' in {self._objects} is damaged: {why}; it was left untouched",
            hint="bring the object back, by its version where the store keeps versions; or put a copy of the state in "
            f"its place: stackspec state push FILE -e {self._environment}",
        )
