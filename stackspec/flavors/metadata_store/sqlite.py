"""Metadata in a SQLite database file."""

from __future__ import annotations

from typing import Literal

from stackspec.flavors.contract import FlavorConfig, Observation, setting
from stackspec.flavors.metadata_store import MetadataStore
from stackspec.flavors.owned.database import DatabaseSchema, OwnedDatabase

_SCHEMA = DatabaseSchema(
    version=1,
    statements="""
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY NOT NULL,
    pipeline TEXT NOT NULL,
    stack TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
    started_at TEXT NOT NULL, -- RFC 3339 in UTC, as all times here
    ended_at TEXT
);
CREATE TABLE IF NOT EXISTS steps (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
    started_at TEXT,
    ended_at TEXT,
    UNIQUE (run_id, name)
);
CREATE TABLE IF NOT EXISTS artifacts (
    id TEXT PRIMARY KEY NOT NULL,
    step_id TEXT NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    uri TEXT NOT NULL,
    digest TEXT,
    size_bytes INTEGER,
    created_at TEXT NOT NULL,
    UNIQUE (step_id, name)
);
CREATE INDEX IF NOT EXISTS runs_by_pipeline ON runs (pipeline, started_at);
CREATE INDEX IF NOT EXISTS artifacts_by_digest ON artifacts (digest);
""",
    tables={
        "runs": frozenset({"id", "pipeline", "stack", "status", "started_at", "ended_at"}),
        "steps": frozenset({"id", "run_id", "name", "status", "started_at", "ended_at"}),
        "artifacts": frozenset({"id", "step_id", "name", "uri", "digest", "size_bytes", "created_at"}),
    },
)


class SqliteMetadataStore(MetadataStore):
    """A SQLite database file; one that was there before is used, and never deleted."""

    flavor = "sqlite"
    occupies = frozenset({"path"})

    class Config(FlavorConfig):
        """A database file of runs, steps and artifacts."""

        path: str = setting(
            "The database file.",
            path=True,
            requires_replacement=True,
            pattern="^[^?]+$",  # in the URL of a database it would begin the options
            examples=["./metadata.db"],
        )
        journal_mode: Literal["wal", "delete"] = setting(
            "How writes are made safe: `wal` lets readers and one writer work at the same time; `delete` also works on "
            "network file systems.",
            default="wal",
        )
        delete_data: bool = setting(
            "Whether removing the component removes the metadata too. Without it a database that holds any is kept.",
            default=False,
        )

    config: Config

    def observe(self) -> Observation:
        """See the database and its journal mode, changing no file."""
        return self._database().observe()

    def provision(self) -> MetadataStore.Outputs:
        """Make the database, or add what is missing to the one that is there."""
        database = self._database()
        database.provision(journal_mode=self.config.journal_mode)
        return self.Outputs(uri=database.uri)

    def update(self, previous: SqliteMetadataStore) -> MetadataStore.Outputs:
        """Set the journal mode."""
        return self.provision()

    def deprovision(self) -> None:
        """Remove the database where it is ours, unless it holds rows that are to be kept."""
        self._database().deprovision(delete_rows=self.config.delete_data)

    def _database(self) -> OwnedDatabase:
        return OwnedDatabase(self.context.path(self.config.path), _SCHEMA, self.context)
