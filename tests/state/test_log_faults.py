"""A log whose place fails at any request, loses answers, is damaged, or is written to by who comes late."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.state.export import import_state
from stackspec.state.log.sealed import seal, unseal
from stackspec.state.log.seen import Seen
from stackspec.state.log.store import LogStateStore
from stackspec.state.model import AppliedState
from stackspec.state.objects import Presence
from stackspec.state.run import Run
from stackspec.testing.state_conformance import code_of, component, made, put, run_elsewhere, this_run
from tests.state.memory_objects import MemoryObjects, unreachable

BALLAST = "x" * 20_000


class Ended(BaseException):
    """The end of a process, of which nothing it would still do happens."""


def store(objects: MemoryObjects, history: int = 100, environment: str = "test") -> LogStateStore:
    return LogStateStore(objects, environment, history)


def written(runs: int = 5, history: int = 3, environment: str = "test") -> MemoryObjects:
    """A log of several runs, of which the oldest are let go, with snapshots and entries behind the newest."""
    objects = MemoryObjects()
    for value in range(runs):
        put(store(objects, history, environment), "a", value=value)
        put(store(objects, history, environment), "ballast", value=f"{value}{BALLAST}")
    put(store(objects, history, environment), "b")
    return objects


# --- what is counted


def test_a_write_costs_the_same_however_large_the_state() -> None:
    costs = []
    for size in (1, 300):
        objects = MemoryObjects()
        put(store(objects), *(f"c{number}" for number in range(size)))
        writer = store(objects)
        with writer.lock(this_run()):
            before = objects.requests, sum(map(len, objects.kept.values()))
            writer.commit([made("c0", 2)])
            costs.append((objects.requests - before[0], sum(map(len, objects.kept.values())) - before[1]))
    assert costs[0] == costs[1]
    assert costs[0][0] == 1


def test_what_is_kept_is_bounded() -> None:
    objects = MemoryObjects()
    most = 0
    for value in range(60):
        put(store(objects, history=4), "a", "b", value=f"{value}{'x' * 3_000}")
        if value > 30:
            most = max(most, len(objects.kept))
    assert most < 60
    assert store(objects, history=4).read().serial > 100


def test_a_read_asks_for_few_objects() -> None:
    objects = MemoryObjects()
    for value in range(100):
        put(store(objects), "a", value=value)
    before = objects.requests
    assert store(objects).read().components[component("a").address].config["value"] == 99
    assert objects.requests - before == 3


# --- the place fails


@pytest.mark.parametrize("written_all_the_same", [False, True], ids=["not written", "written, and the answer lost"])
def test_the_place_fails_at_any_request(written_all_the_same: bool) -> None:
    points = _points(written())
    codes: set[str] = set()
    for point in points:
        objects, left = written(), point

        def fail(_request: str, _key: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise unreachable()

        before = store(objects).read()
        setattr(objects, "after" if written_all_the_same else "before", fail)
        run, serial, told = run_elsewhere(), None, ""
        try:
            serial = _write(objects, run)
        except StackspecError as error:
            codes.add(error.diagnostics[0].code)
            told = str([one.hint for one in error.diagnostics])
        objects.before = objects.after = lambda _request, _key: None
        state = store(objects).read()
        assert len(state.components) - len(before.components) in ((1,) if serial else (0, 1)), point
        if (holder := store(objects).writer()) is not None:
            assert f"stackspec state unlock {holder.id}" in told, "no lock is left that nobody was told of"
            store(objects).unlock(holder.id)
        put(store(objects, 3), "c")
        assert store(objects).history()
    assert codes == {"SS0709"}


def test_an_answer_that_is_lost_and_asked_for_again_is_ours() -> None:
    """An SDK that repeats a request whose answer was lost is told that the object is there: its own."""
    objects = MemoryObjects()
    first = objects.create

    def create(key: str, data: bytes) -> bool:
        first(key, data)
        return False

    objects.create = create  # type: ignore[method-assign]
    serial = put(store(objects), "a")
    assert store(objects).read().serial == serial
    assert store(objects).writer() is None


def test_a_process_ends_at_any_request() -> None:
    for when in ("before", "after"):
        for point in _points(written()):
            objects, left = written(), point

            def end(_request: str, _key: str) -> None:
                nonlocal left
                left -= 1
                if left <= 0:
                    raise Ended

            setattr(objects, when, end)
            with suppress(Ended):
                _write(objects, run_elsewhere())
            objects.before = objects.after = lambda _request, _key: None
            state = store(objects).read()
            assert state.components.keys() >= {component(name).address for name in ("a", "b")}
            if (holder := store(objects).writer()) is not None:
                store(objects).unlock(holder.id)
            for _ in range(4):
                put(store(objects, 3), "ballast", value=BALLAST)
            assert len(store(objects, 3).history()) == 3


def _write(objects: MemoryObjects, run: Run) -> int:
    """A run that writes, keeps a snapshot and lets go of what is old."""
    writer = store(objects, 1)
    with writer.lock(run):
        writer.commit([made("z")])
        return writer.commit([made("ballast", f"z{BALLAST}")])


def _points(objects: MemoryObjects) -> range:
    """The numbers of the requests of such a run."""
    seen: list[str] = []
    objects.before = lambda request, _key: seen.append(request)
    _write(objects, run_elsewhere())
    assert "delete" in seen
    return range(1, len(seen) + 1)


# --- upkeep


@pytest.mark.parametrize("fails", [("create", "/snapshot/"), ("delete", "")], ids=["snapshot", "deletion"])
def test_what_cannot_be_kept_is_a_warning_and_the_next_run_makes_up_for_it(fails: tuple[str, str]) -> None:
    objects, told = written(), list[Diagnostic]()

    def fail(request: str, key: str) -> None:
        if request == fails[0] and fails[1] in key:
            raise unreachable()

    objects.before = fail
    writer = LogStateStore(objects, "test", 1, warn=told.append)
    serial = put(writer, "ballast", value=BALLAST)
    assert [(one.code, one.severity) for one in told] == [("SS0714", Severity.WARNING)]
    assert store(objects).writer() is None
    assert store(objects).read().serial == serial
    objects.before = lambda _request, _key: None
    kept = len(objects.kept)
    put(writer, "ballast", value=f"again{BALLAST}")
    assert len(told) == 1
    assert len(objects.kept) < kept


@pytest.mark.parametrize("act", ["lock", "push"])
def test_a_checkout_that_cannot_be_written_in_is_a_warning(act: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    objects, told = written(), list[Diagnostic]()
    writer = LogStateStore(objects, "test", 100, Seen(tmp_path / "file", "test"), told.append)
    serial = put(writer, "c") if act == "lock" else writer.push(store(objects).read(), this_run())
    assert [one.code for one in told] == ["SS0714"]
    assert store(objects).read().serial == serial
    assert store(objects).writer() is None


def test_the_lock_is_given_back_last_of_all_and_readers_see_the_same_meanwhile() -> None:
    objects, done, seen = written(), list[tuple[str, str]](), list[AppliedState]()

    def look(request: str, key: str) -> None:
        objects.before = lambda _request, _key: None
        if request in ("create", "delete"):
            done.append((request, key))
        if "delete" in dict(done):
            seen.append(store(objects).read())
            assert store(objects).writer() == run
            assert store(objects, 1).history()
        objects.before = look

    objects.before, run = look, run_elsewhere()
    _write(objects, run)
    objects.before = lambda _request, _key: None
    last = max(key for key in objects.kept if "/log/" in key)
    assert done[-1] == ("create", last)
    assert {request for request, _ in done} == {"create", "delete"}
    after = store(objects).read()
    assert all(replace(state, writer=None) == after for state in seen)


# --- who comes late


def _goes_on(objects: MemoryObjects) -> AppliedState:
    """Others write so much that little is kept of what was before; what the state is then."""
    for value in range(4):
        put(store(objects, 1), "ballast", value=f"{value}{BALLAST}")
    return store(objects).read()


def _after_next_entry(objects: MemoryObjects, act: Callable[[], None]) -> None:
    """Have something done as soon as an entry is written, before its writer does anything else."""

    def written(request: str, key: str) -> None:
        if request == "create" and "/log/" in key:
            objects.after = lambda _request, _key: None
            act()

    objects.after = written


def test_a_lock_stays_freed_though_who_freed_it_is_paused() -> None:
    objects, holder = written(), run_elsewhere()
    states: list[AppliedState] = []
    paused = store(objects)
    with paused.lock(holder):
        paused.commit([made("c")])
        _after_next_entry(objects, lambda: states.append(_goes_on(objects)))
        assert store(objects).unlock(holder.id) == holder
        with pytest.raises(StackspecError) as refused:
            paused.commit([made("d", "late")])
    assert code_of(refused) == "SS0708"
    assert [store(objects).read()] == states
    assert store(objects).history()


def test_who_takes_the_lock_and_is_paused_until_it_is_freed_has_lost_it() -> None:
    objects, run = written(), run_elsewhere()
    states: list[AppliedState] = []

    def free_and_go_on() -> None:
        store(objects).unlock(run.id)
        states.append(_goes_on(objects))

    _after_next_entry(objects, free_and_go_on)
    paused = store(objects)
    with pytest.raises(StackspecError) as refused, paused.lock(run):
        paused.commit([made("d", "late")])
    assert code_of(refused) == "SS0708"
    assert [store(objects).read()] == states


def test_who_pushes_and_is_paused_pushes_once() -> None:
    objects, states = written(), list[AppliedState]()
    pushed = store(objects).read()
    _after_next_entry(objects, lambda: states.append(_goes_on(objects)))
    serial = store(objects).push(pushed, this_run())
    assert [store(objects).read()] == states
    assert states[0].serial > serial > pushed.serial


def test_who_keeps_a_snapshot_late_leaves_history_as_it_is() -> None:
    objects, run, states = written(), run_elsewhere(), list[AppliedState]()

    def go_on(request: str, key: str) -> None:
        if request == "create" and "/snapshot/" in key:
            objects.before = lambda _request, _key: None
            if store(objects).writer() is not None:
                store(objects).unlock(run.id)
            states.append(_goes_on(objects))

    objects.before = go_on
    _write(objects, run)
    assert [store(objects).read()] == states
    assert len(store(objects, 1).history()) == 1
    assert store(objects).read_at(states[0].serial).components == states[0].components


def test_an_entry_that_was_there_and_is_not_ends_the_run_as_damage_does() -> None:
    objects = written()
    create = objects.create

    def refuse_once(_key: str, _data: bytes) -> bool:
        objects.create = create  # type: ignore[method-assign]
        return False

    writer = store(objects)
    with writer.lock(run_elsewhere()):
        objects.create = refuse_once  # type: ignore[method-assign, assignment]
        with pytest.raises(StackspecError) as refused:
            writer.commit([made("c")])
    assert code_of(refused) == "SS0701"
    assert store(objects).writer() is None


@pytest.mark.parametrize(("presence", "frees"), [(Presence.UNKNOWN, True), (Presence.ALIVE, False)])
def test_a_lock_is_freed_by_hand_unless_its_owner_is_known_to_be_alive(presence: Presence, frees: bool) -> None:
    objects, run = written(), run_elsewhere()
    objects.known_presence = presence
    with store(objects).lock(run):
        if frees:
            assert store(objects).unlock(run.id) == run
        else:
            with pytest.raises(StackspecError) as refused:
                store(objects).unlock(run.id)
            assert code_of(refused) == "SS0711"
            assert "alive" in str(refused.value)
            assert store(objects).writer() == run


def test_who_looked_long_ago_takes_no_lock_and_frees_none() -> None:
    """The number that would be next was used and let go meanwhile; an entry created there counts for nothing."""
    for act in ("lock", "unlock", "push"):
        objects, holder = MemoryObjects(), run_elsewhere()
        put(store(objects), "a")
        late = store(objects, 2)
        if act == "unlock":
            with store(objects).lock(holder):
                late.read()
        else:
            late.read()
        for value in range(9):
            put(store(objects, 1), "ballast", value=f"{value}{BALLAST}")
        before = store(objects).read()
        asked = 0

        def stale(keys: Callable[[str, str], list[str]], prefix: str, after: str = "") -> list[str]:
            nonlocal asked
            asked += 1
            return [] if asked == 1 else keys(prefix, after)

        objects.keys = partial(stale, objects.keys)  # type: ignore[method-assign]
        if act == "lock":
            put(late, "b")
        elif act == "push":
            late.push(AppliedState("test", before.lineage, 1, before.components), this_run())
        else:
            with pytest.raises(StackspecError) as refused:
                late.unlock(holder.id)
            assert code_of(refused) == "SS0711"
        assert asked > 1
        after = store(objects).read()
        assert after.components.items() >= before.components.items()
        assert after.serial >= before.serial
        assert store(objects).history()


# --- damage


def _damages(objects: MemoryObjects) -> list[tuple[str, bytes | None]]:
    """Each object that a reader needs, as it may be damaged: changed, cut, emptied, gone, another's in its place."""
    rng, strange = Random(1), written(environment="test")
    newest = max(key for key in objects.kept if "/snapshot/" in key)
    first = int(newest.partition("/snapshot/")[2][:10])
    needed = [newest, *sorted(key for key in objects.kept if "/log/" in key and int(key[-10:]) >= first)]
    found: list[tuple[str, bytes | None]] = []
    for key in needed:
        data = objects.kept[key]
        place = rng.randrange(len(data) - 1)
        found.append((key, data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]))
        found.append((key, data[: len(data) // 2]))
        found.append((key, b""))
        found.append((key, next(other for name, other in objects.kept.items() if name != key and "probe" not in name)))
        found.append((key, strange.kept[key]))
        # Without the snapshot the log still tells all; and who is there to miss the last entry?
        if key not in (newest, needed[-1]):
            found.append((key, None))
        other = dict(unseal(data).record)
        other["environment"] = "another"
        found.append((key, seal(other)))
    return found


def test_damage_is_refused_and_a_push_mends_it() -> None:
    objects = written()
    whole, good = dict(objects.kept), store(objects).read()
    text = store(objects).pull()
    damages = _damages(objects)
    assert len(damages) > 20
    for key, data in damages:
        objects.kept = {name: kept for name, kept in whole.items() if name != key or data is not None}
        if data is not None:
            objects.kept[key] = data
        before = dict(objects.kept)
        with pytest.raises(StackspecError) as refused:
            store(objects).read()
        assert code_of(refused) == "SS0701", key
        with pytest.raises(StackspecError), store(objects).lock(this_run()):
            pass
        assert objects.kept == before, "it is left untouched"
        assert store(objects).lineage() is not None
        store(objects).push(import_state(text), this_run())
        assert {name: objects.kept[name] for name in before} == before, "what was there is still there"
        after = store(objects).read()
        assert (after.components, after.lineage) == (good.components, good.lineage)
        for value in range(9):
            put(store(objects, 1), "ballast", value=f"{value}{BALLAST}")
        assert {name: objects.kept[name] for name in before} == before
        assert len(store(objects).history()) >= 1


def test_a_push_over_damage_ends_the_writer_that_is_there() -> None:
    objects, run = written(), run_elsewhere()
    text = store(objects).pull()
    paused = store(objects)
    with paused.lock(run):
        paused.commit([made("c")])
        newest = max(key for key in objects.kept if "/log/" in key)
        objects.kept[max(key for key in objects.kept if "/log/" in key and key != newest)] = b""
        store(objects).push(import_state(text), this_run())
        for value in range(9):
            put(store(objects, 1), "ballast", value=f"{value}{BALLAST}")
        before = store(objects).read()
        with pytest.raises(StackspecError) as refused:
            paused.commit([made("d")])
    assert code_of(refused) == "SS0708"
    assert store(objects).read() == before


def test_a_newer_format_is_told() -> None:
    objects = written()
    key = max(objects.kept, key=lambda key: ("/log/" in key, key))
    objects.kept[key] = seal({**unseal(objects.kept[key]).record, "format": 99})
    with pytest.raises(StackspecError) as refused:
        store(objects).read()
    assert code_of(refused) == "SS0702"


def test_a_damaged_past_is_refused_and_the_present_is_read() -> None:
    objects = written(history=100)
    del objects.kept["test/log/0000000004"]
    assert store(objects).read().components
    oldest = min(key for key in objects.kept if "/snapshot/" in key)
    objects.kept[oldest] = b"damaged"
    with pytest.raises(StackspecError) as refused:
        store(objects).history()
    assert code_of(refused) == "SS0701"


def test_two_environments_are_two_states() -> None:
    objects = written(environment="dev")
    assert store(objects, environment="de").read().is_empty
    assert store(objects, environment="prod").read().is_empty
    assert replace(store(objects, environment="dev").read(), serial=0) != AppliedState("dev")
