"""Manifests as they are once everything but outputs and secrets is resolved, and what differs between environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.expression import Deferred
from stackspec.core.fields import plain
from stackspec.core.values import Value, canonical
from stackspec.manifest.model import API_VERSION, NO_LIFECYCLE
from stackspec.manifest.written import Tell, rewritten, told, written
from stackspec.plan.diff import differences
from stackspec.render import FORMAT_VERSION
from stackspec.render.text import Style, aligned, safe, shown
from stackspec.sealing.needed import named
from stackspec.stack.model import DesiredComponent, DesiredSecret, DesiredSecretStore, DesiredStack, DesiredState

ABSENT: Any = object()
"""What stands for a value that one of two environments does not have."""
DECLARED: Any = "declared"
"""What stands for all of a component or stack that only one of two environments has."""

_SINGLE = {"Stack": "stack", "Secret": "secret", "SecretStore": "secret_store"}
"""Kind to what the addresses of its manifests begin with."""


def manifests(desired: DesiredState, tell: Tell = rewritten) -> list[dict[str, Any]]:
    """Each secret store, Secret, component and stack as a manifest.

    Args:
        tell: Tells a value that waits for outputs or secrets, as a text.
    """
    return [
        *map(_secret_store, desired.secret_stores.values()),
        *map(_secret, desired.declared_secrets.values()),
        *(_component(one, tell) for one in desired.components.values()),
        *(_stack(one, tell) for one in desired.stacks.values()),
    ]


def stack_alone(desired: DesiredState, name: str) -> DesiredState:
    """One stack with all that it stands on: its components, what these depend on, and where their secrets are kept."""
    stack, components = desired.stacks[name], dict[ComponentAddress, DesiredComponent]()
    waiting = [address for addresses in stack.components.values() for address in addresses]
    while waiting:
        address = waiting.pop()
        if address not in components:
            components[address] = desired.components[address]
            waiting += components[address].depends_on
    ordered = {address: one for address, one in desired.components.items() if address in components}
    alone = replace(desired, components=ordered, stacks={name: stack})
    keys = {one.name for one in named(alone, local_only=False)}
    secrets = {key: secret for key, secret in desired.declared_secrets.items() if key in keys}
    used = {secret.store for secret in secrets.values()}
    stores = {key: store for key, store in desired.secret_stores.items() if key in used}
    return replace(alone, declared_secrets=secrets, secret_stores=stores)


def manifests_yaml(desired: DesiredState) -> str:
    """The same as a stream of YAML documents."""
    import yaml

    documents = manifests(desired)
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml's, where PyYAML was built with it
    text: str = yaml.dump_all(
        documents, Dumper=dumper, sort_keys=False, allow_unicode=True, explicit_start=True, width=120
    )
    return text if documents else "# no manifests\n"


def differences_text(one: DesiredState, other: DesiredState, style: Style) -> str:
    """What two environments have in another way, a line each."""
    names = one.environment.name, other.environment.name
    rows = [["ADDRESS", "FIELD", *map(safe, names)]]
    for address, field, first, second in _differences(one, other):
        rows.append([address, safe(field), _cell(first), _cell(second)])
    if len(rows) == 1:
        return f"'{names[0]}' and '{names[1]}' are the same but for their names.\n"
    head, *lines = aligned(rows)
    return "\n".join([style(head, "dim"), *lines]) + "\n"


def differences_json(one: DesiredState, other: DesiredState) -> dict[str, Any]:
    """The same as a document; a value that is not there is left out."""
    names = one.environment.name, other.environment.name
    rows = []
    for address, field, *values in _differences(one, other):
        there = {name: value for name, value in zip(names, values, strict=True) if value is not ABSENT}
        rows.append({"address": address, "path": field, "values": there})
    return {"format_version": FORMAT_VERSION, "environments": list(names), "differences": rows}


def _differences(one: DesiredState, other: DesiredState) -> Iterator[tuple[str, str, Any, Any]]:
    first, second = (
        {_address(document): document["spec"] for document in manifests(state, _shown_whole)} for state in (one, other)
    )
    for address in dict.fromkeys((*first, *second)):
        if address not in first or address not in second:
            yield address, "", DECLARED if address in first else ABSENT, DECLARED if address in second else ABSENT
            continue
        for name in dict.fromkeys((*first[address], *second[address])):
            was, is_ = (specs[address].get(name, ABSENT) for specs in (first, second))
            if ABSENT in (was, is_):
                yield address, name, was, is_
            elif canonical(was) != canonical(is_):
                for path, old, new in differences(was, is_):
                    yield address, format_path((name, *path)), old, new


def _shown_whole(value: Deferred) -> str:
    """A value that waits, for people: whatever has become of it, though no manifest could hold that."""
    return written(value.expression)


def _cell(value: Any) -> str:
    if value is ABSENT:
        return "-"
    return DECLARED if value is DECLARED else shown(value)


def _address(document: Mapping[str, Any]) -> str:
    return f"{_SINGLE.get(document['kind']) or document['spec']['type']}/{document['metadata']['name']}"


def _secret_store(store: DesiredSecretStore) -> dict[str, Any]:
    config = {"config": store.config} if store.config else {}
    return _manifest("SecretStore", store.name, store.labels, {"type": store.type, **config})


def _secret(secret: DesiredSecret) -> dict[str, Any]:
    keys = {key: reference.source.path for key, reference in secret.keys.items() if reference.source}
    return _manifest("Secret", secret.name, secret.labels, {"store": secret.store, "keys": keys})


def _component(component: DesiredComponent, tell: Tell) -> dict[str, Any]:
    spec: dict[str, Value] = {
        "type": component.address.type,
        "flavor": component.flavor,
        "config": {name: value for name, value in told(component.config, tell).items() if value is not None},
    }
    more: dict[str, Value] = {
        "depends_on": [str(address) for address in component.depends_on],
        "lifecycle": {} if component.lifecycle == NO_LIFECYCLE else plain(component.lifecycle),
        "timeouts": {hook: f"{round(seconds * 1000)}ms" for hook, seconds in component.timeouts.items()},
        "environment": told(component.variables, tell),
        "secrets": list(component.secrets),
    }
    spec |= {name: value for name, value in more.items() if value}
    return _manifest("Component", component.address.name, component.labels, spec)


def _stack(stack: DesiredStack, tell: Tell) -> dict[str, Any]:
    components: dict[str, Value] = {}
    for kind, addresses in stack.components.items():
        refs = [{"ref": address.name} for address in addresses]
        components[kind] = refs[0] if len(refs) == 1 else refs
    spec: dict[str, Value] = {"components": components}
    more: dict[str, Value] = {
        "description": stack.description,
        "environment": told(stack.variables, tell),
        "secrets": list(stack.secrets),
        "run_state": "suspended" if stack.suspended else "",
    }
    spec |= {name: value for name, value in more.items() if value}
    return _manifest("Stack", stack.name, stack.labels, spec)


def _manifest(kind: str, name: str, labels: Mapping[str, str], spec: dict[str, Value]) -> dict[str, Any]:
    metadata = {"name": name, **({"labels": dict(labels)} if labels else {})}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}
