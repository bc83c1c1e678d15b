"""The records of a state in the tables of its SQLite file, and the seal over them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from stackspec.state.codec import encode_component, encode_pending
from stackspec.state.seal import Seal
from stackspec.state.store import Begin, Depose, Finish, Protect, StateChange

RECORD_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE record (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (kind, address)
);
"""
COMPONENT, PENDING, DEPOSED, PROTECTED = "component", "pending", "deposed", "protected"
"""The kinds of records; what stands as the address of a deposed one is its identity.

One record, without an address or text, says that the environment is protected; there is none where it is not.
"""

Rows = dict[int, tuple[str, str]]
"""Position to the address and text of a record, of one kind."""

Note = Callable[[int, str, str | None], None]
"""Is told of a component's record before it changes: position, address, and its text, None where there was none."""


class Records:
    """The records as one transaction changes them.

    Args:
        seal: Over the records as they are; kept up to date.
    """

    def __init__(self, connection: sqlite3.Connection, seal: Seal, note: Note = lambda *_record: None) -> None:
        self._connection = connection
        self._seal = seal
        self._note = note

    def write(self, change: StateChange) -> None:
        """Carry out a change of state."""
        match change:
            case Begin(pending):
                self.put(PENDING, str(pending.component.address), encode_pending(pending))
            case Depose(identity, removal):
                if removal is None:
                    self.take(DEPOSED, identity)
                else:
                    self.put(DEPOSED, identity, encode_pending(removal))
            case Protect(protected):
                if protected:
                    self.put(PROTECTED, "", "")
                else:
                    self.take(PROTECTED, "")
            case Finish(address, component):
                self.take(PENDING, str(address))
                if component is None:
                    self.take(COMPONENT, str(address))
                else:
                    self.put(COMPONENT, str(address), encode_component(component))

    def put(self, kind: str, address: str, text: str) -> None:
        """Have a record say something."""
        if (found := self._find(kind, address)) is None:
            new = "INSERT INTO record (kind, address, text) VALUES (?, ?, ?)"
            position = self._connection.execute(new, (kind, address, text)).lastrowid or 0
        else:
            position = found[0]
            self._seal.take(*found)
            self._connection.execute("UPDATE record SET text = ? WHERE position = ?", (text, position))
        self._seal.put(position, kind, address, text)
        if kind == COMPONENT:
            self._note(position, address, found[3] if found else None)

    def take(self, kind: str, address: str) -> None:
        """Have a record be no more, if it is."""
        if (found := self._find(kind, address)) is not None:
            self._seal.take(*found)
            self._connection.execute("DELETE FROM record WHERE position = ?", (found[0],))
            if kind == COMPONENT:
                self._note(found[0], address, found[3])

    def clear(self) -> None:
        """Have no record be any more."""
        for kind, address in self._connection.execute("SELECT kind, address FROM record").fetchall():
            self.take(kind, address)

    def close(self, environment: str, lineage: str, serial: int) -> None:
        """Put lineage, serial and the seal over what was written."""
        seal = self._seal.over(environment, lineage, serial)
        facts = [(lineage, "lineage"), (serial, "serial"), (seal, "seal")]
        self._connection.executemany("UPDATE meta SET value = ? WHERE key = ?", facts)

    def _find(self, kind: str, address: str) -> tuple[int, str, str, str] | None:
        wanted = "SELECT position, kind, address, text FROM record WHERE kind = ? AND address = ?"
        found: tuple[int, str, str, str] | None = self._connection.execute(wanted, (kind, address)).fetchone()
        return found
