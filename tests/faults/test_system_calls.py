"""An apply that creates, changes, replaces and deletes, ended or failed at each of its durable system calls.

So are the apply that recovers from that, and a destroy.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random

import pytest

from tests.faults.injected import (
    FIRST,
    LEFT,
    SECOND,
    THIRD,
    calls,
    made,
    needs_strace,
    settle,
    stackspec,
    vanish,
    write,
)
from tests.faults.tally import Tally

pytestmark = needs_strace()

EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
"""Whether every point is tried, and not only some of each system call: minutes, by `make faults`."""
SOME = 3
ERRORS = ("EIO", "ENOSPC")

ONE_BY_ONE = ("--yes", "--parallelism", "1")


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, and has changed since."""
    root = tmp_path_factory.mktemp("before") / "project"
    write(root, FIRST)
    assert stackspec(root, "apply", "--yes").returncode == 0
    write(root, SECOND)
    return root


def points(before: Path, tmp_path: Path, command: str = "apply") -> Iterator[tuple[str, int]]:
    """Each system call of the command with its number, or some of them, the first and the last among them."""
    shutil.copytree(before, tmp_path / "counted")
    for call, count in sorted(calls(tmp_path / "counted", command, *ONE_BY_ONE).items()):
        numbers = range(1, count + 1)
        step = 1 if EVERY else max(1, (count - 1) // (SOME - 1))
        yield from ((call, number) for number in sorted({*numbers[::step], count}))


def kill(root: Path, command: str, call: str, number: int, tally: Tally) -> bool:
    """Have a command be killed at a system call; whether it got that far."""
    done = stackspec(root, command, *ONE_BY_ONE, inject=f"{call}:signal=SIGKILL:when={number}")
    tally.add("kills", killed := int(done.returncode == -9))
    return bool(killed)


def test_killed_anywhere_the_next_apply_makes_it_right(before: Path, tmp_path: Path, tally: Tally) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    for call, number in points(before, tmp_path):
        root = Path(shutil.copytree(before, tmp_path / f"{call}-{number}"))
        kill(root, "apply", call, number, tally)
        settle(root, next(then), tally, f"killed at {call} {number}")
        shutil.rmtree(root)
    assert tally.counts["kills"] > 20


def test_killed_in_the_recovery_too_and_once_more(before: Path, tmp_path: Path, tally: Tally) -> None:
    found = list(points(before, tmp_path))
    rng, then = Random(1), cycle((SECOND, THIRD, FIRST))
    for call, number in found if EVERY else found[::3]:
        root = Path(shutil.copytree(before, tmp_path / f"{call}-{number}"))
        way = [(call, number)]
        if kill(root, "apply", call, number, tally):
            for manifest in (SECOND, next(then)):
                write(root, manifest)
                way.append(rng.choice(found))
                kill(root, "apply", *way[-1], tally)
        settle(root, next(then), tally, f"killed at {way}")
        shutil.rmtree(root)
    assert tally.counts["kills"] > 10


@pytest.mark.parametrize("again", ["destroy", "apply"])
def test_a_destroy_killed_anywhere(again: str, before: Path, tmp_path: Path, tally: Tally) -> None:
    applied = Path(shutil.copytree(before, tmp_path / "applied"))
    write(applied, FIRST)
    found = list(points(applied, tmp_path, "destroy"))
    for call, number in found if EVERY else found[again == "apply" :: 2]:
        root = Path(shutil.copytree(applied, tmp_path / f"{call}-{number}"))
        kill(root, "destroy", call, number, tally)
        if again == "destroy":
            vanish(root, tally, f"destroy killed at {call} {number}")
        else:
            settle(root, THIRD, tally, f"destroy killed at {call} {number}")
        shutil.rmtree(root)
    assert tally.counts["kills"] > 5


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_anywhere_is_told_and_never_a_false_success(
    error: str, lasting: bool, before: Path, tmp_path: Path, tally: Tally
) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    failed, found = 0, list(points(before, tmp_path))
    share = 2 * ERRORS.index(error) + lasting  # in the short form each point gets one of the four
    for call, number in found if EVERY else found[share::4]:
        root = Path(shutil.copytree(before, tmp_path / f"{call}-{number}"))
        when, where = f"{number}+" if lasting else number, f"{error} at {call} {number}"
        done = stackspec(root, "apply", *ONE_BY_ONE, inject=f"{call}:error={error}:when={when}")
        tally.add("errors injected")
        assert "Traceback" not in done.stderr, (call, number, done.stderr)
        assert "SS0999" not in done.stderr, (call, number, done.stderr)
        if done.returncode == 0:
            planned = stackspec(root, "plan", "--detailed-exitcode")
            tally.add("false successes", int(made(root) != LEFT[SECOND] or planned.returncode != 0), where)
        else:
            failed += 1
            assert "error[SS" in done.stderr or call == "write", (call, number, done.stdout, done.stderr)
        settle(root, next(then), tally, where)
        shutil.rmtree(root)
    assert failed > 2
