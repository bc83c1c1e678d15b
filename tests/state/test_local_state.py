"""What is so of the local state alone: its lock under forks, what is kept beside it, and readers between two steps."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.state.local_lock import LocalLock
from stackspec.state.model import AppliedState
from stackspec.state.safekeeping import Head, Safekeeping
from stackspec.state.sqlite import SqliteStateStore
from stackspec.testing.children import Child, Talk, at_each_line
from stackspec.testing.state_conformance import code_of, component, made, put, this_run


def opened(folder: Path) -> SqliteStateStore:
    """The state, as a process opens it that knows nothing of others."""
    return SqliteStateStore(folder, "test")


# --- the lock


def test_a_process_that_a_hook_forked_does_not_keep_the_lock(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with ExitStack() as ending:
        with store.lock(this_run()):
            fork = ending.enter_context(Child(lambda talk: talk.wait_for("end")))
            store.commit([made("a")])
        assert opened(tmp_path).writer() is None
        put(opened(tmp_path), "b")
        assert fork.is_running
        fork.tell("end")


def test_a_fork_does_not_keep_the_lock_of_a_dead_owner(tmp_path: Path) -> None:
    with Child(lambda talk: _fork_under_lock(opened(tmp_path), talk)) as owner:
        owner.wait_for("forked")
        os.kill(owner.process, signal.SIGKILL)
        opened(tmp_path).wait(5)
        put(opened(tmp_path), "b")
        owner.tell("end")


def _fork_under_lock(store: SqliteStateStore, talk: Talk) -> None:
    with store.lock(this_run()):
        if os.fork():
            signal.pause()
        talk.tell("forked")
        talk.wait_for("end")
        os._exit(0)


def test_a_fork_that_runs_out_of_the_lock_takes_it_from_nobody(tmp_path: Path) -> None:
    lock = LocalLock(tmp_path / "test.lock")
    with suppress(EOFError), lock.held(this_run()):
        if not (process := os.fork()):
            raise EOFError
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        with pytest.raises(StackspecError) as locked, LocalLock(lock.path).held(this_run()):
            pass
        assert code_of(locked) == "SS0703"
    if not process:
        os._exit(0)


# --- what is kept beside it

OBSTACLES = ["test.head", "test.2.json"]
"""What is beside the state, each in turn a folder and so not to be written."""


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_is_recorded_is_no_failure_though_what_guards_it_cannot_be_written(name: str, tmp_path: Path) -> None:
    warnings: list[Diagnostic] = []
    store = SqliteStateStore(tmp_path, "test", warn=warnings.append)
    put(store, "a")
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    assert put(store, "b") == 2
    (warning,) = warnings
    assert (warning.code, warning.severity) == ("SS0714", Severity.WARNING)
    assert "recorded, at serial 2" in warning.message
    assert "Is a directory" in warning.message
    assert [address.name for address in opened(tmp_path).read().components] == ["a", "b"]
    (tmp_path / name).rmdir()
    put(store, "c")
    assert warnings == [warning]
    assert Safekeeping(tmp_path, "test").head() == Head(store.read().lineage, 3)


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_failed_inside_is_told_whatever_becomes_of_what_guards_the_state(name: str, tmp_path: Path) -> None:
    put(opened(tmp_path), "a")
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    store = opened(tmp_path)
    otherwise = StackspecError.of("SS0606", "planned otherwise")
    with pytest.raises(StackspecError) as failed:
        _run(store, lambda: _fail(otherwise))
    assert failed.value is otherwise


def test_damage_that_shows_at_the_end_of_a_run_is_an_error(tmp_path: Path) -> None:
    store = opened(tmp_path)
    another = '{"lineage": "of another project", "serial": 1}'
    with pytest.raises(StackspecError) as refused:
        _run(store, lambda: (tmp_path / "test.head").write_text(another))
    assert code_of(refused) == "SS0701"


def _run(store: SqliteStateStore, then: Callable[[], object]) -> None:
    """A run that records something, and at whose end something happens."""
    with store.lock(this_run()):
        store.commit([made("b")])
        then()


def _fail(error: Exception) -> None:
    raise error


def test_runs_of_one_checkout_note_what_they_saw_at_once(tmp_path: Path) -> None:
    def note(_talk: Talk) -> None:
        for serial in range(40):
            Safekeeping(tmp_path, "test").note(Head("lineage", serial))

    children = [Child(note) for _ in range(4)]
    for child in children:
        child.end()
    assert [child.status for child in children] == [0] * 4
    assert Safekeeping(tmp_path, "test").head() is not None
    assert os.listdir(tmp_path) == ["test.head"]


# --- readers, while others go on between any two of their steps


@contextmanager
def at_line(number: int, then: Callable[[], object]) -> Iterator[list[int]]:
    """Have something happen before the `number`-th line of the state's code that is run; those that were counted."""
    seen: list[int] = []

    def line() -> None:
        seen.append(len(seen) + 1)
        if len(seen) == number:
            then()

    before = sys.gettrace()
    sys.settrace(at_each_line(line))
    try:
        yield seen
    finally:
        sys.settrace(before)


