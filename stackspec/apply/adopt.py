"""What exists already where nothing is applied: looked at as it would be if it were ours."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from stackspec.apply.hooks import HookFailure, Hooks
from stackspec.apply.observe import observe
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.expression import ComponentOutput, Expression, ExpressionError
from stackspec.core.layout import in_environment
from stackspec.flavors.contract import Observation, Owner
from stackspec.plan.model import Found
from stackspec.plan.outputs import as_expression, resolved
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedComponent, AppliedState


def find(
    components: Iterable[DesiredComponent], applied: AppliedState, hooks: Hooks, *, force: bool = False
) -> tuple[dict[ComponentAddress, Found], list[Diagnostic]]:
    """What exists of components that are not applied, and an error for each that cannot be taken over.

    Args:
        force: Whether what another state's mark is on is taken over too.
    """
    wanted = {one.address: one for one in components}
    refused: dict[ComponentAddress, HookFailure] = {}
    candidates: dict[ComponentAddress, AppliedComponent] = {}
    for address, desired in wanted.items():
        try:
            candidates[address] = _as_applied(desired, applied, hooks)
        except ExpressionError as error:
            refused[address] = HookFailure(error.code, f"{address}: {error.message}", error.hint)
    seen = observe(candidates.values(), hooks)
    taken_on = {}
    for address, one in seen.items():
        if isinstance(one, Observation) and not one.provisioned and one.owner is not None:
            if (refusal := _refusal(one.owner, applied, force=force)) is not None:
                why, hint = refusal
                refused[address] = HookFailure("SS0506", f"{address} cannot be imported: {why}", hint)
            else:
                taken_on[address] = hooks.proved(replace(candidates[address], identity=one.owner.identity))
    seen |= observe(taken_on.values(), hooks)
    found: dict[ComponentAddress, Found] = {}
    for address, one in seen.items():
        if address in refused:
            continue
        if isinstance(one, HookFailure):
            refused[address] = HookFailure("SS0610", f"{address} could not be looked at: {one.message}", one.hint)
        elif not one.provisioned:
            hint = "check its config; to have it made, apply without importing it"
            why = one.detail or "it is not there"
            refused[address] = HookFailure("SS0506", f"{address} cannot be imported: {why}", hint)
        else:
            found[address] = Found(taken_on[address].identity if address in taken_on else None, one)
    return found, [
        Diagnostic(failure.code, failure.message, wanted[address].place(), failure.hint)
        for address in wanted
        if (failure := refused.get(address)) is not None
    ]


def _as_applied(desired: DesiredComponent, applied: AppliedState, hooks: Hooks) -> AppliedComponent:
    """A component that is not applied as it would be.

    Raises:
        ExpressionError: an output that it reads is not known.
    """
    identity = secrets.token_hex(8)
    config = resolved(desired.config, partial(_output, applied), partial(hooks.seal, identity))
    component = AppliedComponent(
        desired.address, identity, desired.flavor, config, "", {}, desired.depends_on, desired.stacks
    )
    return hooks.proved(replace(component, timeouts=desired.timeouts))


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
        command = in_environment("stackspec import --force", applied.environment)
        hint = f"if no project has that state any more, take it over with: {command}"
        return f"it belongs to {owner}, by another state (lineage {owner.lineage})", hint
    return None


def _output(applied: AppliedState, reference: ComponentOutput) -> Expression:
    component = applied.components.get(ComponentAddress.parse(reference.component))
    known = as_expression(component.outputs, reference) if component is not None else None
    if known is None:
        hint = f"apply {reference.component} first"
        raise ExpressionError("SS0506", f"cannot be imported before '{reference}' is known", hint)
    return known
