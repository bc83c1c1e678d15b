"""The embedded state store: one SQLite file an environment, synchronised at every commit, sealed against damage."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, Warn
from stackspec.state.codec import decode_components, decode_pending
from stackspec.state.export import export, export_state
from stackspec.state.local_lock import LocalLock
from stackspec.state.model import AppliedState
from stackspec.state.patience import Patience
from stackspec.state.run import Run
from stackspec.state.safekeeping import Head
from stackspec.state.seal import Seal
from stackspec.state.sqlite_history import HISTORY_TABLES, HistoryError, HistoryWriter, chapters, records_at
from stackspec.state.sqlite_records import COMPONENT, DEPOSED, PROTECTED, RECORD_TABLES, Records, Rows
from stackspec.state.state_file import StateFile
from stackspec.state.store import Begin, Chapter, Depose, Finish, Protect, StateChange, locked, no_such_lock

MOST_RUNS = 100
"""How many runs are remembered where the project does not say."""


class _Rows(NamedTuple):
    """What the tables hold, checked and not decoded."""

    lineage: str
    serial: int
    components: Rows
    pending: list[str]
    deposed: list[str]
    protected: bool
    seal: Seal

    @property
    def texts(self) -> list[str]:
        """The components' records, in the order in which they were first applied."""
        return [text for _, text in self.components.values()]


@dataclass(slots=True)
class _Writing:
    """What the holder of the lock works with."""

    connection: sqlite3.Connection
    lineage: str
    serial: int
    seal: Seal
    history: HistoryWriter


