"""The embedded state store: one SQLite file an environment, in write-ahead mode, synchronised at every commit."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from stackspec.core.address import is_name
from stackspec.core.diagnostic import StackspecError
from stackspec.state.codec import decode_component, decode_pending, encode_component, encode_pending
from stackspec.state.local_lock import LocalLock
from stackspec.state.model import AppliedState
from stackspec.state.store import Begin, Finish, StateChange

APPLICATION_ID = 0x73746B73
"""`stks`: what SQLite's header says of a state file of ours."""
FORMAT = 1
"""The version of the tables, in SQLite's `user_version`."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE component (position INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
CREATE TABLE pending (position INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
"""


class SqliteStateStore:
    """The state of one environment in `folder/NAME.db`; the folder is made at the first write, mode 0700."""

    def __init__(self, folder: Path, environment: str) -> None:
        self._folder = folder
        self._environment = environment
        self.path = folder / f"{environment}.db"
        self._lock = LocalLock(folder / f"{environment}.lock")
        self._writer: sqlite3.Connection | None = None

    def read(self) -> AppliedState:
        """See `StateStore.read`; a state that is not there is not made."""
        if self._writer is not None:
            return self._read(self._writer)
        if not self._exists():
            return AppliedState(self._environment)
        with self._reporting(), closing(self._connect_to_read()) as connection:
            state = self._read(connection)
        died_or_running = any(pending.failure is None for pending in state.pending.values())
        return replace(state, writer=self.writer()) if died_or_running else state

    def writer(self) -> str | None:
        """See `StateStore.writer`."""
        return self._lock.holder()

    @contextmanager
    def lock(self, purpose: str, timeout: float = 0.0) -> Iterator[None]:
        """See `StateStore.lock`; the kernel frees it when its owner dies."""
        with self._lock.held(purpose, timeout):
            with self._reporting():
                if not self._exists():
                    self._create()
                self._writer = self._connect()
                self._writer.execute("PRAGMA journal_mode = WAL")
                self._writer.execute("PRAGMA synchronous = FULL")
            try:
                yield
            finally:
                self._writer.close()
                self._writer = None

    def commit(self, changes: Sequence[StateChange]) -> int:
        """See `StateStore.commit`."""
        writer = self._writer
        assert writer is not None, "commit needs the lock"
        with self._reporting():
            writer.execute("BEGIN IMMEDIATE")
            try:
                for change in changes:
                    self._write(writer, change)
                writer.execute("UPDATE meta SET value = value + 1 WHERE key = 'serial'")
                (serial,) = writer.execute("SELECT value FROM meta WHERE key = 'serial'").fetchone()
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        return int(serial)

    # --- the file

    def _exists(self) -> bool:
        companions = [self.path.with_name(self.path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
        for path in (self.path, *companions):
            if os.path.islink(path):
                raise self._foreign("it is a link" if path == self.path else f"{path.name} beside it is a link")
        try:
            # Non-blocking, so that a FIFO in its place cannot hang a command.
            with open(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self._foreign("it is not a regular file")
                header = file.read(100)
        except FileNotFoundError:
            # SQLite would carry them out on whatever database is made here next.
            if left := [path.name for path in companions if os.path.exists(path)]:
                raise StackspecError.of(
                    "SS0701",
                    f"the state {self.path} is gone, and {left[0]} of it is still there",
                    hint=f"bring {self.path.name} back from a copy; to begin anew, remove {' and '.join(left)}",
                ) from None
            return False
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read the state {self.path}: {error.strerror}") from error
        if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
            raise self._foreign("it is not a SQLite database")
        version, application = struct.unpack(">I4xI", header[60:72])
        if application != APPLICATION_ID:
            raise self._foreign("it is another program's database")
        if version > FORMAT:
            raise StackspecError.of(
                "SS0702",
                f"the state {self.path} was written by a newer stackspec (format {version}, this one reads {FORMAT})",
                hint="upgrade stackspec",
            )
        return True

    def _foreign(self, why: str) -> StackspecError:
        return StackspecError.of(
            "SS0701",
            f"{self.path} is not a state of stackspec: {why}; it was left untouched",
            hint="move it away, or restore the right file",
        )

    def _create(self) -> None:
        """Make the file whole under another name first, so that no crash leaves half of one."""
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.executescript(
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; {_TABLES}"
            )
            meta = {"environment": self._environment, "lineage": secrets.token_hex(16), "serial": 0}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        fresh.rename(self.path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)

    def _connect_to_read(self) -> sqlite3.Connection:
        """A connection that also works where nothing may be written."""
        journal = self.path.with_name(f"{self.path.name}-wal")
        if os.access(self._folder, os.W_OK) or os.path.exists(journal):
            return self._connect()
        # To read in write-ahead mode SQLite makes two files, unless it is told that nobody writes; nobody can here.
        return sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)

    # --- the tables

    def _read(self, connection: sqlite3.Connection) -> AppliedState:
        connection.execute("BEGIN")
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
            if not isinstance(meta["serial"], int) or not isinstance(meta["lineage"], str):
                raise TypeError("the serial is a number and the lineage a text")
            components = [
                decode_component(text)
                for (text,) in connection.execute("SELECT record FROM component ORDER BY position")
            ]
            pending = [
                decode_pending(text) for (text,) in connection.execute("SELECT record FROM pending ORDER BY position")
            ]
            state = AppliedState(
                self._environment,
                meta["lineage"],
                meta["serial"],
                {component.address: component for component in components},
                {operation.component.address: operation for operation in pending},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._foreign("a record in it cannot be read") from error
        finally:
            connection.execute("COMMIT")
        if meta.get("environment") != self._environment:
            raise self._foreign(f"it belongs to the environment '{meta.get('environment')}'")
        return state

    @staticmethod
    def _write(writer: sqlite3.Connection, change: StateChange) -> None:
        put = (
            "INSERT INTO {} (address, record) VALUES (?, ?)"
            " ON CONFLICT (address) DO UPDATE SET record = excluded.record"
        )
        match change:
            case Begin(pending):
                writer.execute(put.format("pending"), (str(pending.component.address), encode_pending(pending)))
            case Finish(address, component):
                writer.execute("DELETE FROM pending WHERE address = ?", (str(address),))
                if component is None:
                    writer.execute("DELETE FROM component WHERE address = ?", (str(address),))
                else:
                    writer.execute(put.format("component"), (str(address), encode_component(component)))

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise StackspecError.of("SS0704", f"cannot use the state {self.path}: {error}") from error
            raise self._foreign(f"it is damaged ({error})") from error
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write the state {self.path}: {error.strerror}") from error


def environments(folder: Path) -> list[str]:
    """The environments that have a state in a folder, by name."""
    return sorted(path.stem for path in folder.glob("*.db") if is_name(path.stem))
