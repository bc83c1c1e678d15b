"""Manifests to desired state, for one environment: who uses what, what every config says, what comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, Note, Severity, Span, did_you_mean
from stackspec.core.expression import ComponentOutput, Deferred, ExpressionError, Scope
from stackspec.core.values import Value, ValueMap, contains_deferred, digest
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.flavors.types import COMPONENT_TYPES
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.load import located
from stackspec.manifest.model import (
    NO_LIFECYCLE,
    ComponentReference,
    EnvironmentSpec,
    InlineComponent,
    LifecycleSpec,
    Manifest,
)
from stackspec.manifest.schema import Checker, checker_of, type_name
from stackspec.stack.declared import Declarations, environment_settings, unknown_type
from stackspec.stack.graph import closure, in_dependency_order
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState, Environment, Origin
from stackspec.stack.rules import check_rules

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class _Use:
    """A component declared in this environment: its own mapping, where it stands, and the stack around it, if any."""

    address: ComponentAddress
    body: ValueMap
    origin: Origin
    name_place: Span
    inside: Manifest | None
    labels: Mapping[str, str]


class Resolver:
    """Resolves one set of declarations; one instance an environment.

    Args:
        declarations: What the manifests declare.
        registry: The flavors there are.
        process: The allow-listed process variables that are set, name to text.
    """

    def __init__(self, declarations: Declarations, registry: Registry, process: Mapping[str, str]) -> None:
        self._declared = declarations
        self._registry = registry
        self._process = process
        self._values = ValueResolver()
        self._checkers: dict[tuple[str, str], Checker] = {}
        self._uses: dict[ComponentAddress, _Use] = {}
        self.diagnostics: list[Diagnostic] = []

    def resolve(self, environment: str) -> DesiredState:
        """The desired state of an environment; what is wrong is in `diagnostics`, and it is then incomplete."""
        settings = self._environment(environment)
        stacks = [
            stack
            for stack in self._declared.stacks.values()
            if environment in (stack.spec.get("deploy_to") or (environment,))
        ]
        members = {stack.name: self._members(stack) for stack in stacks}
        self._declare_shared()
        built: dict[ComponentAddress, DesiredComponent] = {}
        edges: dict[ComponentAddress, dict[ComponentAddress, Span]] = {}
        waiting = [address for kinds in members.values() for found in kinds.values() for address in found]
        for address in waiting:  # grows while it is walked
            if address not in edges:
                component, edges[address] = self._component(self._uses[address], members)
                waiting += edges[address]
                if component is not None:
                    built[address] = component
        order, cycles = in_dependency_order(edges)
        for cycle in cycles:
            self.diagnostics.append(_cycle(cycle, edges))
        users = self._users(members, edges)
        suspended = {stack.name for stack in stacks if stack.spec.get("run_state") == "suspended"}
        components = {
            address: replace(
                built[address], stacks=users[address], suspended=all(name in suspended for name in users[address])
            )
            for address in order
            if address in built
        }
        self._required(stacks, members)
        state = DesiredState(
            Environment(environment, settings),
            components,
            {stack.name: self._stack(stack, members[stack.name]) for stack in stacks},
        )
        self.diagnostics += check_rules(state, self._registry, self._declared.project.allowed_paths)
        return state

    # --- environments and stacks

    def _environment(self, name: str) -> EnvironmentSpec:
        manifest = self._declared.environments.get(name)
        settings = environment_settings(manifest)
        self._roots: dict[str, Any] = {
            "env": self._process,
            "environment": {"name": name, "description": settings.description, "protected": settings.protected},
            "vars": {},
        }
        self._explain = {
            "env": "list the name under spec.env in stackspec.yaml, and set it",
            "vars": f"declare it under spec.vars of the Environment '{name}'",
            "stack": "a shared Component belongs to no single stack",
        }
        if manifest and settings.vars:
            scope = self._scope({**self._roots, "stack": {}}, None)
            resolved = self._values.resolve(settings.vars, scope, self._reporter(manifest.document, ("spec", "vars")))
            settings = replace(settings, vars=resolved)
        self._roots["vars"] = settings.vars
        return settings

    def _members(self, stack: Manifest) -> dict[str, list[ComponentAddress]]:
        """Component type to the addresses that a stack names; inline components become declarations."""
        members: dict[str, list[ComponentAddress]] = {}
        declared = stack.spec.get("components", {})
        for kind, slot in declared.items() if isinstance(declared, Mapping) else ():
            path: FieldPath = ("spec", "components", kind)
            if kind not in COMPONENT_TYPES:
                self.diagnostics.append(unknown_type(kind, stack.span(path, key=True)))
                continue
            entries: list[tuple[FieldPath, Any]] = [(path, slot)]
            if isinstance(slot, list):
                if not COMPONENT_TYPES[kind].many:
                    many = ", ".join(name for name, one in COMPONENT_TYPES.items() if one.many)
                    self._error("SS0405", f"a stack has one {kind}", stack.span(path), f"lists are for {many}")
                entries = [((*path, index), entry) for index, entry in enumerate(slot)]
            found = [self._member(stack, kind, place, entry) for place, entry in entries]
            members[kind] = [address for address in found if address is not None]
        return members

    def _member(self, stack: Manifest, kind: str, path: FieldPath, entry: Any) -> ComponentAddress | None:
        if isinstance(entry, str) or (isinstance(entry, Mapping) and "ref" in entry):
            return self._reference(stack, kind, path, entry)
        if not isinstance(entry, Mapping):
            message = f"a component is a mapping or the name of a Component, not {type_name(entry)}"
            self._error("SS0205", message, stack.span(path), "write {flavor: …, config: {…}}")
            return None
        problems = _slot_checker(InlineComponent).check(entry)
        self.diagnostics += [located(problem, stack.document, path) for problem in problems]
        name = entry.get("name") or stack.name
        if any(problem.path[:1] in ((), ("name",), ("flavor",)) for problem in problems) or not isinstance(name, str):
            return None
        address = ComponentAddress(kind, name)
        place = stack.span((*path, "name")) if "name" in entry else stack.span(path, key=True)
        faulty = {problem.path[0] for problem in problems}
        body = {key: value for key, value in entry.items() if key not in faulty} if faulty else entry
        self._declare(_Use(address, body, Origin(stack.document, path), place, stack, stack.labels))
        return address

    def _reference(self, stack: Manifest, kind: str, path: FieldPath, entry: Any) -> ComponentAddress | None:
        name = entry
        if isinstance(entry, Mapping):
            problems = _slot_checker(ComponentReference).check(entry)
            self.diagnostics += [located(problem, stack.document, path) for problem in problems]
            if problems:
                return None
            name, path = entry["ref"], (*path, "ref")
        if (kind, name) in self._declared.components:
            return ComponentAddress(kind, name)
        if "{{" in name:
            self._error("SS0305", "a reference cannot be an expression", stack.span(path), "write the name out")
            return None
        known = [other for other_kind, other in self._declared.components if other_kind == kind]
        hint = did_you_mean(name, known)
        elsewhere = [other_kind for other_kind, other in self._declared.components if other == name]
        if elsewhere:
            hint = f"the Component '{name}' is of type {elsewhere[0]}"
        elif name in self._registry.flavors_of(kind):
            hint = f"to use the flavor '{name}' write {{flavor: {name}}}"
        self._error("SS0402", f"there is no Component '{name[:80]}' of type {kind}", stack.span(path), hint)
        return None

    def _declare_shared(self) -> None:
        for (kind, name), manifest in self._declared.components.items():
            origin = Origin(manifest.document, ("spec",))
            self._declare(
                _Use(ComponentAddress(kind, name), manifest.spec, origin, manifest.place, None, manifest.labels)
            )

    def _declare(self, use: _Use) -> None:
        first = self._uses.setdefault(use.address, use)
        if first is not use:
            hint = "give one another name; to share a component, declare it once as a Component and refer to it"
            notes = (Note("first declared here", first.name_place),)
            self.diagnostics.append(
                Diagnostic(
                    "SS0401", f"the component {use.address} is declared twice", use.name_place, hint, notes=notes
                )
            )

    def _stack(self, stack: Manifest, members: Mapping[str, list[ComponentAddress]]) -> DesiredStack:
        scope = self._scope({**self._roots, "stack": _stack_root(stack)}, members)
        variables = self._variables(stack.spec.get("environment", {}), scope, stack.document, ("spec", "environment"))
        description = self._values.resolve(
            stack.spec.get("description", ""), scope, self._reporter(stack.document, ("spec", "description"))
        )
        return DesiredStack(
            stack.name,
            description if isinstance(description, str) else "",
            {kind: tuple(addresses) for kind, addresses in members.items()},
            stack.spec.get("run_state") == "suspended",
            variables,
            stack.labels,
        )

    def _required(self, stacks: list[Manifest], members: Mapping[str, Mapping[str, list[ComponentAddress]]]) -> None:
        for stack in stacks:
            declared = stack.spec.get("components")
            for kind in self._declared.project.required_components:
                if isinstance(declared, Mapping) and kind not in declared and kind in COMPONENT_TYPES:
                    place = stack.span(("spec", "components"), key=True)
                    flavors = ", ".join(self._registry.flavors_of(kind))
                    hint = f"add '{kind}: {{flavor: …}}'" + (f" with one of: {flavors}" if flavors else "")
                    self._error("SS0404", f"the stack '{stack.name}' has no {kind}", place, hint)

    def _users(
        self,
        members: Mapping[str, Mapping[str, list[ComponentAddress]]],
        edges: Mapping[ComponentAddress, Mapping[ComponentAddress, Span]],
    ) -> dict[ComponentAddress, tuple[str, ...]]:
        """Address to the stacks that use it, directly or because what they use stands on it."""
        users: dict[ComponentAddress, list[str]] = {}
        for name, kinds in members.items():
            for address in closure((address for found in kinds.values() for address in found), edges):
                users.setdefault(address, []).append(name)
        return {address: tuple(sorted(names)) for address, names in users.items()}

    # --- components

    def _component(
        self, use: _Use, members: Mapping[str, Mapping[str, list[ComponentAddress]]]
    ) -> tuple[DesiredComponent | None, dict[ComponentAddress, Span]]:
        kind, flavor = use.address.type, use.body.get("flavor")
        if flavor not in self._registry.flavors_of(kind):
            if isinstance(flavor, str):
                self._unknown_flavor(kind, flavor, use.origin.span(("flavor",)))
            return None, {}
        spec = self._registry.spec(kind, flavor)
        roots = {**self._roots, "stack": _stack_root(use.inside)} if use.inside else {**self._roots, "stack": {}}
        scope = self._scope(roots, members[use.inside.name] if use.inside else None)
        document, path = use.origin.document, use.origin.path
        config = self._config(use, spec, scope)
        targets: dict[ComponentAddress, Span] = dict(self._named_dependencies(use))
        for place, deferred in _deferred_in(config, ("config",)):
            for reference in deferred.references:
                targets.setdefault(ComponentAddress.parse(reference.component), use.origin.span(place))
        body = use.body
        component = DesiredComponent(
            use.address,
            flavor,
            config,
            digest(config),
            tuple(sorted(targets)) if targets else (),
            (),
            use.origin,
            lifecycle=LifecycleSpec.from_value(body["lifecycle"]) if body.get("lifecycle") else NO_LIFECYCLE,
            timeouts=_timeouts(body["timeouts"]) if body.get("timeouts") else {},
            variables=self._variables(body["environment"], scope, document, (*path, "environment"))
            if body.get("environment")
            else {},
            labels=use.labels,
        )
        return component, targets

    def _config(self, use: _Use, spec: FlavorSpec, scope: Scope) -> ValueMap:
        document, path = use.origin.document, (*use.origin.path, "config")
        written = use.body.get("config", {})
        config = self._values.resolve(written, scope, self._reporter(document, path))
        waiting = contains_deferred(config)
        checker = self._checkers.get((spec.type, spec.flavor))
        if checker is None:
            checker = self._checkers[spec.type, spec.flavor] = Checker(spec.schema)
        for problem in checker.check(_as_written(config) if waiting else config):
            # What waits for outputs is checked when it is known, before the hook.
            if problem.key or not isinstance(_value_at(config, problem.path), Deferred):
                self.diagnostics.append(located(problem, document, path))
        return spec.complete(config)

    def _named_dependencies(self, use: _Use) -> Iterator[tuple[ComponentAddress, Span]]:
        for index, text in enumerate(use.body.get("depends_on", ())):
            address, place = ComponentAddress.parse(text), use.origin.span(("depends_on", index))
            if address in self._uses:
                yield address, place
            else:
                hint = did_you_mean(text, [str(known) for known in self._uses])
                self._error("SS0402", f"there is no component {text}", place, hint)

    def _unknown_flavor(self, kind: str, flavor: str, place: Span) -> None:
        if "{{" in flavor:
            self._error("SS0305", "a flavor cannot be an expression", place, "write the name out")
            return
        known = self._registry.flavors_of(kind)
        hint = did_you_mean(flavor, known) if known else f"this version has no flavors of {kind}"
        self._error("SS0208", f"{kind} has no flavor '{flavor[:80]}'", place, hint)

    # --- expressions

    def _scope(self, roots: Mapping[str, Any], members: Mapping[str, list[ComponentAddress]] | None) -> Scope:
        def output(reference: ComponentOutput) -> ComponentOutput:
            return self._output(reference, members)

        return Scope(roots, output, self._explain)

    def _output(
        self, reference: ComponentOutput, members: Mapping[str, list[ComponentAddress]] | None
    ) -> ComponentOutput:
        """The reference under its full address.

        Raises:
            ExpressionError: it names no component of this environment, or no output of its flavor.
        """
        address = self._referred(reference.component, members)
        use = self._uses[address]
        flavor = use.body.get("flavor")
        if flavor in self._registry.flavors_of(address.type):
            outputs = self._registry.spec(address.type, flavor).outputs
            if reference.output not in outputs:
                message = f"{address} has no output '{reference.output}'"
                raise ExpressionError("SS0402", message, did_you_mean(reference.output, outputs))
        return ComponentOutput(str(address), reference.output)

    def _referred(self, text: str, members: Mapping[str, list[ComponentAddress]] | None) -> ComponentAddress:
        if text in COMPONENT_TYPES:
            own = (members or {}).get(text)
            if own:
                return own[0]
            why = "this stack has none" if members is not None else "a shared Component belongs to no single stack"
            raise ExpressionError(
                "SS0402", f"there is no {text} to read from: {why}", "name it: components['type/name']"
            )
        try:
            address = ComponentAddress.parse(text)
        except ValueError:
            raise ExpressionError(
                "SS0402", f"'{text[:80]}' is not an address", "write components['type/name']"
            ) from None
        if address not in self._uses:
            hint = did_you_mean(text, [str(known) for known in self._uses])
            raise ExpressionError("SS0402", f"there is no component {text}", hint)
        return address

    def _variables(self, written: Any, scope: Scope, document: Any, path: FieldPath) -> ValueMap:
        if not isinstance(written, Mapping):
            return {}
        resolved: ValueMap = self._values.resolve(written, scope, self._reporter(document, path))
        return resolved

    def _reporter(self, document: Any, prefix: FieldPath) -> Any:
        def report(path: FieldPath, error: ExpressionError) -> None:
            code = "SS0306" if error.code == "SS0303" and error.message.startswith("'env.") else error.code
            self._error(code, error.message, document.span((*prefix, *path)), error.hint)

        return report

    def _error(self, code: str, message: str, place: Span | None, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, message, place, hint))


@cache
def _slot_checker(record: type[InlineComponent] | type[ComponentReference]) -> Checker:
    return checker_of(record)


def _stack_root(stack: Manifest) -> dict[str, Any]:
    return {"name": stack.name, "labels": stack.labels}


def _timeouts(written: Mapping[str, str | None]) -> dict[str, float]:
    return {hook: _duration(text) for hook, text in written.items() if text is not None}


def _duration(text: str) -> float:
    number = text.rstrip("msh")
    return int(number) * _SECONDS[text[len(number) :]]


def _deferred_in(value: Value, path: FieldPath) -> Iterator[tuple[FieldPath, Deferred]]:
    if isinstance(value, Deferred):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _deferred_in(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deferred_in(item, (*path, index))


def _as_written(value: Value) -> Value:
    if isinstance(value, Deferred):
        return value.text
    if isinstance(value, Mapping):
        return {key: _as_written(item) for key, item in value.items()}
    return [_as_written(item) for item in value] if isinstance(value, list) else value


def _value_at(value: Value, path: FieldPath) -> Value:
    for step in path:
        if isinstance(value, Deferred):
            return value
        value = value[step]
    return value


def _cycle(
    cycle: list[ComponentAddress], edges: Mapping[ComponentAddress, Mapping[ComponentAddress, Span]]
) -> Diagnostic:
    pairs = list(pairwise(cycle))
    notes = tuple(Note(f"{source} depends on {target}", edges[source][target]) for source, target in pairs)
    text = " → ".join(str(address) for address in cycle)
    return Diagnostic(
        "SS0403",
        f"components depend on each other in a circle: {text}",
        notes[0].source,
        "remove one of the edges",
        notes=notes,
    )


def unused_components(declarations: Declarations, used: set[ComponentAddress]) -> list[Diagnostic]:
    """A warning for each Component that no environment's stacks reach."""
    return [
        Diagnostic(
            "SS0408",
            f"no Stack uses the Component {kind}/{name}: it is not provisioned",
            manifest.place,
            f"name it under spec.components.{kind} of a Stack, or remove it",
            Severity.WARNING,
        )
        for (kind, name), manifest in declarations.components.items()
        if ComponentAddress(kind, name) not in used
    ]
