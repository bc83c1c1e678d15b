"""The table of decisions: what happens to one component, why, which fields differ, and which hooks are called."""

from __future__ import annotations

import pytest

from stackspec.core.address import format_path
from stackspec.plan.model import Action
from stackspec.plan.selection import EVERYTHING, Selection
from stackspec.state.model import AppliedState, Operation
from tests.laws.blueprint import Blueprint
from tests.plan.situations import applied, at, change, half_made, in_flight, one, operations, planned

NOTHING = AppliedState("default", "lineage")
GONE = Blueprint()
DESTROY = Selection(destroy=True)
DIED = "an earlier apply died in"


@pytest.mark.parametrize(
    ("project", "state", "action", "reason", "hooks"),
    [
        (one(), NOTHING, Action.CREATE, "not in the applied state", ["build provision"]),
        (
            one(suspended=True),
            NOTHING,
            Action.CREATE,
            "not in the applied state; run_state is suspended",
            ["build provision", "suspend suspend"],
        ),
        (
            one(flavor="rigid", suspended=True),
            NOTHING,
            Action.CREATE,
            "not in the applied state",
            ["build provision"],
        ),
        (one(), applied(one()), Action.NO_OP, "nothing changed", []),
        (
            one(retain=True),
            applied(one()),
            Action.NO_OP,
            "nothing changed but what is recorded: lifecycle",
            ["build record"],
        ),
        (one(size=2), applied(one()), Action.UPDATE, "config.size changed", ["build update"]),
        (
            one(size=2),
            applied(one(suspended=True)),
            Action.UPDATE,
            "config.size changed; run_state is running",
            ["build update", "build resume"],
        ),
        (
            one(size=2, suspended=True),
            applied(one()),
            Action.UPDATE,
            "config.size changed; run_state is suspended",
            ["build update", "suspend suspend"],
        ),
        (
            one(shape="square"),
            applied(one()),
            Action.REPLACE,
            "config.shape cannot be changed in place",
            ["tear_down deprovision", "build provision"],
        ),
        (
            one(flavor="rigid", size=2),
            applied(one(flavor="rigid")),
            Action.REPLACE,
            "config.size cannot be changed in place",
            ["tear_down deprovision", "build provision"],
        ),
        (
            one(flavor="eager"),
            applied(one()),
            Action.REPLACE,
            "the flavor was 'pliant'",
            ["tear_down deprovision", "build provision"],
        ),
        (one(suspended=True), applied(one()), Action.SUSPEND, "run_state is suspended", ["suspend suspend"]),
        (one(), applied(one(suspended=True)), Action.RESUME, "run_state is running", ["build resume"]),
        (
            one(flavor="rigid", suspended=True),
            applied(one(flavor="rigid")),
            Action.NO_OP,
            "nothing changed but what is recorded: run_state",
            ["build record"],
        ),
        (GONE, applied(one()), Action.DELETE, "no longer declared", ["prune deprovision"]),
        (
            GONE,
            applied(one(retain=True)),
            Action.FORGET,
            "no longer declared, and retain_on_delete is set",
            ["prune forget"],
        ),
    ],
)
def test_what_changed_decides(
    project: Blueprint, state: AppliedState, action: Action, reason: str, hooks: list[str]
) -> None:
    plan = planned(project, state)
    assert (change(plan).action, change(plan).reason) == (action, reason)
    assert operations(plan) == hooks


