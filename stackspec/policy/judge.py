"""Components and plans against policies: every one that is not met is a diagnostic with both places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Note, Severity, Span
from stackspec.manifest.schema import Problem
from stackspec.plan.model import DONE, NOT_SELECTED, Action, Change, Plan
from stackspec.policy.policies import Policy, fits
from stackspec.policy.possible import may_be_met
from stackspec.policy.subject import Subject, subject
from stackspec.stack.model import DesiredComponent, DesiredState, Environment
from stackspec.state.model import AppliedComponent, AppliedState, Operation

_SAID = frozenset(("config", "depends_on", "lifecycle", "timeouts", "environment", "secrets"))
"""The fields of a component that stand in its own mapping, by the names that they have there."""
_GOES = {Operation.DEPROVISION, Operation.FORGET}
_COMES = {Operation.PROVISION, Operation.UPDATE}


def judge(desired: DesiredState, policies: Sequence[Policy]) -> Iterator[Diagnostic]:
    """The components that are not as policies require."""
    asked = [one for one in policies if not one.is_of_actions]
    return _told(
        finding
        for component in (desired.components.values() if asked else ())
        for finding in _judged(component, desired.environment, asked)
    )


def judge_plan(
    plan: Plan, desired: DesiredState, applied: AppliedState, policies: Sequence[Policy]
) -> Iterator[Diagnostic]:
    """What a plan does that policies forbid, and the components that it would leave other than policies require.

    What was not known before the plan is judged as far as it is now.
    """
    return _told(_judged_plan(plan, desired, applied, policies)) if policies else iter(())


class _Finding(NamedTuple):
    """What keeps a component from meeting a policy; equal ones of several components are told once.

    Attributes:
        action: What a plan does to it, where that is what is judged.
    """

    policy: str
    message: str
    action: Action | None
    source: Span | None
    hint: str | None
    severity: Severity
    notes: tuple[Note, ...]


def _told(findings: Iterable[tuple[_Finding, ComponentAddress]]) -> Iterator[Diagnostic]:
    found: dict[_Finding, list[ComponentAddress]] = {}
    for finding, address in findings:
        found.setdefault(finding, []).append(address)
    for finding, addresses in found.items():
        first, *others = dict.fromkeys(map(str, addresses))
        more = f" and {others[0] if len(others) == 1 else f'{len(others)} more'}" if others else ""
        what = f" would be {DONE[finding.action]}" if finding.action else ""
        message = f"{first}{more}{what}: {finding.message}"
        yield Diagnostic("SS1101", message, finding.source, finding.hint, finding.severity, finding.notes)


def _judged_plan(
    plan: Plan, desired: DesiredState, applied: AppliedState, policies: Sequence[Policy]
) -> Iterator[tuple[_Finding, ComponentAddress]]:
    of_components = [one for one in policies if not one.is_of_actions]
    of_actions = [one for one in policies if one.is_of_actions]
    wanted, effects = _wanted(plan, desired, applied), _effects(plan)
    for component in wanted.values():
        yield from _judged(component, desired.environment, of_components)
    for change in plan.changes:
        if change.deposed:
            continue  # the end of a replacement, which was judged when it was planned
        done = {change.action, effects.get(change.address, change.action)}
        asked = [one for one in of_actions if any(fits(one.spec.match.action, action) for action in done)]
        # What goes is as much what it is done to as what comes in its place: a policy about the one or the other asks.
        for one in (wanted.get(change.address), applied.known(change.address)) if asked else ():
            if one is not None:
                yield from _judged(one, desired.environment, asked, change)
                asked = [policy for policy in asked if not _is_about(policy, one, desired.environment)]


def _wanted(plan: Plan, desired: DesiredState, applied: AppliedState) -> dict[ComponentAddress, DesiredComponent]:
    """The components that a plan leaves or makes, with the outputs that they read as far as these are known."""
    goes = {one.address for one in plan.changes if one.action in (Action.DELETE, Action.FORGET) and not one.deposed}
    wanted = {address: one for address, one in desired.components.items() if address not in goes}
    for change in plan.changes:
        as_applied = change.action is Action.NO_OP and change.reason != NOT_SELECTED
        if as_applied and change.address in wanted and change.address in applied.components:
            wanted[change.address] = replace(wanted[change.address], config=applied.components[change.address].config)
    return wanted | {step.address: step.desired for step in plan.steps.values() if step.desired is not None}


def _effects(plan: Plan) -> dict[ComponentAddress, str]:
    """What a recovery comes to: it is called after why it is done, and may create, update, replace or delete."""
    recovered = {change.address for change in plan.changes if change.action is Action.RECOVER}
    done: dict[ComponentAddress, set[Operation]] = {}
    for step in plan.steps.values():
        if step.address in recovered and not step.deposed:
            done.setdefault(step.address, set()).update(step.operations)
    return {address: effect for address, operations in done.items() if (effect := _effect(operations))}


def _effect(operations: Iterable[Operation]) -> str:
    found = set(operations)
    if found & _GOES:
        return "replace" if found & _COMES else "delete"
    return "create" if Operation.PROVISION in found else "update" if Operation.UPDATE in found else ""


def _judged(
    component: DesiredComponent | AppliedComponent,
    environment: Environment,
    policies: Sequence[Policy],
    change: Change | None = None,
) -> Iterator[tuple[_Finding, ComponentAddress]]:
    seen: Subject | None = None
    for policy in policies:
        if _is_about(policy, component, environment):
            seen = seen or subject(component, environment, change)
            if problems := _problems(policy, seen):
                yield _finding(policy, component, problems, change), component.address


def _is_about(policy: Policy, component: DesiredComponent | AppliedComponent, environment: Environment) -> bool:
    return policy.is_about(component.address.type, component.flavor, environment.name, component.labels)


def _problems(policy: Policy, seen: Subject) -> Sequence[Problem]:
    """What keeps a component from meeting a policy, whatever it is that is not known of it."""
    found = policy.requirement.check(seen.document)
    if not found or not seen.unknown:
        return found
    if may_be_met(policy.spec.require, seen.document, seen.unknown):
        return ()
    return [one for one in found if not seen.is_unknown(one.path)] or found


def _finding(
    policy: Policy,
    component: DesiredComponent | AppliedComponent,
    problems: Sequence[Problem],
    change: Change | None,
) -> _Finding:
    forbids = policy.spec.require is False
    message = policy.spec.message.strip() or ("a policy forbids it" if forbids else "it is not as a policy requires")
    places = [_place(component, one) for one in problems]
    source = (change and change.source) or places[0]
    why = [Note(one.message, place if place != source else None) for one, place in zip(problems, places, strict=True)]
    notes = (*([] if forbids else why), Note(f"the policy '{policy.name}'", policy.place))
    hint = next((one.hint for one in problems if one.hint), None)
    action = change.action if change else None
    return _Finding(policy.name, message, action, source, hint, policy.severity, notes)


def _place(component: DesiredComponent | AppliedComponent, problem: Problem) -> Span | None:
    """Where the manifests say what a problem is about; of what is only applied they say nothing."""
    if not isinstance(component, DesiredComponent) or component.origin is None:
        return None
    field, *inner = problem.path or ("",)
    if field == "labels":
        return component.origin.document.span(("metadata", "labels", *inner), key=problem.key)
    said = "environment" if field == "variables" else field
    return component.origin.span((said, *inner) if said in _SAID else ("flavor",))
