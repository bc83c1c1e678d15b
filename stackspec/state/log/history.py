"""The past of a state: what each run did, and what the components were, as far back as entries are kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.state.codec import encode_component
from stackspec.state.log.entry import Committed, Entry, Replaced, Taken
from stackspec.state.log.reader import LogReader
from stackspec.state.log.reading import Follower, Reading
from stackspec.state.model import AppliedComponent, AppliedState
from stackspec.state.run import Run
from stackspec.state.store import Chapter, Finish, changes_between

_AT_ONCE = 200
"""How many entries are asked for in one go."""


@dataclass(slots=True)
class _Telling:
    """A chapter as far as it is read.

    Attributes:
        before: The records of the components that the run touched, as they were before it; None where there was none.
    """

    run: Run
    first: int = 0
    last: int = 0
    before: dict[ComponentAddress, str | None] = field(default_factory=dict)

    def chapter(self, components: Mapping[ComponentAddress, AppliedComponent]) -> Chapter:
        """The chapter, given the components after it."""
        before = {address: text for address, text in self.before.items() if text is not None}
        after = {address: encode_component(components[address]) for address in self.before if address in components}
        return Chapter(self.run, self.first, self.last, changes_between(before, after))


class LogHistory:
    """The past of one environment's log."""

    def __init__(self, reader: LogReader, environment: str) -> None:
        self._reader = reader
        self._environment = environment

    def chapters(self, most: int) -> list[Chapter]:
        """What the last runs did that wrote something, the newest first.

        Args:
            most: How many.

        Raises:
            StackspecError: the log is damaged.
        """
        return self._reader.steadily(lambda: self._chapters(most))

    def at(self, serial: int) -> AppliedState:
        """The components as they were at a serial, and nothing pending or protected.

        Raises:
            StackspecError: the log is damaged, or does not reach back to the serial.
        """
        return self._reader.steadily(lambda: self._at(serial))

    def _chapters(self, most: int) -> list[Chapter]:
        now = self._reader.read().reading
        told: deque[Chapter] = deque(maxlen=most)
        telling: _Telling | None = None
        follower = Follower(self._oldest(now))
        for entry in self._entries(follower.now, now):
            match entry.act:
                case Taken(run) | Replaced(run):
                    if telling is not None and telling.first:
                        told.append(telling.chapter(follower.now.components))
                    telling = _Telling(run)
            if telling is not None and isinstance(entry.act, Committed | Replaced):
                telling.last = follower.serial_after(entry)
                telling.first = telling.first or telling.last
                for address in _touched(entry, follower.now):
                    component = follower.now.components.get(address)
                    telling.before.setdefault(address, encode_component(component) if component else None)
            self._reader.take(follower, entry)
        if telling is not None and telling.first:
            told.append(telling.chapter(follower.now.components))
        return list(reversed(told))

    def _at(self, serial: int) -> AppliedState:
        now = self._reader.read().reading
        if serial == now.serial:
            return replace(now.state, pending={}, deposed={}, protected=False)
        oldest = self._oldest(now)
        if not max(1, oldest.serial) <= serial <= now.serial:
            reaches = f"it reaches from serial {max(1, oldest.serial)} to {now.serial}"
            raise self._unknown(serial, reaches if now.serial else "there is none")
        # Serials are ahead of numbers by no more than they are now.
        near = [one for one in self._reader.snapshots() if oldest.number < one.number <= serial - now.ahead]
        follower = Follower(self._reader.snapshot(near[-1]) if near else oldest)
        for entry in self._entries(follower.now, now):
            if follower.serial_after(entry) > serial:
                break
            self._reader.take(follower, entry)
        if follower.now.serial != serial:
            raise self._unknown(serial, f"no change has that serial, and the one before it is {follower.now.serial}")
        return replace(follower.now.state, pending={}, deposed={}, protected=False)

    def _unknown(self, serial: int, why: str) -> StackspecError:
        message = f"what '{self._environment}' held at serial {serial} is not known: as for its history, {why}"
        return StackspecError.of("SS0712", message, hint="see: stackspec state history")

    def _oldest(self, now: Reading) -> Reading:
        """The oldest reading from which entries lead to the present without a gap."""
        needed = range(now.whole_after + 1, now.number + 1)
        last_gone = max({*needed}.difference(self._reader.numbers(now.whole_after)), default=now.whole_after)
        if not last_gone:
            return Reading(self._environment)
        # An older snapshot may be there of who came late, when what followed it was let go.
        names = [name for name in self._reader.snapshots(last_gone) if name.number in needed]
        if not names:
            raise self._reader.gap(f"{self._reader.names.entry(last_gone)} is gone")
        return self._reader.snapshot(names[0])

    def _entries(self, start: Reading, end: Reading) -> Iterator[Entry]:
        numbers = range(start.number + 1, end.number + 1)
        for first in range(0, len(numbers), _AT_ONCE):
            yield from self._reader.entries(numbers[first : first + _AT_ONCE])


def _touched(entry: Entry, now: Reading) -> Iterator[ComponentAddress]:
    """The components that an entry may change."""
    match entry.act:
        case Committed(changes):
            yield from (change.address for change in changes if isinstance(change, Finish))
        case Replaced(_, state):
            yield from {**now.components, **state.components}
