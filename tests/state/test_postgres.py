"""What PostgreSQL adds: the server knows who is connected, and keeps tables that have versions."""

from __future__ import annotations

import os
import signal

import psycopg
import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import PostgresSettings
from stackspec.state.backends.postgres import PostgresObjects
from stackspec.state.log.store import LogStateStore
from stackspec.testing.children import Child, Talk
from stackspec.testing.state_conformance import code_of, component, made, put, run_elsewhere


@pytest.fixture
def place(postgres: PostgresSettings, request: pytest.FixtureRequest) -> PostgresSettings:
    """A schema that is not there yet."""
    return postgres.replaced(schema=request.node.name[:60])


def store(place: PostgresSettings) -> LogStateStore:
    return LogStateStore(PostgresObjects(place), "test", 100)


def hold(place: PostgresSettings, talk: Talk) -> None:
    """Hold the lock as a machine would of which nothing is known here but that it is connected."""
    with store(place).lock(run_elsewhere()):
        talk.tell("held")
        talk.wait_for("go")


def end_connections(place: PostgresSettings) -> int:
    """Have the server end every connection but this one; how many."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stackspec'"
        return len(connection.execute(query).fetchall())


def test_the_lock_of_an_owner_elsewhere_is_free_once_its_connection_ended(place: PostgresSettings) -> None:
    with Child(lambda talk: hold(place, talk)) as other:
        other.wait_for("held")
        with pytest.raises(StackspecError) as refused:
            store(place).wait(0)
        assert code_of(refused) == "SS0703"
        os.kill(other.process, signal.SIGKILL)
        other.end()
    store(place).wait(20)
    put(store(place), "a")
    assert [one.name for one in store(place).read().components] == ["a"]


def test_an_owner_whose_connection_broke_goes_on(place: PostgresSettings) -> None:
    writer = store(place)
    with writer.lock(run_elsewhere()):
        for name in ("a", "b"):
            assert end_connections(place) > 0
            writer.commit([made(name)])
            with pytest.raises(StackspecError) as refused:
                store(place).wait(0)
            assert code_of(refused) == "SS0703"
    assert [one.name for one in store(place).read().components] == ["a", "b"]


def test_an_owner_whose_connection_broke_and_whose_lock_was_taken_writes_nothing(place: PostgresSettings) -> None:
    paused = store(place)
    with paused.lock(run_elsewhere()):
        paused.commit([made("a")])
        end_connections(place)
        store(place).wait(20)
        put(store(place), "b")
        with pytest.raises(StackspecError) as refused:
            paused.commit([made("a", "late")])
    assert code_of(refused) == "SS0708"
    read = store(place).read()
    assert read.components[component("a").address] == component("a")
    assert component("b").address in read.components


def test_to_read_makes_nothing(place: PostgresSettings) -> None:
    assert store(place).read().is_empty
    assert PostgresObjects(place).folders() == []
    with psycopg.connect(place.url) as connection:
        query = "SELECT 1 FROM pg_namespace WHERE nspname = %s"
        assert connection.execute(query, [place.schema]).fetchall() == []
    put(store(place), "a")
    assert PostgresObjects(place).folders() == ["test"]


def test_newer_tables_are_told(place: PostgresSettings) -> None:
    put(store(place), "a")
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(f'INSERT INTO "{place.schema}".version VALUES (99)'.encode())
    for use in (lambda: store(place).read(), lambda: put(store(place), "b")):
        with pytest.raises(StackspecError) as refused:
            use()
        assert code_of(refused) == "SS0702"


def test_a_schema_that_is_there_needs_no_right_to_make_one(place: PostgresSettings) -> None:
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{place.schema}" AUTHORIZATION ada'.encode())
    ours = place.replaced(url=place.url.replace("postgres@", "ada:right@"))
    put(store(ours), "a")
    assert store(place).read() == store(ours).read()


def test_a_run_is_seen_as_connected_only_while_it_is(place: PostgresSettings) -> None:
    objects = PostgresObjects(place)
    for number in range(20):
        run_id = f"{number:016x}"
        assert objects.is_absent(run_id)
        with PostgresObjects(place).present(run_id):
            assert not objects.is_absent(run_id)
        while not objects.is_absent(run_id):
            pass  # the server takes a moment to see the connection end
