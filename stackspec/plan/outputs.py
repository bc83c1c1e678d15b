"""Values that wait for outputs, as far as a plan can tell them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.expression import (
    ComponentOutput,
    Deferred,
    Expression,
    ExpressionError,
    Literal,
    Scope,
    Sealed,
    outputs_in,
    reduce,
)
from stackspec.core.values import UNKNOWN, Value, ValueMap, contains_deferred
from stackspec.flavors.contract import FlavorSpec
from stackspec.plan.model import Decision
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import Operation

Seal = Callable[[str, Expression], Sealed]
"""Makes, for the component of an identity, of a value with a secret in it what may be kept of it."""


def unsealable(_identity: str, expression: Expression) -> Sealed:
    """Seals where no secret can be told from another: each is as it is written."""
    return Sealed(expression, "")


class _WithSecretsError(ExpressionError):
    """An expression that cannot be evaluated with the values of its secrets."""


class Outputs:
    """The outputs that components keep in this plan, as far as it is decided.

    Args:
        seal: Seals what has a secret in it.
        problems: Where what fails is added.
    """

    def __init__(self, seal: Seal, problems: list[Diagnostic]) -> None:
        self._seal = seal
        self._problems = problems
        self._outputs: dict[ComponentAddress, ValueMap] = {}
        """Outputs that will not change in this plan."""
        self._moving: set[ComponentAddress] = set()
        """Components whose hooks return outputs anew: they may change, but most stay."""

    def note(self, decision: Decision) -> None:
        """Take into account what is decided of a component."""
        if decision.before is None or decision.goes or decision.beside:
            return
        self._outputs[decision.change.address] = decision.before.outputs
        if not {Operation.PROVISION, Operation.UPDATE, Operation.RESUME}.isdisjoint(decision.comes):
            self._moving.add(decision.change.address)

    def known(self, desired: DesiredComponent, spec: FlavorSpec | None, identity: str = "") -> tuple[ValueMap, bool]:
        """The config with outputs that stay filled in, `UNKNOWN` for those that may change; whether any is unknown.

        Args:
            identity: Of the component that it is compared with; what is sealed for another is never equal.
        """
        config = desired.config
        if not contains_deferred(config):
            return config, False
        known: dict[str, Value] = {}
        for name, value in config.items():
            # A hook called on what is there keeps most outputs. A field that would force a replacement is taken to
            # stay: tearing down on a mere possibility loses data, and the executor refuses if it changes after all.
            assume = bool(spec and name in spec.replacing)
            known[name] = self.evaluated(desired, ("config", name), value, identity, assume=assume)
        return known, contains_deferred(known)

    def evaluated(
        self, desired: DesiredComponent, path: FieldPath, value: Value, identity: str, *, assume: bool
    ) -> Value:
        """A value of a component with outputs filled in.

        Args:
            assume: Whether outputs that may change are taken to stay.
        """
        try:
            return resolved(value, partial(self._output, assume=assume), partial(self._sealed, identity))
        except ExpressionError as error:
            known = "its secrets" if isinstance(error, _WithSecretsError) else "the outputs known now"
            message = f"with {known}, {error.message}"
            self._problems.append(Diagnostic(error.code, message, desired.place(path), error.hint))
            return UNKNOWN

    def _sealed(self, identity: str, expression: Expression) -> Sealed:
        try:
            return self._seal(identity, expression)
        except ExpressionError as error:
            raise _WithSecretsError(error.code, error.message, error.hint) from error

    def _output(self, reference: ComponentOutput, assume: bool) -> Expression:
        address = ComponentAddress.parse(reference.component)
        if address in self._outputs and (assume or address not in self._moving):
            return as_expression(self._outputs[address], reference) or reference
        return reference


def as_expression(outputs: ValueMap, reference: ComponentOutput) -> Expression | None:
    """An output that is known, as an expression that reads it goes on with it; None where it is not there."""
    if reference.output not in outputs:
        return None
    value = outputs[reference.output]
    return value.expression if isinstance(value, Sealed) else Literal(value)


def resolved(
    value: Value, output: Callable[[ComponentOutput], Expression], seal: Callable[[Expression], Sealed]
) -> Value:
    """The value with each `Deferred` evaluated by what `output` tells, `UNKNOWN` where that is not enough.

    Args:
        seal: Makes of an expression that waits only for secrets what may be kept of it.

    Raises:
        ExpressionError: a filter cannot take an output.
    """
    if isinstance(value, Deferred):
        result = reduce(value.expression, Scope({}, output, {}))
        if isinstance(result, Literal):
            return result.value
        return UNKNOWN if any(outputs_in(result)) else seal(result)
    if isinstance(value, Mapping):
        return {key: resolved(item, output, seal) for key, item in value.items()}
    return [resolved(item, output, seal) for item in value] if isinstance(value, list) else value
