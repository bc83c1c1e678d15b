"""The laws can fail: each fault put into the product is told by the very checks that the product passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from secrets import token_hex
from unittest.mock import patch

import pytest

from stackspec.apply.executor import Executor
from stackspec.plan.model import Decision, Phase, Plan, Step, StepKey
from stackspec.plan.order import applied_edges, order_steps
from stackspec.plan.planner import Selection, SpecOf, make_plan
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedComponent, AppliedState, Operation
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
    real = Executor._target

    def target(self: Executor, step: Step, index: int) -> AppliedComponent | None:
        component = real(self, step, index)
        anew = step.operations[index] is Operation.PROVISION
        return replace(component, identity=token_hex(8)) if component and anew else component

    return patch.object(Executor, "_target", target)


def pending_ignored() -> AbstractContextManager[object]:
    def blind(desired: DesiredState, applied: AppliedState, spec_of: SpecOf, selection: Selection) -> Plan:
        return make_plan(desired, replace(applied, pending={}), spec_of, selection)

    return patch("tests.laws.lab.make_plan", blind)


def life() -> None:
    """From nothing to a project, to half of it and others, and to nothing, with a crash everywhere."""
    check_every_crash(Lab(), FULL, HALF)
    lab = Lab()
    check_converges(lab, replace(FULL, suspended=frozenset({"red"})))
    check_converges(lab, FULL)
    check_every_crash(lab, HALF, FULL)
    lab.run(lab.plan(HALF), failing=["half update experiment_tracker/a"])
    check_converges(lab, HALF)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(executor(NoBeginRecord), "there twice|orphaned", id="no begin record"),
        pytest.param(executor(SavedAtTheEnd), "there twice|orphaned", id="state saved only at the end"),
        pytest.param(executor(NothingIsSkipped), "before .* was there|stood on it", id="failures ignored"),
        pytest.param(order(pruned_forwards), "stood on it", id="pruned in forward order"),
        pytest.param(order(built_at_once), "before .* was there|failed", id="built without order"),
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
