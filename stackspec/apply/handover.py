"""What is handed to what runs on a stack: variables, those with secrets in them opened."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import (
    ComponentOutput,
    Expression,
    ExpressionError,
)
from stackspec.core.values import Value, ValueMap, canonical, contains_sealed
from stackspec.plan.outputs import as_expression, resolved
from stackspec.plan.situation import SpecOf
from stackspec.sealing.needed import handed_on
from stackspec.sealing.sealer import Sealer
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState
from stackspec.state.model import AppliedState


def variables(
    stack: DesiredStack,
    desired: DesiredState,
    applied: AppliedState,
    sealer: Sealer,
    spec_of: SpecOf,
    run: Mapping[str, str],
    *,
    secrets: bool = True,
) -> dict[str, str]:
    """The variables of what runs on a stack.

    What its components give by their flavors; over that what manifests say of them, over them the stack's own, the
    run's, and over those all secrets.

    Args:
        secrets: Whether those are among them that are secrets, or made of any.

    Raises:
        StackspecError: a secret has no value here, or an output that is read is not there yet.
    """
    components: list[DesiredComponent] = [
        desired.components[address]
        for addresses in stack.components.values()
        for address in addresses
        if address in desired.components
    ]
    users: tuple[DesiredComponent | DesiredStack, ...] = (*components, stack)
    if secrets:
        sealer.read(handed_on(users, desired))
    found: dict[str, Value] = {}
    for component in components:
        found |= _given(component, applied, spec_of)
    output = partial(_output, applied, sealer)
    for one in users:
        try:
            found |= resolved(one.variables, output, partial(sealer.seal, ""))
        except ExpressionError as error:
            raise StackspecError.of(error.code, error.message, hint=error.hint) from error.with_traceback(None)
    found |= run
    if secrets:
        found = sealer.opened(found)
        for one in users:
            found |= _keys(one.secrets, desired, sealer)
    found = {name: value for name, value in found.items() if not contains_sealed(value)}
    return {name: value if isinstance(value, str) else canonical(value) for name, value in found.items()}


def _given(component: DesiredComponent, applied: AppliedState, spec_of: SpecOf) -> ValueMap:
    """What a component that is applied gives by its flavor: variable to output."""
    record = applied.components.get(component.address)
    spec = spec_of(component.address.type, record.flavor) if record else None
    if record is None or spec is None:
        return {}
    given = {variable: record.outputs.get(output) for variable, output in spec.environment.items()}
    return {variable: value for variable, value in given.items() if value is not None}


def _keys(names: tuple[str, ...], desired: DesiredState, sealer: Sealer) -> ValueMap:
    references = {key: reference for name in names for key, reference in desired.secrets[name].items()}
    return {key: sealer.opened(sealer.seal("", reference)) for key, reference in references.items()}


def _output(applied: AppliedState, sealer: Sealer, reference: ComponentOutput) -> Expression:
    component = applied.components.get(ComponentAddress.parse(reference.component))
    if component is not None and not sealer.holds(component):
        message = f"what {reference.component} gives was recorded under a key of secrets that is not here"
        raise ExpressionError("SS0805", message, "bring the key back; or apply, which records it anew")
    known = as_expression(component.outputs, reference) if component is not None else None
    if known is None:
        raise ExpressionError("SS0402", f"'{reference}' is not known yet", f"apply {reference.component} first")
    return known
