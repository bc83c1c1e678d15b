"""Metadata in a database of MySQL or MariaDB."""

from __future__ import annotations

import hashlib
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
    import ssl

    import pymysql

_PATIENCE = 10
"""Seconds to reach the server."""
_LONGEST = 120
"""Seconds for an answer."""
_MARK = "stackspec_owner"
"""The table that is the mark, where a server keeps no comment of a database."""
_REFUSED = {1045, 1698, 1251}
"""The numbers of errors for who cannot log in; they are MySQL's, and MariaDB's."""
_DENIED = {1044, 1142, 1227, 1410}
_EXISTS = 1007


class MysqlMetadataStore(DatabaseFlavor):
    """A database of a MySQL or MariaDB server, and a user for it; one that was there before is never deleted."""

    flavor = "mysql"
    extra = "mysql"
    imports = ("pymysql",)
    requirements = ("pymysql[rsa]>=1.1",)
    scheme = "mysql+pymysql"

    class Config(DatabaseConfig):
        """A database of a server of MySQL, 8 or later, or MariaDB, 10.5 or later."""

        port: int = setting("The port.", default=3306, requires_replacement=True, minimum=1, maximum=65535)

    config: Config

    def tls_query(self) -> str:
        """As PyMySQL's arguments have it."""
        import ssl

        authorities = self.config.tls_ca
        file = str(self.context.path(authorities)) if authorities else ssl.get_default_verify_paths().cafile or ""
        return f"?ssl_ca={quote(file)}&ssl_verify_cert=true&ssl_verify_identity=true"

    @contextmanager
    def reached(self) -> Iterator[_Database]:
        """The database; what PyMySQL reports becomes what a user is told."""
        require_imports(self)
        import pymysql

        config = self.config
        try:
            database = _Database(config, self.context)
            with database:
                yield database
        except pymysql.Error as error:
            raise _told(error, f"{config.host}:{config.port}") from error.with_traceback(None)


