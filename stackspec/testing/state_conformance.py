"""What every state store must do, as tests that an author runs over a store of their own.

from stackspec.testing.state_conformance import StateCase, StateConformance

@pytest.mark.parametrize("case", [StateCase("mine", lambda name, history: MyStore(name, history))])
class TestMine(StateConformance):
    pass
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from threading import Timer

import pytest

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.frozen import dataclass
from stackspec.core.values import digest
from stackspec.manifest.model import LifecycleSpec
from stackspec.state.export import import_state
from stackspec.state.model import AppliedComponent, AppliedState, Operation, PendingOperation
from stackspec.state.run import Run
from stackspec.state.store import Begin, Finish, Protect, StateStore
from stackspec.testing.children import Child, Talk, kill_points

_PATIENCE = 60.0
"""Seconds that a lock is waited for which will be free."""


@dataclass(frozen=True, slots=True)
class StateCase:
    """A state store, and what the tests must know to open it.

    Attributes:
        name: Of the store, for the report.
        open: Opens the state of a name, which no test used before, as a process of its own would; the second argument
            is how many runs are remembered.
        unlocks: Whether a lock stays when nothing is known of its owner, so that it must be freed by hand; not where
            it is known of every owner whether it is alive.
        processes: How many write at once.
        kill_points: At how many places a process is killed that writes.
    """

    name: str
    open: Callable[[str, int], StateStore]
    unlocks: bool = True
    processes: int = 8
    kill_points: int = 12

    def __str__(self) -> str:
        return self.name


class Opened:
    """One state of a case, which any number of processes open."""

    def __init__(self, case: StateCase, name: str) -> None:
        self._case = case
        self._name = name

    def store(self, history: int = 100) -> StateStore:
        """The store, as a process opens it that knows nothing of others."""
        return self._case.open(self._name, history)


def component(name: str, value: object = 1) -> AppliedComponent:
    """A component with something in every field."""
    config = {"value": value, "nested": {"list": [1, 1.0, True, None, "ü\u2028"]}, "empty": {}}
    return AppliedComponent(
        ComponentAddress("artifact_store", name),
        f"identity-of-{name}",
        "local",
        config,
        digest(config),
        {"uri": f"file:///{name}"},
        (ComponentAddress("orchestrator", "base"),),
        ("dev", "prod"),
        True,
        LifecycleSpec(prevent_destroy=True),
        {"provision": 90.0},
        {"LEVEL": "debug"},
        {"team": "fraud"},
    )


def made(name: str, value: object = 1) -> Finish:
    """The change that records a component."""
    done = component(name, value)
    return Finish(done.address, done)


def this_run() -> Run:
    """A run of this process."""
    return Run.of_this_process("conformance", "0" * 40)


def run_elsewhere() -> Run:
    """A run of a process of which this machine knows nothing."""
    return replace(this_run(), host="elsewhere", process=1, machine="another", started=1)


def put(store: StateStore, *names: str, value: object = 1, run: Run | None = None) -> int:
    """Record components in a run of their own, and tell the serial."""
    with store.lock(run or this_run(), _PATIENCE):
        return store.commit([made(name, value) for name in names])


def code_of(error: pytest.ExceptionInfo[StackspecError]) -> str:
    """The code of an error of one diagnostic."""
    (diagnostic,) = error.value.diagnostics
    return diagnostic.code


class StateConformance:
    """The tests; a subclass is parametrised by `case`."""

    @pytest.fixture
    def state(self, case: StateCase, request: pytest.FixtureRequest) -> Opened:
        """A state that nothing was written to."""
        return Opened(case, f"{os.getpid()}-{abs(hash(request.node.nodeid)) % 10**8}")

    # --- what it holds

    def test_what_was_never_written_is_empty(self, state: Opened) -> None:
        store = state.store()
        assert store.read().is_empty
        assert store.read().serial == 0
        assert store.lineage() is None
        assert store.writer() is None
        assert list(store.history()) == []
        assert import_state(store.pull()).is_empty

    def test_what_is_written_is_read(self, state: Opened) -> None:
        store, pending = state.store(), PendingOperation(Operation.UPDATE, component("b", {"half": "made"}), "it broke")
        with store.lock(this_run()):
            store.commit([made("c"), made("a"), made("b", "\u2028 'quoted' \\ \"")])
            store.commit([made("c", 2), Begin(pending)])
            inside = store.read()
        read = state.store().read()
        assert read == store.read()
        assert (read.components, read.pending) == (inside.components, inside.pending)
        assert [address.name for address in read.components] == ["c", "a", "b"], "in the order first applied"
        assert read.components[component("c").address] == component("c", 2)
        assert read.pending == {pending.component.address: pending}
        with store.lock(this_run()):
            store.commit([Finish(pending.component.address, None)])
        assert [address.name for address in state.store().read().addresses] == ["c", "a"]

    @pytest.mark.parametrize("text", ["caf\udce9", "\udcff\udcfe", "\ud83d", "\udce9 \U0001f600 \\udce9"], ids=ascii)
    def test_a_text_that_is_no_utf_8_is_kept(self, state: Opened, text: str) -> None:
        store = state.store()
        kept = replace(component("a", text), outputs={"uri": f"/{text}/data"}, labels={text: "key"})
        failed = PendingOperation(Operation.UPDATE, kept, f"cannot make /{text}/data")
        with store.lock(this_run()):
            serial = store.commit([Finish(kept.address, kept), Begin(failed)])
        read = state.store().read()
        assert (read.components, read.pending) == ({kept.address: kept}, {kept.address: failed})
        assert state.store().read_at(serial).components == read.components
        exported = state.store().pull().encode().decode()
        assert import_state(exported) == read
        state.store().push(import_state(exported), this_run())
        after = state.store().read()
        assert (after.components, after.pending) == (read.components, read.pending)
        assert [list(one.changes.values()) for one in state.store().history()] == [[], ["created"]]

    def test_a_commit_is_there_before_the_lock_is_given_back(self, state: Opened) -> None:
        store = state.store()
        with store.lock(this_run()):
            serial = store.commit([made("a")])
            assert state.store().read().serial == serial
            assert state.store().read().components

    def test_serial_and_lineage(self, state: Opened) -> None:
        store = state.store()
        with store.lock(this_run()):
            empty = store.read()
            serials = [empty.serial, *(store.commit([made("a", value)]) for value in range(3))]
        assert serials == sorted(set(serials)), "each commit has a greater one"
        assert store.read().serial == serials[-1]
        assert empty.lineage
        with state.store().lock(this_run()):
            pass
        after = state.store().read()
        assert (after.serial, after.lineage) == (serials[-1], empty.lineage), "a lock alone changes neither"
        assert state.store().lineage() == empty.lineage

    # --- the lock

    def test_one_writer_at_a_time(self, state: Opened) -> None:
        put(state.store(), "a")
        with Child(lambda talk: _hold(state.store(), talk)) as other:
            other.wait_for("held")
            store = state.store()
            with pytest.raises(StackspecError) as refused, store.lock(this_run()):
                pass
            assert code_of(refused) == "SS0703"
            holder = store.writer()
            assert holder is not None
            assert holder.process == other.process
            for told in (holder.user, holder.host, str(holder.process), holder.since, holder.purpose):
                assert told in refused.value.diagnostics[0].message
            with pytest.raises(StackspecError) as still:
                store.wait(0)
            assert code_of(still) == "SS0703"
            assert state.store().read().components, "a reader does not wait"
            with pytest.raises(StackspecError) as kept:
                store.unlock(holder.id)
            assert code_of(kept) == "SS0711", "its owner is alive"
            other.tell("go")
        assert store.writer() is None
        put(store, "b")

    def test_a_lock_is_waited_for(self, state: Opened) -> None:
        with Child(lambda talk: _hold(state.store(), talk)) as other:
            other.wait_for("held")
            Timer(0.3, lambda: other.tell("go")).start()
            store = state.store()
            store.wait(_PATIENCE)
            put(store, "a")

    def test_the_lock_of_a_dead_owner_is_free(self, state: Opened) -> None:
        with Child(lambda talk: _hold(state.store(), talk)) as other:
            other.wait_for("held")
            os.kill(other.process, signal.SIGKILL)
            other.end()
        store = state.store()
        begun = store.read()
        assert [one.operation for one in begun.pending.values()] == [Operation.PROVISION]
        assert begun.writer is None
        assert store.writer() is None
        store.wait(0)
        put(store, "b")
        assert store.read().writer is None

    def test_who_writes_is_told_to_readers_of_what_is_in_flight(self, state: Opened) -> None:
        with Child(lambda talk: _hold(state.store(), talk)) as other:
            other.wait_for("held")
            writer = state.store().read().writer
            assert writer is not None
            assert writer.process == other.process
            other.tell("go")

    def test_an_error_inside_gives_the_lock_back(self, state: Opened) -> None:
        for error in (KeyboardInterrupt(), StackspecError.of("SS0606", "planned otherwise")):
            with pytest.raises(type(error)), state.store().lock(this_run()):
                raise error
        put(state.store(), "a")

    def test_no_lock_to_free(self, state: Opened) -> None:
        store = state.store()
        for _ in range(2):
            with pytest.raises(StackspecError) as refused:
                store.unlock("0123456789abcdef")
            assert code_of(refused) == "SS0711"
            put(store, "a")

    def test_who_lost_the_lock_writes_nothing_more(self, case: StateCase, state: Opened) -> None:
        if not case.unlocks:
            pytest.skip("the lock cannot be lost")
        paused, run = state.store(), run_elsewhere()
        with paused.lock(run):
            serial = paused.commit([made("a")])
            other = state.store()
            with pytest.raises(StackspecError) as locked, other.lock(this_run()):
                pass
            hint = locked.value.diagnostics[0].hint
            assert hint is not None
            assert f"stackspec state unlock {run.id}" in hint
            with pytest.raises(StackspecError) as unknown:
                other.unlock("0123456789abcdef")
            assert code_of(unknown) == "SS0711"
            assert run.id in unknown.value.diagnostics[0].message
            assert other.unlock(run.id) == run
            before = state.store().read()
            assert before.serial == serial
            with pytest.raises(StackspecError) as refused:
                paused.commit([made("a", "late")])
        assert code_of(refused) == "SS0708"
        assert state.store().read() == before
        put(state.store(), "b")

    @pytest.mark.parametrize("runs", [1, 6])
    def test_a_writer_that_wakes_up_late_is_refused(self, case: StateCase, state: Opened, runs: int) -> None:
        if not case.unlocks:
            pytest.skip("the lock cannot be lost")
        paused, run = state.store(), run_elsewhere()
        with paused.lock(run):
            paused.commit([made("a")])
            state.store().unlock(run.id)
            for value in range(runs):
                _long_run(state.store(history=1), value)
            before = state.store().read()
            with pytest.raises(StackspecError) as refused:
                paused.commit([made("a", "late")])
        assert code_of(refused) == "SS0708"
        assert state.store().read() == before

    # --- many processes

    def test_writers_in_turn_lose_nothing(self, case: StateCase, state: Opened) -> None:
        put(state.store(), "counter", value=0)
        children = [Child(lambda _talk: _count(state.store(), 2)) for _ in range(case.processes)]
        for child in children:
            child.end()
        assert [child.status for child in children] == [0] * case.processes
        assert _value(state.store().read()) == 2 * case.processes
        assert len(state.store().history()) == 1 + 2 * case.processes

    def test_many_begin_at_once(self, case: StateCase, state: Opened) -> None:
        children = [Child(partial(_add, state, f"c{number}")) for number in range(case.processes)]
        for child in children:
            child.end()
        assert [child.status for child in children] == [0] * case.processes
        assert len(state.store().read().components) == case.processes

    def test_readers_see_whole_commits(self, state: Opened) -> None:
        put(state.store(), "a", "b", value=0)
        with Child(lambda _talk: _write_pairs(state.store(history=2), 25)) as other:
            seen, reader = 0, state.store()
            while seen < 25 and other.is_running:
                for store in (reader, state.store()):
                    read = store.read()
                    values = {one.config["value"] for one in read.components.values()}
                    assert len(values) == 1, values
                    assert read.serial >= seen
                    seen = read.serial
            other.end()
        assert other.status == 0

    def test_killed_anywhere_nothing_acknowledged_is_lost(self, case: StateCase, state: Opened) -> None:
        put(state.store(), "counter", value=0)
        for point in kill_points(lambda: _count(state.store(), 1), case.kill_points):
            before = _value(state.store().read())
            with Child(lambda talk: _count(state.store(), 2, talk), kill_at=point) as other:
                other.end()
            said = other.heard.count("committed")
            after = state.store().read()
            assert before + said <= _value(after) <= before + said + 1, point
            put(state.store(), "another", value=point)
        assert state.store().read().components.keys() == {component(name).address for name in ("counter", "another")}

    # --- its past

    def test_history_tells_what_each_run_did(self, state: Opened) -> None:
        store, runs = state.store(), [this_run() for _ in range(4)]
        put(store, "a", "b", run=runs[0])
        with store.lock(runs[1]):
            pass
        with store.lock(runs[2]):
            first = store.commit([Begin(PendingOperation(Operation.UPDATE, component("a", 2)))])
            last = store.commit([made("a", 2), made("c"), Finish(component("b").address, None)])
        put(store, "c", run=runs[3])
        told = state.store().history()
        assert [one.run for one in told] == [runs[3], runs[2], runs[0]]
        assert [{str(address): word for address, word in one.changes.items()} for one in told] == [
            {},
            {"artifact_store/a": "changed", "artifact_store/b": "removed", "artifact_store/c": "created"},
            {"artifact_store/a": "created", "artifact_store/b": "created"},
        ]
        assert (told[1].first, told[1].last) == (first, last)

    def test_the_past_can_be_read(self, state: Opened) -> None:
        store = state.store()
        known: dict[int, AppliedState] = {}
        for value in range(4):
            with store.lock(this_run()):
                for name in "ab":
                    serial = store.commit(
                        [made(name, value), Begin(PendingOperation(Operation.RESUME, component("z")))]
                    )
                    known[serial] = store.read()
        for serial, then in known.items():
            past = state.store().read_at(serial)
            assert (past.serial, past.lineage, past.components) == (serial, then.lineage, then.components)
            assert list(past.components) == list(then.components)
            assert not past.pending
        for unknown in (0, -1, max(known) + 1):
            with pytest.raises(StackspecError) as refused:
                state.store().read_at(unknown)
            assert code_of(refused) == "SS0712"

    def test_a_serial_that_no_change_has_is_not_known(self, state: Opened) -> None:
        known = [put(state.store(), "a", value=value) for value in range(3)]
        here = state.store().read()
        known.append(state.store().push(replace(here, serial=known[-1] + 20), this_run()))
        known.append(put(state.store(), "a", value=3))
        for serial in {*range(1, known[-1] + 2)}.difference(known):
            with pytest.raises(StackspecError) as refused:
                state.store().read_at(serial)
            assert code_of(refused) == "SS0712", serial

    def test_only_so_much_is_remembered(self, state: Opened) -> None:
        serials = [_long_run(state.store(history=3), value) for value in range(8)]
        told = state.store(history=3).history()
        assert len(told) == 3
        assert [one.last for one in told] == serials[:-4:-1]
        for serial in serials[-3:]:
            assert _value(state.store().read_at(serial)) == serials.index(serial)
        with pytest.raises(StackspecError) as refused:
            state.store().read_at(serials[0])
        assert code_of(refused) == "SS0712"
        assert _value(state.store().read()) == 7

    # --- whether it is protected

    def test_whether_it_is_protected_is_kept(self, state: Opened) -> None:
        put(state.store(), "a")
        assert not state.store().read().protected
        for protected in (True, False, True):
            with (store := state.store()).lock(this_run()):
                store.commit([Protect(protected)])
                assert store.read().protected is protected
            assert state.store().read().protected is protected
            put(state.store(), "a", "b")
            assert state.store().read().protected is protected
        serial = _long_run(state.store(history=1), 1)
        assert state.store(history=1).read().protected
        assert list(state.store().read().components) == [component(name).address for name in ("a", "b", *_LONG)]
        assert not state.store().read_at(serial).protected

    def test_it_is_protected_from_the_first_commit_on(self, state: Opened) -> None:
        with (store := state.store()).lock(this_run()):
            store.commit([Protect(True), made("a")])
        assert state.store().read().protected
        assert import_state(state.store().pull()) == state.store().read()

    def test_a_push_says_whether_it_is_protected(self, state: Opened) -> None:
        pushed = AppliedState("test", "f" * 32, 70, {component("a").address: component("a")}, protected=True)
        for one in (pushed, replace(pushed, protected=False), pushed):
            state.store().push(one, this_run())
            assert state.store().read().protected is one.protected

    # --- as a whole

    def test_what_is_pulled_can_be_pushed(self, state: Opened) -> None:
        store, pending = state.store(), PendingOperation(Operation.UPDATE, component("a", 2))
        with store.lock(this_run()):
            store.commit([made("a"), made("b")])
            store.commit([Begin(pending)])
        text = state.store().pull()
        before = store.read()
        assert import_state(text) == replace(before, writer=None)
        put(store, "c")
        run = this_run()
        serial = state.store().push(import_state(text), run)
        after = state.store().read()
        assert after.serial == serial > before.serial
        assert (after.components, after.pending) == (before.components, before.pending)
        assert (after.lineage, after.writer) == (before.lineage, None)
        assert put(store, "d") > serial
        told = next(one for one in state.store().history() if one.run == run)
        assert (told.first, told.last) == (serial, serial)

    def test_a_push_keeps_the_serial_growing(self, state: Opened) -> None:
        pushed = AppliedState("test", "f" * 32, 70, {component("a").address: component("a")})
        assert state.store().push(pushed, this_run()) > 70
        assert state.store().lineage() == "f" * 32
        serial = put(state.store(), "b")
        assert state.store().push(replace(pushed, lineage="e" * 32), this_run()) > serial > 71
        assert state.store().read().lineage == "e" * 32
        put(state.store(), "c")
        assert [address.name for address in state.store().read().components] == ["a", "c"]

    def test_a_push_keeps_the_past(self, state: Opened) -> None:
        store, pushing = state.store(), this_run()
        first = put(store, "a", "b")
        old = state.store().read()
        last = put(store, "a", value=2)
        before = state.store().history()
        with store.lock(this_run()):
            store.commit([Begin(PendingOperation(Operation.UPDATE, component("b", 2)))])
        pushed = AppliedState("test", old.lineage, 70, {one.address: one for one in (component("c"), component("a"))})
        serial = state.store().push(pushed, pushing)
        told = state.store().history()
        assert told[-2:] == before[-2:]
        assert (told[0].run, told[0].first, told[0].last) == (pushing, serial, serial)
        assert {str(address): word for address, word in told[0].changes.items()} == {
            "artifact_store/a": "changed",
            "artifact_store/b": "removed",
            "artifact_store/c": "created",
        }
        assert state.store().read_at(first).components == old.components
        assert _value_of(state.store().read_at(last), "a") == 2
        assert list(state.store().read_at(serial).components) == list(pushed.components)

    def test_a_push_over_what_a_killed_run_did_keeps_the_serial_growing(self, state: Opened) -> None:
        put(state.store(), "a")
        old = state.store().read()
        with Child(lambda talk: _hold(state.store(), talk, commits=9)) as other:
            other.wait_for("held")
            os.kill(other.process, signal.SIGKILL)
            other.end()
        reached = state.store().read().serial
        assert reached >= old.serial + 9
        assert state.store().push(old, this_run()) > reached
        assert state.store().read().components == old.components

    def test_readers_see_no_push_half_done(self, state: Opened) -> None:
        first = AppliedState("test", "f" * 32, 70, {component("a").address: component("a")})
        other = replace(first, lineage="e" * 32, components={component("b").address: component("b")})
        state.store().push(first, this_run())
        with Child(lambda _talk: [state.store().push(one, this_run()) for one in [other, first] * 8]) as pushing:
            while pushing.is_running:
                read = state.store().read()
                assert (read.lineage, list(read.components)) in [
                    (one.lineage, list(one.components)) for one in (first, other)
                ]
        assert pushing.status == 0

    def test_nothing_is_pushed_while_another_writes(self, state: Opened) -> None:
        with Child(lambda talk: _hold(state.store(), talk)) as other:
            other.wait_for("held")
            before = state.store().read()
            with pytest.raises(StackspecError) as refused:
                state.store().push(AppliedState("test", "f" * 32, 70), this_run())
            assert code_of(refused) == "SS0703"
            assert state.store().read() == before
            other.tell("go")


# --- what children do


def _hold(store: StateStore, talk: Talk, commits: int = 1) -> None:
    """Hold the lock, with something in flight, until told to go on."""
    with store.lock(this_run()):
        for _ in range(commits):
            store.commit([Begin(PendingOperation(Operation.PROVISION, component("begun")))])
        talk.tell("held")
        talk.wait_for("go")


def _count(store: StateStore, times: int, talk: Talk | None = None) -> None:
    """Add one to the counter, each time in a run of its own."""
    for _ in range(times):
        with store.lock(this_run(), _PATIENCE):
            store.commit([made("counter", _value(store.read()) + 1)])
            if talk is not None:
                talk.tell("committed")


def _add(state: Opened, name: str, _talk: Talk) -> None:
    put(state.store(), name)


def _write_pairs(store: StateStore, times: int) -> None:
    for value in range(1, times + 1):
        put(store, "a", "b", value=value)


_LONG = ("counter", "ballast")


def _long_run(store: StateStore, value: int) -> int:
    """A run that writes much, so that what is kept of the past is looked at; the serial it comes to."""
    with store.lock(this_run()):
        for _ in range(3):
            serial = store.commit([made(name, what) for name, what in zip(_LONG, (value, "x" * 20_000), strict=True)])
    return serial


def _value(state: AppliedState) -> int:
    return _value_of(state, "counter")


def _value_of(state: AppliedState, name: str) -> int:
    value: int = state.components[component(name).address].config["value"]
    return value
