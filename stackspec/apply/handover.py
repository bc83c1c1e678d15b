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
from stackspec.core.values import Value, ValueMap, canonical
from stackspec.plan.outputs import as_expression, resolved
from stackspec.sealing.needed import handed_on
from stackspec.sealing.sealer import Sealer
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState
from stackspec.state.model import AppliedState


def variables(
    stack: DesiredStack, desired: DesiredState, applied: AppliedState, sealer: Sealer, run: Mapping[str, str]
) -> dict[str, str]:
    """The variables of what runs on a stack: its components', over them its own, the run's, and over those all secrets.

    Raises:
        StackspecError: a secret has no value here, or an output that is read is not there yet.
    """
    components: list[DesiredComponent | DesiredStack] = [
        desired.components[address]
        for addresses in stack.components.values()
        for address in addresses
        if address in desired.components
    ]
    sealer.read(handed_on((*components, stack), desired))
    found: dict[str, Value] = {}
    output = partial(_output, applied, sealer)
    for one in (*components, stack):
        try:
            found |= sealer.opened(resolved(one.variables, output, partial(sealer.seal, "")))
        except ExpressionError as error:
            raise StackspecError.of(error.code, error.message, hint=error.hint) from error.with_traceback(None)
    found |= run
    for one in (*components, stack):
        found |= _keys(one.secrets, desired, sealer)
    return {name: value if isinstance(value, str) else canonical(value) for name, value in found.items()}


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
