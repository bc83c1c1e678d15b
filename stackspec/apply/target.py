"""What a component will be once an operation on it is done, told when all that it reads is known."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from stackspec.apply.hooks import HookFailure, Hooks
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.core.expression import HIDDEN, ComponentOutput, Expression, ExpressionError, Sealed
from stackspec.core.values import Value, ValueMap, contains_sealed, digest
from stackspec.flavors.registry import Registry
from stackspec.plan.coexist import clash
from stackspec.plan.diff import alike
from stackspec.plan.model import Step
from stackspec.plan.outputs import as_expression, resolved
from stackspec.stack.configure import variables_problems
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedComponent, AppliedState, Operation, PendingOperation


class Targets:
    """Tells what components will be.

    Args:
        applied: As the apply began.
        components, deposed: As they are; they change while the apply goes on.
        hooks: Seals what has secrets in it, and knows what is wrong with a config.
    """

    def __init__(
        self,
        registry: Registry,
        applied: AppliedState,
        components: Mapping[ComponentAddress, AppliedComponent],
        deposed: Mapping[str, PendingOperation],
        hooks: Hooks,
    ) -> None:
        self._hooks = hooks
        self._registry = registry
        self._components = components
        self._deposed = deposed
        self._homes = {component.home for component in applied.known_components if component.home}
        """Addresses in whose folders components keep things that were moved from there."""

    def target(self, step: Step, operation: Operation, *, done: bool) -> AppliedComponent | HookFailure:
        """The component as it will be once the operation is done, or why that cannot be; for one that goes, as it is.

        Args:
            done: Whether no other operation on it follows.
        """
        current = self._components.get(step.address) or step.before
        if step.desired is None:
            assert current is not None
            return current
        try:
            component = self._resolved(step, step.desired, current, operation, done)
            return self._misfit(step, operation, component) or component
        except ExpressionError as error:
            return HookFailure(error.code, error.message, error.hint)
        except StackspecError as error:
            (first, *_) = error.diagnostics
            return HookFailure(first.code, first.message, first.hint)

    def _resolved(
        self,
        step: Step,
        desired: DesiredComponent,
        current: AppliedComponent | None,
        operation: Operation,
        done: bool,
    ) -> AppliedComponent:
        if step.beside and operation is Operation.PROVISION:
            current = None  # what is applied is another one
        identity = step.identity or (current.identity if current else secrets.token_hex(8))
        seal = partial(self._hooks.seal, identity)
        held = current is not None and self._hooks.holds(current)
        stays = operation in (Operation.RECORD, Operation.SUSPEND, Operation.RESUME)
        if current is not None and stays:
            config, fingerprint = current.config, current.digest
            if operation is Operation.RECORD and contains_sealed(config):
                config = _sealed_as(config, resolved(desired.config, self._output, seal))
                fingerprint = digest(config)
        else:
            config = resolved(desired.config, self._output, seal)
            fingerprint = digest(config)
        if contains_sealed(config):
            config = self._keeping(desired, config)
        component = AppliedComponent(
            address=step.address,
            identity=identity,
            flavor=desired.flavor,
            config=config,
            digest=fingerprint,
            # Those of a record that somebody else may have written are made anew, or are nobody's.
            outputs=current.outputs if current and (held or stays) else {},
            depends_on=desired.depends_on,
            stacks=desired.stacks,
            # An operation that another follows has not brought about the desired run state yet.
            suspended=desired.suspended if done else not desired.suspended,
            lifecycle=desired.lifecycle,
            timeouts=desired.timeouts,
            variables=resolved(desired.variables, self._output, seal),
            labels=desired.labels,
            home=current.home if current else None,
            proof=current.proof if current else "",
        )
        if held or not stays:
            component = self._hooks.proved(component)
        if step.identity is None and current is None:
            component = replace(component, home=self._free_home(component))
        return component

    def _keeping(self, desired: DesiredComponent, config: ValueMap) -> ValueMap:
        """The config with the secrets kept of fields that say what the component is: those that cannot change."""
        spec = self._registry.spec(desired.address.type, desired.flavor)
        kept = spec.replacing if spec.can_update else config.keys()
        return {
            name: self._hooks.keep(value) if name in kept and contains_sealed(value) else value
            for name, value in config.items()
        }

    def _free_home(self, component: AppliedComponent) -> ComponentAddress | None:
        """Where a new component keeps its own things if one that was moved from its address still does so there."""
        address = component.address
        if address not in self._homes:
            return None
        return ComponentAddress(address.type, f"{address.name[:46]}-{component.identity}")

    def _misfit(self, step: Step, operation: Operation, component: AppliedComponent) -> HookFailure | None:
        """What is wrong that only now is known: by the schema of resolved values, or a field moved that must not."""
        changing = operation in (Operation.PROVISION, Operation.UPDATE)
        if changing and (wrong := self._hooks.misfit(component)):
            return wrong
        for problem in variables_problems(_as_shown(component.variables)):
            message = f"with the outputs known now, {problem.message}"
            return HookFailure(problem.code, message, problem.hint)
        before = self._components.get(step.address)
        if before is not None and before.identity != component.identity:
            return self._misfit_beside(component)
        if before is not None:
            spec = self._registry.spec(step.address.type, component.flavor)
            for name in sorted(spec.replacing):
                becomes = component.config.get(name)
                was = alike(before.config.get(name), becomes, partial(self._hooks.seal, before.identity))
                if digest(was) != digest(becomes) and not (isinstance(was, Sealed) and was.is_rekeyed(becomes)):
                    message = f"config.{name} turned out to change, which needs a replacement that was not planned"
                    return HookFailure("SS0606", message, "plan and apply again")
        return None

    def _misfit_beside(self, component: AppliedComponent) -> HookFailure | None:
        """Why what is to be made cannot be there together with what is there, now that its config is known."""
        address = component.address
        spec = self._registry.spec(address.type, component.flavor)
        others = [self._components[address], *(removal.component for removal in self._deposed.values())]
        for other in others:
            if other.address == address and other.identity != component.identity:
                other_spec = self._registry.spec(address.type, other.flavor)
                if why := clash((spec, component.config), (other_spec, other.config)):
                    message = f"a new one cannot be made before the old one is removed: {why}"
                    hint = "have the two differ in that, or set lifecycle.create_before_destroy to false"
                    return HookFailure("SS0505", message, hint)
        return None

    def _output(self, reference: ComponentOutput) -> Expression:
        component = self._components.get(ComponentAddress.parse(reference.component))
        known = as_expression(component.outputs, reference) if component is not None else None
        if known is None:
            raise ExpressionError("SS0402", f"{reference.component} has no output '{reference.output}' yet")
        return known


def _sealed_as(value: Value, other: Value) -> Value:
    """The value with its secrets sealed as another has them: under another key, or come by in another way."""
    if isinstance(value, Sealed) and isinstance(other, Sealed):
        return other
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return {key: _sealed_as(item, other.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        return [_sealed_as(*both) for both in zip(value, other, strict=True)]
    return value


def _as_shown(value: Value) -> Value:
    """The value with what is sealed as people see it."""
    if isinstance(value, Sealed):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _as_shown(item) for key, item in value.items()}
    return [_as_shown(item) for item in value] if isinstance(value, list) else value
