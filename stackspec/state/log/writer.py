"""Writing a log: the next entry, which only one can create, and what is kept for those who read."""

from __future__ import annotations

from stackspec.core.diagnostic import StackspecError
from stackspec.state.log.entry import Entry, entry_of
from stackspec.state.log.reader import Known, LogReader, Tail
from stackspec.state.log.reading import Reading, follow
from stackspec.state.log.sealed import unseal
from stackspec.state.log.snapshot import snapshot_of
from stackspec.state.objects import Objects

_MOST_ENTRIES = 64
"""How many entries may lie behind a snapshot when a run ends: as many as are read in a few requests at once."""
_LEAST_SIZE = 16 * 1024
"""Bytes of entries that are never worth a snapshot, however small the state."""
_PROBE = b"Whether this is created only where it is not there yet was tried with this object.\n"


class LogWriter:
    """Writes the log of one environment; every method but `probe` is given what the log is known to be."""

    def __init__(self, objects: Objects, reader: LogReader) -> None:
        self._objects = objects
        self._reader = reader
        self._names = reader.names

    def probe(self) -> None:
        """Make sure that the place creates an object only where there is none, on which all depends.

        Raises:
            StackspecError: it does not.
        """
        probe = self._names.probe
        # Where it is there already, the first of the two must be refused.
        if self._objects.create(probe, _PROBE) and self._objects.create(probe, _PROBE):
            self._objects.delete([probe])
            raise StackspecError.of(
                "SS0710",
                f"{self._objects} cannot keep a shared state: it overwrites an object that was to be created only "
                "where there is none",
                hint="two writers at once would undo each other's work; use a store that supports conditional writes",
            )

    def append(self, known: Known, entry: Entry) -> Known | None:
        """Write the entry that follows; None where another was written meanwhile."""
        key, data = self._names.entry(entry.number), entry.sealed()
        # What an attempt wrote whose answer was lost refuses the next attempt, and is ours.
        if not self._objects.create(key, data) and self._objects.read([key]) != [data]:
            return None
        written = entry_of(unseal(data))
        return Known(follow(known.reading, [written]), known.tail.longer([data]))

    def append_from_outside(self, known: Known, entry: Entry) -> Known | None:
        """`append` for who does not hold the lock, and may therefore come so late that what followed is deleted.

        Such an entry stands where another was let go; it is no part of the log, and is taken back.
        """
        written = self.append(known, entry)
        if written is None:
            return None
        newest = self._reader.steadily(lambda: self._newest_snapshot_from(entry.number))
        if newest is None or self._is_part_of_log(written.reading, newest):
            return written
        if entry.number > newest.whole_after:  # what was found damaged is left as it is
            self._objects.delete([self._names.entry(entry.number)])
        return None

    def _newest_snapshot_from(self, number: int) -> Reading | None:
        """The newest snapshot at a number or a later one; while there is none, the entry there was not let go."""
        names = self._reader.snapshots(number)
        return self._reader.snapshot(names[-1]) if names else None

    def _is_part_of_log(self, written: Reading, newest: Reading) -> bool:
        """Whether an entry that was written without the lock was in time, however far others have gone on since.

        It is a fence then, or takes a free lock; and that lock can only be lost, by an entry which is a fence.
        """
        if written.number in newest.fences:
            return True
        key = self._names.entry(written.number + 1)
        (data,) = self._objects.read([key])
        return data is not None and self._reader.entry(key, data).previous == written.digest

    def keep(self, known: Known, most_runs: int) -> Known:
        """Write a snapshot where much of the log lies behind the last one, and let go of what nobody needs.

        Args:
            most_runs: How many runs are remembered.
        """
        tail = known.tail
        if tail.entries < _MOST_ENTRIES and tail.size < max(_LEAST_SIZE, tail.snapshot // 2):
            return known
        kept = self.snapshot(known)
        if kept is not known:
            self._let_go(kept, most_runs)
        return kept

    def snapshot(self, known: Known) -> Known:
        """Write a snapshot, unless another has come further meanwhile, and may have let go of what follows here."""
        reading = known.reading
        if self._reader.snapshots(reading.number):
            return known
        data = snapshot_of(reading)
        self._objects.create(self._names.snapshot(reading.number, reading.runs), data)
        return Known(reading, Tail(snapshot=len(data)))

    def _let_go(self, known: Known, most_runs: int) -> None:
        reading = known.reading
        snapshots = [one for one in self._reader.snapshots() if one.number > reading.whole_after]
        needless = [one for one in snapshots if one.runs <= reading.runs - most_runs]
        if not needless:
            return
        # The newest of these is where history begins from now on.
        oldest = needless.pop().number
        self._objects.delete(one.key for one in needless)
        kept = {*reading.fences}
        numbers = [number for number in self._reader.numbers(reading.whole_after) if number < oldest]
        self._objects.delete(self._names.entry(number) for number in numbers if number not in kept)
