"""What a desired state says, apart from how its manifests say it: order, files, comments and places do not count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.expression import Deferred
from stackspec.core.fields import Fields, plain
from stackspec.core.values import Unknown, Value
from stackspec.stack.model import DesiredComponent, DesiredState

_SCALARS = frozenset({str, int, float, bool, type(None)})


def meaning(desired: DesiredState) -> dict[str, Value]:
    """Each component's address and each stack's, `stack/name`, to what is wanted of it, as JSON-like values."""
    stacks = {f"stack/{name}": record(stack, without=("origin",)) for name, stack in desired.stacks.items()}
    return {**{str(address): component_meaning(one) for address, one in desired.components.items()}, **stacks}


def component_meaning(component: DesiredComponent) -> dict[str, Value]:
    """All that is wanted of a component, as JSON-like values."""
    # The digest is of expressions as they are written.
    return record(component, without=("origin", "digest"))


def record(value: Any, without: Collection[str] = ()) -> dict[str, Value]:
    """The fields of a dataclass as `unambiguous` ones, also those that are yet to be added, but for some."""
    return {one.name: unambiguous(getattr(value, one.name)) for one in fields(value) if one.name not in without}


def unambiguous(value: Any) -> Value:
    """A value as JSON-like ones that no other value has: lists and mappings are marked as what they are.

    What waits for an apply is told by what is left of its expression. The text of the expression does not tell it: what
    the text names may have another value by now.
    """
    if type(value) in _SCALARS:  # most are
        return value
    if isinstance(value, ComponentAddress):
        return ["address", str(value)]
    if isinstance(value, Deferred):
        return ["deferred", unambiguous(value.expression)]
    if isinstance(value, Unknown):
        return ["unknown"]
    if isinstance(value, Fields):
        return ["settings", plain(value)]
    if isinstance(value, Mapping):
        return ["mapping", {str(key): unambiguous(item) for key, item in value.items()}]
    if isinstance(value, list | tuple):
        return ["list", *map(unambiguous, value)]
    if isinstance(value, frozenset):
        return ["set", *sorted(value)]
    if is_dataclass(value):
        return [type(value).__name__, record(value)]
    return value
