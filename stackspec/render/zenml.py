"""A stack in ZenML's words, as `zenml stack import` takes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stackspec.core.diagnostic import Diagnostic, Severity, StackspecError, has_errors
from stackspec.core.expression import Deferred, SecretReference
from stackspec.core.values import canonical, contains_deferred
from stackspec.edit.zenml.counterparts import VERSION, Counterpart, Way, counterpart_of_ours
from stackspec.flavors.contract import FlavorSpec
from stackspec.flavors.registry import Registry
from stackspec.manifest.model import NO_LIFECYCLE
from stackspec.manifest.written import rewritten
from stackspec.stack.model import DesiredComponent, DesiredStack, DesiredState

_TYPES = frozenset(
    {
        "alerter",
        "annotator",
        "artifact_store",
        "container_registry",
        "data_validator",
        "deployer",
        "experiment_tracker",
        "feature_store",
        "image_builder",
        "log_store",
        "model_deployer",
        "model_registry",
        "orchestrator",
        "step_operator",
    }
)
"""The component types that ZenML has."""
_NEEDED = ("orchestrator", "artifact_store")
"""What ZenML takes no stack without."""
_REFERENCE = re.compile(r"\{\{\s*\S+?\.\S+\s*\}\}")
"""What ZenML reads as a reference to a secret, wherever it stands."""


class Exported(NamedTuple):
    """A stack as a file of ZenML's.

    Attributes:
        warnings: What it does not say.
        secrets: Name to keys of the secrets that it names, which ZenML has to hold.
    """

    text: str
    warnings: Sequence[Diagnostic]
    secrets: Mapping[str, Sequence[str]]


def zenml_yaml(desired: DesiredState, name: str, registry: Registry) -> Exported:
    """A stack as a file of ZenML's.

    Raises:
        StackspecError: ZenML has no words for what it takes no stack without.
    """
    import yaml

    stack = desired.stacks[name]
    writer = _Writer(desired, registry)
    components = writer.components(stack)
    if has_errors(writer.told):
        raise StackspecError(writer.told)
    document = {"components": components, "stack_name": name, "zenml_version": VERSION}
    text: str = yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=1_000_000)
    return Exported(text, writer.told, writer.secrets)


class _Writer:
    """What is said of a stack, and what there is to tell of the rest."""

    def __init__(self, desired: DesiredState, registry: Registry) -> None:
        self._desired = desired
        self._registry = registry
        self.told: list[Diagnostic] = []
        self.secrets: dict[str, list[str]] = {}

    def components(self, stack: DesiredStack) -> dict[str, list[dict[str, Any]]]:
        """Component type to components, as ZenML has them."""
        tracker = next(iter(stack.components.get("experiment_tracker", ())), None)
        said: dict[str, list[dict[str, Any]]] = {}
        for kind, addresses in stack.components.items():
            for address in addresses:
                component = self._desired.components[address]
                found = self._component(component, tracker.name if tracker else "")
                if found is not None:
                    said.setdefault(kind, []).append(found)
        for what, there in (
            ("description", stack.description),
            ("environment", stack.variables),
            ("secrets", stack.secrets),
            ("run_state", stack.suspended),
        ):
            if there:
                self._tell(
                    f"'{what}' of the stack '{stack.name}' is not said in a file of ZenML's", stack.place((what,))
                )
        return said

    def _component(self, component: DesiredComponent, tracker: str) -> dict[str, Any] | None:
        address = component.address
        same = counterpart_of_ours(address.type, component.flavor)
        if address.type not in _TYPES or same is None:
            no = f"no flavor like '{component.flavor}'" if address.type in _TYPES else f"no {address.type}"
            self._without(component, f"ZenML has {no}")
            return None
        spec = self._registry.spec(address.type, component.flavor)
        config: dict[str, Any] = {}
        said: set[str] = set()
        for way in same.ways:
            values = self._values(component, way, spec)
            if values is None:
                continue
            for path, value in zip(way.theirs, values, strict=True):
                if value is not None:
                    _put(config, path, value)
            said |= set(way.ours)
        unsaid = [
            field
            for field in component.config
            if field not in said and self._means(component, field, same, spec, tracker)
        ]
        if missing := [field for field in unsaid if field in spec.schema.get("required", ())]:
            self._without(component, f"ZenML cannot be told its {' and '.join(missing)}")
            return None
        for field in unsaid:
            self._tell(f"ZenML cannot be told '{field}' of {address}", component.place(("config", field)))
        for what, there in (
            ("environment", component.variables),
            ("secrets", component.secrets),
            ("lifecycle", component.lifecycle != NO_LIFECYCLE),
            ("timeouts", component.timeouts),
        ):
            if there:
                self._tell(f"'{what}' of {address} is not said in a file of ZenML's", component.place((what,)))
        return {"name": address.name, "type": address.type, "flavor": same.theirs, "configuration": config}

    def _values(self, component: DesiredComponent, way: Way, spec: FlavorSpec) -> Sequence[Any] | None:
        """What stands in the fields of ZenML's; None where these cannot say it."""
        ours = [component.config.get(field) for field in way.ours]
        if all(one is None for one in ours):
            return [None] * len(way.theirs)
        if way.is_same and isinstance(ours[0], Deferred):
            expression = ours[0].expression
            if not isinstance(expression, SecretReference):
                return None
            keys = self.secrets.setdefault(expression.name, [])
            if expression.key not in keys:
                keys.append(expression.key)
            return [f"{{{{{expression.name}.{expression.key}}}}}"]
        if any(contains_deferred(one) for one in ours) or any(map(_is_misread, ours)):
            return None
        if any(field in spec.sensitive for field in way.ours):
            return None
        return way.write(*ours)

    def _means(
        self, component: DesiredComponent, field: str, same: Counterpart, spec: FlavorSpec, tracker: str
    ) -> bool:
        """Whether a field says something that goes without saying neither here nor there."""
        value = component.config[field]
        if isinstance(value, Deferred):
            by_itself = same.supplied.get(field, "").replace("{tracker}", tracker)
            return rewritten(value) != by_itself.replace("{name}", component.address.name)
        return value is not None and (field not in spec.defaults or canonical(value) != canonical(spec.defaults[field]))

    def _without(self, component: DesiredComponent, why: str) -> None:
        needed = component.address.type in _NEEDED
        message = f"{component.address} is left out: {why}"
        if needed:
            message = (
                f"ZenML takes no stack without {component.address.type}, and {component.address} cannot be said: {why}"
            )
        self._tell(message, component.place(), Severity.ERROR if needed else Severity.WARNING)

    def _tell(self, message: str, place: Any, severity: Severity = Severity.WARNING) -> None:
        self.told.append(Diagnostic("SS1008", message, place, None, severity))


def _put(config: dict[str, Any], path: Sequence[Any], value: Any) -> None:
    for step in path[:-1]:
        config = config.setdefault(step, {})
    config[path[-1]] = value


def _is_misread(value: Any) -> bool:
    """Whether ZenML would take a text for a reference to a secret."""
    return any(_REFERENCE.search(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