def readings(folders: Iterator[Path], then: Callable[[Path], object]) -> Iterator[AppliedState]:
    """What a reader takes a state for while something happens before one of its lines; each line in its turn."""
    for number, folder in zip(count(1), folders):
        with at_line(number, lambda folder=folder: then(folder)) as seen:  # type: ignore[misc]
            state = opened(folder).read()
        yield state
        if len(seen) < number:
            return


def test_a_reader_beside_the_first_run_of_all(tmp_path: Path) -> None:
    folders = (tmp_path / str(number) for number in count())
    found = [len(state.components) for state in readings(folders, lambda folder: put(opened(folder), "a"))]
    assert set(found) == {0, 1}


def test_a_reader_beside_a_push_of_another_lineage(tmp_path: Path) -> None:
    lineages = ["e" * 32, "f" * 32]
    store, pushed = opened(tmp_path), count()

    def push(folder: Path) -> None:
        store.push(AppliedState("test", lineages[next(pushed) % 2], 1), this_run())

    push(tmp_path)
    found = {state.lineage for state in readings(iter(lambda: tmp_path, None), push)}
    assert found == {*lineages}


def test_a_reader_beside_a_push_over_damage_is_told_of_damage(tmp_path: Path) -> None:
    put(opened(tmp_path), "a")
    state, told = opened(tmp_path).read(), set()
    for number in count(1):
        (tmp_path / "junk").write_bytes(b"\xff" * 5_000)
        os.replace(tmp_path / "junk", tmp_path / "test.db")
        with at_line(number, lambda: opened(tmp_path).push(state, this_run())) as seen:
            told.add(_told(opened(tmp_path)))
        if len(seen) < number:
            break
    assert told == {"a", "it is not a SQLite database"}


def _told(store: SqliteStateStore) -> str:
    """The names of what a state holds, or why it is refused."""
    try:
        return " ".join(address.name for address in store.read().components)
    except StackspecError as error:
        return str(error).partition("stackspec: ")[2].partition(";")[0] or str(error)


# --- what a push leaves of what was there


@pytest.mark.parametrize("with_journal", [False, True], ids=["closed", "with a journal that is not carried out"])
def test_a_push_over_damage_keeps_what_was_there_aside(with_journal: bool, tmp_path: Path) -> None:
    put(opened(tmp_path), "a")
    state = opened(tmp_path).read()
    if with_journal:
        with Child(lambda talk: _commit_and_wait(opened(tmp_path), talk)) as other:
            other.wait_for("committed")
            os.kill(other.process, signal.SIGKILL)
        assert (tmp_path / "test.db-wal").stat().st_size
    damaged = b"\xff" * 5_000
    (tmp_path / "test.db").write_bytes(damaged)
    serial = opened(tmp_path).push(state, this_run())
    assert opened(tmp_path).read().components == state.components
    assert [(one.first, one.last) for one in opened(tmp_path).history()] == [(serial, serial)]
    assert not (tmp_path / "test.db-wal").exists()
    assert (tmp_path / "test.replaced-1").read_bytes() == damaged
    assert (tmp_path / "test.replaced-1-wal").exists() == with_journal


def _commit_and_wait(store: SqliteStateStore, talk: Talk) -> None:
    with store.lock(this_run()):
        store.commit([made("b")])
        talk.tell("committed")
        talk.wait_for("end")


def test_a_push_over_an_older_copy_keeps_its_past(tmp_path: Path) -> None:
    put(opened(tmp_path), "a")
    before = (tmp_path / "test.db").read_bytes()
    put(opened(tmp_path), "b")
    state = opened(tmp_path).read()
    (tmp_path / "test.db").write_bytes(before)
    assert opened(tmp_path).push(state, this_run()) == 3
    assert [(one.first, one.last) for one in opened(tmp_path).history()] == [(3, 3), (1, 1)]
    assert list(opened(tmp_path).read_at(1).components) == [component("a").address]


def test_a_push_over_another_projects_state_goes_on_from_nothing_of_it(tmp_path: Path) -> None:
    put(opened(tmp_path), "a")
    state = opened(tmp_path).read()
    for _ in range(5):
        put(opened(tmp_path / "other"), "b")
    os.replace(tmp_path / "other" / "test.db", tmp_path / "test.db")
    assert opened(tmp_path).push(state, this_run()) == 2
    assert [(one.first, one.last) for one in opened(tmp_path).history()] == [(2, 2)]
    assert (tmp_path / "test.replaced-1").exists()
    assert opened(tmp_path).read().components == state.components
