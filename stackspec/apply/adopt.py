"""What exists already where nothing is applied: looked at as it would be if it were ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from threading import Event

from stackspec.apply.hooks import HookFailure, Hooks
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.expression import ComponentOutput, ExpressionError, Literal
from stackspec.flavors.contract import Owner
from stackspec.plan.model import Found
from stackspec.plan.outputs import resolved
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedComponent, AppliedState


def find(
    components: Iterable[DesiredComponent], applied: AppliedState, hooks: Hooks, *, force: bool = False
) -> tuple[dict[ComponentAddress, Found], list[Diagnostic]]:
    """What exists of components that are not applied, and an error for each that cannot be taken over.

    Args:
        force: Whether what another state's mark is on is taken over too.
    """
    found: dict[ComponentAddress, Found] = {}
    problems: list[Diagnostic] = []
    for component in components:
        one = _find(component, applied, hooks, force)
        if isinstance(one, Found):
            found[component.address] = one
        else:
            problems.append(Diagnostic(one.code, one.message, component.place(), one.hint))
    return found, problems


def _find(desired: DesiredComponent, applied: AppliedState, hooks: Hooks, force: bool) -> Found | HookFailure:
    address = desired.address
    try:
        config = resolved(desired.config, partial(_output, applied))
    except ExpressionError as error:
        return HookFailure(error.code, f"{address}: {error.message}", error.hint)
    component = AppliedComponent(
        address, secrets.token_hex(8), desired.flavor, config, "", {}, desired.depends_on, desired.stacks
    )
    component = replace(component, timeouts=desired.timeouts)
    seen, identity = hooks.observe(component, Event()), None
    if not isinstance(seen, HookFailure) and not seen.provisioned and seen.owner is not None:
        owner = seen.owner
        if (refusal := _refusal(owner, applied, force=force)) is not None:
            why, hint = refusal
            return HookFailure("SS0506", f"{address} cannot be imported: {why}", hint)
        identity = owner.identity
        component = replace(component, identity=identity)
        seen = hooks.observe(component, Event())
    if isinstance(seen, HookFailure):
        return HookFailure("SS0610", f"{address} could not be looked at: {seen.message}", seen.hint)
    if not seen.provisioned:
        hint = "check its config; to have it made, apply without importing it"
        return HookFailure("SS0506", f"{address} cannot be imported: {seen.detail or 'it is not there'}", hint)
    return Found(identity, seen)


def _refusal(owner: Owner, applied: AppliedState, *, force: bool) -> tuple[str, str] | None:
    """Why what carries a mark cannot be taken over, and what to do; None where it can."""
    for component in applied.components.values():
        if component.identity == owner.identity:
            return (
                f"it belongs to {component.address}",
                "use another path, or say under 'moved' what it was called before",
            )
    begun = [*applied.pending.values(), *applied.deposed.values()]
    if any(one.component.identity == owner.identity for one in begun):
        return f"an operation on {owner} is not finished", "apply first, then import"
    if not owner.identity or owner.environment not in (None, applied.environment):
        return f"it belongs to {owner}", "use another path"
    if owner.lineage not in (None, applied.lineage) and not force:
        hint = "if no project has that state any more, take it over with: stackspec import --force"
        return f"it belongs to {owner}, by another state (lineage {owner.lineage})", hint
    return None


def _output(applied: AppliedState, reference: ComponentOutput) -> Literal:
    component = applied.components.get(ComponentAddress.parse(reference.component))
    if component is None or reference.output not in component.outputs:
        hint = f"apply {reference.component} first"
        raise ExpressionError("SS0506", f"cannot be imported before '{reference}' is known", hint)
    return Literal(component.outputs[reference.output])
