"""Killed at any instant, changed in any way meanwhile: the next apply makes everything right."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.blueprint import Blueprint
from tests.laws.checks import check_as_desired, check_converges, check_destroyed, check_ended_well
from tests.laws.edits import CHANGING, Edit, edited, edits, projects
from tests.laws.lab import Lab

SEEDS = st.integers(0, 99)


@settings(max_examples=60, deadline=None)
@given(projects(), edits(CHANGING), edits(CHANGING, most=3), SEEDS)
def test_the_apply_after_a_crash_anywhere_converges(
    first: Blueprint, changes: list[Edit], meanwhile: list[Edit], seed: int
) -> None:
    start = Lab()
    check_converges(start, first, seed)
    second = edited(first, changes)
    third = edited(second, meanwhile)
    whole = start.copy()
    check_ended_well(whole.apply(second, seed=seed))
    check_as_desired(whole, second)
    for point in range(1, len(whole.world.points.reached) + 1):
        lab = start.copy()
        assert lab.run(lab.plan(second), kill_at=point, seed=seed) is None
        check_converges(lab, third, seed)
        check_destroyed(lab, third, seed)
