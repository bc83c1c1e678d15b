"""What SQLite leaves beside a database that was cut off in a write does not outlive the component."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stackspec.flavors.metadata_store.sqlite import SqliteMetadataStore
from tests.flavors.contexts import Subjects


def stale(path: Path, suffix: str) -> Path:
    """A file beside the database as a process leaves it that was killed before its write counted."""
    beside = path.with_name(path.name + suffix)
    beside.write_bytes(bytes(512))
    return beside


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_journal_that_never_counted_is_absorbed(mode: str, tmp_path: Path) -> None:
    store = Subjects(tmp_path).component(SqliteMetadataStore, {"path": "m.db", "journal_mode": mode})
    store.provision()
    journal = stale(tmp_path / "m.db", "-journal")
    store.provision()
    assert not journal.exists()
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == (mode,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("suffix", ["-journal", "-wal"])
def test_nothing_stays_that_would_be_replayed_into_the_next_database(suffix: str, tmp_path: Path) -> None:
    store = Subjects(tmp_path).component(SqliteMetadataStore, {"path": "m.db", "journal_mode": "delete"})
    store.provision()
    stale(tmp_path / "m.db", suffix)
    store.deprovision()
    assert [path.name for path in tmp_path.glob("m.db*")] == []
    store.provision()
    assert store.observe().provisioned
