"""A damaged state is refused, or read as what it was; it is never taken for another."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.state.by_hand import pushable
from stackspec.state.export import export_state, import_state
from stackspec.state.model import AppliedState, Operation, PendingOperation
from stackspec.state.run import Run
from stackspec.state.sqlite import SqliteStateStore
from stackspec.state.store import Begin, Depose, Finish
from tests.laws.blueprint import Blueprint, Part
from tests.plan.situations import applied

STATE = applied(Blueprint({"a": Part(), "b": Part(base="a"), "c": Part(reads=(("b", "uri"),))}))


PIECES = ["artifact_store", "config", "identity", "0123456789"]
"""What the records hold and no diagnostic may quote."""
STATE_SERIAL = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a state that has come through two applies, and holds something in flight."""
    folder = tmp_path_factory.mktemp("project") / "state"
    store = SqliteStateStore(folder, "default")
    for _ in range(2):
        with store.lock(Run.of_this_process("test")):
            for address, component in STATE.components.items():
                store.commit([Begin(PendingOperation(Operation.PROVISION, component))])
                store.commit([Finish(address, component)])
            store.commit([Begin(PendingOperation(Operation.UPDATE, component))])
            store.commit(
                [Depose("older", PendingOperation(Operation.DEPROVISION, replace(component, identity="older")))]
            )
            store.commit([Depose("gone", PendingOperation(Operation.DEPROVISION, replace(component, identity="gone")))])
            store.commit([Depose("gone", None)])
    return folder


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "state"))


def read(folder: Path) -> AppliedState | None:
    """What a damaged state is taken for, None where it is refused; reading and locking agree."""
    store = SqliteStateStore(folder, "default")
    try:
        state = store.read()
        with store.lock(Run.of_this_process("test")):
            assert store.read().components == state.components
    except StackspecError as error:
        (diagnostic,) = error.diagnostics
        assert diagnostic.code in ("SS0701", "SS0702"), diagnostic
        assert str(folder) in diagnostic.message
        assert not [piece for piece in PIECES if piece in diagnostic.message], diagnostic
        (copy,) = folder.glob(f"default.{STATE_SERIAL}.json")
        assert f"stackspec state push {'--force ' if diagnostic.code == 'SS0702' else ''}{copy}" in str(diagnostic.hint)
        pushable(copy.read_text(), "default", store, force=diagnostic.code == "SS0702")
        return None
    return state


def refusals(folder: Path, damages: Iterator[bytes]) -> int:
    """How many damages were refused; the others must make no difference."""
    file = folder / "default.db"
    whole, good = file.read_bytes(), SqliteStateStore(folder, "default").read()
    assert good.components
    assert list(good.deposed) == ["older"]
    refused = 0
    for damaged in damages:
        for stray in folder.glob("default.db-*"):
            stray.unlink()
        file.write_bytes(damaged)
        state = read(folder)
        refused += state is None
        assert state is None or state == good
    file.write_bytes(whole)
    assert SqliteStateStore(folder, "default").read() == good
    return refused


def test_a_flipped_byte(copy: Path) -> None:
    whole = (copy / "default.db").read_bytes()
    rng = random.Random(1)
    places = sorted(rng.sample(range(len(whole)), min(len(whole), 1_500)))
    refused = refusals(copy, (_flipped(whole, place, rng) for place in places))
    assert refused > 0


def _flipped(whole: bytes, place: int, rng: random.Random) -> bytes:
    return whole[:place] + bytes([whole[place] ^ rng.randrange(1, 256)]) + whole[place + 1 :]


