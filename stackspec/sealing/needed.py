"""Which secrets components need, and what is wrong where one cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError
from stackspec.core.expression import Deferred, Sealed, SecretReference, secrets_in
from stackspec.core.values import Value, sealed_in
from stackspec.sealing.sealer import Sealer
from stackspec.secret_stores.registry import store_type
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.stack.model import DesiredComponent, DesiredState
from stackspec.state.model import AppliedComponent, AppliedState


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
            for path, deferred in _deferred_in(value, (key,)):
                for reference in dict.fromkeys(secrets_in(deferred.expression)):
                    yield component, path, reference


def not_handed_on(
    desired: DesiredState, values: SecretValues, severity: Severity, *, local_only: bool
) -> list[Diagnostic]:
    """A diagnostic for each secret without a value here that what runs on a stack is to get, and no component names.

    Args:
        local_only: See `unavailable`.
    """
    named = {(one.name, one.key) for _, _, one in _places(desired.components.values())}
    wanted: dict[tuple[str, str], tuple[SecretReference, str]] = {}
    users = [(f"stack/{name}", one.secrets, one.variables) for name, one in desired.stacks.items()]
    users += [(str(address), one.secrets, {}) for address, one in desired.components.items()]
    for user, names, variables in users:
        listed = [reference for name in names for reference in desired.secrets[name].values()]
        read = [one for _, deferred in _deferred_in(variables, ()) for one in secrets_in(deferred.expression)]
        for reference in (*listed, *read):
            if (reference.name, reference.key) not in named and (not local_only or _is_local(reference)):
                wanted.setdefault((reference.name, reference.key), (reference, user))
    found = values.values(reference for reference, _ in wanted.values())
    return [
        Diagnostic(why.code, f"{why.message}; what runs with {user} needs it", None, why.hint, severity)
        for key, (_, user) in wanted.items()
        if isinstance(why := found[key], Unavailable)
    ]


def _is_local(reference: SecretReference) -> bool:
    return reference.source is not None and store_type(reference.source.store).is_local


def recorded(components: Iterable[AppliedComponent]) -> Iterator[SecretReference]:
    """The secrets that applied components are made with."""
    for component in components:
        for sealed in sealed_in({"config": component.config, "environment": component.variables}):
            yield from secrets_in(sealed.expression)


def unreadable(components: Iterable[AppliedComponent], sealer: Sealer) -> Iterator[Diagnostic]:
    """What is wrong with components that are to be removed, where what they were made with cannot be had any more."""
    for component in components:
        try:
            sealer.opened(component.config)
        except StackspecError as error:
            for one in error.diagnostics:
                message = f"{component.address} cannot be removed: {one.message}"
                give_up = f"give the component up, without its hook: stackspec state rm {component.address}"
                yield Diagnostic(one.code, message, None, f"{one.hint}; or {give_up}" if one.hint else give_up)


def under_another_key(applied: AppliedState, key_id: Callable[[], str]) -> tuple[bool, frozenset[ComponentAddress]]:
    """Whether anything in a state was sealed under another key, and the components of which outputs were.

    Args:
        key_id: Tells the key that there is now; asked only where anything is sealed.
    """
    outputs, others = set(), False
    for component in applied.known_components:
        if any(_is_of_another(one, key_id) for one in component.outputs.values() if isinstance(one, Sealed)):
            outputs.add(component.address)
        elif not others:
            others = any(_is_of_another(one, key_id) for one in sealed_in(component.config))
    return others or bool(outputs), frozenset(outputs)


def _is_of_another(sealed: Sealed, key_id: Callable[[], str]) -> bool:
    return not sealed.digest.startswith(f"{key_id()}:")


def _deferred_in(value: Value, path: FieldPath) -> Iterator[tuple[FieldPath, Deferred]]:
    if isinstance(value, Deferred):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _deferred_in(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deferred_in(item, (*path, index))
