"""The past of a state in the tables of its SQLite file: who wrote which serial, and what each row was before it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stackspec.core.address import ComponentAddress
from stackspec.state.run import Run
from stackspec.state.seal import Seal
from stackspec.state.sqlite_records import COMPONENT, Rows
from stackspec.state.store import Chapter, changes_between

HISTORY_TABLES = """
CREATE TABLE run (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE serial (serial INTEGER PRIMARY KEY, seal TEXT NOT NULL);
CREATE TABLE image (
    serial INTEGER, position INTEGER, address TEXT NOT NULL, text TEXT, PRIMARY KEY (serial, position)
) WITHOUT ROWID;
"""
"""`image` holds what a component's record was before a serial; no text where there was none."""


class HistoryError(ValueError):
    """The past of a state that cannot be told; the message says why."""


@dataclass(slots=True)
class HistoryWriter:
    """What one run adds to the history, inside the transactions of its commits.

    Attributes:
        most: How many runs are remembered, this one included.
        begun: Whether anything was added.
    """

    connection: sqlite3.Connection
    run: Run
    most: int
    begun: bool = False

    def image(self, serial: int, position: int, address: str, text: str | None) -> None:
        """Keep what a record was before a serial; of several in one serial the first counts."""
        row = (serial, position, address, text)
        self.connection.execute("INSERT OR IGNORE INTO image VALUES (?, ?, ?, ?)", row)

    def close(self, serial: int, seal: str) -> None:
        """Have a serial told of, with the seal of its components."""
        if not self.begun:
            text = json.dumps(self.run.as_json())
            added = self.connection.execute("INSERT INTO run (first, text) VALUES (?, ?)", (serial, text))
            self._forget((added.lastrowid or 0) - self.most)
        self.connection.execute("INSERT INTO serial VALUES (?, ?)", (serial, seal))

    def _forget(self, number: int) -> None:
        """Let go of the runs up to a number."""
        kept = self.connection.execute("SELECT min(first) FROM run WHERE number > ?", (number,)).fetchone()
        self.connection.execute("DELETE FROM run WHERE first < ?", kept)
        self.connection.execute("DELETE FROM serial WHERE serial < ?", kept)
        self.connection.execute("DELETE FROM image WHERE serial < ?", kept)


def chapters(connection: sqlite3.Connection, rows: Rows, serial: int) -> Iterator[Chapter]:
    """What each run did, the newest first.

    Args:
        rows: The components' records as they are, at `serial`.

    Raises:
        HistoryError: it is damaged.
    """
    last, rows = serial, dict(rows)
    for first, text in connection.execute("SELECT first, text FROM run ORDER BY number DESC").fetchall():
        try:
            after = _by_address(rows)
            _undo(connection, rows, int(last), first - 1)
            changes = changes_between(_by_address(rows), after)
            run = Run.from_json(json.loads(text))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise HistoryError("it is damaged") from error
        yield Chapter(run, first, last, changes)
        # Not `first - 1`: a push may leave numbers out.
        (last,) = connection.execute("SELECT max(serial) FROM serial WHERE serial < ?", (first,)).fetchone()


def records_at(connection: sqlite3.Connection, rows: Rows, serial: int, wanted: int) -> list[str]:
    """The texts of the components as they were at a serial.

    Raises:
        HistoryError: history does not reach there, or is damaged.
    """
    known = connection.execute("SELECT seal FROM serial WHERE serial = ?", (wanted,)).fetchone()
    if known is None:
        oldest, newest = connection.execute("SELECT min(serial), max(serial) FROM serial").fetchone()
        raise HistoryError(f"it reaches from serial {oldest} to {newest}" if newest else "there is none yet")
    rows = dict(rows)
    _undo(connection, rows, serial, wanted)
    seal = Seal()
    for position, (address, text) in rows.items():
        seal.put(position, COMPONENT, address, text)
    if seal.of(COMPONENT) != known[0]:
        raise HistoryError("it is damaged")
    return [text for _, (_, text) in sorted(rows.items())]


def _undo(connection: sqlite3.Connection, rows: Rows, serial: int, wanted: int) -> None:
    """Take rows from what they are at a serial back to what they were at an earlier one."""
    later = "SELECT position, address, text FROM image WHERE serial > ? AND serial <= ? ORDER BY serial DESC"
    for position, address, text in connection.execute(later, (wanted, serial)):
        if text is None:
            rows.pop(position, None)
        else:
            rows[position] = (address, text)


def _by_address(rows: Rows) -> Mapping[ComponentAddress, str]:
    return {ComponentAddress.parse(address): text for address, text in rows.values()}
