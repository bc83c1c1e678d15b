"""What a desired state says, apart from how its manifests say it: order, files, comments and places do not count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from stackspec.core.expression import Deferred
from stackspec.core.fields import plain
from stackspec.core.values import Unknown, Value, ValueMap
from stackspec.stack.model import DesiredComponent, DesiredState


def meaning(desired: DesiredState) -> dict[str, Value]:
    """Each component's address and each stack's, `stack/name`, to what is wanted of it, as JSON-like values."""
    stacks = {f"stack/{name}": unambiguous(stack) for name, stack in desired.stacks.items()}
    return {**{str(address): component_meaning(one) for address, one in desired.components.items()}, **stacks}


def component_meaning(component: DesiredComponent) -> ValueMap:
    """All that is wanted of a component, as JSON-like values."""
    return {
        "flavor": component.flavor,
        "config": unambiguous(component.config),
        "depends_on": [str(address) for address in component.depends_on],
        "stacks": list(component.stacks),
        "suspended": component.suspended,
        "lifecycle": plain(component.lifecycle),
        "timeouts": dict(component.timeouts),
        "environment": unambiguous(component.variables),
        "labels": dict(component.labels),
        "moved": [str(address) for address in component.moved],
        "import": component.imported,
    }


def unambiguous(value: Any) -> Value:
    """A value as JSON-like ones that no other value has: lists and mappings are marked as what they are.

    What waits for an apply is told by what is left of its expression. The text of the expression does not tell it: what
    the text names may have another value by now.
    """
    if isinstance(value, Deferred):
        return ["deferred", unambiguous(value.expression)]
    if isinstance(value, Unknown):
        return ["unknown"]
    if isinstance(value, Mapping):
        return ["mapping", {str(key): unambiguous(item) for key, item in value.items()}]
    if isinstance(value, list | tuple):
        return ["list", *map(unambiguous, value)]
    if is_dataclass(value):
        return [type(value).__name__, *(unambiguous(getattr(value, one.name)) for one in fields(value))]
    return value
