"""What policies look at: a component as one document, with what is not known yet told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackspec.core.address import FieldPath, format_path
from stackspec.core.expression import Deferred, Sealed
from stackspec.core.fields import plain
from stackspec.core.frozen import dataclass
from stackspec.core.values import Unknown, Value
from stackspec.plan.model import Change
from stackspec.stack.model import DesiredComponent, Environment
from stackspec.state.model import AppliedComponent

FIELDS: Mapping[str, str] = {
    "type": "The component type.",
    "name": "The component's name.",
    "flavor": "The flavor.",
    "environment": "The environment's `name`, and whether it is `protected`.",
    "labels": "Labels: those of the Component, or of the stack that it is declared in.",
    "stacks": "The names of the stacks that stand on it, sorted.",
    "config": "The flavor's settings, complete with defaults.",
    "depends_on": "The addresses of the components that must be there first.",
    "lifecycle": "The rules of its lifecycle, complete with defaults.",
    "timeouts": "Hook to seconds.",
    "variables": "Variables for what runs with it.",
    "secrets": "The names of the Secrets that are handed to what runs with it.",
    "change": "Of a plan: the `action`, its `reason`, and the `fields` that differ, as paths like config.path.",
}
"""What a policy can speak of, in a component's document, to what it means."""

_STAND_IN = "(known after apply)"
"""What stands for a value that is not known, or is a secret."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A component as policies see it.

    Attributes:
        document: Of JSON values; the keys are among `FIELDS`.
        unknown: The paths of values that are secret or that only an apply can tell.
    """

    document: Mapping[str, Value]
    unknown: frozenset[FieldPath]

    def is_unknown(self, path: FieldPath) -> bool:
        """Whether what stands there, or what it stands in, is not known."""
        return any(path[: len(one)] == one for one in self.unknown)


def subject(
    component: DesiredComponent | AppliedComponent, environment: Environment, change: Change | None = None
) -> Subject:
    """A component as policies see it, with what a plan does to it."""
    unknown = set[FieldPath]()
    document: dict[str, Value] = {
        "type": component.address.type,
        "name": component.address.name,
        "flavor": component.flavor,
        "environment": {"name": environment.name, "protected": environment.settings.protected},
        "labels": dict(component.labels),
        "stacks": sorted(component.stacks),
        "config": _known(component.config, ("config",), unknown),
        "depends_on": sorted(map(str, component.depends_on)),
        "lifecycle": plain(component.lifecycle),
        "timeouts": dict(component.timeouts),
        "variables": _known(component.variables, ("variables",), unknown),
    }
    if isinstance(component, DesiredComponent):
        document["secrets"] = list(component.secrets)
    if change is not None:
        fields = [format_path(field.path) for field in change.fields]
        document["change"] = {"action": change.action.value, "reason": change.reason, "fields": fields}
    return Subject(document, frozenset(unknown))


def _known(value: Value, path: FieldPath, unknown: set[FieldPath]) -> Any:
    if isinstance(value, Deferred | Sealed | Unknown):
        unknown.add(path)
        return _STAND_IN
    if isinstance(value, Mapping):
        return {key: _known(item, (*path, key), unknown) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_known(item, (*path, index), unknown) for index, item in enumerate(value)]
    return value
