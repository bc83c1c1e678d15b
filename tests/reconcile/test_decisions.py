"""What an agent decides, as functions: when it looks next, whom it tells what, whether it is stuck."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackspec.core.diagnostic import Diagnostic
from stackspec.reconcile.condition import Condition, Outcome, held_back, notice, told
from stackspec.reconcile.health import Pulse, stuck
from stackspec.reconcile.schedule import (
    LONGEST_WAIT,
    STUCK_AFTER,
    Standing,
    after,
    backing_off,
    is_due,
    next_look,
    renewed,
)

INTERVAL = 60.0


def doubling(failures: int) -> float:
    return 5.0 * 2.0 ** (failures - 1)


def test_failures_are_tried_again_with_growing_waits_until_one_look_succeeds() -> None:
    standing, now, waits = Standing(), 100.0, []
    for _ in range(4):
        assert is_due(standing, now)
        standing = after(standing, Condition.FAILED, now, INTERVAL, doubling)
        assert not is_due(standing, now)
        waits.append(standing.due - now)
        now = standing.due
    assert waits == [5.0, 10.0, 20.0, 40.0]
    standing = after(standing, Condition.IN_LINE, now, INTERVAL, doubling)
    assert (standing.failures, standing.due) == (0, now + INTERVAL)


def test_a_new_commit_is_looked_at_at_once() -> None:
    failed = after(Standing(failures=9), Condition.FAILED, 100.0, INTERVAL, doubling)
    anew = renewed(failed)
    assert is_due(anew, 100.0)
    assert after(anew, Condition.FAILED, 100.0, INTERVAL, doubling).due == 105.0


def test_a_lock_that_is_held_for_long_is_told_once_it_is() -> None:
    standing, now = Standing(), 0.0
    found = []
    for _ in range(STUCK_AFTER + 1):
        standing = after(standing, Condition.LOCKED, now, INTERVAL, doubling)
        found.append(standing.condition)
        now = standing.due
    assert found == [Condition.LOCKED] * STUCK_AFTER + [Condition.STUCK]
    assert after(standing, Condition.IN_LINE, now, INTERVAL, doubling).locked_since is None


def test_the_next_look_is_the_earliest_of_all() -> None:
    standings = {"dev": Standing(due=70.0), "prod": Standing(due=65.0)}
    assert next_look(standings, 90.0) == 65.0
    assert next_look(standings, 60.0) == 60.0
    assert next_look({}, 60.0) == 60.0


def test_waits_double_within_bounds_and_differ_by_chance() -> None:
    wait = backing_off(INTERVAL)
    for failures in range(1, 40):
        assert min(5.0 * 2 ** (failures - 1), LONGEST_WAIT) <= wait(failures) <= LONGEST_WAIT + 5.0
    assert len({wait(3) for _ in range(20)}) > 1
    assert backing_off(1.0)(1) <= 2.0


@pytest.mark.parametrize(
    ("now", "patience", "is_stuck"),
    [(INTERVAL * STUCK_AFTER, 0.0, False), (INTERVAL * STUCK_AFTER + 1, 0.0, True), (500.0, 600.0, False)],
)
def test_what_does_not_go_on_is_stuck_unless_it_may_take_that_long(now: float, patience: float, is_stuck: bool) -> None:
    why = stuck(Pulse(0.0, "applying 'prod'", patience), now, INTERVAL)
    assert (why is not None) == is_stuck
    assert why is None or "applying 'prod'" in why


STORY = [
    (Condition.IN_LINE, None),
    (Condition.FAILED, "reconciling failed in 'prod'"),
    (Condition.FAILED, None),
    (Condition.LOCKED, None),
    (Condition.SUSPENDED, None),
    (Condition.FAILED, None),
    (Condition.IN_LINE, "'prod' recovered"),
    (Condition.REPAIRED, "drift repaired in 'prod'"),
    (Condition.REPAIRED, None),
    (Condition.IN_LINE, None),
    (Condition.DRIFTED, "drift found in 'prod'"),
    (Condition.AWAITING, "changes wait for approval in 'prod'"),
    (Condition.IN_LINE, "'prod' recovered"),
    (Condition.STUCK, "the lock is held for long in 'prod'"),
    (Condition.IN_LINE, "'prod' recovered"),
]


def test_people_are_told_of_a_condition_once_and_that_it_is_over() -> None:
    known: Condition | None = None
    for number, (condition, title) in enumerate(STORY):
        found = notice("prod", known, Outcome(condition, "why"))
        assert (found and found.title.removeprefix("stackspec: ")) == title, number
        known = told(known, condition)


@pytest.mark.parametrize("condition", list(Condition))
def test_what_is_well_by_the_last_good_commit_alone_is_held_back(condition: Condition) -> None:
    why = (Diagnostic("SS0204", "a key is missing"),)
    found = held_back(Outcome(condition, "so"), why)
    good = condition in (Condition.IN_LINE, Condition.REPAIRED)
    assert found.condition is (Condition.HELD_BACK if good else condition)
    assert held_back(replace(found, condition=condition), ()).condition is condition
