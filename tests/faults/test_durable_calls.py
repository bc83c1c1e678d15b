"""An apply that creates, changes, replaces and deletes, ended or failed at each call by which it leaves something.

So are the apply that recovers from that, and a destroy.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from errno import EIO, ENOSPC
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from tests.faults.injected import (
    FIRST,
    LEFT,
    SECOND,
    THIRD,
    Fault,
    calls,
    made,
    needs_compiler,
    settle,
    stackspec,
    vanish,
    write,
)
from tests.faults.tally import Tally

pytestmark = needs_compiler()

EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
"""Whether every call is tried in every way, and not only some of each name: by `make faults`."""
SOME = 3

ONE_BY_ONE = ("--yes", "--parallelism", "1")


def points(before: Path, tmp_path: Path, *words: str) -> list[int]:
    """The number of each durable call of a command, or of some of each name, the first and the last among them."""
    made = calls(Path(shutil.copytree(before, tmp_path / "counted")), *(words or ("apply", *ONE_BY_ONE)))
    assert {"pwrite64", "fdatasync", "rename", "unlink"} <= {*made}
    if EVERY:
        return [*range(1, len(made) + 1)]
    some: set[int] = set()
    for name in {*made}:
        numbers = [number for number, call in enumerate(made, start=1) if call == name]
        some |= {*numbers[:: max(1, (len(numbers) - 1) // (SOME - 1))], numbers[-1]}
    return sorted(some)


def kills(points: list[int]) -> list[Fault]:
    """An end before and in each call; in the short form some before and some in one."""
    both = [Fault(point, torn=torn) for point in points for torn in (False, True)]
    return both if EVERY else both[::6]


def kill(root: Path, command: str, fault: Fault, tally: Tally) -> bool:
    """Have a command be killed at a call; whether it got that far."""
    killed = stackspec(root, command, *ONE_BY_ONE, fault=fault).returncode == -9
    tally.add("kills", int(killed))
    return killed


def test_killed_anywhere_the_next_apply_makes_it_right(before: Path, tmp_path: Path, tally: Tally) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    for fault in kills(points(before, tmp_path)):
        root = Path(shutil.copytree(before, tmp_path / f"at-{fault.point}"))
        assert kill(root, "apply", fault, tally), fault
        settle(root, next(then), tally, str(fault))
        shutil.rmtree(root)


def test_killed_in_the_recovery_too_and_once_more(before: Path, tmp_path: Path, tally: Tally) -> None:
    found = kills(points(before, tmp_path))
    rng, then = Random(1), cycle((SECOND, THIRD, FIRST))
    for fault in found if EVERY else found[::2]:
        root = Path(shutil.copytree(before, tmp_path / f"at-{fault.point}"))
        way = [fault]
        assert kill(root, "apply", fault, tally), fault
        for manifest in (SECOND, next(then)):
            write(root, manifest)
            way.append(rng.choice(found))
            kill(root, "apply", way[-1], tally)
        settle(root, next(then), tally, ", ".join(map(str, way)))
        shutil.rmtree(root)
    assert tally.counts["kills"] > 10


@pytest.mark.parametrize("again", ["destroy", "apply"])
def test_a_destroy_killed_anywhere(again: str, before: Path, tmp_path: Path, tally: Tally) -> None:
    applied = Path(shutil.copytree(before, tmp_path / "applied"))
    write(applied, FIRST)
    found = kills(points(applied, tmp_path, "destroy", *ONE_BY_ONE))
    for fault in found if EVERY else found[again == "apply" :: 2]:
        root = Path(shutil.copytree(applied, tmp_path / f"at-{fault.point}"))
        assert kill(root, "destroy", fault, tally), fault
        if again == "destroy":
            vanish(root, tally, f"destroy {fault}")
        else:
            settle(root, THIRD, tally, f"destroy {fault}")
        shutil.rmtree(root)


def garbled(state: Path) -> None:
    """A state in which nothing can be read, and a journal that SQLite would carry out on any other in its place."""
    journal = state.with_name(f"{state.name}-wal")
    with closing(sqlite3.connect(state, isolation_level=None)) as connection:
        connection.execute("UPDATE meta SET value = 'stale' WHERE key = 'seal'")
        left = journal.read_bytes()
    journal.write_bytes(left)
    state.write_bytes(b"\xff" * 5_000)


def good(_state: Path) -> None:
    """A state as it is."""


PUSH = ("push", "copy.json", "--force")


@pytest.mark.parametrize("damage", [good, garbled])
def test_a_push_ended_or_failed_anywhere_leaves_what_was_there_or_what_was_pushed(
    damage: Callable[[Path], None], before: Path, tmp_path: Path, tally: Tally
) -> None:
    project = Path(shutil.copytree(before, tmp_path / "project"))
    (project / "copy.json").write_text(stackspec(project, "state", "pull").stdout)
    pushed = state_of(project)
    assert stackspec(project, "state", "rm", "log_store/dev").returncode == 0
    removed, past = state_of(project), stackspec(project, "state", "history").stdout
    damage(project / ".stackspec" / "state" / "default.db")
    found = points(project, tmp_path, "state", *PUSH)
    for fault in [*(kills(found) if EVERY else kills(found)[:: 2 if damage is good else 4]), *failures(found)]:
        root = Path(shutil.copytree(project, tmp_path / f"at-{fault.point}"))
        done = stackspec(root, "state", *PUSH, fault=fault)
        tally.add("kills" if fault.error is None else "errors injected")
        assert (done.returncode == -9) == (fault.error is None), (fault, done.stderr)
        assert done.returncode in (-9, 0) or "error[SS0704]" in done.stderr, (fault, done.stderr)
        tally.add("false successes", int(done.returncode == 0 and state_of(root) != pushed), str(fault))
        asked = stackspec(root, "state", "pull")
        if asked.returncode:
            assert damage is garbled, (fault, asked.stderr)
            assert "SS0701" in asked.stderr, (fault, asked.stderr)
            assert "state push" in asked.stderr, (fault, asked.stderr)
        else:
            assert state_of(root) in ([pushed] if damage is garbled else [pushed, removed]), fault
        again = stackspec(root, "state", *PUSH)
        assert again.returncode == 0, (fault, again.stderr)
        assert state_of(root) == pushed, fault
        assert damage is garbled or stackspec(root, "state", "history").stdout.endswith(past), fault
        shutil.rmtree(root)
    assert tally.counts["kills"] > 2


def failures(points: list[int]) -> list[Fault]:
    """An error at each call, once and from then on; in the short form some of these."""
    errors = [Fault(point, error, lasting) for point in points for error in (EIO, ENOSPC) for lasting in (False, True)]
    return errors if EVERY else errors[::23]


def state_of(root: Path) -> list[object]:
    """What a state says of components."""
    text = stackspec(root, "state", "pull").stdout
    return [json.loads(text)[name] for name in ("lineage", "components", "pending")]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [EIO, ENOSPC], ids=["EIO", "ENOSPC"])
def test_an_error_anywhere_is_told_and_never_a_false_success(
    error: int, lasting: bool, before: Path, tmp_path: Path, tally: Tally
) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    failed, found = 0, points(before, tmp_path)
    share = 2 * (error == ENOSPC) + lasting  # in the short form every other point gets one of the four
    for point in found if EVERY else found[2 * share :: 8]:
        root = Path(shutil.copytree(before, tmp_path / f"at-{point}"))
        fault = Fault(point, error, lasting)
        done = stackspec(root, "apply", *ONE_BY_ONE, fault=fault)
        tally.add("errors injected")
        assert "Traceback" not in done.stderr, (fault, done.stderr)
        assert "SS0999" not in done.stderr, (fault, done.stderr)
        if done.returncode == 0:
            planned = stackspec(root, "plan", "--detailed-exitcode")
            tally.add("false successes", int(made(root) != LEFT[SECOND] or planned.returncode != 0), str(fault))
        else:
            failed += 1
            assert "error[SS" in done.stderr, (fault, done.stdout, done.stderr)
        settle(root, next(then), tally, str(fault))
        shutil.rmtree(root)
    assert failed > (2 if EVERY else 0)


@pytest.mark.parametrize("error", [EIO, ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("words", ["plan", "status", "drift", "state list", "state history", "state pull"])
def test_a_disk_that_takes_nothing_can_be_read(words: str, error: int, before: Path) -> None:
    write(before, FIRST)
    asked = stackspec(before, *words.split(), fault=Fault(1, error, lasting=True))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == stackspec(before, *words.split()).stdout
    write(before, SECOND)
