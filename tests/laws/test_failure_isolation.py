"""A failed hook stops what depends on it and nothing else; the next apply goes on from there."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stackspec.core.address import ComponentAddress
from stackspec.plan.model import Action, Plan, StepKey
from stackspec.plan.order import applied_edges
from stackspec.stack.graph import closure
from stackspec.state.model import AppliedState
from tests.laws.blueprint import NAMES, Blueprint, address
from tests.laws.checks import allowed, check_converges, check_destroyed
from tests.laws.edits import CHANGING, Edit, edited, edits, projects
from tests.laws.histories import HOOKS, MOMENTS
from tests.laws.lab import Lab

SEEDS = st.integers(0, 99)


@settings(max_examples=150)
@given(
    projects(),
    edits(CHANGING),
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
    st.sampled_from(MOMENTS),
    SEEDS,
)
def test_only_dependents_are_stopped(
    first: Blueprint, changes: list[Edit], broken: list[str], moment: str, seed: int
) -> None:
    lab = Lab()
    if seed % 2:
        check_converges(lab, first, seed)
    second = allowed(lab, edited(first, changes))
    plan = lab.plan(second)
    applied = lab.store.read()
    result = lab.run(plan, failing=[f"{moment} {hook} {address(name)}" for name in broken for hook in HOOKS], seed=seed)
    assert result is not None
    failed = {one.message.split(":")[0] for one in result.failed}
    assert failed == lab.world.failed
    blocked = _blocked(plan, {key for key, step in plan.steps.items() if str(step.address) in failed})
    touched = {step.address for step in plan.steps.values() if step.operations}
    assert set(result.skipped) <= blocked <= _connected(second, applied, failed)
    assert touched - blocked <= set(result.done)
    assert not set(result.done) & (set(result.skipped) | {ComponentAddress.parse(one) for one in failed})
    still = {one.address: one for one in lab.plan(second).changes if one.action is not Action.NO_OP}
    assert set(still) <= blocked
    check_converges(lab, second, seed)
    check_destroyed(lab, second, seed)


def _blocked(plan: Plan, failed: set[StepKey]) -> set[ComponentAddress]:
    """The components that failed, and all whose steps wait for theirs, however indirectly."""
    followers: dict[StepKey, list[StepKey]] = {}
    for key, step in plan.steps.items():
        for other in step.after:
            followers.setdefault(other, []).append(key)
    return {key.address for key in closure(failed, followers)}


def _connected(project: Blueprint, applied: AppliedState, failed: set[str]) -> set[ComponentAddress]:
    """The components that failed, and all that ever stood on them or under them, however indirectly."""
    edges: dict[ComponentAddress, set[ComponentAddress]] = {}
    desired = {one.address: one.depends_on for one in project.desired.components.values()}
    for one, others in (*desired.items(), *applied_edges(applied).items()):
        for other in others:
            edges.setdefault(one, set()).add(other)
            edges.setdefault(other, set()).add(one)
    return closure(map(ComponentAddress.parse, failed), edges)
