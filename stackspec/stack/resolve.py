"""Manifests to desired state, for one environment: linked, configured, in dependency order, checked by rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Note, Severity
from stackspec.core.expression import ComponentOutput, Expression, ExpressionError, Hidden
from stackspec.core.values import digest
from stackspec.flavors.registry import Registry
from stackspec.manifest.expressions import ValueResolver
from stackspec.manifest.model import NO_LIFECYCLE, LifecycleSpec, Manifest
from stackspec.stack.configure import Configurator, Configured
from stackspec.stack.declared import Declarations, environment_settings
from stackspec.stack.graph import closure, in_dependency_order
from stackspec.stack.link import DeclaredComponent, Links, link
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState, Environment, Origin
from stackspec.stack.reports import as_written, report_expressions
from stackspec.stack.rules import check_rules
from stackspec.stack.secrets import DeclaredSecrets
from stackspec.stack.stack_rules import check_stacks

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def resolve(
    declared: Declarations,
    registry: Registry,
    process: Mapping[str, str | ExpressionError],
    name: str,
    values: ValueResolver | None = None,
    unused: Collection[ComponentAddress] = (),
) -> tuple[DesiredState, list[Diagnostic]]:
    """The desired state of an environment, and what is wrong; with errors it is incomplete.

    Args:
        process: The allow-listed process variables that are set: name to text, or to why it cannot be read.
        name: The environment, one of `declared.environment_names`.
        values: What resolves values, given where several environments are resolved on one budget.
        unused: Components that no stack needs, which are looked at all the same.
    """
    diagnostics: list[Diagnostic] = []
    values = values or ValueResolver()
    environment = _environment(declared, process, values, name, diagnostics)
    stacks = [one for one in declared.stacks.values() if name in (one.spec.get("deploy_to") or (name,))]
    links = link(declared, stacks, registry, values.hints, diagnostics)
    explain = {
        "env": _explain_variables(declared.project.env),
        "vars": f"declare it under spec.vars of the Environment '{name}'",
    }
    roots = {**_roots(environment, process), "vars": environment.settings.vars}
    secrets = DeclaredSecrets(declared, values, roots, explain, diagnostics)
    configurator = Configurator(links, registry, values, roots, explain, secrets, diagnostics)
    configured = _configure(links, configurator)
    for address in unused:
        configurator.component(links.components[address])
    edges = {address: one.depends_on for address, one in configured.items()}
    order, cycles = in_dependency_order(edges)
    diagnostics += [_cycle(cycle, edges, links) for cycle in cycles]
    users = _users(links, edges)
    suspended = {stack.name for stack in stacks if stack.spec.get("run_state") == "suspended"}
    components: dict[ComponentAddress, DesiredComponent] = {}
    for address in order:
        if (one := configured[address]).flavor is not None:
            components[address] = _component(links.components[address], one, one.flavor, users[address], suspended)
    found = {stack.name: _stack(stack, links, configurator) for stack in stacks}
    desired = DesiredState(environment, components, found, secrets.references, secrets.declared, secrets.stores)
    diagnostics += check_rules(desired, registry, declared.project)
    diagnostics += check_stacks(desired, registry)
    return desired, diagnostics


def unused_components(declared: Declarations, used: set[ComponentAddress]) -> dict[ComponentAddress, Diagnostic]:
    """Each Component that no environment's stacks reach, and the warning of it."""
    return {
        ComponentAddress(kind, name): Diagnostic(
            "SS0408",
            f"no Stack uses the Component {kind}/{name}: it is not provisioned",
            manifest.place,
            f"name it under spec.components.{kind} of a Stack, or remove it",
            Severity.WARNING,
        )
        for (kind, name), manifest in declared.components.items()
        if ComponentAddress(kind, name) not in used
    }


def _explain_variables(listed: Sequence[str]) -> str:
    told = f", which lists: {', '.join(listed)}" if listed else ""
    return f"a process variable must be set, and listed under spec.env in stackspec.yaml{told}"


def _roots(environment: Environment, process: Mapping[str, str | ExpressionError]) -> dict[str, Any]:
    settings = environment.settings
    described = {"name": environment.name, "description": settings.description, "protected": settings.protected}
    return {"env": process, "environment": described}


