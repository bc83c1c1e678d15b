"""The planner as a function: same in, same out; every component once; what is asked for and what that stands on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as st

from stackspec.core.address import ComponentAddress
from stackspec.plan.model import Action, Phase, Plan
from stackspec.plan.order import applied_edges
from stackspec.plan.planner import make_plan
from stackspec.plan.selection import Selection
from stackspec.plan.situation import Situation
from stackspec.stack.graph import closure, reversed_edges
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedState
from tests.laws.blueprint import Blueprint
from tests.laws.checks import allowed, check_converges
from tests.laws.edits import CHANGING, Edit, edited, edits, projects
from tests.laws.histories import Episode, histories, live_through
from tests.laws.lab import Lab, spec_of

SEEDS = st.integers(0, 99)
HISTORIES = histories(protecting=False)


@settings(max_examples=100)
@given(projects(), HISTORIES, edits(CHANGING))
def test_same_in_same_out(project: Blueprint, history: list[Episode], changes: list[Edit]) -> None:
    lab = Lab()
    wanted = allowed(lab, edited(live_through(lab, project, history), changes))
    desired, applied = wanted.desired, lab.store.read()
    before = repr((desired.components, applied))
    first, second = (
        make_plan(Situation(desired, applied, spec_of)),
        make_plan(Situation(wanted.desired, deepcopy(applied), spec_of)),
    )
    assert repr((desired.components, applied)) == before
    assert (first.changes, first.steps) == (second.changes, second.steps)
    assert list(first.steps) == list(second.steps)


@settings(max_examples=150)
@given(projects(), HISTORIES, edits(CHANGING))
def test_each_component_has_one_action_that_fits_it(
    project: Blueprint, history: list[Episode], changes: list[Edit]
) -> None:
    lab = Lab()
    wanted = allowed(lab, edited(live_through(lab, project, history), changes))
    desired, applied = wanted.desired.components, lab.store.read()
    plan = lab.plan(wanted)
    own = [change for change in plan.changes if not change.deposed]
    actions = {change.address: change.action for change in own}
    assert len(actions) == len(own)
    assert actions.keys() == desired.keys() | applied.components.keys() | applied.pending.keys()
    removals = {change.deposed: change.action for change in plan.changes if change.deposed}
    assert removals.keys() >= applied.deposed.keys()
    begun = {pending.component.identity for pending in applied.pending.values()}
    assert removals.keys() <= applied.deposed.keys() | begun
    assert set(removals.values()) <= {Action.DELETE, Action.RECOVER}
    for address, action in actions.items():
        is_applied, is_desired = address in applied.components, address in desired
        match action:
            case Action.CREATE:
                assert is_desired
                assert not is_applied
            case Action.DELETE | Action.FORGET:
                assert not is_desired
            case Action.RECOVER:
                assert address in applied.pending
            case _:
                assert is_desired
                assert is_applied
    for step in plan.steps.values():
        assert set(step.after) <= plan.steps.keys()
        assert all(key.phase <= step.phase for key in step.after)
        if step.deposed:
            assert step.operations == ("deprovision",)
            assert step.deposed in removals or actions[step.address] in (Action.REPLACE, Action.RECOVER)
        elif step.operations and actions[step.address] is Action.NO_OP:
            assert step.operations == ("record",)
        assert (step.desired is None) == (step.phase in (Phase.TEAR_DOWN, Phase.PRUNE))
        assert (step.phase is Phase.SUSPEND) == ("suspend" in step.operations)


@settings(max_examples=100)
@given(projects(), edits(CHANGING), st.integers(0, 5), st.booleans(), SEEDS)
def test_a_target_brings_what_it_stands_on_and_nothing_else(
    first: Blueprint, changes: list[Edit], index: int, is_applied: bool, seed: int
) -> None:
    lab = Lab()
    if is_applied:
        check_converges(lab, first, seed)
    second = allowed(lab, edited(first, changes))
    desired, applied = second.desired.components, lab.store.read()
    known = sorted(desired.keys() | applied.components.keys())
    if not known:
        return
    target = known[index % len(known)]
    plan = lab.plan(second, Selection(targets=(target,)))
    changed = {change.address for change in plan.changes if change.action is not Action.NO_OP}
    needed = closure([target], {address: one.depends_on for address, one in desired.items()})
    if target in desired:
        assert changed <= needed | _made_room(plan, desired, applied)
    result = lab.run(plan, seed=seed)
    assert result is not None
    assert not result.failed
    now = lab.store.read()
    assert all(address in now.components for address in needed & desired.keys())
    untouched = applied.components.keys() - changed
    assert all(now.components[address].identity == applied.components[address].identity for address in untouched)
    again = lab.plan(second, Selection(targets=(target,))) if target in now.components else None
    assert again is None or not again.has_changes
    check_converges(lab, second, seed)


def _made_room(
    plan: Plan, desired: Mapping[ComponentAddress, DesiredComponent], applied: AppliedState
) -> set[ComponentAddress]:
    """What has left the manifests and stands on something replaced, and what moves off it first."""
    dependents = reversed_edges(applied_edges(applied))
    replaced = {change.address for change in plan.changes if change.action is Action.REPLACE}
    removed = closure(replaced, dependents) - desired.keys()
    on_removed = {address: found for address, found in dependents.items() if address not in desired}
    needs = {address: one.depends_on for address, one in desired.items()}
    room = closure(closure(removed, on_removed), needs)
    # What stands on something that stays until it is off.
    while (
        more := {other for one in plan.changes if one.beside for other in closure(dependents[one.address], needs)}
        - room
    ):
        room |= more
    return room


SHOWN = """
from tests.laws.lab import Lab
from tests.laws.test_seeded_faults import FULL
lab = Lab()
lab.apply(FULL)
square = FULL
for name in "abe":
    square = square.changed(name, shape="square")
plan = lab.plan(square)
print([(str(change.address), change.action) for change in plan.changes])
print([(phase, str(address), step.after) for (phase, address, _), step in plan.steps.items()])
"""


def test_the_plan_is_the_same_in_every_process() -> None:
    shown = {
        subprocess.run(
            [sys.executable, "-c", SHOWN],
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in range(3)
    }
    assert len(shown) == 1
