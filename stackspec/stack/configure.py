"""What a component's config says in one environment: expressions evaluated, schema checked, dependencies found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath, format_path, parse_path
from stackspec.core.diagnostic import Diagnostic, did_you_mean
from stackspec.core.expression import ComponentOutput, Deferred, ExpressionError, ReportedError, Scope, SecretReference
from stackspec.core.frozen import dataclass
from stackspec.core.values import Value, ValueMap, value_at
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.plugins import PluginError
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.document import Document
from stackspec.manifest.exposed import plain_secret, says_secret
from stackspec.manifest.expressions import Resolution, ValueResolver, is_expression
from stackspec.manifest.load import located
from stackspec.manifest.model import VARIABLES_SCHEMA, Manifest
from stackspec.manifest.schema import Checker, ConfigCheckers, Problem
from stackspec.stack.link import DeclaredComponent, Links, Members
from stackspec.stack.model import Origin
from stackspec.stack.reports import as_written, report_expressions
from stackspec.stack.secrets import DeclaredSecrets


@dataclass(frozen=True, slots=True)
class Configured:
    """A component's resolved values, and what it depends on: address to the path that says so, from its own mapping.

    `flavor` is None where there is no such flavor; the config is not checked then.
    """

    flavor: str | None
    config: ValueMap
    variables: ValueMap
    depends_on: Mapping[ComponentAddress, FieldPath]
    secrets: tuple[str, ...] = ()


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
        secrets: DeclaredSecrets,
        diagnostics: list[Diagnostic],
    ) -> None:
        self._links = links
        self._registry = registry
        self._values = values
        self._roots = roots
        self._explain = {**explain, "stack": "a shared Component belongs to no single stack"}
        self._secrets = secrets
        self._diagnostics = diagnostics
        self._checkers = ConfigCheckers()
        self._scopes: dict[str | None, Scope] = {}

    def component(self, declared: DeclaredComponent) -> Configured:
        """The component's values."""
        spec, scope = self._spec(declared), self._scope(declared.stack)
        depends_on = self._named_dependencies(declared)
        config = self._config(declared, spec, scope)
        variables = self._variables(declared.body, scope, declared.origin.document, declared.origin.path)
        if spec is not None:
            self._diagnostics += lifecycle_problems(declared, spec)
        for key, resolution in (("config", config), ("environment", variables)):
            for place, deferred in resolution.deferred:
                for reference in deferred.references:
                    # Not parsed: the name of a stack with a mistake in it is reported where it stands.
                    kind, _, name = reference.component.partition("/")
                    depends_on.setdefault(ComponentAddress(kind, name), (key, *place))
        secrets = self._secrets.named(declared.body.get("secrets") or (), declared.origin)
        return Configured(spec.flavor if spec else None, config.value, variables.value, depends_on, secrets)

    def stack_description(self, stack: Manifest) -> str:
        """A stack's description, resolved."""
        written = stack.spec.get("description", "")
        description = self._resolved(written, self._scope(stack), stack.document, ("spec", "description")).value
        return description if isinstance(description, str) else ""

    def stack_variables(self, stack: Manifest) -> ValueMap:
        """A stack's variables, resolved."""
        variables: ValueMap = self._variables(stack.spec, self._scope(stack), stack.document, ("spec",)).value
        return variables

    def stack_secrets(self, stack: Manifest) -> tuple[str, ...]:
        """The Secrets whose keys are variables for what runs on a stack."""
        return self._secrets.named(stack.spec.get("secrets") or (), Origin(stack.document, ("spec",)))

    def _resolved(self, written: Value, scope: Scope, document: Document, path: FieldPath) -> Resolution:
        """Values resolved, what fails reported at its place."""
        resolution = self._values.resolve(written, scope)
        report_expressions(resolution, document, path, self._diagnostics)
        return resolution

    def _variables(self, body: ValueMap, scope: Scope, document: Document, path: FieldPath) -> Resolution:
        """The `environment` of a component or stack, resolved; what waits for outputs is checked when it is known."""
        written = body.get("environment")
        if not written:
            return Resolution({})
        resolution = self._resolved(written, scope, document, (*path, "environment"))
        if resolution.value is not written:
            problems = variables_problems(as_written(resolution.value))
            self._diagnostics += [located(problem, document, path) for problem in problems]
        self._diagnostics += shown_secrets(written, document, path)
        return resolution

    def _spec(self, declared: DeclaredComponent) -> FlavorSpec | None:
        kind, flavor = declared.address.type, declared.body.get("flavor")
        if not isinstance(flavor, str):
            return None  # reported by the schema
        if not self._registry.knows(kind, flavor):
            self._diagnostics.append(unknown_flavor(declared, flavor, self._registry.flavors_of(kind)))
            return None
        try:
            return self._registry.spec(kind, flavor)
        except PluginError as error:
            place = declared.origin.span(("flavor",))
            self._diagnostics.append(Diagnostic("SS0211", error.message, place, error.hint))
            return None

    def _known_spec(self, kind: str, flavor: str) -> FlavorSpec | None:
        """A flavor's spec; None where there is none, which is reported where it is named."""
        try:
            return self._registry.spec(kind, flavor)
        except (KeyError, PluginError):
            return None

    def _config(self, declared: DeclaredComponent, spec: FlavorSpec | None, scope: Scope) -> Resolution:
        document, path = declared.origin.document, (*declared.origin.path, "config")
        written = declared.body.get("config", {})
        if not isinstance(written, Mapping):
            return Resolution({})  # reported by the schema
        resolution = self._resolved(written, scope, document, path)
        if spec is None:
            return resolution
        self._diagnostics += config_problems(spec, self._checkers.of(spec), resolution, document, path)
        resolution.value = spec.complete(resolution.value)
        return resolution

    def _named_dependencies(self, declared: DeclaredComponent) -> dict[ComponentAddress, FieldPath]:
        named: dict[ComponentAddress, FieldPath] = {}
        for index, text in enumerate(declared.body.get("depends_on") or ()):
            if text is None:
                continue  # reported by the schema
            address = ComponentAddress.parse(text)
            if address in self._links.components:
                named.setdefault(address, ("depends_on", index))
            else:
                hint = self._values.hints.did_you_mean(text, self._links.components)
                place = declared.origin.span(("depends_on", index))
                self._diagnostics.append(Diagnostic("SS0402", f"there is no component {text}", place, hint))
        return named

    # --- what names mean

    def _scope(self, stack: Manifest | None) -> Scope:
        name = stack.name if stack else None
        if name not in self._scopes:
            roots = {**self._roots, "stack": {"name": stack.name, "labels": stack.labels} if stack else {}}
            output = partial(self._output, stack=name)
            self._scopes[name] = self._values.scope(roots, output, self._explain, self._secrets.find)
        return self._scopes[name]

    def _output(self, reference: ComponentOutput, stack: str | None) -> ComponentOutput:
        """The reference under its full address.

        Raises:
            ExpressionError: it names no component of this environment, or no output of its flavor.
        """
        if stack is not None and (stack, reference.component) in self._links.unlinked:
            raise ReportedError("SS0402", f"the {reference.component} has a mistake")
        address = self._referred(reference.component, self._links.members[stack] if stack is not None else None)
        flavor = self._links.components[address].body.get("flavor")
        if isinstance(flavor, str) and (spec := self._known_spec(address.type, flavor)) is not None:
            outputs = spec.outputs
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
            hint = self._values.hints.did_you_mean(text, self._links.components)
            raise ExpressionError("SS0402", f"there is no component {text}", hint)
        return address


