"""Which secrets components need, and what is wrong where one cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.core.expression import Deferred, SecretReference, secrets_in
from stackspec.core.layout import in_environment
from stackspec.core.values import Value, sealed_in
from stackspec.flavors.contract import FlavorSpec
from stackspec.sealing.sealer import Sealer
from stackspec.secret_stores.registry import store_type
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState
from stackspec.state.model import AppliedComponent


def unavailable(
    components: Iterable[DesiredComponent],
    values: SecretValues,
    severity: Severity = Severity.ERROR,
    *,
    local_only: bool = False,
) -> list[Diagnostic]:
    """A diagnostic at each place where a secret is named that has no value here; all are read at once.

    Args:
        local_only: Whether only stores are asked that need no network, no other program and no person.
    """
    places = [one for one in _places(components) if not local_only or _is_local(one[2])]
    found = values.values(reference for _, _, reference in places)
    return [
        Diagnostic(why.code, why.message, component.place(path), why.hint, severity)
        for component, path, reference in places
        if isinstance(why := found[reference.name, reference.key], Unavailable)
    ]


def _places(
    components: Iterable[DesiredComponent],
) -> Iterator[tuple[DesiredComponent, FieldPath, SecretReference]]:
    """Where components name secrets."""
    for component in components:
        for key, value in (("config", component.config), ("environment", component.variables)):
            for path, reference in _secrets_in(value, (key,)):
                yield component, path, reference


def named(desired: DesiredState, *, local_only: bool) -> list[SecretReference]:
    """Every secret that components are made with, or that is handed to what runs on a stack.

    Args:
        local_only: See `unavailable`.
    """
    members: list[DesiredComponent | DesiredStack] = [*desired.components.values(), *desired.stacks.values()]
    found = [*(reference for _, _, reference in _places(desired.components.values())), *handed_on(members, desired)]
    return [one for one in found if not local_only or _is_local(one)]


def handed_on(members: Iterable[DesiredComponent | DesiredStack], desired: DesiredState) -> list[SecretReference]:
    """The secrets that components and stacks hand to what runs with them."""
    return [reference for one in members for _, reference in _handed_on(one, desired)]


def _handed_on(
    one: DesiredComponent | DesiredStack, desired: DesiredState
) -> Iterator[tuple[FieldPath, SecretReference]]:
    """The secrets that a component or stack hands on, and the paths at which it names them."""
    for index, name in enumerate(one.secrets):
        for reference in desired.secrets[name].values():
            yield ("secrets", index), reference
    yield from _secrets_in(one.variables, ("environment",))


def not_handed_on(
    desired: DesiredState, values: SecretValues, severity: Severity, *, local_only: bool
) -> list[Diagnostic]:
    """A diagnostic for each secret without a value here that what runs on a stack is to get, and no component names.

    It is told at the first place that hands it on.

    Args:
        local_only: See `unavailable`.
    """
    told = {(one.name, one.key) for _, _, one in _places(desired.components.values())}
    wanted: dict[tuple[str, str], tuple[SecretReference, str, DesiredComponent | DesiredStack, FieldPath]] = {}
    users: list[tuple[str, DesiredComponent | DesiredStack]] = []
    users += [(f"stack/{name}", stack) for name, stack in desired.stacks.items()]
    users += [(str(address), component) for address, component in desired.components.items()]
    for user, one in users:
        for path, reference in _handed_on(one, desired):
            if (reference.name, reference.key) not in told and (not local_only or _is_local(reference)):
                wanted.setdefault((reference.name, reference.key), (reference, user, one, path))
    found = values.values(reference for reference, *_ in wanted.values())
    return [
        Diagnostic(why.code, f"{why.message}; what runs with {user} needs it", one.place(path), why.hint, severity)
        for key, (_, user, one, path) in wanted.items()
        if isinstance(why := found[key], Unavailable)
    ]


def _is_local(reference: SecretReference) -> bool:
    return reference.source is not None and store_type(reference.source.store).is_local


def recorded(components: Iterable[AppliedComponent], sealer: Sealer) -> Iterator[SecretReference]:
    """The secrets to read for the hooks of applied components."""
    for component in components:
        sealed = [one for one in sealed_in(component.config) if not one.kept]
        if sealed and sealer.holds(component):  # else its hooks are refused, and who changed it is not to be followed
            for one in sealed:
                yield from secrets_in(one.expression)


def is_kept(component: DesiredComponent, spec: FlavorSpec) -> bool:
    """Whether state will keep something of a component encrypted: what says what it is, or an output."""
    fields = spec.replacing if spec.can_update else component.config.keys()
    named = (one for name in fields for _, one in _deferred_in(component.config.get(name), ()))
    return bool(spec.sensitive_outputs) or any(any(secrets_in(one.expression)) for one in named)


def unreadable(components: Iterable[AppliedComponent], sealer: Sealer, environment: str) -> Iterator[Diagnostic]:
    """What is wrong with components that are to be removed, where what they were made with cannot be had any more."""
    for component in components:
        try:
            sealer.config(component)
        except StackspecError as error:
            for one in error.diagnostics:
                message = f"{component.address} cannot be removed: {one.message}"
                forget = in_environment(f"stackspec state rm {component.address}", environment)
                give_up = f"give the component up, without its hook: {forget}"
                yield Diagnostic(one.code, message, None, f"{one.hint}; or {give_up}" if one.hint else give_up)


def _secrets_in(value: Value, path: FieldPath) -> Iterator[tuple[FieldPath, SecretReference]]:
    """The secrets named in a value, each once where it stands, by the paths of what names them."""
    for place, deferred in _deferred_in(value, path):
        for reference in dict.fromkeys(secrets_in(deferred.expression)):
            yield place, reference


def _deferred_in(value: Value, path: FieldPath) -> Iterator[tuple[FieldPath, Deferred]]:
    if isinstance(value, Deferred):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _deferred_in(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deferred_in(item, (*path, index))
