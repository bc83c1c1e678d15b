"""The executor's own threads: what is independent runs together, what waits waits, and a stop loses nothing."""

from __future__ import annotations

from threading import Barrier

import pytest
from hypothesis import given, settings

from stackspec.plan.model import Action
from tests.laws.blueprint import Blueprint, Part
from tests.laws.checks import allowed, check_as_desired, check_converges, check_ended_well
from tests.laws.edits import CHANGING, Edit, edited, edits, projects
from tests.laws.lab import Lab

SIDE_BY_SIDE = Blueprint({name: Part() for name in "abc"})


def test_independent_hooks_run_at_the_same_time() -> None:
    lab = Lab()
    everyone = Barrier(3)

    def meet(name: str) -> None:
        if name.startswith("half"):
            everyone.wait(timeout=20)

    lab.world.meet = meet
    result = lab.run(lab.plan(SIDE_BY_SIDE), seed=None)
    assert result is not None
    check_ended_well(result)
    lab.world.meet = lambda _name: None
    check_as_desired(lab, SIDE_BY_SIDE)


def test_no_more_hooks_run_than_are_allowed() -> None:
    lab = Lab()
    at_once: set[str] = set()
    most = 0

    def meet(name: str) -> None:
        nonlocal most
        moment, _, component = name.split()
        at_once.add(component)
        most = max(most, len(at_once))
        if moment == "after":
            at_once.remove(component)

    lab.world.meet = meet
    lab.run(lab.plan(SIDE_BY_SIDE), seed=None, parallelism=1)
    assert most == 1


@settings(max_examples=40)
@given(projects(), edits(CHANGING))
def test_the_laws_hold_in_threads(first: Blueprint, changes: list[Edit]) -> None:
    lab = Lab()
    for wanted in (first, edited(first, changes), Blueprint()):
        project = allowed(lab, wanted)
        result = lab.run(lab.plan(project), seed=None)
        assert result is not None
        check_ended_well(result)
        check_as_desired(lab, project)


@pytest.mark.parametrize("flavor", ["pliant", "eager"])
@pytest.mark.parametrize("then", ["running", "suspended"])
def test_a_stop_between_two_operations_of_a_component_leaves_the_second_pending(flavor: str, then: str) -> None:
    asleep = Blueprint({"a": Part(flavor)}, frozenset({"red"}))
    lab = Lab()
    check_converges(lab, asleep)
    changed = asleep.changed("a", size=2)
    result = lab.run(lab.plan(changed), stop_at=3)
    assert result is not None
    assert list(result.skipped.values()) == ["the apply was asked to stop"]
    (change,) = lab.plan(changed).changes
    assert change.action is Action.UPDATE
    assert change.reason == "suspend failed before: the apply was asked to stop"
    check_converges(lab, changed if then == "suspended" else Blueprint(changed.parts))
