"""What is handed to what runs on a stack: variables, those with secrets in them opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import (
    ComponentOutput,
    Deferred,
    Expression,
    ExpressionError,
    SecretReference,
    secrets_in,
)
from stackspec.core.values import Value, ValueMap, canonical
from stackspec.plan.outputs import as_expression, resolved
from stackspec.sealing.sealer import Sealer
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState
from stackspec.state.model import AppliedState


def variables(stack: DesiredStack, desired: DesiredState, applied: AppliedState, sealer: Sealer) -> dict[str, str]:
    """The variables of what runs on a stack: its components', over them its own, and over those all secrets.

    Raises:
        StackspecError: a secret has no value here, or an output that is read is not there yet.
    """
    components: list[DesiredComponent | DesiredStack] = [
        desired.components[address]
        for addresses in stack.components.values()
        for address in addresses
        if address in desired.components
    ]
    found: dict[str, Value] = {}
    output = partial(_output, applied)
    sealer.read(_needed([*components, stack], desired))
    for one in (*components, stack):
        try:
            found |= sealer.opened(resolved(one.variables, output, partial(sealer.seal, "")))
        except ExpressionError as error:
            raise StackspecError.of(error.code, error.message, hint=error.hint) from error.with_traceback(None)
    for one in (*components, stack):
        found |= _keys(one.secrets, desired, sealer)
    return {name: value if isinstance(value, str) else canonical(value) for name, value in found.items()}


def _needed(holders: Iterable[DesiredComponent | DesiredStack], desired: DesiredState) -> Iterator[SecretReference]:
    """The secrets that variables name, and those that are handed on as they are."""
    for one in holders:
        for value in one.variables.values():
            yield from secrets_in(value.expression) if isinstance(value, Deferred) else ()
        for name in one.secrets:
            yield from desired.secrets[name].values()


def _keys(names: tuple[str, ...], desired: DesiredState, sealer: Sealer) -> ValueMap:
    references = {key: reference for name in names for key, reference in desired.secrets[name].items()}
    return {key: sealer.opened(sealer.seal("", reference)) for key, reference in references.items()}


def _output(applied: AppliedState, reference: ComponentOutput) -> Expression:
    component = applied.components.get(ComponentAddress.parse(reference.component))
    known = as_expression(component.outputs, reference) if component is not None else None
    if known is None:
        raise ExpressionError("SS0402", f"'{reference}' is not known yet", f"apply {reference.component} first")
    return known
