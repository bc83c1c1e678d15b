"""The order of steps, the outputs that are not known yet, and the rules that forbid a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.core.values import UNKNOWN
from stackspec.plan.model import Action, Plan, StepKey
from stackspec.plan.planner import EVERYTHING, Selection
from stackspec.state.model import AppliedState, Operation
from tests.laws.blueprint import Blueprint, Part
from tests.plan.situations import applied, at, change, in_flight, one, planned

NOTHING = AppliedState("default", "lineage")
CHAIN = Blueprint({"a": Part(), "b": Part(base="a"), "c": Part(reads=(("b", "uri"),))})
WAITING = Blueprint({"a": Part(), "b": Part(waits=frozenset("a")), "c": Part(waits=frozenset("b"))})


def waits(plan: Plan) -> dict[str, list[str]]:
    """Each step with the steps that it waits for, as `phase name`."""
    return {_key(key): sorted(map(_key, step.after)) for key, step in plan.steps.items()}


def _key(key: StepKey) -> str:
    return f"{key.phase.name.lower()} {key.address.name}{' deposed' if key.deposed else ''}"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(
            Blueprint(),
            CHAIN,
            {"build a": [], "build b": ["build a"], "build c": ["build b"]},
            id="built after what it stands on",
        ),
        pytest.param(
            CHAIN,
            Blueprint(),
            {"prune a": ["prune b"], "prune b": ["prune c"], "prune c": []},
            id="pruned before what it stands on",
        ),
        pytest.param(
            CHAIN,
            CHAIN.changed("a", shape="square"),
            {
                "tear_down a": ["tear_down b"],
                "tear_down b": [],
                "build a": ["tear_down a"],
                "build b": ["build a", "tear_down b"],
                "build c": ["build b"],
            },
            id="torn down with what is built on it",
        ),
        pytest.param(
            WAITING,
            Blueprint({"a": Part(shape="square"), "c": Part()}),
            {"tear_down a": ["tear_down b"], "tear_down b": [], "build a": ["tear_down a"], "build c": []},
            id="what goes is torn down when it stands on something replaced",
        ),
        pytest.param(
            WAITING,
            Blueprint({"a": Part(), "c": Part(waits=frozenset("a"))}),
            {"build a": [], "build c": ["build a"], "prune b": ["build c"]},
            id="pruned once the others have moved off it",
        ),
        pytest.param(
            CHAIN,
            replace(CHAIN.changed("a", size=2), suspended=frozenset({"red"})),
            {
                "build a": [],
                "build b": ["build a"],
                "build c": ["build b"],
                "suspend a": ["build a", "suspend b"],
                "suspend b": ["build b", "suspend c"],
                "suspend c": ["build c"],
            },
            id="suspended once all is built, before what it stands on",
        ),
        pytest.param(CHAIN, CHAIN, {}, id="no steps where nothing is to be done"),
    ],
)
def test_steps_wait_for_each_other(before: Blueprint, after: Blueprint, expected: dict[str, list[str]]) -> None:
    assert waits(planned(after, applied(before))) == expected


def test_an_operation_in_flight_may_stand_on_what_it_was_moving_to() -> None:
    state = applied(Blueprint({"a": Part(), "b": Part()}))
    begun = in_flight(state, Operation.UPDATE).pending[at("a")]
    moving = replace(begun, component=replace(begun.component, depends_on=(at("b"),)))
    plan = planned(Blueprint(), replace(state, pending={at("a"): moving}))
    assert waits(plan) == {"prune a": [], "prune b": ["prune a"]}


def test_outputs_of_what_is_updated_are_known_after_apply() -> None:
    reading = Blueprint({"a": Part(), "b": Part(reads=(("a", "uri"),))})
    plan = planned(reading.changed("a", size=2), applied(reading))
    assert change(plan, "b").action is Action.UPDATE
    assert [field.after for field in change(plan, "b").fields] == [UNKNOWN]


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.SUSPEND, Operation.RESUME])
def test_nothing_is_replaced_because_something_under_it_has_to_recover(operation: Operation) -> None:
    built_on = Blueprint({"a": Part(), "b": Part(base="a", protect=True)})
    plan = planned(built_on, in_flight(applied(built_on), operation))
    assert change(plan, "a").action is Action.RECOVER
    assert change(plan, "b").action is Action.NO_OP


def test_a_resumed_component_may_tell_others_something_new() -> None:
    reading = Blueprint({"a": Part("eager"), "b": Part(reads=(("a", "uri"),))})
    plan = planned(reading, applied(replace(reading, suspended=frozenset({"red"}))))
    assert change(plan, "a").action is Action.RESUME
    assert change(plan, "b").action is Action.UPDATE


@pytest.mark.parametrize(
    ("project", "selection", "what"),
    [
        pytest.param(Blueprint(), EVERYTHING, "delete", id="removed"),
        pytest.param(one(protect=True, shape="square"), EVERYTHING, "replace", id="replaced"),
        pytest.param(one(protect=True), Selection(destroy=True), "delete", id="destroyed"),
        pytest.param(one(protect=True), Selection(replace=(at("a"),)), "replace", id="asked for"),
    ],
)
def test_prevent_destroy_forbids(project: Blueprint, selection: Selection, what: str) -> None:
    with pytest.raises(StackspecError) as refused:
        planned(project, applied(one(protect=True)), selection)
    assert [(one.code, one.message) for one in refused.value.diagnostics] == [
        ("SS0501", f"the plan would {what} {at('a')}, which prevent_destroy forbids")
    ]


@pytest.mark.parametrize(
    ("selection", "changed"),
    [
        pytest.param(EVERYTHING, {"a", "b", "c"}, id="everything"),
        pytest.param(Selection(targets=(at("b"),)), {"a", "b"}, id="a target and what it stands on"),
        pytest.param(Selection(stacks=("red",)), {"a", "b", "c"}, id="a stack"),
    ],
)
def test_a_selection_bounds_the_plan(selection: Selection, changed: set[str]) -> None:
    plan = planned(WAITING, NOTHING, selection)
    assert {one.address.name for one in plan.changes if one.action is not Action.NO_OP} == changed


def test_what_stands_on_a_removed_target_moves_off_it() -> None:
    plan = planned(Blueprint({"a": Part(), "c": Part()}), applied(WAITING), Selection(targets=(at("b"),)))
    assert waits(plan)["prune b"] == ["build c"]


@pytest.mark.parametrize(
    "selection", [Selection(targets=(at("z"),)), Selection(replace=(at("z"),)), Selection(stacks=("rde",))]
)
def test_a_selection_of_what_is_not_there_is_refused(selection: Selection) -> None:
    with pytest.raises(StackspecError) as refused:
        planned(CHAIN, applied(CHAIN), selection)
    assert [one.code for one in refused.value.diagnostics] == ["SS0502"]
