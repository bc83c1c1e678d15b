"""Applied states written short, and plans of blueprints against them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.values import digest
from stackspec.plan.model import Change, Phase, Plan
from stackspec.plan.planner import EVERYTHING, Selection, make_plan
from stackspec.state.model import AppliedComponent, AppliedState, Operation, PendingOperation
from tests.laws.blueprint import Blueprint, Part
from tests.laws.fake_flavors import TYPE
from tests.laws.lab import Lab, spec_of


def at(name: str) -> ComponentAddress:
    """The address of a part."""
    return ComponentAddress(TYPE, name)


def applied(project: Blueprint) -> AppliedState:
    """The state after an apply of the project."""
    lab = Lab()
    lab.apply(project)
    return lab.store.read()


def one(**values: Any) -> Blueprint:
    """A project of one part, `a`; `suspended` is the run state of its stack."""
    suspended = frozenset({"red"}) if values.pop("suspended", False) else frozenset()
    return Blueprint({"a": Part(**values)}, suspended)


def in_flight(state: AppliedState, operation: Operation, failure: str | None = None, **changes: Any) -> AppliedState:
    """The state with an operation on `a` that has no good result; `changes` are other fields of its config."""
    component = state.components[at("a")]
    config = {**component.config, **changes}
    changed = replace(component, config=config, digest=digest(config))
    return replace(state, pending={at("a"): PendingOperation(operation, changed, failure)})


def half_made(state: AppliedState, failure: str | None = None) -> AppliedState:
    """The state as if the provisioning of `a` had been the first that ever happened to it, and had no result."""
    begun = in_flight(state, Operation.PROVISION, failure)
    return replace(begun, components={key: value for key, value in state.components.items() if key != at("a")})


def component(state: AppliedState, name: str = "a") -> AppliedComponent:
    """What is applied."""
    return state.components[at(name)]


def planned(project: Blueprint, state: AppliedState, selection: Selection = EVERYTHING) -> Plan:
    """The plan from a state to a project."""
    return make_plan(project.desired, state, spec_of, selection)


def change(plan: Plan, name: str = "a") -> Change:
    """What happens to one part."""
    return next(one for one in plan.changes if one.address == at(name))


def operations(plan: Plan, name: str = "a") -> list[str]:
    """The operations on one part, each with its phase, in the order in which they happen."""
    return [
        f"{phase.name.lower()} {operation}"
        for phase in Phase
        for key, step in plan.steps.items()
        if key == (phase, at(name), "")
        for operation in step.operations
    ]
