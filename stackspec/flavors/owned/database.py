"""A SQLite database file that a component may own: used as found, removed only where the component made it.

The mark of ownership is a row in the table `stackspec_owner`. A new database is built beside its place and linked there
when it is finished, so no crash leaves a database of ours that does not say so. A database that was there before never
gets that row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import HookContext, HookError, Observation, Owner, import_command

if TYPE_CHECKING:
    import sqlite3

_OWNER = """
CREATE TABLE stackspec_owner (
    identity TEXT PRIMARY KEY NOT NULL, address TEXT NOT NULL, schema_version INTEGER NOT NULL,
    environment TEXT, lineage TEXT
);
"""
_COMPANIONS = ("-journal", "-wal", "-shm")
"""What SQLite's files beside a database are called behind its name."""
_PATIENCE = 5.0
"""Seconds to wait for another process that writes."""


@dataclass(frozen=True, slots=True)
class DatabaseSchema:
    """What tables a database has.

    Attributes:
        version: Written into the mark of ownership.
        statements: SQL that makes what is missing, and can be run again.
        tables: Table to the columns it must have; one that has other columns is another program's.
    """

    version: int
    statements: str
    tables: Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class OwnedDatabase:
    """A SQLite database at an absolute path, as one component sees it."""

    path: Path
    schema: DatabaseSchema
    context: HookContext

    @property
    def uri(self) -> str:
        """The database as a SQLAlchemy URL."""
        return f"sqlite:///{self.path}"

    def observe(self) -> Observation:
        """Whether it is complete, whose it is, and its journal mode; no file is made or changed.

        Raises:
            HookError: another process does not let it be read.
        """
        import sqlite3

        if not self.path.exists():
            return Observation(provisioned=False, detail=f"{self.path} does not exist")
        if not self.path.is_file() or (mode := _journal_mode(self.path)) is None:
            return Observation(provisioned=False, detail=f"{self.path} is no SQLite database")
        # To read in WAL mode SQLite makes two files, unless they are there or it is told that nobody writes.
        live = self._companion("-wal").exists() and self._companion("-shm").exists()
        try:
            with self._opened("mode=ro" if mode == "delete" or live else "mode=ro&immutable=1") as connection:
                owner, gaps, rows = _owner(connection), self._gaps(connection), _table_with_rows(connection)
        except HookError as error:
            if getattr(error.__cause__, "sqlite_errorcode", None) != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
            return Observation(provisioned=False, detail=f"a write to {self.path} was interrupted, and is to be undone")
        if owner is not None and owner.identity != self.context.identity:
            return Observation(provisioned=False, detail=f"{self.path} belongs to {owner}", owner=owner)
        origin = "made by stackspec" if owner else "was there before"
        content = f"lacks {' and '.join(gaps)}" if gaps else "holds rows" if rows else "empty"
        return Observation(provisioned=not gaps, detail=f"{origin}, {content}", fields={"journal_mode": mode})

    def provision(self, *, journal_mode: str) -> None:
        """Make it, marked as ours, or add the tables that are missing in the one that is there.

        Raises:
            HookError: the file is no database, is another component's, has other tables of our names, or is in use.
        """
        try:
            self._discard_unfinished()
            if not self.path.exists():
                self._make()
            if not self.path.is_file() or _journal_mode(self.path) is None:
                raise HookError(f"{self.path} exists and is not a SQLite database", "use another path, or move it away")
        except OSError as error:
            raise HookError(f"cannot make the database {self.path}: {error.strerror}") from error
        with self._opened("mode=rw") as connection:
            self._refuse_foreign(connection)
            connection.executescript(f"BEGIN IMMEDIATE;{self.schema.statements}COMMIT;")
            self._absorb_journal(connection)
            self._set_journal_mode(connection, journal_mode)

    def deprovision(self, *, delete_rows: bool) -> None:
        """Remove it where it is ours; if it holds rows it stays, no longer marked, unless `delete_rows`.

        Raises:
            HookError: it is in use, damaged, or cannot be removed.
        """
        try:
            self._discard_unfinished()
            if not self.path.is_file() or _journal_mode(self.path) is None:
                return
            with self._opened("mode=rw") as connection:
                owner = _owner(connection)
                if owner is None or owner.identity != self.context.identity:
                    return
                if not delete_rows and (table := _table_with_rows(connection)):
                    connection.execute("DELETE FROM stackspec_owner WHERE identity = ?", (self.context.identity,))
                    self.context.log(f"{self.path} is kept: the table {table} holds rows, and delete_data is false")
                    return
                # Takes in and removes the files beside it, and fails while anyone uses the database. What is left is
                # one file, complete and marked as ours up to the instant at which it is gone.
                self._set_journal_mode(connection, "delete")
                self._absorb_journal(connection)
            # SQLite says nothing where it cannot remove them, and would replay them into the next database here.
            for suffix in _COMPANIONS:
                self._companion(suffix).unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise HookError(f"cannot remove the database {self.path}: {error.strerror}") from error

    def _companion(self, suffix: str) -> Path:
        return self.path.with_name(self.path.name + suffix)

    def _unfinished(self, suffix: str = "") -> Path:
        return self.path.with_name(f".{self.path.name}.{self.context.identity}.new{suffix}")

    def _discard_unfinished(self) -> None:
        for suffix in (*_COMPANIONS, ""):
            self._unfinished(suffix).unlink(missing_ok=True)

    def _make(self) -> None:
        for stray in (self._companion("-wal"), self._companion("-journal")):
            if stray.exists():  # SQLite would replay it into the new database
                raise HookError(f"{stray} is left of a database that is gone", f"remove it, or bring {self.path} back")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._unfinished()
        with self._opened("mode=rwc", fresh) as connection:
            connection.executescript(f"BEGIN;{_OWNER}{self.schema.statements}")
            context = self.context
            mark = (context.identity, str(context.address), self.schema.version, context.environment, context.lineage)
            connection.execute("INSERT INTO stackspec_owner VALUES (?, ?, ?, ?, ?)", mark)
            connection.execute("COMMIT")
        _sync(fresh)
        # Linked and not renamed: a rename would replace a file that someone else made in between.
        os.link(fresh, self.path)
        fresh.unlink()
        _sync(self.path.parent)

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        owner = _owner(connection)
        if owner is not None and owner.identity != self.context.identity:
            raise HookError(
                f"{self.path} belongs to another component, {owner}",
                f"use another path; if that one is forgotten, take it over: {import_command(self.context)}",
            )
        for table in self._gaps(connection):
            if columns := _columns(connection, table):
                lacking = ", ".join(sorted(self.schema.tables[table] - columns))
                raise HookError(
                    f"{self.path} has a table '{table}' of another shape, without {lacking}",
                    "it is another program's database: use another path",
                )

    def _gaps(self, connection: sqlite3.Connection) -> list[str]:
        """The tables that are not there as they should be."""
        return [table for table, columns in self.schema.tables.items() if not columns <= _columns(connection, table)]

    def _absorb_journal(self, connection: sqlite3.Connection) -> None:
        """Have no journal left of a write that was killed before it counted: the next write removes it."""
        if self._companion("-journal").exists():
            self._set_journal_mode(connection, "delete")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            connection.execute(f"PRAGMA user_version = {version}")

    def _set_journal_mode(self, connection: sqlite3.Connection, mode: str) -> None:
        real = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()[0]
        if real != mode:
            raise HookError(f"{self.path} stays in the journal mode {real}: its file system cannot do {mode}")

    @contextmanager
    def _opened(self, access: str, path: Path | None = None) -> Iterator[sqlite3.Connection]:
        """A connection that begins no transactions of its own; `access` is parameters of SQLite's URIs."""
        import sqlite3

        path, timeout = path or self.path, min(_PATIENCE, self.context.remaining())
        try:
            with closing(
                sqlite3.connect(f"{path.as_uri()}?{access}", uri=True, isolation_level=None, timeout=timeout)
            ) as connection:
                yield connection
        except sqlite3.Error as error:
            hint = "stop what uses it, and try again" if "locked" in str(error) else None
            raise HookError(f"cannot use the database {path}: {error}", hint) from error


