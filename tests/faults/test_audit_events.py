"""An apply killed at its audit events: before anything durable that Python does, in any thread; on any system."""

from __future__ import annotations

import os
import shutil
from itertools import cycle
from pathlib import Path

import pytest

from tests.faults.injected import FIRST, SECOND, THIRD, audited, settle
from tests.faults.tally import Tally

EVERY = bool(os.environ.get("STACKSPEC_ALL_FAULTS"))
SOME = 6


@pytest.mark.parametrize("twice", [False, True], ids=["once", "in the recovery too"])
def test_killed_at_an_audit_event_the_next_apply_makes_it_right(
    twice: bool, before: Path, tmp_path: Path, tally: Tally
) -> None:
    code, events = audited(Path(shutil.copytree(before, tmp_path / "counted")), "apply", "--yes")
    assert code == 0
    assert {"open", "os.mkdir", "os.rename", "sqlite3.connect", "fcntl.flock"} <= set(events)
    step, then = 1 if EVERY else max(1, len(events) // SOME), cycle((SECOND, THIRD, FIRST))
    for point in range(1, len(events) + 1, step):
        root = Path(shutil.copytree(before, tmp_path / f"at-{point}"))
        where = f"killed at audit event {point}, {events[point - 1]}"
        for _ in range(1 + twice):
            code, _ = audited(root, "apply", "--yes", point=point)
            tally.add("kills", int(code == -9))
        settle(root, next(then), tally, where)
        shutil.rmtree(root)
    assert tally.counts["kills"] >= SOME
