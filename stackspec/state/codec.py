"""Applied components and pending operations as JSON text, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from stackspec.core.address import ComponentAddress, FieldPath
from stackspec.core.expression import Sealed
from stackspec.core.fields import plain
from stackspec.core.values import Value, canonical, contains_sealed
from stackspec.manifest.model import NO_LIFECYCLE, LifecycleSpec
from stackspec.state.expressions import expression_from_json, expression_to_json
from stackspec.state.model import AppliedComponent, Operation, PendingOperation
from stackspec.state.store import Begin, Depose, Finish, Protect, StateChange


def component_to_json(component: AppliedComponent) -> dict[str, Any]:
    """The record of a component, as state keeps it and `state show -o json` prints it."""
    lifecycle = component.lifecycle
    sealed: list[dict[str, Any]] = []
    return {
        "address": str(component.address),
        "identity": component.identity,
        "flavor": component.flavor,
        "config": _unsealed(component.config, ("config",), sealed),
        "digest": component.digest,
        "outputs": _unsealed(component.outputs, ("outputs",), sealed),
        "depends_on": [str(address) for address in component.depends_on],
        "stacks": list(component.stacks),
        "suspended": component.suspended,
        "lifecycle": {} if lifecycle == NO_LIFECYCLE else plain(lifecycle),
        "timeouts": component.timeouts,
        "environment": _unsealed(component.variables, ("environment",), sealed),
        "labels": component.labels,
        **({"home": str(component.home)} if component.home else {}),
        **({"sealed": sealed} if sealed else {}),
        **({"proof": component.proof} if component.proof else {}),
    }


def component_from_json(record: dict[str, Any]) -> AppliedComponent:
    """The inverse of `component_to_json`.

    Raises:
        KeyError, TypeError, ValueError: the record is not one.
    """
    lifecycle = record["lifecycle"]
    if "sealed" in record:
        record = _sealed_again(record)
    return AppliedComponent(
        ComponentAddress.parse(record["address"]),
        record["identity"],
        record["flavor"],
        record["config"],
        record["digest"],
        record["outputs"],
        tuple(ComponentAddress.parse(text) for text in record["depends_on"]),
        tuple(record["stacks"]),
        record["suspended"],
        LifecycleSpec.from_value(lifecycle) if lifecycle else NO_LIFECYCLE,
        record["timeouts"],
        record["environment"],
        record["labels"],
        ComponentAddress.parse(record["home"]) if "home" in record else None,
        record.get("proof", ""),
    )


def _unsealed(value: Value, path: FieldPath, sealed: list[dict[str, Any]]) -> Value:
    """The value with nothing where something is sealed; what that is is added to `sealed`, with its place."""
    if not contains_sealed(value):
        return value
    if isinstance(value, Sealed):
        one = {"at": list(path), "digest": value.digest, "value": expression_to_json(value.expression)}
        sealed.append({**one, "kept": value.kept} if value.kept else one)
        return None
    if isinstance(value, Mapping):
        return {key: _unsealed(item, (*path, key), sealed) for key, item in value.items()}
    if isinstance(value, list):
        return [_unsealed(item, (*path, index), sealed) for index, item in enumerate(value)]
    return value


def _sealed_again(record: dict[str, Any]) -> dict[str, Any]:
    for one in record["sealed"]:
        *way, last = one["at"]
        inside: Any = record
        for step in way:
            inside = inside[step]
        inside[last] = Sealed(expression_from_json(one["value"]), one["digest"], one.get("kept"))
    return record


def encode_component(component: AppliedComponent) -> str:
    """The record as text, which UTF-8 can carry whatever the component's texts are."""
    return _portable(canonical(component_to_json(component)))


def decode_components(texts: Iterable[str]) -> list[AppliedComponent]:
    """The inverse of `encode_component` for many, read in one go; raises as `component_from_json`."""
    return [component_from_json(record) for record in json.loads(f"[{','.join(texts)}]")]


def pending_to_json(pending: PendingOperation) -> dict[str, Any]:
    """The record of a pending operation."""
    record = component_to_json(pending.component)
    return {"operation": pending.operation.value, "component": record, "failure": pending.failure}


def pending_from_json(record: dict[str, Any]) -> PendingOperation:
    """The inverse of `pending_to_json`; raises as `component_from_json`."""
    return PendingOperation(Operation(record["operation"]), component_from_json(record["component"]), record["failure"])


def encode_pending(pending: PendingOperation) -> str:
    """The pending operation as text, likewise."""
    return _portable(canonical(pending_to_json(pending)))


def decode_pending(text: str) -> PendingOperation:
    """The inverse of `encode_pending`; raises as `component_from_json`."""
    return pending_from_json(json.loads(text))


def change_to_json(change: StateChange) -> dict[str, Any]:
    """The record of a change."""
    match change:
        case Begin(pending):
            return {"begin": pending_to_json(pending)}
        case Finish(address, component):
            return {"finish": str(address), "component": component and component_to_json(component)}
        case Depose(identity, removal):
            return {"depose": identity, "removal": removal and pending_to_json(removal)}
        case Protect(protected):
            return {"protect": protected}


def change_from_json(record: dict[str, Any]) -> StateChange:
    """The inverse of `change_to_json`; raises as `component_from_json`."""
    if "begin" in record:
        return Begin(pending_from_json(record["begin"]))
    if "depose" in record:
        removal = record["removal"]
        return Depose(record["depose"], removal and pending_from_json(removal))
    if "protect" in record:
        return Protect(bool(record["protect"]))
    component = record["component"]
    return Finish(ComponentAddress.parse(record["finish"]), component and component_from_json(component))


def _portable(text: str) -> str:
    """JSON text without lone surrogates, which a path of bytes that are no UTF-8 brings into outputs and failures.

    Python's escape of one is JSON's as well, and surrogates are all that UTF-8 has no form for.
    """
    return text.encode("utf-8", "backslashreplace").decode()
