"""The state store over a log: a `StateStore` that several machines share.

Each entry is created under the next number, where nothing may be yet. So the serial is compared in the very write that
changes the state, and of two writers one is refused, however long it was paused. Taking the lock and freeing it are
entries as well: who lost the lock finds its next number taken.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from types import TracebackType

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, Warn
from stackspec.state.export import export_state
from stackspec.state.log.entry import Act, Committed, Freed, Replaced, Taken
from stackspec.state.log.history import LogHistory
from stackspec.state.log.reader import Known, LogReader
from stackspec.state.log.reading import Reading
from stackspec.state.log.seen import Seen
from stackspec.state.log.writer import LogWriter
from stackspec.state.model import AppliedState
from stackspec.state.objects import Objects, Presence
from stackspec.state.patience import Patience
from stackspec.state.run import Run
from stackspec.state.store import Chapter, StateChange, no_such_lock


class LogStateStore:
    """The state of one environment in a place of objects.

    Args:
        history: How many runs are remembered.
        seen: What the state was seen to be before; without it nothing is compared.
        warn: Told of what could not be kept beside a state that was written.
    """

    def __init__(
        self,
        objects: Objects,
        environment: str,
        history: int,
        seen: Seen | None = None,
        warn: Warn = lambda _warning: None,
    ) -> None:
        self._objects = objects
        self._environment = environment
        self._most_runs = history
        self._seen = seen
        self._warn = warn
        self._reader = LogReader(objects, environment)
        self._writer = LogWriter(objects, self._reader)
        self._history = LogHistory(self._reader, environment)
        self._known: Known | None = None
        self._run: Run | None = None
        """Who holds the lock through this store, or has asked for it and was not answered."""

    def read(self) -> AppliedState:
        """See `StateStore.read`."""
        if self._run is not None and self._known is not None:
            return self._known.reading.state
        reading = self._look().reading
        state = reading.state
        return replace(state, writer=self._holder(reading)) if state.is_in_flight else state

    def read_at(self, serial: int) -> AppliedState:
        """See `StateStore.read_at`."""
        return self._history.at(serial)

    def history(self) -> list[Chapter]:
        """See `StateStore.history`."""
        return self._history.chapters(self._most_runs)

    def writer(self) -> Run | None:
        """See `StateStore.writer`."""
        return self._holder(self._look().reading)

    def wait(self, timeout: float) -> None:
        """See `StateStore.wait`."""
        patience = Patience(timeout)
        while (holder := self.writer()) is not None:
            patience.wait(self._locked(holder))

    @contextmanager
    def lock(self, run: Run, timeout: float = 0.0) -> Iterator[None]:
        """See `StateStore.lock`; it does not expire."""
        self._writer.probe()
        with self._objects.present(run.id), ExitStack() as ending:
            ending.push(self._give_back)
            self._take(run, timeout)
            yield
            self._keep()

    def commit(self, changes: Sequence[StateChange]) -> int:
        """See `StateStore.commit`."""
        run, known = self._run, self._known
        assert run is not None, "commit needs the lock"
        assert known is not None
        written = self._writer.append(known, known.reading.next_entry(run.id, Committed(tuple(changes))))
        if written is None:
            lost = self._lost(run, known.reading.number + 1)
            self._run = None
            raise lost
        self._known = written
        return written.reading.serial

    def unlock(self, run_id: str) -> Run:
        """See `StateStore.unlock`."""
        by = Run.of_this_process("state unlock")
        while True:
            known = self._look()
            holder = known.reading.holder
            if holder is None or holder.id != run_id or self._is_alive(holder):
                raise no_such_lock(run_id, holder)
            if self._from_outside(known, by, Freed(by)):
                return holder

    def pull(self) -> str:
        """See `StateStore.pull`."""
        return export_state(self._look().reading.state)

    def lineage(self) -> str | None:
        """See `StateStore.lineage`."""
        if self._seen is not None and (head := self._seen.head) is not None:
            return head.lineage
        try:
            return self._look().reading.lineage or None
        except StackspecError as error:
            if any(one.code != "SS0701" for one in error.diagnostics):
                raise
            return self._reader.last_lineage()

    def push(self, state: AppliedState, run: Run) -> int:
        """See `StateStore.push`; a log that is damaged ends there, and is left as it is."""
        self._writer.probe()
        head = self._seen.head if self._seen is not None else None
        state = replace(state, serial=max(state.serial, head.serial if head else 0))
        while True:
            known = self._to_push_on()
            if (holder := self._holder(known.reading)) is not None:
                raise self._locked(holder)
            if known.reading.holder is not None:
                self._from_outside(known, run, Freed(run))
            elif self._from_outside(known, run, Replaced(run, state), state.lineage):
                return self._pushed(begins=known.reading.number == known.reading.whole_after)

    def _pushed(self, *, begins: bool) -> int:
        """The serial of a state that was just pushed, once readers find it; `begins`: at the beginning of a log."""
        assert self._known is not None
        if begins:  # what is before it, if anything, cannot be read: readers need a snapshot to begin at
            self._known = self._writer.snapshot(self._known)
        self._keep()
        self._note(self._known)
        return self._known.reading.serial

    def _to_push_on(self) -> Known:
        """What a push goes on from: the log, or where it cannot be read, a beginning behind all that is there."""
        try:
            return self._look()
        except StackspecError as error:
            if any(one.code != "SS0701" for one in error.diagnostics):
                raise
            with suppress(StackspecError):
                return self._reader.read()  # it is whole, and only older than it was
            last = self._reader.last_number()
            return Known(Reading(self._environment, last, whole_after=last))

    # --- what is known

    def _look(self) -> Known:
        # Before the log: a writer of this checkout may come further between the two looks.
        head = self._seen.head if self._seen is not None else None
        self._known = self._reader.read(self._known)
        if self._seen is not None and head is not None:
            self._seen.check(head, self._known.reading, self._objects)
        return self._known

    def _holder(self, reading: Reading) -> Run | None:
        """Whose the lock is, unless that run is known to be no more."""
        holder = reading.holder
        if holder is None or holder.has_ended or self._objects.presence(holder.id) is Presence.GONE:
            return None
        return holder

    def _is_alive(self, holder: Run) -> bool:
        """Whether the process of a run is known to be there: by this machine, or by the place."""
        if holder.is_here:
            return not holder.has_ended
        return self._objects.presence(holder.id) is Presence.ALIVE

    # --- the lock

    def _take(self, run: Run, timeout: float) -> None:
        patience = Patience(timeout)
        while self._run is None:
            known = self._look()
            reading = known.reading
            if (holder := self._holder(reading)) is not None:
                patience.wait(self._locked(holder))
            else:
                over = reading.holder.id if reading.holder else None
                self._run = run  # before it is written: where that fails, the lock may be there all the same
                if not self._from_outside(known, run, Taken(run, over), reading.lineage or secrets.token_hex(16)):
                    self._run = None

    def _from_outside(self, known: Known, run: Run, act: Act, lineage: str | None = None) -> bool:
        """Write an entry of who does not hold the lock; False where another was faster."""
        entry = known.reading.next_entry(run.id, act, lineage)
        self._known = self._writer.append_from_outside(known, entry)
        return self._known is not None

    def _give_back(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Give the lock back, as the last of all: whatever a run still does it does while nobody else writes.

        Args:
            error: What ended the run, which is told together with what goes wrong here.
        """
        run, self._run = self._run, None
        if run is None:
            return  # it was not taken; or it was lost, and that was told
        try:
            self._free(run)
        except StackspecError as another:
            message = f"the lock '{run.id}' of this run may not have been given back"
            left = Diagnostic("SS0709", message, hint=f"once {self._objects} answers again: {self._way_to_free(run)}")
            before = error.diagnostics if isinstance(error, StackspecError) else ()
            raise StackspecError([*dict.fromkeys((*before, *another.diagnostics, left))]) from (error or another)

    def _free(self, run: Run) -> None:
        known = self._known or self._reader.read()
        while True:
            if known.reading.is_held_by(run.id):
                self._note(known)
                freed = self._writer.append(known, known.reading.next_entry(run.id, Freed()))
                if freed is not None:
                    self._known = freed
                    return
            # What became of the last write is not known: a commit may be there, or the lock not be ours.
            known = self._reader.read(known)
            if not known.reading.is_held_by(run.id):
                return

    # --- upkeep

    def _keep(self) -> None:
        """Keep a snapshot and let go of what is old, where it is time for that."""
        if self._known is not None:
            with self._upkeep("the next run that changes the state tries again; until then it takes longer to read"):
                self._known = self._writer.keep(self._known, self._most_runs)

    def _note(self, known: Known) -> None:
        """Remember in this checkout what the state has come to."""
        if self._seen is not None:
            with self._upkeep("until it is, this checkout cannot tell whether the state was lost or put back"):
                self._seen.note(known.reading)

    @contextmanager
    def _upkeep(self, hint: str) -> Iterator[None]:
        """Where what is done inside fails, warn: what the user asked for is done, and recorded.

        Nothing is tried again here, for the next run that changes the state does the same. But it is told, since a
        missing right to delete does not mend itself.
        """
        try:
            yield
        except StackspecError as error:
            message = f"the state of '{self._environment}' is written, but not all that is kept beside it: {error}"
            self._warn(Diagnostic("SS0714", message, hint=hint, severity=Severity.WARNING))

    # --- what is told

    def _locked(self, holder: Run) -> StackspecError:
        hint = "wait for it to finish, by --lock-timeout"
        if self._is_alive(holder):
            hint += "; if it hangs, end that process, and its lock is free"
        else:
            hint += f"; if it never will, free its lock: {self._way_to_free(holder)}"
        return StackspecError.of("SS0703", f"the state is being changed by {holder}", hint=hint)

    def _way_to_free(self, run: Run) -> str:
        return f"stackspec state unlock {run.id} -e {self._environment}"

    def _lost(self, run: Run, number: int) -> StackspecError:
        """The error of who held the lock before an entry of somebody else."""
        (entry,) = self._reader.entries([number])
        match entry.act:
            case Freed(by):
                how = f"it was freed by {by}"
            case Taken(other):
                how = f"it was taken over by {other}"
            case _:
                how = f"the run '{entry.writer}' wrote entry {number}"
        return StackspecError.of(
            "SS0708",
            f"the lock '{run.id}' of this run was lost, and nothing more was written: {how}",
            hint="plan again: what this run did before is recorded, and what it was doing is recovered",
        )
