"""What a log adds up to: a value, and the function from it and the next entry to the next value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from stackspec.core.address import ComponentAddress
from stackspec.core.frozen import dataclass
from stackspec.state.changes import make, protected_after
from stackspec.state.log.entry import Act, Committed, Entry, Freed, Replaced, Taken
from stackspec.state.log.sealed import DamagedError
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation
from stackspec.state.run import Run


@dataclass(frozen=True, slots=True)
class Reading:
    """A state and its lock as they are after an entry.

    Attributes:
        number, digest: The entry's.
        serial: Of the last change of the state; taking and freeing the lock is none.
        ahead: By how much serials are ahead of the numbers of entries, for a state that was pushed keeps its serial.
        holder: Whose the lock is.
        runs: How many runs there were; each took the lock, or pushed.
        fences: The numbers of the entries by which an owner lost the lock, and of the states that were pushed. Of all
            entries these alone may never be deleted: where one stands the next write of that owner would go, however
            late it comes; and who wrote one without the lock must be able to tell that it is part of the log.
        whole_after: The log can be read from the entry after this one on; what is older is left as it was found.
    """

    environment: str
    number: int = 0
    digest: str = ""
    lineage: str = ""
    serial: int = 0
    ahead: int = 0
    holder: Run | None = None
    runs: int = 0
    fences: tuple[int, ...] = ()
    whole_after: int = 0
    components: Mapping[ComponentAddress, AppliedComponent] = field(default_factory=dict)
    pending: Mapping[ComponentAddress, PendingOperation] = field(default_factory=dict)
    deposed: Mapping[str, PendingOperation] = field(default_factory=dict)
    protected: bool = False

    @property
    def state(self) -> AppliedState:
        """The state alone."""
        content = (self.components, self.pending, self.deposed, self.protected)
        return AppliedState(self.environment, self.lineage, self.serial, *content)

    def is_held_by(self, run_id: str) -> bool:
        """Whether the lock is a run's."""
        return self.holder is not None and self.holder.id == run_id

    def next_entry(self, writer: str, act: Act, lineage: str | None = None) -> Entry:
        """The entry that would follow."""
        return Entry(self.environment, lineage or self.lineage, self.number + 1, self.digest, writer, act)


class Follower:
    """Goes along a log, entry by entry.

    Attributes:
        now: What the log adds up to so far; its mappings change as the follower goes on.
    """

    def __init__(self, start: Reading) -> None:
        self._components = dict(start.components)
        self._pending = dict(start.pending)
        self._deposed = dict(start.deposed)
        self.now = replace(start, components=self._components, pending=self._pending, deposed=self._deposed)

    def take(self, entry: Entry) -> None:
        """Go one entry further.

        Raises:
            DamagedError: it does not follow the one before it.
        """
        _check(self.now, entry)
        self.now = self._after(entry)

    def serial_after(self, entry: Entry) -> int:
        """The serial that the state will have after the next entry."""
        match entry.act:
            case Committed():
                return entry.number + self.now.ahead
            case Replaced(_, state):
                return max(entry.number + self.now.ahead, state.serial + 1)
        return self.now.serial

    def _after(self, entry: Entry) -> Reading:
        now, serial = self.now, self.serial_after(entry)
        after = replace(now, number=entry.number, digest=entry.digest, lineage=entry.lineage, serial=serial)
        fenced = (*now.fences, entry.number)
        match entry.act:
            case Taken(run, over):
                return replace(after, holder=run, runs=now.runs + 1, fences=fenced if over else now.fences)
            case Freed(by):
                return replace(after, holder=None, fences=fenced if by else now.fences)
            case Committed(changes):
                make(changes, self._components, self._pending, self._deposed)
                return replace(after, protected=protected_after(now.protected, changes))
            case Replaced(_, state):
                self._components.clear()
                self._components.update(state.components)
                self._pending.clear()
                self._pending.update(state.pending)
                self._deposed.clear()
                self._deposed.update(state.deposed)
                ahead = serial - entry.number
                return replace(after, ahead=ahead, runs=now.runs + 1, fences=fenced, protected=state.protected)


def follow(reading: Reading, entries: Iterable[Entry]) -> Reading:
    """What a log adds up to after further entries; raises as `Follower.take`."""
    follower = Follower(reading)
    for entry in entries:
        follower.take(entry)
    return follower.now


def _check(now: Reading, entry: Entry) -> None:
    if entry.environment != now.environment:
        raise DamagedError(f"it belongs to the environment '{entry.environment}'")
    if entry.number != now.number + 1:
        raise DamagedError(f"it says that it is entry {entry.number}")
    if entry.previous != now.digest:
        raise DamagedError("it does not follow the entry before it")
    holder = now.holder.id if now.holder else None
    match entry.act:
        case Taken(run, over):
            fits = holder == over and run.id == entry.writer
        case Replaced(run, _):
            fits = holder is None and run.id == entry.writer
        case Freed(by):
            fits = holder is not None and (by is not None or holder == entry.writer)
        case Committed():
            fits = holder == entry.writer
    if not fits:
        raise DamagedError("it was written by a run that did not hold the lock")
    if now.lineage not in ("", entry.lineage) and not isinstance(entry.act, Replaced):
        raise DamagedError(f"its lineage is {entry.lineage}, and here belongs {now.lineage}")
