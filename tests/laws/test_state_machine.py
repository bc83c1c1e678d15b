"""A user at work, as a state machine: edits, plans, applies, kills, failures and destroys in any order.

The real planner and executor are held against a small model of what should exist: after a run that nothing came in the
way of, what the manifests say; after any other, what was there before or what the manifests say, or both for what is
replaced with the new one first. In between nothing may be lost sight of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from stackspec.apply.executor import ApplyResult, Executor
from stackspec.core.diagnostic import StackspecError
from stackspec.plan.model import Action, Plan
from stackspec.plan.selection import EVERYTHING, Selection
from tests.laws.blueprint import NAMES, Blueprint, address
from tests.laws.checks import allowed, check_as_desired, law
from tests.laws.edits import ADDING, CHANGING, Edit, add, edited, edits, renew
from tests.laws.histories import HOOKS, MOMENTS
from tests.laws.lab import DESTROY, Lab
from tests.laws.test_seeded_faults import DeposedLater, NoBeginRecord, NothingIsDeposed, SavedAtTheEnd, executor
from tests.laws.world import LawBrokenError

POINTS, SEEDS = st.integers(1, 40), st.integers(0, 99)


@dataclass
class Model:
    """What should exist, by the names of components.

    Attributes:
        sure: What is there for sure: complete, and known to the state.
        maybe: What may be there besides: in the middle of being made, changed or removed.
    """

    sure: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)

    def ran(self, plan: Plan, result: ApplyResult | None, wanted: set[str]) -> None:
        """A plan was carried out, or an attempt made: every component that it touches may be between two things."""
        if result is not None and not result.failed and not result.skipped:
            self.sure, self.maybe = set(wanted), set()
            return
        done = {str(one) for one in result.done} if result else set()
        for change in plan.changes:
            name = str(change.address)
            kept = change.action in (Action.NO_OP, Action.SUSPEND, Action.RESUME, Action.UPDATE) or change.beside
            if name in done:
                self.maybe.discard(name)
                (self.sure.add if name in wanted else self.sure.discard)(name)
            elif not change.deposed and not kept:
                if name in self.sure or change.action is not Action.NO_OP:
                    self.maybe.add(name)
                self.sure.discard(name)

    def everything(self) -> set[str]:
        """All that may be there."""
        return self.sure | self.maybe


class Operator(RuleBasedStateMachine):
    """One environment and the one who looks after it."""

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab()
        self.model = Model()
        self.project = edited(Blueprint(), [Edit(add, name, number) for number, name in enumerate(NAMES[:4])])
        self.runs = 0

    # --- what the user does

    @rule(changes=edits((*CHANGING, *ADDING), least=1, most=5))
    def edit(self, changes: list[Edit]) -> None:
        self.project = edited(self.project, changes)

    @rule(names=st.lists(st.sampled_from(NAMES[:4]), min_size=1, max_size=2, unique=True))
    def renew(self, names: list[str]) -> None:
        """Have something replaced, the new one made first."""
        self.project = edited(self.project, [Edit(renew, name, 0) for name in names])

    @rule()
    def look(self) -> None:
        """A plan changes nothing, and says the same twice."""
        before = self.lab.store.read()
        first, second = (self.lab.plan(allowed(self.lab, self.project)) for _ in range(2))
        law(first.changes == second.changes, "two plans in a row differ")
        law(self.lab.store.read() == before, "a plan has changed the state")

    @rule(seed=SEEDS)
    def apply(self, seed: int) -> None:
        project = allowed(self.lab, self.project)
        self._run(self.lab.plan(project), project, seed)
        check_as_desired(self.lab, project)

    @rule(at=POINTS, seed=SEEDS, destroys=st.booleans())
    def kill(self, at: int, seed: int, destroys: bool) -> None:
        self._disturbed(seed, destroys=destroys, kill_at=at)

    @rule(at=POINTS, seed=SEEDS, destroys=st.booleans())
    def stop(self, at: int, seed: int, destroys: bool) -> None:
        self._disturbed(seed, destroys=destroys, stop_at=at)

    @rule(
        seed=SEEDS,
        destroys=st.booleans(),
        moment=st.sampled_from(MOMENTS),
        names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
    )
    def fail(self, seed: int, destroys: bool, moment: str, names: list[str]) -> None:
        failing = [f"{moment} {hook} {address(name)}" for hook in HOOKS for name in names]
        self._disturbed(seed, destroys=destroys, failing=failing)

    @precondition(lambda self: self.runs > 2)
    @rule(seed=SEEDS)
    def destroy(self, seed: int) -> None:
        self._run(self.lab.plan(self.project, DESTROY), Blueprint(), seed)
        law(self.lab.store.read().is_empty, "the state is not empty after destroy")
        law(not self.lab.world.things, f"left by destroy: {list(self.lab.world.things.values())}")

    def _disturbed(
        self,
        seed: int,
        *,
        destroys: bool,
        failing: list[str] | None = None,
        kill_at: int | None = None,
        stop_at: int | None = None,
    ) -> None:
        project = allowed(self.lab, self.project)
        selection: Selection = DESTROY if destroys else EVERYTHING
        plan = self.lab.plan(project, selection)
        result = self.lab.run(plan, failing=failing or (), kill_at=kill_at, stop_at=stop_at, seed=seed)
        self.model.ran(plan, result, self._wanted(Blueprint() if destroys else project))
        self.runs += 1

    def _run(self, plan: Plan, project: Blueprint, seed: int) -> None:
        result = self.lab.run(plan, seed=seed)
        law(result is not None and not result.failed and not result.skipped, f"it did not end well: {result}")
        self.model.ran(plan, result, self._wanted(project))
        self.runs += 1

    def _wanted(self, project: Blueprint) -> set[str]:
        return {address(name) for name in project.users()}

    # --- what holds at every moment

    @invariant()
    def nothing_is_lost_sight_of(self) -> None:
        """The state knows of everything that is there, each under its own identity."""
        state = self.lab.store.read()
        known = {one.identity for one in state.components.values()} | state.deposed.keys()
        known |= {pending.component.identity for pending in state.pending.values()}
        law(self.lab.world.things.keys() <= known, "there is something that the state does not know of")

    @invariant()
    def there_is_what_the_model_says(self) -> None:
        there = {thing.address for thing in self.lab.world.things.values()}
        whole = set(self._complete())
        law(there <= self.model.everything(), f"there is {there}, and should be {self.model.everything()}")
        law(self.model.sure <= there, f"missing: {self.model.sure - there}")
        law(not self.lab.store.read().is_empty or not whole, "something is there, and the state says nothing is")

    @invariant()
    def what_is_applied_and_at_rest_is_whole(self) -> None:
        state = self.lab.store.read()
        for component in state.components.values():
            pending = state.pending.get(component.address)
            if pending is None or pending.component.identity != component.identity:
                thing = self.lab.world.things.get(component.identity)
                law(thing is not None and thing.complete, f"{component.address} is applied and not whole")

    def _complete(self) -> Iterator[str]:
        for thing in self.lab.world.things.values():
            if thing.complete:
                yield thing.address

    def teardown(self) -> None:
        """Whatever has happened, one apply makes it right and a destroy leaves nothing."""
        try:
            self.apply(seed=0)
            self.destroy(seed=0)
        except StackspecError as error:
            raise AssertionError(f"the plan was refused: {error}") from error


Operator.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestOperator = Operator.TestCase

TRIED = settings(
    max_examples=300,
    stateful_step_count=30,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    print_blob=False,
)


@pytest.mark.parametrize("fault", [NoBeginRecord, SavedAtTheEnd, NothingIsDeposed, DeposedLater])
def test_the_machine_tells_of_a_fault(fault: type[Executor]) -> None:
    with executor(fault), pytest.raises(LawBrokenError):
        run_state_machine_as_test(Operator, settings=TRIED)
