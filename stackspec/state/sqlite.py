"""The embedded state store: one SQLite file an environment, synchronised at every commit, sealed against damage."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from stackspec.core.address import is_name
from stackspec.state.codec import decode_components, decode_pending, encode_component, encode_pending
from stackspec.state.export import export
from stackspec.state.local_lock import LocalLock
from stackspec.state.model import AppliedState
from stackspec.state.safekeeping import Head
from stackspec.state.seal import Seal
from stackspec.state.state_file import StateFile
from stackspec.state.store import Begin, Finish, StateChange

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE record (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (kind, address)
);
"""
_COMPONENT, _PENDING = "component", "pending"
"""The kinds of records."""


class _Rows(NamedTuple):
    """What the tables hold, checked and not decoded."""

    lineage: str
    serial: int
    components: list[str]
    pending: list[str]
    seal: Seal


@dataclass(slots=True)
class _Writing:
    """What the holder of the lock works with."""

    connection: sqlite3.Connection
    lineage: str
    serial: int
    seal: Seal
    changed: bool = False


class SqliteStateStore:
    """The state of one environment in `folder/NAME.db`; the folder is made at the first write, mode 0700.

    Its rows are under a seal, which tells of every row that is changed, lost or doubled, however SQLite takes it.
    """

    def __init__(self, folder: Path, environment: str) -> None:
        self._environment = environment
        self._file = StateFile(folder, environment)
        self._lock = LocalLock(folder / f"{environment}.lock")
        self._writing: _Writing | None = None

    def read(self) -> AppliedState:
        """See `StateStore.read`; a state that is not there is not made."""
        if self._writing is not None:
            return self._decoded(self._rows(self._writing.connection))
        if not self._file.exists():
            return AppliedState(self._environment)
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            state = self._decoded(self._rows(connection))
        died_or_running = any(pending.failure is None for pending in state.pending.values())
        return replace(state, writer=self.writer()) if died_or_running else state

    def writer(self) -> str | None:
        """See `StateStore.writer`."""
        return self._lock.holder()

    @contextmanager
    def lock(self, purpose: str, timeout: float = 0.0) -> Iterator[None]:
        """See `StateStore.lock`; the kernel frees it when its owner dies. A copy of what comes out is kept."""
        with self._lock.held(purpose, timeout):
            with self._file.reporting():
                if not self._file.exists():
                    self._create(secrets.token_hex(16), 0)
                writing = self._writing = self._begin()
            try:
                yield
            finally:
                self._writing = None
                with self._file.reporting(), closing(writing.connection):
                    if writing.changed:
                        self._file.kept.keep(writing.serial, self._exported(self._rows(writing.connection)))
                    self._file.kept.note(Head(writing.lineage, writing.serial))

    def commit(self, changes: Sequence[StateChange]) -> int:
        """See `StateStore.commit`."""
        writing = self._writing
        assert writing is not None, "commit needs the lock"
        with self._file.reporting():
            connection, serial, seal = writing.connection, writing.serial + 1, writing.seal.copy()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    _write(connection, seal, change)
                _close(connection, self._environment, writing.lineage, serial, seal)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        writing.serial, writing.seal, writing.changed = serial, seal, True
        return serial

    def pull(self) -> str:
        """See `StateStore.pull`."""
        if not self._file.exists():
            return self._exported(_Rows("", 0, [], [], Seal()))
        with self._file.reporting(), closing(self._file.connect_to_read()) as connection:
            return self._exported(self._rows(connection))

    def lineage(self) -> str | None:
        """See `StateStore.lineage`."""
        if (head := self._file.kept.head()) is not None:
            return head.lineage
        return self.read().lineage or None

    def push(self, state: AppliedState) -> int:
        """See `StateStore.push`; what was there, good or damaged, is kept beside it."""
        with self._lock.held("state push"), self._file.reporting():
            head = self._file.kept.head()
            serial = max(state.serial, head.serial if head else 0) + 1
            self._file.set_aside()
            self._create(state.lineage, serial, state)
            self._file.kept.note(Head(state.lineage, serial))
        return serial

    # --- the tables

    def _create(self, lineage: str, serial: int, state: AppliedState | None = None) -> None:
        def fill(connection: sqlite3.Connection) -> None:
            connection.executescript(_TABLES)
            connection.execute("BEGIN")
            seal = Seal()
            for component in state.components.values() if state else ():
                _put(connection, seal, _COMPONENT, str(component.address), encode_component(component))
            for pending in state.pending.values() if state else ():
                _put(connection, seal, _PENDING, str(pending.component.address), encode_pending(pending))
            facts = {"environment": self._environment, "lineage": lineage, "serial": serial, "seal": ""}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(facts.items()))
            _close(connection, self._environment, lineage, serial, seal)
            connection.execute("COMMIT")

        self._file.create(fill)

    def _begin(self) -> _Writing:
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
        return _Writing(connection, rows.lineage, rows.serial, rows.seal)

    def _rows(self, connection: sqlite3.Connection) -> _Rows:
        seal = Seal()
        records: dict[str, list[str]] = {_COMPONENT: [], _PENDING: []}
        connection.execute("BEGIN")
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            for row in connection.execute("SELECT position, kind, address, text FROM record ORDER BY position"):
                seal.put(*row)
                records.setdefault(row[1], []).append(row[3])
        except UnicodeDecodeError as error:
            raise self._file.refused("it is damaged: a text in it is none") from error
        finally:
            connection.execute("COMMIT")
        environment, lineage, serial = str(meta.get("environment")), str(meta.get("lineage")), meta.get("serial")
        if not isinstance(serial, int) or seal.over(environment, lineage, serial) != meta.get("seal"):
            raise self._file.refused("it is damaged: its seal does not fit")
        if environment != self._environment:
            raise self._file.refused(f"it belongs to the environment '{environment}'")
        self._file.check_head(lineage, serial)
        return _Rows(lineage, serial, records[_COMPONENT], records[_PENDING], seal)

    def _decoded(self, rows: _Rows) -> AppliedState:
        try:
            components = decode_components(rows.components)
            pending = [decode_pending(text) for text in rows.pending]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._file.refused("a record in it cannot be read") from error
        return AppliedState(
            self._environment,
            rows.lineage,
            rows.serial,
            {component.address: component for component in components},
            {operation.component.address: operation for operation in pending},
        )

    def _exported(self, rows: _Rows) -> str:
        return export(self._environment, rows.lineage, rows.serial, rows.components, rows.pending)


