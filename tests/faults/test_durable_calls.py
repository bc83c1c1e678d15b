"""An apply that creates, changes, replaces and deletes, ended or failed at each call by which it leaves something.

So are the apply that recovers from that, and a destroy.
"""

from __future__ import annotations

import os
import shutil
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


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, and has changed since."""
    root = tmp_path_factory.mktemp("before") / "project"
    write(root, FIRST)
    assert stackspec(root, "apply", "--yes").returncode == 0
    write(root, SECOND)
    return root


def points(before: Path, tmp_path: Path, command: str = "apply") -> list[int]:
    """The number of each durable call of a command, or of some of each name, the first and the last among them."""
    made = calls(Path(shutil.copytree(before, tmp_path / "counted")), command, *ONE_BY_ONE)
    assert {"pwrite64", "fdatasync", "rename", "unlink"} <= {*made}
    if EVERY:
        return [*range(1, len(made) + 1)]
    some: set[int] = set()
    for name in {*made}:
        numbers = [number for number, call in enumerate(made, start=1) if call == name]
        some |= {*numbers[:: max(1, (len(numbers) - 1) // (SOME - 1))], numbers[-1]}
    return sorted(some)


def kills(points: list[int]) -> list[Fault]:
    """An end before and in each call; in the short form before one and in the next."""
    both = [Fault(point, torn=torn) for point in points for torn in (False, True)]
    return both if EVERY else both[::3]


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
    for fault in found if EVERY else found[::3]:
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
    found = kills(points(applied, tmp_path, "destroy"))
    for fault in found if EVERY else found[again == "apply" :: 2]:
        root = Path(shutil.copytree(applied, tmp_path / f"at-{fault.point}"))
        assert kill(root, "destroy", fault, tally), fault
        if again == "destroy":
            vanish(root, tally, f"destroy {fault}")
        else:
            settle(root, THIRD, tally, f"destroy {fault}")
        shutil.rmtree(root)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", [EIO, ENOSPC], ids=["EIO", "ENOSPC"])
def test_an_error_anywhere_is_told_and_never_a_false_success(
    error: int, lasting: bool, before: Path, tmp_path: Path, tally: Tally
) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    failed, found = 0, points(before, tmp_path)
    share = 2 * (error == ENOSPC) + lasting  # in the short form each point gets one of the four
    for point in found if EVERY else found[share::4]:
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
    assert failed > 2


@pytest.mark.parametrize("error", [EIO, ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("words", ["plan", "status", "drift", "state list", "state history", "state pull"])
def test_a_disk_that_takes_nothing_can_be_read(words: str, error: int, before: Path) -> None:
    write(before, FIRST)
    asked = stackspec(before, *words.split(), fault=Fault(1, error, lasting=True))
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == stackspec(before, *words.split()).stdout
    write(before, SECOND)