def _environment(
    declared: Declarations,
    process: Mapping[str, str | ExpressionError],
    values: ValueResolver,
    name: str,
    diagnostics: list[Diagnostic],
) -> Environment:
    manifest = declared.environments.get(name)
    settings = environment_settings(manifest)
    if manifest is None:
        return Environment(name, settings)

    def nothing(one: ComponentOutput | Hidden) -> Expression:
        raise ExpressionError("SS0303", f"'{one}' is not defined: an Environment comes before components and secrets")

    own = {"name": name, "protected": settings.protected}
    roots = {"env": process, "environment": own, "vars": {}, "stack": {}}
    explain = {"vars": "the vars of an Environment cannot read each other"}
    written = {"description": settings.description, "vars": settings.vars}
    resolution = values.resolve(written, values.scope(roots, nothing, explain, nothing))
    report_expressions(resolution, manifest.document, ("spec",), diagnostics)
    # What failed has been reported: its text stands in, so that nothing is said of those who read it.
    return Environment(name, settings.replaced(**as_written(resolution.value)))


def _configure(links: Links, configurator: Configurator) -> dict[ComponentAddress, Configured]:
    """Every component that the stacks reach, directly or through what they depend on."""
    configured: dict[ComponentAddress, Configured] = {}
    waiting = [address for kinds in links.members.values() for found in kinds.values() for address in found]
    for address in waiting:  # grows while it is walked
        if address not in configured:
            one = configured[address] = configurator.component(links.components[address])
            waiting += one.depends_on
    return configured


def _users(
    links: Links, edges: Mapping[ComponentAddress, Iterable[ComponentAddress]]
) -> dict[ComponentAddress, tuple[str, ...]]:
    """Address to the stacks that use it, directly or because what they use stands on it."""
    users: dict[ComponentAddress, list[str]] = {}
    for name in sorted(links.members):
        for address in closure((one for found in links.members[name].values() for one in found), edges):
            users.setdefault(address, []).append(name)
    return {address: tuple(names) for address, names in users.items()}


def _component(
    declared: DeclaredComponent, configured: Configured, flavor: str, stacks: tuple[str, ...], suspended: set[str]
) -> DesiredComponent:
    body = declared.body
    return DesiredComponent(
        declared.address,
        flavor,
        configured.config,
        digest(configured.config),
        tuple(sorted(configured.depends_on)),
        stacks,
        declared.origin,
        suspended=suspended.issuperset(stacks),
        lifecycle=LifecycleSpec.from_value(body["lifecycle"]) if body.get("lifecycle") else NO_LIFECYCLE,
        timeouts=_timeouts(body["timeouts"]) if body.get("timeouts") else {},
        variables=configured.variables,
        labels=declared.manifest.labels,
        moved=tuple(ComponentAddress.parse(text) for text in body.get("moved") or ()),
        imported=body.get("import", False),
        secrets=configured.secrets,
    )


def _stack(stack: Manifest, links: Links, configurator: Configurator) -> DesiredStack:
    return DesiredStack(
        stack.name,
        configurator.stack_description(stack),
        {kind: tuple(addresses) for kind, addresses in links.members[stack.name].items()},
        stack.spec.get("run_state") == "suspended",
        configurator.stack_variables(stack),
        stack.labels,
        configurator.stack_secrets(stack),
        Origin(stack.document, ("spec",)),
    )


def _timeouts(written: Mapping[str, str | None]) -> dict[str, float]:
    return {hook: _duration(text) for hook, text in written.items() if text is not None}


def _duration(text: str) -> float:
    number = text.rstrip("msh")
    return int(number) * _SECONDS[text[len(number) :]]


def _cycle(
    cycle: list[ComponentAddress], edges: Mapping[ComponentAddress, Mapping[ComponentAddress, Any]], links: Links
) -> Diagnostic:
    notes = tuple(
        Note(f"{source} depends on {target}", links.components[source].origin.span(edges[source][target]))
        for source, target in pairwise(cycle)
    )
    if len(notes) == 1:
        return Diagnostic("SS0403", f"{cycle[0]} depends on itself", notes[0].source, "remove this")
    message = "components depend on each other in a circle: " + " → ".join(str(address) for address in cycle)
    return Diagnostic("SS0403", message, notes[0].source, "remove one of the edges", notes=notes)