def database_owner(path: Path) -> str | None:
    """The address of the component that made a file as its database; None for any other file."""
    import sqlite3

    try:
        if not path.is_file() or not path.stat().st_size or _journal_mode(path) is None:
            return None
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            owner = _owner(connection)
    except (OSError, sqlite3.Error):
        return None  # nothing that a component could use
    return str(owner) if owner else None


def _journal_mode(path: Path) -> str | None:
    """The journal mode that the file's header tells; None if it is not a SQLite database. An empty file is one."""
    with open(path, "rb") as file:
        header = file.read(20)
    if not header:
        return "delete"
    if len(header) < 20 or not header.startswith(b"SQLite format 3\0"):
        return None
    return "wal" if header[19] == 2 else "delete"


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _owner(connection: sqlite3.Connection) -> Owner | None:
    """The component that made the database; None if it was there before."""
    if not _columns(connection, "stackspec_owner"):
        return None
    row = connection.execute("SELECT identity, address, environment, lineage FROM stackspec_owner").fetchone()
    return None if row is None else Owner(*row)


def _table_with_rows(connection: sqlite3.Connection) -> str | None:
    """A table that holds data, whoever made it."""
    for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        quoted = name.replace('"', '""')
        if name == "stackspec_owner" or name.startswith("sqlite_"):
            continue
        if connection.execute(f'SELECT 1 FROM "{quoted}" LIMIT 1').fetchone():
            return str(name)
    return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
