"""State in a PostgreSQL database: a row an object, in a schema of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any, TypeVar

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import PostgresSettings
from stackspec.state.backends.postgres_schema import make_schema, version_of
from stackspec.state.objects import Presence

T = TypeVar("T")

_CONNECTING: dict[str, Any] = {
    "connect_timeout": 5,
    # A firewall forgets a connection that is silent while a hook runs; a host that is gone must be noticed.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "fallback_application_name": "stackspec",
}
_SESSION = (
    # What a commit returns from survives a power cut, whatever the database's own setting is.
    "SET synchronous_commit = on",
    "SET default_transaction_isolation = 'read committed'",
    "SET statement_timeout = '60s'",
    # The server notices a client whose machine is gone, and its session's lock is free.
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)
_MISSING = ("3F000", "42P01")
"""SQLSTATE of a schema and a table that are not there: nothing was written yet."""
_BEAT = 2.0
_BEATS_TO_BE_GONE = 4
"""One until a broken connection is noticed, and time for an attempt to connect that hangs."""


class PostgresObjects:
    """Objects in the table `SCHEMA.object`; the schema is made at the first write.

    Args:
        beat: Seconds between two looks of a run that is present at its connection, which is made anew where it broke.
            A run is gone that is not connected for four of them, so all who share a state take the same.
    """

    def __init__(self, settings: PostgresSettings, beat: float = _BEAT) -> None:
        self._settings = settings
        self._beat = beat
        self._table = f'"{settings.schema}".object'
        self._connection: Any = None
        self._one_at_a_time = Lock()
        """Held while the connection is used, or made."""
        self._is_ready = False
        """Whether the schema is known to be there and of our version."""
        self._present: str | None = None
        self._gone: set[str] = set()
        """Runs that were absent for long enough once."""

    def __str__(self) -> str:
        return f"{self._settings.url} (schema {self._settings.schema})"

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """See `Objects.read`."""
        query = f"SELECT key, data FROM {self._table} WHERE key = ANY(%s)"
        found = dict(self._asked(query, [list(keys)]) or ()) if keys else {}
        return [found.get(key) for key in keys]

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """See `Objects.keys`."""
        query = f"SELECT key FROM {self._table} WHERE key > %s AND starts_with(key, %s) ORDER BY key"
        return [key for (key,) in self._asked(query, [max(prefix, after), prefix]) or ()]

    def folders(self) -> list[str]:
        """See `Objects.folders`."""
        query = f"SELECT DISTINCT split_part(key, '/', 1) COLLATE \"C\" AS folder FROM {self._table} ORDER BY folder"
        return [folder for (folder,) in self._asked(query, []) or ()]

    def create(self, key: str, data: bytes) -> bool:
        """See `Objects.create`."""
        query = f"INSERT INTO {self._table} VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING key"
        rows = self._asked(query, [key, data])
        if rows is None:
            self._steadily(lambda connection: make_schema(connection, self._settings.schema))
            rows = self._asked(query, [key, data])
        return bool(rows)

    def delete(self, keys: Iterable[str]) -> None:
        """See `Objects.delete`."""
        self._asked(f"DELETE FROM {self._table} WHERE key = ANY(%s) RETURNING key", [list(keys)])

    @contextmanager
    def present(self, run_id: str) -> Iterator[None]:
        """See `Objects.present`: the server frees the lock of a session when its connection ends, however it does."""
        ended = Event()
        beating = Thread(target=self._stay_connected, args=[ended], daemon=True, name="stackspec-presence")
        self._present = run_id
        try:
            self._steadily(lambda connection: _hold(connection, self._number(run_id)))
            beating.start()
            yield
        finally:
            ended.set()
            if beating.ident is not None:
                beating.join()
            self._present = None
            self._close()

    def presence(self, run_id: str) -> Presence:
        """See `Objects.presence`; waits until a run that is not connected has had the time to connect anew."""
        give_up_at = monotonic() + _BEATS_TO_BE_GONE * self._beat
        while not self._is_connected(run_id):
            if run_id in self._gone or monotonic() > give_up_at:
                self._gone.add(run_id)
                return Presence.GONE
            sleep(self._beat / 4)
        return Presence.ALIVE

    def _is_connected(self, run_id: str) -> bool:
        query = (
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database()) "
            "AND (classid::bigint << 32) | objid::bigint = %s"
        )
        number = self._number(run_id)
        return bool(self._steadily(lambda connection: connection.execute(query, [number]).fetchall()))

    def _number(self, run_id: str) -> int:
        """The number of the advisory lock that stands for a run."""
        text = f"stackspec\0{self._settings.schema}\0{run_id}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)

    # --- the connection

    def _stay_connected(self, ended: Event) -> None:
        """Look at the connection until a run has ended: no request may be made while a hook runs for an hour."""
        while not ended.wait(self._beat):
            with suppress(StackspecError):  # the next beat tries again, and the next request tells
                self._steadily(lambda connection: connection.execute("SELECT 1"))

    def _asked(self, query: str, values: list[Any]) -> list[Any] | None:
        """The rows that a query gives; None where nothing was written here yet."""

        def ask(connection: Any) -> list[Any] | None:
            from psycopg import Error

            try:
                if not self._is_ready:
                    version_of(connection, self._settings.schema)
                    self._is_ready = True
                found: list[Any] = connection.execute(query, values).fetchall()
                return found
            except Error as error:
                if error.sqlstate in _MISSING:
                    return None
                raise

        return self._steadily(ask)

    def _steadily(self, work: Callable[[Any], T]) -> T:
        """What some work comes to; done once more where the connection was lost, for each is the same done twice."""
        with self._one_at_a_time, self._reporting():
            from psycopg import InterfaceError, OperationalError

            fresh = self._connection is None
            connection = self._connect()
            try:
                return work(connection)
            except (OperationalError, InterfaceError):
                if fresh or not connection.broken:
                    raise
                self._close()
                return work(self._connect())

    def _connect(self) -> Any:
        if self._connection is None:
            import psycopg

            connection = psycopg.connect(self._settings.url, autocommit=True, prepare_threshold=None, **_CONNECTING)
            try:
                for statement in _SESSION:
                    connection.execute(statement)
                if self._present is not None:
                    _hold(connection, self._number(self._present))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """What psycopg reports as what a user is told."""
        try:
            from psycopg import Error, OperationalError
        except ImportError as error:
            message = "the state backend 'postgres' needs psycopg, which is not installed"
            raise StackspecError.of("SS0709", message, hint="pip install 'stackspec[postgres]'") from error
        try:
            yield
        except Error as error:
            # A refusal ends no session: by the session others see that this process is alive.
            if self._connection is not None and self._connection.closed:
                self._close()
            lost = isinstance(error, OperationalError) and error.sqlstate is None
            what = "cannot reach the state in" if lost else "cannot use the state in"
            hint = (
                "look at the network, at 'url', and at PGPASSWORD or ~/.pgpass"
                if lost
                else f"the user needs to read and write in the schema '{self._settings.schema}', or to make it"
            )
            why = " ".join(str(error).split())
            raise StackspecError.of("SS0709", f"{what} {self}: {why}", hint=hint) from error


def _hold(connection: Any, number: int) -> None:
    # Shared, for the session of a connection that broke may live on for a while.
    connection.execute("SELECT pg_advisory_lock_shared(%s)", [number])
