"""What PostgreSQL adds: the server knows who is connected, and keeps tables that have versions."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.manifest.state_settings import PostgresSettings
from stackspec.state.backends.postgres import PostgresObjects
from stackspec.state.log.store import LogStateStore
from stackspec.state.objects import Presence
from stackspec.testing.children import Child, Talk
from stackspec.testing.state_conformance import code_of, component, made, put, run_elsewhere


@pytest.fixture
def place(postgres: PostgresSettings, request: pytest.FixtureRequest) -> PostgresSettings:
    """A schema that is not there yet."""
    return postgres.replaced(schema=request.node.name[:60])


BEAT = 0.1
"""Seconds after which a connection that broke is made anew here."""


def store(place: PostgresSettings, beat: float = BEAT) -> LogStateStore:
    return LogStateStore(PostgresObjects(place, beat), "test", 100)


def hold(place: PostgresSettings, talk: Talk) -> None:
    """Hold the lock as a machine would of which nothing is known here but that it is connected."""
    with store(place).lock(run_elsewhere()):
        talk.tell("held")
        talk.wait_for("go")


def write_late(place: PostgresSettings, talk: Talk) -> None:
    """Write, and once more when told to, which is refused."""
    writer = store(place)
    with writer.lock(run_elsewhere()):
        writer.commit([made("a")])
        talk.tell("written")
        talk.wait_for("go")
        with pytest.raises(StackspecError) as refused:
            writer.commit([made("a", "late")])
        talk.tell(code_of(refused))


def is_told_to_wait(place: PostgresSettings) -> bool:
    """Whether others see that somebody writes."""
    with pytest.raises(StackspecError) as refused:
        store(place).wait(0)
    assert "end that process" in str(refused.value.diagnostics[0].hint), "its lock is not one to free by hand"
    return code_of(refused) == "SS0703"


def end_connections(place: PostgresSettings) -> int:
    """Have the server end every connection but this one; how many."""
    with psycopg.connect(place.url, autocommit=True) as connection:
        query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stackspec'"
        return len(connection.execute(query).fetchall())


def test_the_lock_of_an_owner_elsewhere_is_free_once_its_connection_ended(place: PostgresSettings) -> None:
    with Child(lambda talk: hold(place, talk)) as other:
        other.wait_for("held")
        assert is_told_to_wait(place)
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
            assert is_told_to_wait(place)
    assert [one.name for one in store(place).read().components] == ["a", "b"]


def test_an_owner_that_asks_for_nothing_is_seen_though_its_connection_breaks(place: PostgresSettings) -> None:
    with store(place).lock(run_elsewhere()):
        for _ in range(3):
            assert end_connections(place) > 0
            assert is_told_to_wait(place)
    store(place).wait(0)


def test_an_owner_that_is_refused_something_is_still_seen(place: PostgresSettings) -> None:
    """What its hooks still do nobody else may do meanwhile."""
    # So long a beat that the session is the one of the beginning, or none.
    writer = store(place, beat=3600)
    with writer.lock(run_elsewhere()):
        writer.commit([made("a")])
        with full(place), pytest.raises(StackspecError) as refused:
            writer.commit([made("b")])
        assert "no space left" in str(refused.value)
        assert is_told_to_wait(place)
    store(place).wait(0)
    assert [one.name for one in store(place).read().components] == ["a"]


@contextmanager
def full(place: PostgresSettings) -> Iterator[None]:
    """The server refuses every write while the context lasts."""
    schema = place.schema
    with psycopg.connect(place.url, autocommit=True) as connection:
        refuse = "RAISE EXCEPTION 'no space left' USING errcode = '53100'"
        body = f"BEGIN {refuse}; END"
        connection.execute(f"CREATE FUNCTION {schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS $${body}$$".encode())
        when = f"BEFORE INSERT ON {schema}.object EXECUTE FUNCTION {schema}.refuse()"
        connection.execute(f"CREATE TRIGGER refuse {when}".encode())
        yield
        connection.execute(f"DROP TRIGGER refuse ON {schema}.object".encode())


def test_the_lock_of_an_owner_that_is_connected_is_not_freed(place: PostgresSettings) -> None:
    run = run_elsewhere()
    with store(place).lock(run):
        with pytest.raises(StackspecError) as refused:
            store(place).unlock(run.id)
        assert code_of(refused) == "SS0711"
        assert "alive" in str(refused.value)
        assert is_told_to_wait(place)


def test_an_owner_that_was_paused_while_its_lock_was_taken_writes_nothing(place: PostgresSettings) -> None:
    with Child(lambda talk: write_late(place, talk)) as paused:
        paused.wait_for("written")
        os.kill(paused.process, signal.SIGSTOP)
        os.waitpid(paused.process, os.WUNTRACED)
        end_connections(place)
        store(place).wait(20)
        put(store(place), "b")
        os.kill(paused.process, signal.SIGCONT)
        paused.tell("go")
        paused.wait_for("SS0708")
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
    objects = PostgresObjects(place, BEAT / 5)
    for number in range(20):
        run_id = f"{number:016x}"
        assert objects.presence(run_id) is Presence.GONE
        with PostgresObjects(place).present(run_id):
            assert objects.presence(run_id) is Presence.ALIVE
        while objects.presence(run_id) is not Presence.GONE:
            pass  # the server takes a moment to see the connection end