class SqliteStateStore:
    """The state of one environment in `folder/NAME.db`; the folder is made at the first write, mode 0700.

    Its rows are under a seal, which tells of every row that is changed, lost or doubled, however SQLite takes it.

    Args:
        history: How many runs are remembered.
        warn: Told of what could not be kept beside a state that was written.
    """

    def __init__(
        self, folder: Path, environment: str, history: int = MOST_RUNS, warn: Warn = lambda _warning: None
    ) -> None:
        self._environment = environment
        self._most_runs = history
        self._warn = warn
        self._file = StateFile(folder, environment)
        self._lock = LocalLock(folder / f"{environment}.lock")
        self._writing: _Writing | None = None

    def read(self) -> AppliedState:
        """See `StateStore.read`; a state that is not there is not made."""
        if self._writing is not None:
            with self._file.reporting():
                return self._state(self._rows(self._writing.connection))
        if not self._file.exists():
            return AppliedState(self._environment)
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            state = self._state(self._rows(connection))
        return replace(state, writer=self.writer()) if state.is_in_flight else state

    def read_some(self, addresses: Iterable[str]) -> AppliedState:
        """The state with no other components than some.

        The seal is over all records, of which a part tells nothing: this is for a state that was read as a whole before
        and has not been written since.

        Raises: as `read`.
        """
        if not self._file.exists():
            return AppliedState(self._environment)
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            return self._state(self._rows(connection, some=addresses))

    def read_at(self, serial: int) -> AppliedState:
        """See `StateStore.read_at`."""
        if not self._file.exists():
            raise self._unknown(serial, "nothing was applied yet")
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            rows = self._rows(connection)
            try:
                texts = records_at(connection, rows.components, rows.serial, serial)
            except HistoryError as error:
                raise self._unknown(serial, f"as for its history, {error}") from error
        return self._decoded(rows.lineage, serial, texts, [], [])

    def history(self) -> list[Chapter]:
        """See `StateStore.history`."""
        if not self._file.exists():
            return []
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            return self._chapters(connection, self._rows(connection))

    def _chapters(self, connection: sqlite3.Connection, rows: _Rows) -> list[Chapter]:
        try:
            return list(chapters(connection, rows.components, rows.serial))
        except HistoryError as error:
            raise self._file.refused(f"as for its history, {error}") from error

    def unlock(self, run_id: str) -> Run:
        """See `StateStore.unlock`; this lock needs it never, for the kernel frees it with its owner."""
        raise no_such_lock(run_id, self.writer())

    def writer(self) -> Run | None:
        """See `StateStore.writer`."""
        return self._lock.holder()

    def wait(self, timeout: float) -> None:
        """See `StateStore.wait`."""
        patience = Patience(timeout)
        while (holder := self.writer()) is not None:
            patience.wait(locked(holder))

    @contextmanager
    def lock(self, run: Run, timeout: float = 0.0) -> Iterator[None]:
        """See `StateStore.lock`; the kernel frees it when its owner dies. A copy of what comes out is kept."""
        with self._lock.held(run, timeout):
            with self._file.reporting():
                if not self._file.exists():
                    self._create(AppliedState(self._environment, os.urandom(16).hex()))
                writing = self._writing = self._begin(run)
            try:
                yield
            finally:
                self._writing = None
                with closing(writing.connection) as connection:
                    text = (lambda: self._exported(self._rows(connection))) if writing.history.begun else None
                    self._look_after(Head(writing.lineage, writing.serial), text)

    def commit(self, changes: Sequence[StateChange]) -> int:
        """See `StateStore.commit`."""
        writing = self._writing
        assert writing is not None, "commit needs the lock"
        with self._file.reporting():
            self._write(writing, Head(writing.lineage, writing.serial + 1), changes)
        return writing.serial

    def pull(self) -> str:
        """See `StateStore.pull`."""
        if not self._file.exists():
            return self._exported(_Rows("", 0, {}, [], [], False, Seal()))
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            return self._exported(self._rows(connection))

    def lineage(self) -> str | None:
        """See `StateStore.lineage`."""
        if (head := self._file.kept.head()) is not None:
            return head.lineage
        try:
            return self.read().lineage or None
        except StackspecError as error:
            if any(one.code != "SS0701" for one in error.diagnostics):
                raise
            return None

    def push(self, state: AppliedState, run: Run) -> int:
        """See `StateStore.push`; what was there is kept, as a copy and in history where it is good."""
        with self._lock.held(run), self._file.reporting():
            writing, head = self._to_push_over(run), self._file.kept.head()
            reached = max(state.serial, head.serial if head else 0, writing.serial if writing else 0)
            state = replace(state, serial=reached + 1)
            if writing is None:
                self._create(state, run)
            else:
                with closing(writing.connection):
                    self._replace(writing, state)
            self._look_after(Head(state.lineage, state.serial), lambda: export_state(state))
        return state.serial

    def _to_push_over(self, run: Run) -> _Writing | None:
        """What a push goes on from, be it an older copy; None where the state, or its past, cannot be read."""
        try:
            if not self._file.exists():
                return None
            with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
                self._chapters(connection, self._rows(connection, older=True))
            return self._begin(run, older=True)
        except StackspecError as error:
            if any(one.code not in ("SS0701", "SS0702") for one in error.diagnostics):
                raise
            return None

    def _replace(self, writing: _Writing, state: AppliedState) -> None:
        """Have a state in the place of another, in one transaction, so that readers see the one or the other."""
        rows = self._rows(writing.connection, older=True)
        self._file.kept.keep(rows.serial, self._exported(rows))
        if state.lineage != rows.lineage:
            self._file.kept.forget()  # it would have the new one refused, if this ends before the new head is noted
        self._write(writing, Head(state.lineage, state.serial), _content(state), anew=True)

    def _unknown(self, serial: int, why: str) -> StackspecError:
        message = f"what '{self._environment}' held at serial {serial} is not known: {why}"
        return StackspecError.of("SS0712", message, hint="see: stackspec state history")

    # --- the tables

    def _create(self, state: AppliedState, run: Run | None = None) -> None:
        """Make the file; of a state that was pushed, with the run that pushed it."""
        lineage, serial = state.lineage, state.serial

        def fill(connection: sqlite3.Connection) -> None:
            connection.executescript(RECORD_TABLES + HISTORY_TABLES)
            connection.execute("BEGIN")
            facts = {"environment": self._environment, "lineage": lineage, "serial": serial, "seal": ""}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
            seal = Seal()
            records = Records(connection, seal)
            for change in _content(state):
                records.write(change)
            if run is not None:
                HistoryWriter(connection, run, self._most_runs).close(serial, seal.of(COMPONENT))
            records.close(self._environment, lineage, serial)
            connection.execute("COMMIT")

        self._file.create(fill, Head(lineage, serial))

    def _begin(self, run: Run, *, older: bool = False) -> _Writing:
        """What a writer works with.

        Args:
            older: As in `_rows`.
        """
        with self._file.reporting():
            return self._opened(self._file.connect(), run, older)

    def _opened(self, connection: sqlite3.Connection, run: Run, older: bool) -> _Writing:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What reads well may still be damaged where a write will go.
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise self._file.refused("it is damaged: SQLite's own check finds its structure broken")
            rows = self._rows(connection, older=older)
        except BaseException:
            connection.close()
            raise
        history = HistoryWriter(connection, run, self._most_runs)
        return _Writing(connection, rows.lineage, rows.serial, rows.seal, history)

    def _write(self, writing: _Writing, head: Head, changes: Iterable[StateChange], *, anew: bool = False) -> None:
        """Commit changes, or what is to be there instead of all that is."""
        connection, seal = writing.connection, writing.seal.copy()
        connection.execute("BEGIN IMMEDIATE")
        records = Records(connection, seal, partial(writing.history.image, head.serial))
        try:
            if anew:
                records.clear()
            for change in changes:
                records.write(change)
            writing.history.close(head.serial, seal.of(COMPONENT))
            records.close(self._environment, head.lineage, head.serial)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        (writing.lineage, writing.serial), writing.seal, writing.history.begun = head, seal, True

    def _look_after(self, head: Head, text: Callable[[], str] | None) -> None:
        """Keep a copy of what was written, if anything was, and note the head; where that fails it is only warned of.

        What was written is durable by now, and an error would have people believe that it is not. Copy and head are
        there for a second mishap, damage or an older file put back, and the next run makes up for them. But where what
        was written cannot be read again, that is the mishap.

        Raises:
            StackspecError: the state is damaged.
        """
        try:
            with self._file.reporting():
                if text is not None:
                    self._file.kept.keep(head.serial, text())
                self._file.kept.note(head)
        except StackspecError as error:
            if any(one.code != "SS0704" for one in error.diagnostics):
                raise
            what = f"the state of '{self._environment}' is recorded, at serial {head.serial}"
            message = f"{what}, but what guards it is not up to date, in {self._file.path.parent}: {_cause(error)}"
            hint = "mend the cause; the next command that writes the state makes up for it"
            self._warn(Diagnostic("SS0714", message, None, hint, Severity.WARNING))

    def _rows(self, connection: sqlite3.Connection, *, older: bool = False, some: Iterable[str] | None = None) -> _Rows:
        """What the tables hold.

        Args:
            older: Whether an older state than was here before will do.
            some: Addresses of components, where no others are to be read; then the seal tells nothing.

        Raises:
            StackspecError: it is damaged, or not what belongs here.
        """
        # Before the rows: a writer may come further between the two looks.
        head = self._file.kept.head()
        seal = Seal()
        components: Rows = {}
        pending: list[str] = []
        deposed: list[str] = []
        protected = False
        connection.execute("BEGIN")
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            for row in _records(connection, some):
                seal.put(*row)
                position, kind, address, text = row
                if kind == COMPONENT:
                    components[position] = (address, text)
                elif kind == PROTECTED:
                    protected = True
                else:
                    (deposed if kind == DEPOSED else pending).append(text)
        finally:
            connection.execute("COMMIT")
        environment, lineage, serial = str(meta.get("environment")), str(meta.get("lineage")), meta.get("serial")
        whole = some is not None or (
            isinstance(serial, int) and seal.over(environment, lineage, serial) == meta.get("seal")
        )
        if not isinstance(serial, int) or not whole:
            raise self._file.refused("it is damaged: its seal does not fit")
        if environment != self._environment:
            raise self._file.refused(f"it belongs to the environment '{environment}'")
        self._file.check_head(head and head._replace(serial=0) if older else head, lineage, serial)
        return _Rows(lineage, serial, components, pending, deposed, protected, seal)

    def _decoded(
        self, lineage: str, serial: int, components: Iterable[str], pending: Iterable[str], deposed: Iterable[str]
    ) -> AppliedState:
        try:
            applied = decode_components(components)
            operations = [decode_pending(text) for text in pending]
            removals = [decode_pending(text) for text in deposed]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._file.refused("a record in it cannot be read") from error
        return AppliedState(
            self._environment,
            lineage,
            serial,
            {component.address: component for component in applied},
            {operation.component.address: operation for operation in operations},
            {removal.component.identity: removal for removal in removals},
        )

    def _state(self, rows: _Rows) -> AppliedState:
        state = self._decoded(rows.lineage, rows.serial, rows.texts, rows.pending, rows.deposed)
        return replace(state, protected=rows.protected)

    def _exported(self, rows: _Rows) -> str:
        return export(
            self._environment,
            rows.lineage,
            rows.serial,
            rows.texts,
            rows.pending,
            rows.deposed,
            protected=rows.protected,
        )


def _records(connection: sqlite3.Connection, some: Iterable[str] | None) -> list[tuple[int, str, str, str]]:
    """The records in the order in which they came; of components those with some addresses, or all."""
    every = "SELECT position, kind, address, text FROM record"
    if some is None:
        return connection.execute(f"{every} ORDER BY position").fetchall()
    found = connection.execute(f"{every} WHERE kind != ?", (COMPONENT,)).fetchall()
    for address in some:
        found += connection.execute(f"{every} WHERE kind = ? AND address = ?", (COMPONENT, address)).fetchall()
    return sorted(found)


def _cause(error: StackspecError) -> str:
    """Why something failed, in the system's words where it was the system."""
    return str(error.__cause__.strerror if isinstance(error.__cause__, OSError) else error)


def _content(state: AppliedState) -> Iterator[StateChange]:
    """What makes an empty state be this one."""
    for component in state.components.values():
        yield Finish(component.address, component)
    for pending in state.pending.values():
        yield Begin(pending)
    for identity, removal in state.deposed.items():
        yield Depose(identity, removal)
    if state.protected:
        yield Protect(True)
