"""What a plan makes of what components really are."""

from __future__ import annotations

import pytest

from stackspec.core.address import format_path
from stackspec.flavors.contract import Observation
from stackspec.plan.model import Action
from stackspec.plan.planner import make_plan
from stackspec.state.model import AppliedState, Operation
from tests.laws.blueprint import Blueprint
from tests.laws.lab import spec_of
from tests.plan.situations import applied, at, change, component, in_flight, one, operations

AS_APPLIED = Observation(True, True)
GONE = Observation(False, detail="nobody has seen it")
STOPPED = Observation(True, False, "it ended")


def seen(**fields: object) -> Observation:
    return Observation(True, True, fields=fields)


@pytest.mark.parametrize(
    ("project", "state", "observed", "action", "reason", "hooks"),
    [
        (one(), applied(one()), AS_APPLIED, Action.NO_OP, "nothing changed", []),
        (one(), applied(one()), seen(size=1), Action.NO_OP, "nothing changed", []),
        (one(), applied(one()), GONE, Action.CREATE, "it is not there: nobody has seen it", ["build provision"]),
        (
            one(suspended=True),
            applied(one(suspended=True)),
            GONE,
            Action.CREATE,
            "it is not there: nobody has seen it",
            ["build provision", "suspend suspend"],
        ),
        (
            one(shape="square"),
            applied(one()),
            GONE,
            Action.REPLACE,
            "config.shape cannot be changed in place",
            ["tear_down deprovision", "build provision"],
        ),
        (Blueprint(), applied(one()), GONE, Action.DELETE, "no longer declared", ["prune deprovision"]),
        (one(), applied(one()), seen(size=7), Action.UPDATE, "config.size is not as applied", ["build update"]),
        (
            one(size=2),
            applied(one()),
            seen(shape="oval"),
            Action.REPLACE,
            "config.shape cannot be changed in place",
            ["tear_down deprovision", "build provision"],
        ),
        (
            one(size=2),
            applied(one()),
            seen(size=2),
            Action.NO_OP,
            "nothing changed but what is recorded: config",
            ["build record"],
        ),
        (one(), applied(one()), STOPPED, Action.RESUME, "it does not run: it ended", ["build resume"]),
        (
            one(suspended=True),
            applied(one(suspended=True)),
            Observation(True, True),
            Action.SUSPEND,
            "it runs, and was suspended",
            ["suspend suspend"],
        ),
        (one(suspended=True), applied(one(suspended=True)), STOPPED, Action.NO_OP, "nothing changed", []),
        (one(flavor="rigid"), applied(one(flavor="rigid")), STOPPED, Action.NO_OP, "nothing changed", []),
        (
            one(size=2),
            applied(one()),
            STOPPED,
            Action.UPDATE,
            "config.size changed; it does not run: it ended",
            ["build update", "build resume"],
        ),
        (one(), applied(one()), seen(unheard_of=1), Action.NO_OP, "nothing changed", []),
        (
            one(),
            in_flight(applied(one()), Operation.UPDATE),
            seen(size=7),
            Action.RECOVER,
            "an earlier apply died in update",
            ["build provision", "build resume"],
        ),
    ],
)
def test_what_is_seen_is_mended(
    project: Blueprint, state: AppliedState, observed: Observation, action: Action, reason: str, hooks: list[str]
) -> None:
    plan = make_plan(project.desired, state, spec_of, seen={at("a"): observed})
    found = change(plan)
    assert (found.action, found.reason, operations(plan)) == (action, reason, hooks)


def test_a_drifted_field_is_shown_as_it_really_is_and_updated_from_there() -> None:
    state = applied(one(size=3))
    plan = make_plan(one(size=3).desired, state, spec_of, seen={at("a"): seen(size=7)})
    (field,) = change(plan).fields
    assert (format_path(field.path), field.before, field.after) == ("config.size", 7, 3)
    (step,) = plan.steps.values()
    assert step.before is not None
    assert step.before.config["size"] == 7
    assert plan.real[at("a")].digest != component(state).digest


def test_what_was_not_looked_at_is_taken_to_be_as_applied() -> None:
    plan = make_plan(one().desired, applied(one()), spec_of, seen={})
    assert not plan.has_changes
