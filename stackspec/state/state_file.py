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
from stackspec.state.safekeeping import Head, Safekeeping

APPLICATION_ID = 0x73746B73
"""`stks`: what SQLite's header says of a state file of ours."""
FORMAT = 1
"""The version of the tables, in SQLite's `user_version`."""
_SUFFIXES = ("-wal", "-shm", "-journal")


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
        companions = [self.path.with_name(self.path.name + suffix) for suffix in _SUFFIXES]
        for path in (self.path, *companions):
            if os.path.islink(path):
                raise self.refused("it is a link" if path == self.path else f"{path.name} beside it is a link")
        try:
            # Non-blocking, so that a FIFO in its place cannot hang a command.
            with open(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise self.refused("it is not a regular file")
                header = file.read(100)
        except FileNotFoundError:
            self._refuse_if_gone([path.name for path in companions if os.path.exists(path)])
            return False
        except OSError as error:
            raise StackspecError.of("SS0701", f"cannot read the state {self.path}: {error.strerror}") from error
        if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
            raise self.refused("it is not a SQLite database")
        version, application = struct.unpack(">I4xI", header[60:72])
        if application != APPLICATION_ID:
            raise self.refused("it is another program's database")
        if version > FORMAT:
            raise StackspecError.of(
                "SS0702",
                f"the state {self.path} was written by a newer stackspec (format {version}, this one reads {FORMAT})",
                hint="upgrade stackspec",
            )
        return True

    def check_head(self, head: Head | None, lineage: str, serial: int) -> None:
        """Compare what the state says of itself with what it was seen to be before it was read.

        Raises:
            StackspecError: it is another state, or an older one.
        """
        if head is None:
            return
        if head.lineage != lineage:
            raise self.refused(f"its lineage is {lineage}, and here belongs {head.lineage}")
        if serial < head.serial:
            raise self.refused(f"it is at serial {serial}, and was at {head.serial}: it is an older copy")

    def _refuse_if_gone(self, left: list[str]) -> None:
        # SQLite would carry a journal out on whatever database is made here next.
        head = self.kept.head()
        if not left and (head is None or head.serial == 0):
            return
        was = f"serial {head.serial} of the lineage {head.lineage}" if head else f"{left[0]} of it is still there"
        rest = " and ".join([*left, *([f"{self.path.stem}.head"] if head else [])])
        raise StackspecError.of(
            "SS0701",
            f"the state {self.path} is gone: {was}",
            hint=self._way_out() or f"bring it back from a copy of yours; to begin anew, remove {rest}",
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

    def create(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        """Make the file whole under another name first, so that no crash leaves half of one; what is there goes aside.

        Args:
            fill: Makes the tables and what they hold, given a connection that begins no transactions of its own.
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
        self._set_aside()
        fresh.rename(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _set_aside(self) -> None:
        """Move the file and what SQLite keeps beside it out of the way, under names that nothing reads."""
        number = 1
        if not any(os.path.lexists(self.path.with_name(self.path.name + suffix)) for suffix in ("", *_SUFFIXES)):
            return
        while os.path.lexists(aside := self.path.with_suffix(f".replaced-{number}")):
            number += 1
        for suffix in ("", *_SUFFIXES):
            path = self.path.with_name(self.path.name + suffix)
            if os.path.lexists(path):
                os.replace(path, aside.with_name(aside.name + suffix))

    def connect(self) -> sqlite3.Connection:
        """A connection that can write."""
        return sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)

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
            return sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """What SQLite and the system report as what a user is told."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                why = os.strerror(ENOSPC) if self._disk_is_full() else str(error)
                raise StackspecError.of("SS0704", f"cannot use the state {self.path}: {why}") from error
            raise self.refused(f"it is damaged ({error})") from error
        except OSError as error:
            raise StackspecError.of("SS0704", f"cannot write the state {self.path}: {error.strerror}") from error

    def _disk_is_full(self) -> bool:
        # SQLite calls it an I/O error where it happens to a file in memory that it shares.
        with suppress(OSError):
            return os.statvfs(self.path.parent).f_bavail == 0
        return False
