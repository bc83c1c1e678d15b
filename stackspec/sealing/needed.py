"""Which secrets components need, and what is wrong where one cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from stackspec.core.address import FieldPath
from stackspec.core.diagnostic import Diagnostic, Severity
from stackspec.core.expression import Deferred, SecretReference, secrets_in
from stackspec.core.values import Value, sealed_in
from stackspec.secret_stores.registry import store_type
from stackspec.secret_stores.values import SecretValues, Unavailable
from stackspec.stack.model import DesiredComponent
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
    places = [
        (component, path, reference)
        for component in components
        for key, value in (("config", component.config), ("environment", component.variables))
        for path, deferred in _deferred_in(value, (key,))
        for reference in dict.fromkeys(secrets_in(deferred.expression))
        if not local_only or _is_local(reference)
    ]
    found = values.values(reference for _, _, reference in places)
    return [
        Diagnostic(why.code, why.message, component.place(path), why.hint, severity)
        for component, path, reference in places
        if isinstance(why := found[reference.name, reference.key], Unavailable)
    ]


def _is_local(reference: SecretReference) -> bool:
    return reference.source is not None and store_type(reference.source.store).is_local


def recorded(components: Iterable[AppliedComponent]) -> Iterator[SecretReference]:
    """The secrets that applied components are made with."""
    for component in components:
        for sealed in sealed_in({"config": component.config, "environment": component.variables}):
            yield from secrets_in(sealed.expression)


def other_keys(applied: AppliedState, key_id: str) -> bool:
    """Whether anything in a state was sealed under another key."""
    return any(
        not sealed.digest.startswith(f"{key_id}:")
        for component in applied.known_components
        for sealed in sealed_in({"config": component.config, "outputs": component.outputs})
    )


def _deferred_in(value: Value, path: FieldPath) -> Iterator[tuple[FieldPath, Deferred]]:
    if isinstance(value, Deferred):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _deferred_in(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _deferred_in(item, (*path, index))