class _Database:
    """See `ServedDatabase`."""

    def __init__(self, config: MysqlMetadataStore.Config, context: HookContext) -> None:
        self._config = config
        self._context = context
        self._role = role_of(context, config.database)
        self._connection = self._connect(config.admin_user, config.admin_password or "")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __str__(self) -> str:
        return f"the database {self._config.database}"

    def exists(self) -> bool:
        question = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = %s"
        return bool(self._one(question, self._config.database))

    def make(self) -> bool:
        import pymysql

        # What is behind the number is a comment to other servers, which keep no comment of a database.
        mark = "/*M!100500 COMMENT %s */"
        try:
            self._run(f"CREATE DATABASE {{}} CHARACTER SET utf8mb4 {mark}", [self._config.database], self._mark)
        except pymysql.ProgrammingError as error:
            if error.args[0] == _EXISTS:
                return False
            raise
        return True

    def owner(self) -> Owner | None:
        comment = None
        if self._is_mariadb:
            question = "SELECT schema_comment FROM information_schema.schemata WHERE schema_name = %s"
            comment = self._one(question, self._config.database)
        elif self._has_mark_table():
            comment = self._one(self._named("SELECT mark FROM {}.{} WHERE 1 = %s", [self._config.database, _MARK]), 1)
        found = owner_in(comment.encode()) if comment and comment.startswith('{"identity"') else None
        return found if found and found.identity else None

    def mark(self) -> None:
        table = [self._config.database, _MARK]
        # Made with its row at once.
        self._run("CREATE TABLE IF NOT EXISTS {}.{} AS SELECT %s AS mark", table, self._mark)

    def release(self) -> None:
        if self._is_mariadb:
            self._run("ALTER DATABASE {} COMMENT ''", [self._config.database])
        else:
            self._run("DROP TABLE IF EXISTS {}.{}", [self._config.database, _MARK])

    def tables(self) -> int:
        question = "SELECT count(*) FROM information_schema.tables WHERE table_schema = %s AND table_name <> %s"
        return int(self._one(question, self._config.database, _MARK))

    def remove(self) -> None:
        self._run("DROP DATABASE IF EXISTS {}", [self._config.database])

    def role_exists(self) -> bool:
        return bool(self._one("SELECT count(*) FROM mysql.user WHERE user = %s", self._role))

    def trouble(self) -> str:
        import pymysql

        try:
            self._connect(self._role, self._config.password, self._config.database).close()
        except pymysql.Error as error:
            return f"{self}: the user {self._role} cannot log in ({_code(error)})"
        return ""

    def connection_limit(self) -> int:
        return int(self._one("SELECT max_user_connections FROM mysql.user WHERE user = %s", self._role))

    def grant(self) -> None:
        config = self._config
        limit = config.connection_limit or 0
        # MySQL keeps passwords out of its logs; MariaDB gets what it would keep of one.
        way, shown = ("PASSWORD ", _hash(config.password)) if self._is_mariadb else ("", config.password)
        how = f"IDENTIFIED BY {way}%s WITH MAX_USER_CONNECTIONS {limit}"
        for begin in ("CREATE USER IF NOT EXISTS", "ALTER USER"):  # it is there with its password, or not at all
            self._run(f"{begin} %s@'%%' {how}", [], self._role, shown)
        pattern = config.database.replace("_", "\\_")  # an underscore stands for any character
        self._run("GRANT ALL PRIVILEGES ON {}.* TO %s@'%%'", [pattern], self._role)

    def remove_role(self) -> None:
        self._run("DROP USER IF EXISTS %s@'%%'", [], self._role)

    @property
    def _mark(self) -> str:
        return json.dumps(mark_of(self._context))

    @property
    def _is_mariadb(self) -> bool:
        """Whether it keeps a comment of a database, and takes passwords in the form in which it keeps them."""
        return "mariadb" in self._one("SELECT version()").lower()

    def _has_mark_table(self) -> bool:
        question = "SELECT count(*) FROM information_schema.tables WHERE table_schema = %s AND table_name = %s"
        return bool(self._one(question, self._config.database, _MARK))

    def _named(self, statement: str, names: Sequence[str]) -> str:
        """A statement with names, which are of letters, digits and underscores, for each `{}`."""
        return statement.format(*(f"`{name}`" for name in names))

    def _one(self, question: str, *values: Any) -> Any:
        return self._answer(question, values)

    def _run(self, statement: str, names: Sequence[str], *values: Any) -> None:
        self._answer(self._named(statement, names), values)

    def _answer(self, statement: str, values: Sequence[Any]) -> Any:
        seconds_for(self._context, _LONGEST)
        with self._connection.cursor() as cursor:
            cursor.execute(statement, tuple(values))
            row = cursor.fetchone()
        return None if row is None else row[0]

    def _connect(self, user: str, password: str, database: str | None = None) -> pymysql.Connection[Any]:
        import pymysql

        config, context = self._config, self._context
        return pymysql.connect(
            host=config.host,
            port=config.port,
            user=user,
            password=password,
            database=database,
            autocommit=True,
            connect_timeout=seconds_for(context, _PATIENCE),
            read_timeout=seconds_for(context, _LONGEST),
            write_timeout=seconds_for(context, _LONGEST),
            ssl=_trusted(config, context) if is_encrypted(config) else None,
            ssl_disabled=not is_encrypted(config),
        )


def _trusted(config: MysqlMetadataStore.Config, context: HookContext) -> ssl.SSLContext:
    import ssl

    return ssl.create_default_context(cafile=str(context.path(config.tls_ca)) if config.tls_ca else None)


def _hash(password: str) -> str:
    """What a server keeps of a password: https://mariadb.com/kb/en/authentication-plugin-mysql_native_password/."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def _code(error: pymysql.Error) -> str:
    """What an error is called; its text may quote what was sent."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return "the password is refused" if number in _REFUSED else f"error {number}" if number else type(error).__name__


def _told(error: pymysql.Error, server: str) -> HookError:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in _REFUSED:
        return HookError(f"{server}: the administrator cannot log in", "look at 'admin_user' and 'admin_password'")
    if number in _DENIED:
        return HookError(f"{server}: the administrator may not do that", "use one who may create databases and users")
    if 2000 <= number < 3000 or not number:
        message = f"{server}: no MySQL server answers, or not as it should ({_code(error)})"
        return HookError(message, "look at 'host', 'port' and 'tls', and at whether it runs", transient=True)
    return HookError(f"{server}: the server refuses ({_code(error)})", "look at the config and at the server's log")
