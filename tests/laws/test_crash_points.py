"""Killed at any instant, changed in any way meanwhile: the next apply makes everything right."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.blueprint import Blueprint
from tests.laws.checks import check_converges, check_every_crash
from tests.laws.edits import CHANGING, Edit, edited, edits, projects, renew
from tests.laws.lab import DESTROY, Lab

SEEDS = st.integers(0, 99)


@settings(max_examples=50)
@given(projects(), edits(CHANGING), edits(CHANGING, most=3), SEEDS)
def test_the_apply_after_a_crash_anywhere_converges(
    first: Blueprint, changes: list[Edit], meanwhile: list[Edit], seed: int
) -> None:
    start = Lab()
    check_converges(start, first, seed)
    second = edited(first, changes)
    third = edited(second, meanwhile)
    check_every_crash(start, second, third, seed)


@settings(max_examples=30)
@given(projects(), edits((renew,), least=1), edits((*CHANGING, renew), most=3), SEEDS)
def test_so_does_the_apply_after_a_replacement_that_crashed_anywhere(
    first: Blueprint, renewals: list[Edit], meanwhile: list[Edit], seed: int
) -> None:
    start = Lab()
    check_converges(start, first, seed)
    second = edited(first, renewals)
    check_every_crash(start, second, edited(second, meanwhile), seed)


@settings(max_examples=15)
@given(projects(), edits(CHANGING, most=3), SEEDS)
def test_the_apply_after_a_destroy_that_crashed_anywhere_converges(
    first: Blueprint, meanwhile: list[Edit], seed: int
) -> None:
    start = Lab()
    check_converges(start, first, seed)
    check_every_crash(start, first, edited(first, meanwhile), seed, DESTROY)