@pytest.mark.parametrize(
    ("project", "state", "action", "reason", "hooks"),
    [
        (one(), half_made(applied(one())), Action.RECOVER, f"{DIED} provision", ["build provision"]),
        (
            one(size=2),
            half_made(applied(one())),
            Action.RECOVER,
            f"{DIED} provision",
            ["tear_down deprovision", "build provision"],
        ),
        (
            one(),
            half_made(applied(one()), "no room"),
            Action.CREATE,
            "provision failed before: no room",
            ["build provision"],
        ),
        (
            GONE,
            half_made(applied(one())),
            Action.RECOVER,
            f"{DIED} provision; no longer declared, so it is deleted",
            ["prune deprovision"],
        ),
        (GONE, half_made(applied(one()), "no room"), Action.DELETE, "no longer declared", ["prune deprovision"]),
        (
            one(size=2),
            in_flight(applied(one()), Operation.UPDATE, size=2),
            Action.RECOVER,
            f"{DIED} update",
            ["build provision", "build resume"],
        ),
        (
            one(),
            in_flight(applied(one()), Operation.UPDATE, size=2),
            Action.RECOVER,
            f"{DIED} update",
            ["build provision", "build resume"],
        ),
        (
            one(size=2),
            in_flight(applied(one()), Operation.UPDATE, "busy", size=2),
            Action.UPDATE,
            "update failed before: busy",
            ["build provision", "build resume"],
        ),
        (
            one(size=3),
            in_flight(applied(one()), Operation.PROVISION, size=2),  # which was to finish an update
            Action.RECOVER,
            f"{DIED} provision",
            ["build provision", "build resume"],
        ),
        (
            one(shape="square"),
            in_flight(applied(one()), Operation.UPDATE, "busy", size=2),
            Action.REPLACE,
            "update failed before: busy",
            ["tear_down deprovision", "build provision"],
        ),
        (one(), in_flight(applied(one()), Operation.SUSPEND), Action.RECOVER, f"{DIED} suspend", ["build resume"]),
        (
            one(size=2, suspended=True),
            in_flight(applied(one(suspended=True)), Operation.RESUME),
            Action.RECOVER,
            f"{DIED} resume",
            ["build update", "suspend suspend"],
        ),
        (
            one(),
            in_flight(applied(one()), Operation.DEPROVISION),
            Action.RECOVER,
            f"{DIED} deprovision",
            ["build provision"],
        ),
        (
            one(size=2),
            in_flight(applied(one()), Operation.DEPROVISION),
            Action.RECOVER,
            f"{DIED} deprovision",
            ["tear_down deprovision", "build provision"],
        ),
        (
            GONE,
            in_flight(applied(one()), Operation.DEPROVISION),
            Action.RECOVER,
            f"{DIED} deprovision; no longer declared, so it is deleted",
            ["prune deprovision"],
        ),
    ],
)
def test_what_was_in_flight_is_settled(
    project: Blueprint, state: AppliedState, action: Action, reason: str, hooks: list[str]
) -> None:
    plan = planned(project, state)
    assert (change(plan).action, change(plan).reason) == (action, reason)
    assert operations(plan) == hooks


@pytest.mark.parametrize(
    ("project", "selection", "action", "reason"),
    [
        (one(), DESTROY, Action.DELETE, "everything is to be destroyed"),
        (one(retain=True), DESTROY, Action.FORGET, "everything is to be destroyed, and retain_on_delete is set"),
        (one(), Selection(replace=(at("a"),)), Action.REPLACE, "asked for by --replace"),
        (one(size=2), EVERYTHING, Action.UPDATE, "config.size changed"),
    ],
)
def test_what_is_asked_for_decides(project: Blueprint, selection: Selection, action: Action, reason: str) -> None:
    found = change(planned(project, applied(one()), selection))
    assert (found.action, found.reason) == (action, reason)


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        (
            None,
            one(),
            [
                ("config.size", None, 1, False),
                ("config.shape", None, "round", False),
                ("config.reads", None, [], False),
            ],
        ),
        (one(), one(size=2), [("config.size", 1, 2, False)]),
        (one(), one(shape="square", size=2), [("config.shape", "round", "square", True), ("config.size", 1, 2, False)]),
        (one(flavor="rigid"), one(flavor="rigid", size=2), [("config.size", 1, 2, True)]),
        (one(), one(), []),
    ],
)
def test_the_fields_that_differ(
    before: Blueprint | None, after: Blueprint, fields: list[tuple[str, object, object, bool]]
) -> None:
    found = change(planned(after, applied(before) if before else NOTHING))
    assert [(format_path(one.path), one.before, one.after, one.requires_replacement) for one in found.fields] == fields


def test_a_retry_goes_on_with_the_same_identity() -> None:
    state = half_made(applied(one()))
    steps = planned(one(), state).steps.values()
    assert [step.identity for step in steps] == [state.pending[at("a")].component.identity]


def test_a_replacement_gets_another_identity() -> None:
    state = applied(one())
    steps = planned(one(shape="square"), state).steps.values()
    assert [step.identity for step in steps] == [state.components[at("a")].identity, None]
