"""The tables of shared state in a PostgreSQL database: made, and brought up to date, by whoever writes first."""

from __future__ import annotations

from typing import Any

from stackspec.core.diagnostic import StackspecError

_STEPS = (
    # Sorted as bytes: the names of a log sort as its numbers do, whatever the database's language.
    'CREATE TABLE {schema}.object (key text COLLATE "C" PRIMARY KEY, data bytea NOT NULL)',
)
"""What each version adds to the one before it; the first is version 1."""

_MAKING = 0x73746B73
"""The advisory lock of who makes or changes tables of ours: two that begin at once would be in each other's way."""


def version_of(connection: Any, schema: str) -> int:
    """The version of the tables.

    Raises:
        psycopg.Error: they are not there, or cannot be read.
        StackspecError: a newer stackspec made them.
    """
    rows = connection.execute(f'SELECT max(number) FROM "{schema}".version').fetchall()
    version = rows[0][0] or 0
    if version > len(_STEPS):
        message = f"the tables in the schema '{schema}' were made by a newer stackspec (version {version})"
        raise StackspecError.of("SS0702", message, hint="upgrade stackspec")
    return int(version)


def make_schema(connection: Any, schema: str) -> None:
    """Make the schema and its tables where they are missing, and bring older ones up to date.

    Raises:
        psycopg.Error: they cannot be made.
        StackspecError: as `version_of`.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_MAKING])
        # Asked first: a user may be allowed to use a schema and not to make one.
        if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema]).fetchall():
            connection.execute(f'CREATE SCHEMA "{schema}"')
        connection.execute(f'CREATE TABLE IF NOT EXISTS "{schema}".version (number integer PRIMARY KEY)')
        for number in range(version_of(connection, schema) + 1, len(_STEPS) + 1):
            connection.execute(_STEPS[number - 1].format(schema=f'"{schema}"'))
            connection.execute(f'INSERT INTO "{schema}".version VALUES (%s)', [number])