# --- what is wrong with a component whatever else is declared


def config_problems(
    spec: FlavorSpec, checker: Checker, config: Resolution, document: Document, path: FieldPath
) -> Iterator[Diagnostic]:
    """What is wrong with a config as far as it is known.

    Args:
        path: Where in the document it stands.
    """
    for name in spec.sensitive:
        if isinstance(text := config.value.get(name), str) and text:
            place = document.span((*path, name))
            yield plain_secret(f"'config.{name}' is sensitive and stands in plain text", place)
    waiting = bool(config.deferred or config.errors)
    for problem in checker.check(as_written(config.value) if waiting else config.value):
        # What waits is checked when it is known, before the hook.
        value = value_at(config.value, problem.path)
        if problem.key or not isinstance(value, Deferred):
            yield located(problem, document, path)
        elif isinstance(value.expression, SecretReference) and problem.code == "SS0205":
            hint = f"a secret is text; convert it, as in {{{{ {value.expression} | int }}}}"
            yield located(replace(problem, hint=hint), document, path)


def lifecycle_problems(declared: DeclaredComponent, spec: FlavorSpec) -> Iterator[Diagnostic]:
    """What a component's lifecycle says that its flavor has no field for, or cannot do."""
    lifecycle, known = declared.body.get("lifecycle") or {}, spec.schema["properties"]
    for index, text in enumerate(lifecycle.get("ignore_changes") or ()):
        path = parse_path(text)
        if len(path) > 1 and path[1] not in known:
            message = f"'{format_path(path[:2])[:80]}' is not a field of {spec.type} {spec.flavor}"
            place = declared.origin.span(("lifecycle", "ignore_changes", index))
            yield Diagnostic("SS0203", message, place, did_you_mean(str(path[1]), known))
    if lifecycle.get("create_before_destroy") is True and spec.occupies is None:
        message = f"there can be only one {spec.type} of the flavor '{spec.flavor}' under an address"
        place = declared.origin.span(("lifecycle", "create_before_destroy"))
        hint = "set create_before_destroy to false: the old one is removed first"
        yield Diagnostic("SS0505", message, place, hint)


def shown_secrets(variables: ValueMap, document: Document, path: FieldPath) -> Iterator[Diagnostic]:
    """A warning for each variable of an `environment`, as written, that is called like a secret and shown."""
    for name, text in variables.items():
        if isinstance(text, str) and text and says_secret(name) and not is_expression(text):
            place = document.span((*path, "environment", name))
            yield plain_secret(f"'environment.{name}' is called like a secret and stands in plain text", place)


def unknown_flavor(declared: DeclaredComponent, flavor: str, known: Sequence[str]) -> Diagnostic:
    """A flavor that does not exist, at its place."""
    kind, place = declared.address.type, declared.origin.span(("flavor",))
    if "{{" in flavor:
        return Diagnostic("SS0305", "a flavor cannot be an expression", place, "write the name out")
    hint = did_you_mean(flavor, known) if known else f"this version has no flavors of {kind}"
    return Diagnostic("SS0208", f"{kind} has no flavor '{flavor[:80]}'", place, hint)


_VARIABLES = Checker({"type": "object", "properties": {"environment": VARIABLES_SCHEMA}})


def variables_problems(variables: ValueMap) -> list[Problem]:
    """What is wrong with resolved variables, by their paths from what declares the `environment`."""
    return _VARIABLES.check({"environment": variables})
