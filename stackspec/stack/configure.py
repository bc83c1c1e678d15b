"""What a component's config says in one environment: expressions evaluated, schema checked, dependencies found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, did_you_mean
from stackspec.core.expression import ComponentOutput, Deferred, ExpressionError, Scope
from stackspec.core.values import Value, ValueMap
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.document import Document
from stackspec.manifest.expressions import Resolution, ValueResolver
from stackspec.manifest.load import located
from stackspec.manifest.model import Manifest
from stackspec.manifest.schema import Checker
from stackspec.stack.link import DeclaredComponent, Links, Members


@dataclass(frozen=True, slots=True)
class Configured:
    """A component's resolved values, and what it depends on: address to the path that says so, from its own mapping."""

    config: ValueMap
    variables: ValueMap
    depends_on: Mapping[ComponentAddress, FieldPath]


class Configurator:
    """Resolves the values of one environment's components and stacks.

    Args:
        roots: What `vars`, `environment` and `env` mean.
        explain: Root to the hint for a name that is missing under it.
        diagnostics: Where what is wrong is added.
    """

    def __init__(
        self,
        links: Links,
        registry: Registry,
        values: ValueResolver,
        roots: Mapping[str, Any],
        explain: Mapping[str, str],
        diagnostics: list[Diagnostic],
    ) -> None:
        self._links = links
        self._registry = registry
        self._values = values
        self._roots = roots
        self._explain = {**explain, "stack": "a shared Component belongs to no single stack"}
        self._diagnostics = diagnostics
        self._checkers: dict[tuple[str, str], Checker] = {}
        self._scopes: dict[str | None, Scope] = {}

    def component(self, declared: DeclaredComponent) -> Configured | None:
        """The component's values; None where its flavor does not exist."""
        kind, flavor = declared.address.type, declared.body.get("flavor")
        if not isinstance(flavor, str):
            return None  # reported by the schema
        if flavor not in self._registry.flavors_of(kind):
            self._unknown_flavor(declared, flavor)
            return None
        scope = self._scope(declared.stack)
        depends_on = self._named_dependencies(declared)
        config = self._config(declared, self._registry.spec(kind, flavor), scope)
        variables = Resolution({})
        if declared.body.get("environment"):
            path = (*declared.origin.path, "environment")
            variables = self.values(declared.body["environment"], scope, declared.origin.document, path)
        for key, resolution in (("config", config), ("environment", variables)):
            for place, deferred in resolution.deferred:
                for reference in deferred.references:
                    # Not parsed: the name of a stack with a mistake in it is reported where it stands.
                    kind, _, name = reference.component.partition("/")
                    depends_on.setdefault(ComponentAddress(kind, name), (key, *place))
        return Configured(config.value, variables.value, depends_on)

    def stack_values(self, stack: Manifest, key: str, default: Value) -> Value:
        """A value of a stack's spec, resolved."""
        written = stack.spec.get(key, default)
        return self.values(written, self._scope(stack), stack.document, ("spec", key)).value

    def values(self, written: Value, scope: Scope, document: Document, path: FieldPath) -> Resolution:
        """Values resolved, what fails reported at its place."""
        resolution = self._values.resolve(written, scope)
        report_expressions(resolution, document, path, self._diagnostics)
        return resolution

    def _config(self, declared: DeclaredComponent, spec: FlavorSpec, scope: Scope) -> Resolution:
        document, path = declared.origin.document, (*declared.origin.path, "config")
        written = declared.body.get("config", {})
        if not isinstance(written, Mapping):
            return Resolution({})  # reported by the schema
        resolution = self.values(written, scope, document, path)
        config = resolution.value
        waiting = bool(resolution.deferred or resolution.errors)
        checker = self._checkers.get((spec.type, spec.flavor))
        if checker is None:
            checker = self._checkers[spec.type, spec.flavor] = Checker(spec.schema)
        for problem in checker.check(as_written(config) if waiting else config):
            # What waits for outputs is checked when it is known, before the hook.
            if problem.key or not isinstance(_value_at(config, problem.path), Deferred):
                self._diagnostics.append(located(problem, document, path))
        resolution.value = spec.complete(config)
        return resolution

    def _named_dependencies(self, declared: DeclaredComponent) -> dict[ComponentAddress, FieldPath]:
        named: dict[ComponentAddress, FieldPath] = {}
        for index, text in enumerate(declared.body.get("depends_on") or ()):
            address = ComponentAddress.parse(text)
            if address in self._links.components:
                named.setdefault(address, ("depends_on", index))
            else:
                hint = did_you_mean(text, [str(known) for known in self._links.components])
                place = declared.origin.span(("depends_on", index))
                self._diagnostics.append(Diagnostic("SS0402", f"there is no component {text}", place, hint))
        return named

    def _unknown_flavor(self, declared: DeclaredComponent, flavor: str) -> None:
        kind, place = declared.address.type, declared.origin.span(("flavor",))
        if "{{" in flavor:
            diagnostic = Diagnostic("SS0305", "a flavor cannot be an expression", place, "write the name out")
        else:
            known = self._registry.flavors_of(kind)
            hint = did_you_mean(flavor, known) if known else f"this version has no flavors of {kind}"
            diagnostic = Diagnostic("SS0208", f"{kind} has no flavor '{flavor[:80]}'", place, hint)
        self._diagnostics.append(diagnostic)

    # --- what names mean

    def _scope(self, stack: Manifest | None) -> Scope:
        name = stack.name if stack else None
        if name not in self._scopes:
            roots = {**self._roots, "stack": {"name": stack.name, "labels": stack.labels} if stack else {}}
            output = partial(self._output, stack=name)
            self._scopes[name] = Scope(roots, output, self._explain)
        return self._scopes[name]

    def _output(self, reference: ComponentOutput, stack: str | None) -> ComponentOutput:
        """The reference under its full address.

        Raises:
            ExpressionError: it names no component of this environment, or no output of its flavor.
        """
        if stack is not None and (stack, reference.component) in self._links.unlinked:
            raise _ReportedError("SS0402", f"the {reference.component} has a mistake")
        address = self._referred(reference.component, self._links.members[stack] if stack is not None else None)
        flavor = self._links.components[address].body.get("flavor")
        if flavor in self._registry.flavors_of(address.type):
            outputs = self._registry.spec(address.type, flavor).outputs
            if reference.output not in outputs:
                message = f"{address} has no output '{reference.output}'"
                raise ExpressionError("SS0402", message, did_you_mean(reference.output, outputs))
        return ComponentOutput(str(address), reference.output)

    def _referred(self, text: str, members: Members | None) -> ComponentAddress:
        if text in COMPONENT_TYPES:
            if members is not None and members.get(text):
                return members[text][0]
            why = "this stack has none" if members is not None else "a shared Component belongs to no single stack"
            message = f"there is no {text} to read from: {why}"
            raise ExpressionError("SS0402", message, "name it: components['type/name']")
        try:
            address = ComponentAddress.parse(text)
        except ValueError:
            hint = did_you_mean(text, COMPONENT_TYPES) if "/" not in text else "write components['type/name']"
            raise ExpressionError("SS0402", f"'{text[:80]}' is neither an address nor a type", hint) from None
        if address not in self._links.components:
            hint = did_you_mean(text, [str(known) for known in self._links.components])
            raise ExpressionError("SS0402", f"there is no component {text}", hint)
        return address


class _ReportedError(ExpressionError):
    """What it speaks of has a mistake of its own, which was reported."""


def report_expressions(
    resolution: Resolution, document: Document, path: FieldPath, diagnostics: list[Diagnostic]
) -> None:
    """Add what failed in a resolution to the diagnostics, each at its place."""
    for place, error in resolution.errors:
        if isinstance(error, _ReportedError):
            continue
        # A process variable is missing for reasons of its own.
        code = "SS0306" if error.code == "SS0303" and error.message.startswith("'env.") else error.code
        diagnostics.append(Diagnostic(code, error.message, document.span((*path, *place)), error.hint))


def as_written(value: Value) -> Value:
    """The value with the text of each expression that waits or has failed."""
    if isinstance(value, Deferred):
        return value.text
    if isinstance(value, Mapping):
        return {key: as_written(item) for key, item in value.items()}
    return [as_written(item) for item in value] if isinstance(value, list) else value


def _value_at(value: Value, path: FieldPath) -> Value:
    for step in path:
        if isinstance(value, Deferred):
            return value
        value = value[step]
    return value
