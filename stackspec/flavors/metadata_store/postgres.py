"""Metadata in a PostgreSQL database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stackspec.flavors.contract import HookContext, HookError, Owner, setting
from stackspec.flavors.extras import require_imports
from stackspec.flavors.owned.bucket import mark_of, owner_in
from stackspec.flavors.owned.served_database import DatabaseConfig, DatabaseFlavor, is_encrypted, role_of, seconds_for

if TYPE_CHECKING:
    import psycopg

_PATIENCE = 10
"""Seconds to reach the server."""
_LONGEST = 120
"""Seconds that a statement may take."""


class PostgresMetadataStore(DatabaseFlavor):
    """A database of a PostgreSQL server, and a role for it; one that was there before is used, and never deleted."""

    flavor = "postgres"
    extra = "postgres"
    imports = ("psycopg",)
    requirements = ("psycopg[binary]>=3.2",)
    scheme = "postgresql+psycopg"

    class Config(DatabaseConfig):
        """A database of a PostgreSQL server, 13 or later."""

        port: int = setting("The port.", default=5432, requires_replacement=True, minimum=1, maximum=65535)
        admin_database: str = setting("The database that the administrator connects to.", default="postgres")

    config: Config

    def tls_query(self) -> str:
        """As libpq's URIs have it."""
        return f"?sslmode=verify-full&sslrootcert={quote(_authorities(self.config, self.context))}"

    @contextmanager
    def reached(self) -> Iterator[_Database]:
        """The database; what psycopg reports becomes what a user is told."""
        require_imports(self)
        import psycopg

        config = self.config
        database = _Database(config, self.context)
        try:
            with database:
                yield database
        except psycopg.Error as error:
            raise _told(error, f"{config.host}:{config.port}", str(database)) from error.with_traceback(None)


