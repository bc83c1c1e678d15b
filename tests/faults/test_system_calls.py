"""An apply that creates, changes, moves and deletes, ended or failed at each of its durable system calls."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.injected import (
    FIRST,
    LEFT,
    SECOND,
    THIRD,
    calls,
    check_converges,
    made,
    needs_strace,
    stackspec,
    write,
)

pytestmark = needs_strace()

EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
"""Whether every point is tried, and not only some of each system call: minutes, by `make faults`."""
SOME = 3


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was applied, and has changed since."""
    root = tmp_path_factory.mktemp("before") / "project"
    write(root, FIRST)
    assert stackspec(root, "apply", "--yes").returncode == 0
    write(root, SECOND)
    return root


def points(before: Path, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Each system call of the apply with its number, or some of them, the first and the last among them."""
    shutil.copytree(before, tmp_path / "counted")
    for call, count in sorted(calls(tmp_path / "counted", "apply", "--yes", "--parallelism", "1").items()):
        numbers = range(1, count + 1)
        step = 1 if EVERY else max(1, (count - 1) // (SOME - 1))
        yield from ((call, number) for number in sorted({*numbers[::step], count}))


def test_killed_anywhere_the_next_apply_makes_it_right(before: Path, tmp_path: Path) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    killed = 0
    for call, number in points(before, tmp_path):
        root = Path(shutil.copytree(before, tmp_path / f"{call}-{number}"))
        done = stackspec(root, "apply", "--yes", "--parallelism", "1", inject=f"{call}:signal=SIGKILL:when={number}")
        killed += done.returncode == -9
        check_converges(root, next(then))
        shutil.rmtree(root)
    assert killed > 20


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_an_error_anywhere_is_told_and_never_a_false_success(
    error: str, lasting: bool, before: Path, tmp_path: Path
) -> None:
    then = cycle((SECOND, THIRD, FIRST))
    failed = 0
    for call, number in points(before, tmp_path):
        root = Path(shutil.copytree(before, tmp_path / f"{call}-{number}"))
        when = f"{number}+" if lasting else number
        done = stackspec(root, "apply", "--yes", "--parallelism", "1", inject=f"{call}:error={error}:when={when}")
        assert "Traceback" not in done.stderr, (call, number, done.stderr)
        assert "SS0999" not in done.stderr, (call, number, done.stderr)
        if done.returncode == 0:
            assert made(root) == LEFT[SECOND], (call, number)
            assert stackspec(root, "plan", "--detailed-exitcode").returncode == 0, (call, number)
        else:
            failed += 1
            assert "error[SS" in done.stderr or call == "write", (call, number, done.stdout, done.stderr)
        check_converges(root, next(then))
        shutil.rmtree(root)
    assert failed > 10
