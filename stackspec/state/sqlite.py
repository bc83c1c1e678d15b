"""The embedded state store: one SQLite file an environment, synchronised at every commit, sealed against damage."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stackspec.core.diagnostic import StackspecError
from stackspec.state.codec import decode_components, decode_pending
from stackspec.state.export import export
from stackspec.state.local_lock import LocalLock
from stackspec.state.model import AppliedState
from stackspec.state.patience import Patience
from stackspec.state.run import Run
from stackspec.state.safekeeping import Head
from stackspec.state.seal import Seal
from stackspec.state.sqlite_history import HISTORY_TABLES, HistoryError, HistoryWriter, chapters, records_at
from stackspec.state.sqlite_records import COMPONENT, DEPOSED, RECORD_TABLES, Records, Rows
from stackspec.state.state_file import StateFile
from stackspec.state.store import Begin, Chapter, Depose, Finish, StateChange, locked, no_such_lock

MOST_RUNS = 100
"""How many runs are remembered where the project does not say."""


class _Rows(NamedTuple):
    """What the tables hold, checked and not decoded."""

    lineage: str
    serial: int
    components: Rows
    pending: list[str]
    deposed: list[str]
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
    """

    def __init__(self, folder: Path, environment: str, history: int = MOST_RUNS) -> None:
        self._environment = environment
        self._most_runs = history
        self._file = StateFile(folder, environment)
        self._lock = LocalLock(folder / f"{environment}.lock")
        self._writing: _Writing | None = None

    def read(self) -> AppliedState:
        """See `StateStore.read`; a state that is not there is not made."""
        if self._writing is not None:
            return self._state(self._rows(self._writing.connection))
        if not self._file.exists():
            return AppliedState(self._environment)
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            state = self._state(self._rows(connection))
        return replace(state, writer=self.writer()) if state.is_in_flight else state

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
            rows = self._rows(connection)
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
                    self._create(secrets.token_hex(16), 0)
                writing = self._writing = self._begin(run)
            try:
                yield
            finally:
                self._writing = None
                with self._file.reporting(), closing(writing.connection):
                    if writing.history.begun:
                        self._file.kept.keep(writing.serial, self._exported(self._rows(writing.connection)))
                    self._file.kept.note(Head(writing.lineage, writing.serial))

    def commit(self, changes: Sequence[StateChange]) -> int:
        """See `StateStore.commit`."""
        writing = self._writing
        assert writing is not None, "commit needs the lock"
        with self._file.reporting():
            connection, serial, seal = writing.connection, writing.serial + 1, writing.seal.copy()
            connection.execute("BEGIN IMMEDIATE")
            records = Records(connection, seal, partial(writing.history.image, serial))
            try:
                for change in changes:
                    records.write(change)
                writing.history.close(serial, seal.of(COMPONENT))
                records.close(self._environment, writing.lineage, serial)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        writing.serial, writing.seal, writing.history.begun = serial, seal, True
        return serial

    def pull(self) -> str:
        """See `StateStore.pull`."""
        if not self._file.exists():
            return self._exported(_Rows("", 0, {}, [], [], Seal()))
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            return self._exported(self._rows(connection))

    def lineage(self) -> str | None:
        """See `StateStore.lineage`."""
        if (head := self._file.kept.head()) is not None:
            return head.lineage
        return self.read().lineage or None

    def push(self, state: AppliedState, run: Run) -> int:
        """See `StateStore.push`; what was there, good or damaged, is kept beside it."""
        with self._lock.held(run), self._file.reporting():
            head = self._file.kept.head()
            serial = max(state.serial, head.serial if head else 0) + 1
            self._create(state.lineage, serial, state, run)
            self._file.kept.note(Head(state.lineage, serial))
        return serial

    def _unknown(self, serial: int, why: str) -> StackspecError:
        message = f"what '{self._environment}' held at serial {serial} is not known: {why}"
        return StackspecError.of("SS0712", message, hint="see: stackspec state history")

    # --- the tables

    def _create(self, lineage: str, serial: int, state: AppliedState | None = None, run: Run | None = None) -> None:
        """Make the file; of a state that was pushed, with the run that pushed it."""

        def fill(connection: sqlite3.Connection) -> None:
            connection.executescript(RECORD_TABLES + HISTORY_TABLES)
            connection.execute("BEGIN")
            facts = {"environment": self._environment, "lineage": lineage, "serial": serial, "seal": ""}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
            seal = Seal()
            records = Records(connection, seal)
            if state is not None and run is not None:
                for component in state.components.values():
                    records.write(Finish(component.address, component))
                for pending in state.pending.values():
                    records.write(Begin(pending))
                for identity, removal in state.deposed.items():
                    records.write(Depose(identity, removal))
                HistoryWriter(connection, run, self._most_runs).close(serial, seal.of(COMPONENT))
            records.close(self._environment, lineage, serial)
            connection.execute("COMMIT")

        self._file.create(fill)

    def _begin(self, run: Run) -> _Writing:
        connection = self._file.connect()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What reads well may still be damaged where a write will go.
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise self._file.refused(f"it is damaged ({verdict})")
            rows = self._rows(connection)
        except BaseException:
            connection.close()
            raise
        history = HistoryWriter(connection, run, self._most_runs)
        return _Writing(connection, rows.lineage, rows.serial, rows.seal, history)

    def _rows(self, connection: sqlite3.Connection) -> _Rows:
        # Before the rows: a writer may come further between the two looks.
        head = self._file.kept.head()
        seal = Seal()
        components: Rows = {}
        pending: list[str] = []
        deposed: list[str] = []
        connection.execute("BEGIN")
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            for row in connection.execute("SELECT position, kind, address, text FROM record ORDER BY position"):
                seal.put(*row)
                position, kind, address, text = row
                if kind == COMPONENT:
                    components[position] = (address, text)
                else:
                    (deposed if kind == DEPOSED else pending).append(text)
        except UnicodeDecodeError as error:
            raise self._file.refused("it is damaged: a text in it is none") from error
        finally:
            connection.execute("COMMIT")
        environment, lineage, serial = str(meta.get("environment")), str(meta.get("lineage")), meta.get("serial")
        if not isinstance(serial, int) or seal.over(environment, lineage, serial) != meta.get("seal"):
            raise self._file.refused("it is damaged: its seal does not fit")
        if environment != self._environment:
            raise self._file.refused(f"it belongs to the environment '{environment}'")
        self._file.check_head(head, lineage, serial)
        return _Rows(lineage, serial, components, pending, deposed, seal)

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
        return self._decoded(rows.lineage, rows.serial, rows.texts, rows.pending, rows.deposed)

    def _exported(self, rows: _Rows) -> str:
        return export(self._environment, rows.lineage, rows.serial, rows.texts, rows.pending, rows.deposed)
