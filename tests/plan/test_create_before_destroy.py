"""A replacement in which the new one is made first: what is planned for it, and when it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from stackspec.core.diagnostic import StackspecError
from stackspec.core.values import UNKNOWN
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.plan.coexist import clash
from stackspec.plan.model import Action, Plan
from stackspec.plan.planner import make_plan
from stackspec.plan.selection import EVERYTHING, Selection
from stackspec.plan.situation import Situation
from stackspec.state.model import AppliedState, Operation, PendingOperation
from tests.laws.blueprint import Blueprint, Part
from tests.laws.lab import spec_of
from tests.plan.situations import applied, at, change, component, one, operations, planned
from tests.plan.test_order import waits

PAIR = Blueprint({"a": Part(ahead=True), "b": Part(reads=(("a", "token"),))})
SQUARE = PAIR.changed("a", shape="square")


def removals(plan: Plan) -> list[tuple[str, Action, str]]:
    """What is deposed and goes: its name, the action and why."""
    return [(one.address.name, one.action, one.reason) for one in plan.changes if one.deposed]


def begun(state: AppliedState, failure: str | None = None, **config: Any) -> AppliedState:
    """The state with a new `a` begun beside the applied one."""
    from stackspec.core.values import digest

    new = component(state)
    config = {**new.config, **config}
    new = replace(new, identity="beside", config=config, digest=digest(config), outputs={})
    return replace(state, pending={at("a"): PendingOperation(Operation.PROVISION, new, failure)})


def deposed(state: AppliedState, failure: str | None = "the apply ended before it", **config: Any) -> AppliedState:
    """The state with an older `a` that was deposed."""
    old = component(state)
    old = replace(old, identity="older", config={**old.config, **config})
    return replace(state, deposed={"older": PendingOperation(Operation.DEPROVISION, old, failure)})


def test_what_the_flavor_of_before_hides_is_hidden_while_a_new_one_is_begun() -> None:
    def specs(kind: str, flavor: str) -> FlavorSpec | None:
        spec = spec_of(kind, flavor.removeprefix("hiding-"))
        return spec and (replace(spec, sensitive=frozenset({"size"})) if flavor.startswith("hiding") else spec)

    state = begun(applied(PAIR), "busy", size=2)
    old = replace(component(state), flavor=f"hiding-{component(state).flavor}")
    state = replace(state, components={**state.components, old.address: old})
    plan = make_plan(Situation(PAIR.changed("a", size=2).desired, state, specs))
    assert [field.sensitive for field in change(plan).fields] == [True]


def test_the_old_one_goes_last_once_all_is_off_it() -> None:
    plan = planned(SQUARE, applied(PAIR))
    assert (change(plan).action, change(plan).sign, removals(plan)) == (Action.REPLACE, "+/-", [])
    assert waits(plan) == {
        "build a": [],
        "build b": ["build a"],
        "prune a deposed": ["build a", "build b"],
    }


def test_without_it_the_old_one_goes_first() -> None:
    plan = planned(SQUARE.at_their_time(), applied(PAIR.at_their_time()))
    assert change(plan).sign == "-/+"
    assert operations(plan) == ["tear_down deprovision", "build provision"]


def test_what_such_a_one_stands_on_stays_as_long() -> None:
    project = Blueprint({"a": Part(), "b": Part(base="a", ahead=True)})
    plan = planned(project.changed("a", shape="square").changed("b", shape="square"), applied(project))
    assert [change(plan, name).sign for name in "ab"] == ["+/-", "+/-"]
    assert waits(plan) == {
        "build a": [],
        "build b": ["build a"],
        "prune a deposed": ["build a", "build b", "prune b deposed"],
        "prune b deposed": ["build b"],
    }


@pytest.mark.parametrize(
    ("before", "after", "selection"),
    [
        pytest.param(
            one(flavor="eager", ahead=True), {}, Selection(replace=(at("a"),)), id="with the same of something"
        ),
        pytest.param(one(flavor="rigid"), {"flavor": "pliant", "ahead": True}, EVERYTHING, id="where the old is alone"),
    ],
)
def test_what_cannot_be_there_twice_is_refused(
    before: Blueprint, after: Mapping[str, Any], selection: Selection
) -> None:
    with pytest.raises(StackspecError) as refused:
        planned(before.changed("a", **after), applied(before), selection)
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "SS0505"
    assert diagnostic.source is not None
    assert diagnostic.hint is not None


def test_what_it_stands_on_that_cannot_be_there_twice_is_refused_at_its_own_place() -> None:
    project = Blueprint({"a": Part("rigid"), "b": Part(base="a", ahead=True)})
    with pytest.raises(StackspecError) as refused:
        planned(project.changed("a", shape="square").changed("b", shape="square"), applied(project))
    (diagnostic,) = refused.value.diagnostics
    assert diagnostic.code == "SS0505"
    assert "as experiment_tracker/b, which stands on it, needs" in diagnostic.message


@pytest.mark.parametrize(("failure", "action"), [(None, Action.RECOVER), ("no room", Action.REPLACE)])
def test_what_was_begun_beside_goes_on_where_it_is_still_wanted(failure: str | None, action: Action) -> None:
    state = begun(applied(PAIR), failure, shape="square")
    plan = planned(SQUARE, state)
    assert (change(plan).action, removals(plan)) == (action, [])
    (build,) = [step for step in plan.steps.values() if step.beside]
    assert (build.identity, build.operations) == ("beside", ("provision",))
    assert list(waits(plan)) == ["build a", "build b", "prune a deposed"]


@pytest.mark.parametrize(
    ("wanted", "action"),
    [(PAIR, Action.NO_OP), (PAIR.changed("a", size=7), Action.UPDATE), (SQUARE.changed("a", size=7), Action.REPLACE)],
)
def test_what_was_begun_beside_and_is_not_wanted_goes_first(wanted: Blueprint, action: Action) -> None:
    plan = planned(wanted, begun(applied(PAIR), "no room", shape="square"))
    assert change(plan).action is action
    assert removals(plan) == [("a", Action.DELETE, "begun to replace the applied one, and no longer wanted")]
    assert waits(plan)["build a"] == ["tear_down a deposed"]


@pytest.mark.parametrize("wanted", [Blueprint(), SQUARE])
def test_a_destroy_and_a_removal_take_both(wanted: Blueprint) -> None:
    state = begun(deposed(applied(PAIR)), None, shape="square")
    plan = planned(wanted, state, Selection(destroy=bool(wanted.parts)))
    assert sorted(step.identity or "" for step in plan.steps.values()) == sorted(
        ["older", "beside", component(state).identity, component(state, "b").identity]
    )


@pytest.mark.parametrize(
    ("failure", "action", "why"),
    [
        ("the apply ended before it", Action.DELETE, "a new one has taken its place"),
        ("locked", Action.DELETE, "a new one has taken its place; deprovision failed before: locked"),
        (None, Action.RECOVER, "an earlier apply died in deprovision; a new one has taken its place"),
    ],
)
def test_what_is_deposed_goes(failure: str | None, action: Action, why: str) -> None:
    plan = planned(PAIR, deposed(applied(PAIR), failure))
    assert [one for one in plan.changes if one.action is not Action.NO_OP] == [
        one for one in plan.changes if one.deposed
    ]
    assert removals(plan) == [("a", action, why)]
    assert waits(plan)["prune a deposed"] == ["build a", "build b"]


def test_what_is_deposed_goes_first_where_it_is_in_the_way() -> None:
    project = one(flavor="eager", ahead=True)
    state = deposed(applied(project.changed("a", shape="square")), shape="round")
    assert waits(planned(project, state))["build a"] == ["tear_down a deposed"]


def test_what_is_deposed_goes_where_it_alone_is_left() -> None:
    state = replace(deposed(applied(one())), components={})
    assert removals(planned(Blueprint(), state)) == [("a", Action.DELETE, "a new one has taken its place")]
    assert planned(Blueprint(), state, Selection(destroy=True)).steps.keys() == planned(Blueprint(), state).steps.keys()


def test_a_target_brings_what_has_to_move_off() -> None:
    plan = planned(SQUARE, applied(PAIR), Selection(targets=(at("a"),)))
    assert [one.address.name for one in plan.changes if one.action is not Action.NO_OP] == ["a", "b"]


LOCAL = Registry().spec("artifact_store", "local")
LOGS = Registry().spec("log_store", "local")
REGISTRY = Registry().spec("container_registry", "default")
MLFLOW = Registry().spec("experiment_tracker", "mlflow")


@pytest.mark.parametrize(
    ("spec", "config", "other", "told"),
    [
        (LOCAL, {"path": "./a"}, {"path": "./b"}, None),
        (LOCAL, {"path": "./a"}, {"path": "a/"}, "config.path would have one lie where the other is"),
        (LOCAL, {"path": "a"}, {"path": "x/../a/b"}, "config.path would have one lie where the other is"),
        (LOCAL, {"path": "."}, {"path": "b"}, "config.path would have one lie where the other is"),
        (LOCAL, {"path": "a"}, {"path": "ab"}, None),
        (LOCAL, {"path": "a"}, {"path": UNKNOWN}, None),
        (LOGS, {"path": None}, {"path": None}, "config.path would have one lie where the other is"),
        (LOGS, {"path": None}, {"path": "logs"}, None),
        (REGISTRY, {"uri": "localhost:5000"}, {"uri": "localhost:5000"}, None),
        (
            MLFLOW,
            {},
            {},
            "there can be only one experiment_tracker of the flavor 'mlflow' under an address",
        ),
    ],
)
def test_two_of_a_flavor(
    spec: FlavorSpec, config: Mapping[str, Any], other: Mapping[str, Any], told: str | None
) -> None:
    assert clash((spec, config), (spec, other)) == told
    assert clash((spec, other), (spec, config)) == told


def test_fields_that_are_no_paths_must_all_differ() -> None:
    spec = replace(LOCAL, occupies=frozenset({"port", "host"}), paths=frozenset())
    assert clash((spec, {"port": 1, "host": "a"}), (spec, {"port": 2, "host": "b"})) is None
    assert (
        clash((spec, {"port": 1, "host": "a"}), (spec, {"port": 2, "host": "a"}))
        == "both would have the same config.host"
    )
    assert clash((spec, {"port": 1, "host": UNKNOWN}), (spec, {"port": 2, "host": "a"})) is None
