"""The laws can fail: each fault put into the product is told by the very checks that the product passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from secrets import token_hex
from unittest.mock import patch

import pytest

from stackspec.apply.executor import Executor
from stackspec.apply.hooks import HookFailure
from stackspec.apply.target import Targets
from stackspec.plan.model import Decision, Phase, Plan, Step, StepKey
from stackspec.plan.order import applied_edges, order_steps
from stackspec.plan.planner import make_plan
from stackspec.plan.situation import Situation
from stackspec.state.model import NOT_REACHED, AppliedComponent, AppliedState, Operation, PendingOperation
from stackspec.state.store import Begin
from tests.laws.blueprint import Blueprint, Part
from tests.laws.checks import check_converges, check_every_crash
from tests.laws.lab import Lab
from tests.laws.world import LawBrokenError

FULL = Blueprint(
    {
        "a": Part(),
        "b": Part("rigid", base="a"),
        "c": Part("eager", reads=(("b", "uri"),)),
        "d": Part(waits=frozenset({"c"})),
        "e": Part(size=2),
    }
)
HALF = Blueprint({"a": Part(size=3), "e": Part(shape="square"), "f": Part(base="a")})

HURRIED = Blueprint(
    {
        "a": Part(size=3, shape="square", ahead=True),
        "e": Part(shape="square", ahead=True),
        "f": Part(reads=(("a", "token"),)),
    }
)
HURRIED_ROUND = HURRIED.changed("a", shape="round").changed("e", shape="round")


class NoBeginRecord(Executor):
    """Calls hooks without saying so first."""

    def _commit(self) -> None:
        self._changes = [change for change in self._changes if not isinstance(change, Begin)]
        super()._commit()


class SavedAtTheEnd(Executor):
    """Keeps everything in memory until all is done."""

    _in_phase = False

    def _run_phase(self, steps: list[Step]) -> None:
        self._in_phase = True
        super()._run_phase(steps)
        self._in_phase = False

    def _commit(self) -> None:
        if not self._in_phase:
            super()._commit()


class NothingIsDeposed(Executor):
    """Lets go of what another takes the place of."""

    def _depose(self, removal: PendingOperation) -> None:
        self._deposed[removal.component.identity] = removal


class DeposedLater(Executor):
    """Writes that the old one is owed its removal only when that begins, and not with the result of the new one."""

    def _depose(self, removal: PendingOperation) -> None:
        super()._depose(removal)
        if removal.failure == NOT_REACHED:
            self._changes.pop()


class NothingIsSkipped(Executor):
    """Goes on after a failure as if there had been none."""

    def _reason_to_skip(self, _step: Step) -> str | None:
        return None


Order = Callable[[Iterable[Decision], AppliedState], Mapping[StepKey, Step]]


def pruned_forwards(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    edges = applied_edges(applied)

    def turned(step: Step) -> Step:
        if step.phase is not Phase.PRUNE:
            return step
        return replace(step, after=tuple(StepKey(Phase.PRUNE, other) for other in edges.get(step.address, ())))

    return {key: turned(step) for key, step in order_steps(decisions, applied).items()}


def built_at_once(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    return {
        key: replace(step, after=()) if step.phase is Phase.BUILD else step
        for key, step in order_steps(decisions, applied).items()
    }


def destroyed_before_created(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    """What is to be kept until a new one is in use goes before it is even made."""
    steps = order_steps(decisions, applied)
    early = [
        replace(step, phase=Phase.TEAR_DOWN, after=()) if key.deposed else step
        for key, step in sorted(steps.items(), key=lambda item: not item[0].deposed)
    ]
    return {step.key: replace(step, after=tuple(one for one in step.after if not one.deposed)) for step in early}


def pruned_at_once(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    return {
        key: replace(step, after=()) if step.phase is Phase.PRUNE else step
        for key, step in order_steps(decisions, applied).items()
    }


def suspended_at_once(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    return {
        key: replace(step, after=()) if step.phase is Phase.SUSPEND else step
        for key, step in order_steps(decisions, applied).items()
    }


def executor(cls: type[Executor]) -> AbstractContextManager[object]:
    return patch.object(Lab, "executor", cls)


def order(function: Order) -> AbstractContextManager[object]:
    return patch("stackspec.plan.planner.order_steps", function)


def new_identities() -> AbstractContextManager[object]:
    real = Targets.target

    def target(self: Targets, step: Step, operation: Operation, *, done: bool) -> AppliedComponent | HookFailure:
        component = real(self, step, operation, done=done)
        if isinstance(component, HookFailure) or operation is not Operation.PROVISION:
            return component
        return replace(component, identity=token_hex(8))

    return patch.object(Targets, "target", target)


def pending_ignored() -> AbstractContextManager[object]:
    def blind(situation: Situation) -> Plan:
        return make_plan(replace(situation, applied=replace(situation.applied, pending={})))

    return patch("tests.laws.lab.make_plan", blind)


def life() -> None:
    """From nothing to a project, to half of it and others, and to nothing, with a crash everywhere."""
    check_every_crash(Lab(), FULL, HALF)
    lab = Lab()
    check_converges(lab, replace(FULL, suspended=frozenset({"red"})))
    check_converges(lab, FULL)
    check_every_crash(lab, HALF, FULL)
    check_every_crash(lab.copy(), HALF.changed("a", shape="square"), HALF)
    lab.run(lab.plan(HURRIED))
    check_every_crash(lab, HURRIED_ROUND, HURRIED)
    lab.run(
        lab.plan(HURRIED_ROUND), failing=["half update experiment_tracker/f", "after deprovision experiment_tracker/e"]
    )
    check_converges(lab, HURRIED_ROUND)
    lab.run(lab.plan(HALF))
    lab.run(lab.plan(HALF), failing=["half update experiment_tracker/a"])
    check_converges(lab, HALF)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(executor(NoBeginRecord), "there twice|orphaned", id="no begin record"),
        pytest.param(executor(SavedAtTheEnd), "there twice|orphaned", id="state saved only at the end"),
        pytest.param(executor(NothingIsSkipped), "before .* was there|stood on it|used it", id="failures ignored"),
        pytest.param(order(pruned_forwards), "stood on it", id="pruned in forward order"),
        pytest.param(order(built_at_once), "before .* was there|failed", id="built without order"),
        pytest.param(
            executor(NothingIsDeposed), "there twice|orphaned|stood on it", id="what is replaced is let go of"
        ),
        pytest.param(executor(DeposedLater), "there twice|orphaned", id="deposed only when it is removed"),
        pytest.param(order(destroyed_before_created), "before another was there", id="destroyed before created"),
        pytest.param(order(pruned_at_once), "used it|stood on it", id="pruned without order"),
        pytest.param(order(suspended_at_once), "was suspended before", id="suspended without order"),
        pytest.param(pending_ignored(), "there twice|orphaned", id="pending ignored"),
        pytest.param(new_identities(), "there twice|orphaned", id="a new identity at each retry"),
    ],
)
def test_a_fault_is_told(fault: AbstractContextManager[object], told: str) -> None:
    with fault, pytest.raises(LawBrokenError, match=told):
        life()


def test_without_a_fault_nothing_is_told() -> None:
    life()