def high_bit(before: bytes) -> Callable[[bytes], bytes]:
    """Flips the highest bit of what follows, so that it is no text any more."""

    def damage(whole: bytes) -> bytes:
        place = whole.index(before) + len(before)
        return whole[:place] + bytes([whole[place] ^ 0x80]) + whole[place + 1 :]

    return damage


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "a record": high_bit(b'{"address":"'),
    "a record's kind": high_bit(b"component"[:4]),
    "what holds for all": high_bit(b"lineage"),
    "the past": high_bit(b'{"id": "'),
    "the name of a table": lambda whole: whole.replace(b"recordrecord", b"recrodrecrod").replace(
        b"TABLE record", b"TABLE recrod"
    ),
    "the name of a column": lambda whole: whole.replace(b"position INTEGER PRIMARY", b"positino INTEGER PRIMARY"),
    "the schema": lambda whole: whole.replace(b"CREATE TABLE record", b"CRAETE TABLE record"),
    "the format": lambda whole: whole[:61] + b"\x01" + whole[62:],
    "the kind of journal": lambda whole: whole[:19] + b"\1" + whole[20:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_cannot_be_read_is_damaged_and_the_copy_can_be_taken(damage: Callable[[bytes], bytes], copy: Path) -> None:
    good, whole = SqliteStateStore(copy, "default").read(), (copy / "default.db").read_bytes()
    damaged = damage(whole)
    assert damaged != whole
    (copy / "default.db").write_bytes(damaged)
    state = read(copy)
    with pytest.raises(StackspecError) as refused:
        SqliteStateStore(copy, "default").history()
    assert refused.value.diagnostics[0].code in ("SS0701", "SS0702")
    assert state in (None, good)
    serial = SqliteStateStore(copy, "default").push(good, Run.of_this_process("state push"))
    assert serial > good.serial
    assert SqliteStateStore(copy, "default").read() == replace(good, serial=serial)
    assert SqliteStateStore(copy, "default").history()[0].first == serial


def test_a_file_that_ends_early(copy: Path) -> None:
    whole = (copy / "default.db").read_bytes()
    lengths = range(0, len(whole), 509)
    refused = refusals(copy, (whole[:length] for length in lengths))
    assert refused == len(lengths)


def test_zeroed_blocks(copy: Path) -> None:
    whole = (copy / "default.db").read_bytes()
    blocks = range(0, len(whole), 512)
    refused = refusals(copy, (whole[:start] + bytes(512) + whole[start + 512 :] for start in blocks))
    assert refused > 0


def older(folder: Path) -> None:
    """An older copy of the file in its place."""
    store = SqliteStateStore(folder, "default")
    before = (folder / "default.db").read_bytes()
    with store.lock(Run.of_this_process("test")):
        (component, *_) = STATE.components.values()
        store.commit([Finish(component.address, None)])
    (folder / "default.db").write_bytes(before)


def of_another_project(folder: Path) -> None:
    other = SqliteStateStore(folder.parent / "other", "default")
    with other.lock(Run.of_this_process("test")):
        pass
    shutil.copy(folder.parent / "other" / "default.db", folder / "default.db")


@pytest.mark.parametrize(
    "damage",
    [
        older,
        of_another_project,
        lambda folder: (folder / "default.db").unlink(),
        lambda folder: (folder / "default.db").write_bytes(b""),
    ],
    ids=["older", "of another project", "gone", "empty"],
)
def test_what_is_refused_can_be_mended_with_the_copy_named(copy: Path, damage: Callable[[Path], object]) -> None:
    store = SqliteStateStore(copy, "default")
    before = store.read()
    damage(copy)
    with pytest.raises(StackspecError) as refused:
        store.read()
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.hint is not None
    _, _, named = diagnostic.hint.partition("stackspec state push ")
    copied = import_state(Path(named).read_text())
    assert copied.serial >= before.serial
    serial = store.push(copied, Run.of_this_process("state push"))
    assert serial > before.serial
    state = store.read()
    assert (state.serial, state.lineage) == (serial, before.lineage)
    assert (state.components, state.pending, state.deposed) == (copied.components, copied.pending, copied.deposed)


def test_a_state_as_text_is_whole_or_refused(folder: Path) -> None:
    state = SqliteStateStore(folder, "default").read()
    text = export_state(state)
    assert text == SqliteStateStore(folder, "default").pull()
    assert import_state(text) == state
    rng = random.Random(2)
    for place in rng.sample(range(len(text)), 400):
        other = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
        try:
            assert import_state(other) == state
        except ValueError:
            continue


def test_old_copies_are_let_go(tmp_path: Path) -> None:
    store = SqliteStateStore(tmp_path, "default")
    (component, *_) = STATE.components.values()
    for _ in range(9):
        with store.lock(Run.of_this_process("test")):
            store.commit([Finish(component.address, component)])
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [
        f"default.{serial}.json" for serial in range(5, 10)
    ]