class _Database:
    """See `ServedDatabase`; a connection to each database that is asked about is made once."""

    def __init__(self, config: PostgresMetadataStore.Config, context: HookContext) -> None:
        self._config = config
        self._context = context
        self._role = role_of(context, config.database)
        self._unfinished = f"{self._role}_new"
        """What the database is called until it has its mark."""
        self._open: dict[str, psycopg.Connection[Any]] = {}

    def __enter__(self) -> None:
        self._connection(self._config.admin_database)

    def __exit__(self, *_: object) -> None:
        for connection in self._open.values():
            connection.close()

    def __str__(self) -> str:
        return f"the database {self._config.database}"

    def exists(self) -> bool:
        return self._is_there(self._config.database)

    def make(self) -> bool:
        from psycopg.errors import DuplicateDatabase

        # A comment is no part of CREATE DATABASE, but a rename happens at once.
        if not self._is_there(self._unfinished):
            self._run("CREATE DATABASE {}", [self._unfinished])
        self._comment(self._unfinished, json.dumps(mark_of(self._context)))
        try:
            self._run("ALTER DATABASE {} RENAME TO {}", [self._unfinished, self._config.database])
        except DuplicateDatabase:
            self._run("DROP DATABASE {}", [self._unfinished])
            return False
        return True

    def owner(self) -> Owner | None:
        question = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
        comment = self._one(question, self._config.database)
        # Databases have comments for many reasons.
        found = owner_in(comment.encode()) if comment and comment.startswith('{"identity"') else None
        return found if found and found.identity else None

    def mark(self) -> None:
        raise HookError(f"{self} lost its mark as it was made", "look at who else sets its comment")

    def release(self) -> None:
        self._comment(self._config.database, None)

    def tables(self) -> int:
        question = (
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind = ANY (%s) AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema' "
            "AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"  # of an extension
        )
        return int(self._one(question, list("rpmf"), database=self._config.database))

    def remove(self) -> None:
        self._disconnect(self._config.database)
        force = " WITH (FORCE)" if self._config.delete_data else ""
        self._run(f"DROP DATABASE IF EXISTS {{}}{force}", [self._config.database])

    def role_exists(self) -> bool:
        return bool(self._one("SELECT count(*) FROM pg_roles WHERE rolname = %s", self._role))

    def trouble(self) -> str:
        import psycopg

        try:
            self._connect(self._config.database, self._role, self._config.password).close()
        except psycopg.OperationalError as error:
            return f"{self}: the role {self._role} cannot log in ({_code(error)})"
        return ""

    def connection_limit(self) -> int:
        return max(0, int(self._one("SELECT rolconnlimit FROM pg_roles WHERE rolname = %s", self._role)))

    def grant(self) -> None:
        config, role = self._config, self._role
        if not self.role_exists():
            self._run("CREATE ROLE {}", [role])
        # The server gets what it would keep of the password, which so is in no log.
        encrypted = self._admin.pgconn.encrypt_password(config.password.encode(), role.encode(), b"scram-sha-256")
        limit = config.connection_limit or -1
        self._run(f"ALTER ROLE {{}} LOGIN CONNECTION LIMIT {limit} PASSWORD %s", [role], encrypted.decode())
        self._run("GRANT ALL ON DATABASE {} TO {}", [config.database, role])
        self._run("GRANT ALL ON SCHEMA public TO {}", [role], database=config.database)
        question = "SELECT has_schema_privilege(%s, 'public', 'CREATE')"
        if not self._one(question, role, database=config.database):
            raise HookError(
                f"{config.admin_user} may not grant rights in {self}", "use an administrator who owns the database"
            )

    def remove_role(self) -> None:
        if self._is_there(self._unfinished):
            self._run("DROP DATABASE IF EXISTS {}", [self._unfinished])
        if not self.role_exists():
            return
        if self.exists():
            database = self._config.database
            self._run("GRANT {} TO CURRENT_USER", [self._role])  # only who has a role may take over what it owns
            self._run("REASSIGN OWNED BY {} TO CURRENT_USER", [self._role], database=database)
            self._run("DROP OWNED BY {}", [self._role], database=database)
        self._run("DROP ROLE IF EXISTS {}", [self._role])

    @property
    def _admin(self) -> psycopg.Connection[Any]:
        return self._connection(self._config.admin_database)

    def _is_there(self, database: str) -> bool:
        return bool(self._one("SELECT count(*) FROM pg_database WHERE datname = %s", database))

    def _comment(self, database: str, text: str | None) -> None:
        self._run("COMMENT ON DATABASE {} IS %s", [database], text)

    def _one(self, question: str, value: Any, *, database: str | None = None) -> Any:
        seconds_for(self._context, _LONGEST)
        row = self._connection(database).execute(question.encode(), (value,)).fetchone()
        return None if row is None else row[0]

    def _run(self, statement: str, names: Sequence[str], *values: Any, database: str | None = None) -> None:
        """Run a statement; names stand for `{}`, texts for `%s`, since what defines things takes no parameters."""
        from psycopg import sql

        seconds_for(self._context, _LONGEST)
        text = sql.SQL(statement.replace("%s", "{}")).format(*map(sql.Identifier, names), *map(sql.Literal, values))
        self._connection(database).execute(text)

    def _connection(self, database: str | None) -> psycopg.Connection[Any]:
        name, config = database or self._config.admin_database, self._config
        if name not in self._open:
            self._open[name] = self._connect(name, config.admin_user, config.admin_password)
        return self._open[name]

    def _disconnect(self, database: str) -> None:
        if database in self._open:
            self._open.pop(database).close()

    def _connect(self, database: str, user: str, password: str | None) -> psycopg.Connection[Any]:
        import psycopg

        config, context = self._config, self._context
        return psycopg.connect(
            host=config.host,
            port=config.port,
            dbname=database,
            user=user,
            password=password,
            autocommit=True,
            connect_timeout=seconds_for(context, _PATIENCE),
            options=f"-c statement_timeout={seconds_for(context, _LONGEST) * 1000}",
            application_name="stackspec",
            sslmode="verify-full" if is_encrypted(config) else "disable",
            sslrootcert=_authorities(config, context) if is_encrypted(config) else None,
        )


def _authorities(config: PostgresMetadataStore.Config, context: HookContext) -> str:
    """Whose certificates are trusted, as libpq has it."""
    return str(context.path(config.tls_ca)) if config.tls_ca else "system"


def _code(error: psycopg.Error) -> str:
    """What an error is called; its text may quote what was sent."""
    text = str(error).lower()
    if error.sqlstate is None and "password authentication failed" in text:
        return "the password is refused"
    if error.sqlstate is None and "pg_hba.conf" in text:
        return "pg_hba.conf lets nobody in from here"
    return error.sqlstate or type(error).__name__


def _told(error: psycopg.Error, server: str, database: str) -> HookError:
    from psycopg import errors

    if isinstance(error, errors.ObjectInUse):
        return HookError(f"{database} is in use", "stop what is connected to it, and try again", transient=True)
    if isinstance(error, errors.InsufficientPrivilege):
        return HookError(f"{server}: the administrator may not do that", "use one who may create databases and roles")
    if isinstance(error, errors.QueryCanceled):
        return HookError(f"{server}: out of time", "look at what locks the database, and try again")
    why = _code(error)
    if "password" in why or "pg_hba" in why or why.startswith("28"):
        message = f"{server}: the administrator cannot log in ({why})"
        return HookError(message, "look at 'admin_user' and 'admin_password', and at the server's pg_hba.conf")
    if isinstance(error, errors.OperationalError) and error.sqlstate is None:
        message = f"{server}: no PostgreSQL server answers, or not as it should ({why})"
        return HookError(message, "look at 'host', 'port' and 'tls', and at whether it runs", transient=True)
    return HookError(f"{server}: the server refuses ({why})", "look at the config and at the server's log")