def _write(connection: sqlite3.Connection, seal: Seal, change: StateChange) -> None:
    match change:
        case Begin(pending):
            _put(connection, seal, _PENDING, str(pending.component.address), encode_pending(pending))
        case Finish(address, component):
            _take(connection, seal, _PENDING, str(address))
            if component is None:
                _take(connection, seal, _COMPONENT, str(address))
            else:
                _put(connection, seal, _COMPONENT, str(address), encode_component(component))


def _put(connection: sqlite3.Connection, seal: Seal, kind: str, address: str, text: str) -> None:
    if (found := _find(connection, kind, address)) is None:
        new = "INSERT INTO record (kind, address, text) VALUES (?, ?, ?)"
        position = connection.execute(new, (kind, address, text)).lastrowid or 0
    else:
        position = found[0]
        seal.take(*found)
        connection.execute("UPDATE record SET text = ? WHERE position = ?", (text, position))
    seal.put(position, kind, address, text)


def _take(connection: sqlite3.Connection, seal: Seal, kind: str, address: str) -> None:
    if (found := _find(connection, kind, address)) is not None:
        seal.take(*found)
        connection.execute("DELETE FROM record WHERE position = ?", (found[0],))


def _find(connection: sqlite3.Connection, kind: str, address: str) -> tuple[int, str, str, str] | None:
    wanted = "SELECT position, kind, address, text FROM record WHERE kind = ? AND address = ?"
    found: tuple[int, str, str, str] | None = connection.execute(wanted, (kind, address)).fetchone()
    return found


def _close(connection: sqlite3.Connection, environment: str, lineage: str, serial: int, seal: Seal) -> None:
    """Put the serial and the seal over what was written."""
    facts = [(serial, "serial"), (seal.over(environment, lineage, serial), "seal")]
    connection.executemany("UPDATE meta SET value = ? WHERE key = ?", facts)


def environments(folder: Path) -> list[str]:
    """The environments that have a state in a folder, by name."""
    return sorted(path.stem for path in folder.glob("*.db") if is_name(path.stem))
