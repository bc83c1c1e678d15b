"""The file of a local state: made whole, refused where it is not ours, older than it was, or gone."""

from __future__ import annotations

import os
import sqlite3
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from errno import ENOSPC
from pathlib import Path

from stackspec.core.diagnostic import StackspecError
from stackspec.core.whole_file import sync_folder
from stackspec.state.safekeeping import Head, Safekeeping

APPLICATION_ID = 0x73746B73
"""`stks`: what SQLite's header says of a state file of ours."""
FORMAT = 1
"""The version of the tables, in SQLite's `user_version`."""
_SUFFIXES = ("-wal", "-shm", "-journal")
_LEGACY, _WRITE_AHEAD = b"\1\1", b"\2\2"
"""The versions to write and to read by, in SQLite's header: as a file is made, and once it was written to."""
_HINDRANCES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""SQLite's errors that say nothing of what is in the file; all others do, for what we ask of a good one is right."""


class StateFile:
    """`folder/NAME.db`, a SQLite database in write-ahead mode."""

    def __init__(self, folder: Path, environment: str) -> None:
        self.path = folder / f"{environment}.db"
        self.kept = Safekeeping(folder, environment)

    def exists(self) -> bool:
        """Whether there is a state; a look at its first bytes.

        Raises:
            StackspecError: what is there is not a state of ours, or of a newer version, or a state that was there is
                gone.
        """
        header = self._header()
        if header is None:
            if not (traces := self._traces()):
                return False
            # The first run of all may have made it between the two looks; but whatever left the traces made it before.
            header = self._header()
            if header is None:
                raise self._gone(traces)
        self._check_header(header)
        return True

    def _header(self) -> bytes | None:
        """Its first bytes; None where there is no file."""
        for path in (self.path, *self._companions()):
            if os.path.islink(path):
                raise self.refused("it is a link" if path == self.path else f"{path.name} beside it is a link")
        try:
            # Non-blocking, so that a FIFO in its place cannot hang a command.
            with open(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self.refused("it is not a regular file")
                return file.read(100)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read the state {self.path}: {error.strerror}") from error

    def _check_header(self, header: bytes) -> None:
        if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
            raise self.refused("it is not a SQLite database")
        version, application = struct.unpack(">I4xI", header[60:72])
        if application != APPLICATION_ID:
            raise self.refused("it is another program's database")
        if header[18:20] not in (_LEGACY, _WRITE_AHEAD):
            raise self.refused("it is damaged: its header")  # SQLite would read it without what is in its journal
        if version > FORMAT:
            copy = self.kept.last_good_copy()
            damaged = f"; if there never was a newer one, it is damaged: stackspec state push --force {copy}"
            raise StackspecError.of(
                "SS0702",
                f"the state {self.path} was written by a newer stackspec (format {version}, this one reads {FORMAT})",
                hint=f"upgrade stackspec{damaged if copy else ''}",
            )

    def check_head(self, head: Head | None, lineage: str, serial: int) -> None:
        """Compare what the state says of itself with what it was seen to be before it was read.

        Raises:
            StackspecError: it is another state, or an older one.
        """
        if head is None:
            return
        # A push may have brought another lineage after the head was looked at, which then says so by now, or nothing.
        if head.lineage != lineage and (now := self.kept.head()) is not None and now.lineage == head.lineage:
            raise self.refused(f"its lineage is {lineage}, and here belongs {head.lineage}")
        if head.lineage == lineage and serial < head.serial:
            raise self.refused(f"it is at serial {serial}, and was at {head.serial}: it is an older copy")

    def _companions(self) -> list[Path]:
        """Where SQLite keeps what belongs to the file."""
        return [self.path.with_name(self.path.name + suffix) for suffix in _SUFFIXES]

    def _traces(self) -> list[str]:
        """The names of what tells that there was a state which held something."""
        # SQLite would carry a journal out on whatever database is made here next.
        left = [path.name for path in self._companions() if os.path.exists(path)]
        head = self.kept.head()
        return [*left, f"{self.path.stem}.head"] if head is not None and head.serial else left

    def _gone(self, traces: list[str]) -> StackspecError:
        head = self.kept.head()
        was = f"serial {head.serial} of the lineage {head.lineage}" if head else f"{traces[0]} of it is still there"
        return StackspecError.of(
            "SS0701",
            f"the state {self.path} is gone: {was}",
            hint=self._way_out() or f"bring it back from a copy of yours; to begin anew, remove {' and '.join(traces)}",
        )

    def refused(self, why: str) -> StackspecError:
        """The error of a file that is not, or no longer, the state that belongs here."""
        return StackspecError.of(
            "SS0701",
            f"{self.path} is not a good state of stackspec: {why}; it was left untouched",
            hint=self._way_out() or "restore the right file; to begin anew, move it away",
        )

    def _way_out(self) -> str | None:
        copy = self.kept.last_good_copy()
        if copy is None:
            return None
        serial = copy.suffixes[0].lstrip(".")
        return f"take the last good copy, at serial {serial}, without what was made since: stackspec state push {copy}"

    def create(self, fill: Callable[[sqlite3.Connection], None], head: Head) -> None:
        """Make the file whole under another name first, so that no crash leaves half of one; what is there goes aside.

        Args:
            fill: Makes the tables and what they hold, given a connection that begins no transactions of its own.
            head: What it will be.
        """
        fresh = self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.executescript(f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};")
                fill(connection)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        if self._is_there() or self.kept.head() is not None:
            # Before anything is moved: what is refused as it is may pass for a good older state without its journal.
            self.kept.note(head)
            self._set_aside()
        os.replace(fresh, self.path)
        sync_folder(self.path.parent)

    def _is_there(self) -> bool:
        """Whether anything is in its place, or in that of a companion, whatever it is."""
        return any(os.path.lexists(path) for path in (self.path, *self._companions()))

    def _set_aside(self) -> None:
        """Give what is there names that nothing reads.

        The file keeps its own name too, until the new one takes it: a reader is told of damage, and not that the state
        is gone. Its journals lose theirs, for SQLite would carry them out on the new file.
        """
        number = 1
        while os.path.lexists(aside := self.path.with_suffix(f".replaced-{number}")):
            number += 1
        for path in (self.path, *self._companions()):
            if os.path.lexists(path):
                _link_or_move(path, aside.with_name(path.name.replace(self.path.name, aside.name)))
        for path in self._companions():
            path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def connect(self) -> sqlite3.Connection:
        """A connection that can write."""
        return _strict(sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False))

    def connect_to_read(self) -> sqlite3.Connection:
        """A connection that also works where nothing can be written: to a read-only folder, to a full disk."""
        connection = self.connect()
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            connection.close()
            journal = self.path.with_name(f"{self.path.name}-wal")
            if journal.exists() and journal.stat().st_size:
                raise
            # To read in write-ahead mode SQLite makes two files, unless it is told that nobody writes; nobody can here.
            unwritten = f"{self.path.as_uri()}?mode=ro&immutable=1"
            return _strict(sqlite3.connect(unwritten, uri=True, isolation_level=None))
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """What SQLite and the system report as what a user is told; never a part of what the file holds."""
        try:
            yield
        except UnicodeDecodeError as error:
            raise self.refused("it is damaged: a text in it is none") from error
        except sqlite3.DatabaseError as error:
            if _primary(error) in _HINDRANCES:
                why = os.strerror(ENOSPC) if self._disk_is_full() else str(error)
                raise StackspecError.of("SS0704", f"cannot use the state {self.path}: {why}") from error
            # SQLite's own words may quote a damaged schema, in which anything may stand.
            raise self.refused(f"it is damaged ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})") from error
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write the state {self.path}: {error.strerror}") from error

    def _disk_is_full(self) -> bool:
        # SQLite calls it an I/O error where it happens to a file in memory that it shares.
        with suppress(OSError):
            return os.statvfs(self.path.parent).f_bavail == 0
        return False


def _strict(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Have what is no text be a `UnicodeDecodeError`; the error that Python has for it else quotes all of it."""
    connection.text_factory = bytes.decode
    return connection


def _primary(error: sqlite3.Error) -> int:
    """SQLite's number of a kind of error, without what it adds to tell where."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _link_or_move(path: Path, target: Path) -> None:
    """Give something another name, beside its own where it is something that can have two."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError:
        os.rename(path, target)
