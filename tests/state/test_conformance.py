"""Every state store does what a state store must do, each over the real thing."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from stackspec.manifest.state_settings import AzureSettings, GcsSettings, PostgresSettings, S3Settings
from stackspec.state.backends.azure import AzureObjects
from stackspec.state.backends.gcs import GcsObjects
from stackspec.state.backends.postgres import PostgresObjects
from stackspec.state.backends.s3 import S3Objects
from stackspec.state.log.store import LogStateStore
from stackspec.state.sqlite import SqliteStateStore
from stackspec.testing.state_conformance import StateCase, StateConformance


class TestSqlite(StateConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> StateCase:
        return StateCase(
            "sqlite", lambda name, history: SqliteStateStore(tmp_path / name, "test", history), unlocks=False
        )


class TestS3(StateConformance):
    @pytest.fixture
    def case(self, s3: S3Settings) -> StateCase:
        @cache
        def place(name: str, _process: int) -> S3Objects:
            return S3Objects(s3.replaced(prefix=f"conformance/{name}"))

        def store(name: str, history: int) -> LogStateStore:
            return LogStateStore(place(name, os.getpid()), "test", history)

        return StateCase("s3", store, kill_points=6)


class TestGcs(StateConformance):
    @pytest.fixture
    def case(self, gcs: GcsSettings) -> StateCase:
        @cache
        def place(name: str, _process: int) -> GcsObjects:
            return GcsObjects(gcs.replaced(prefix=f"conformance/{name}"))

        def store(name: str, history: int) -> LogStateStore:
            return LogStateStore(place(name, os.getpid()), "test", history)

        return StateCase("gcs", store, processes=3, kill_points=3)


class TestAzure(StateConformance):
    @pytest.fixture
    def case(self, azure: AzureSettings) -> StateCase:
        @cache
        def place(name: str, _process: int) -> AzureObjects:
            return AzureObjects(azure.replaced(prefix=f"conformance/{name}"))

        def store(name: str, history: int) -> LogStateStore:
            return LogStateStore(place(name, os.getpid()), "test", history)

        return StateCase("azure", store, processes=3, kill_points=3)


class TestPostgres(StateConformance):
    @pytest.fixture
    def case(self, postgres: PostgresSettings) -> StateCase:
        def store(name: str, history: int) -> LogStateStore:
            schema = f"conformance_{name.replace('-', '_')}"
            return LogStateStore(PostgresObjects(postgres.replaced(schema=schema)), "test", history)

        return StateCase("postgres", store, unlocks=False)
