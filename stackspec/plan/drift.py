"""Drift: how what is really there differs from what was applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.core.frozen import dataclass
from stackspec.core.values import canonical, digest
from stackspec.flavors.contract import FlavorSpec, Observation
from stackspec.plan.diff import changed_fields
from stackspec.plan.ignore import ignoring
from stackspec.plan.model import FieldChange
from stackspec.state.model import AppliedComponent


@dataclass(frozen=True, slots=True)
class Drift:
    """How one component differs.

    Attributes:
        missing: It is not there, or not whole.
        running: Whether it runs, where that is not as applied; None where it is.
        fields: What differs, `before` as applied and `after` as it really is.
        detail: What was seen, in one line.
    """

    component: AppliedComponent
    missing: bool
    running: bool | None
    fields: tuple[FieldChange, ...]
    detail: str

    @property
    def address(self) -> ComponentAddress:
        """The component's."""
        return self.component.address

    @property
    def reason(self) -> str:
        """The difference in a few words."""
        if self.missing:
            return f"it is not there: {self.detail}"
        words = [f"config.{name} is not as applied" for name in dict.fromkeys(str(one.path[1]) for one in self.fields)]
        if self.running is not None:
            words.append("it runs, and was suspended" if self.running else f"it does not run: {self.detail}")
        return "; ".join(words)


def drift_of(component: AppliedComponent, seen: Observation, spec: FlavorSpec | None) -> Drift | None:
    """How a component differs from what was applied; None where it does not, apart from what its lifecycle ignores."""
    if not seen.provisioned:
        return Drift(component, True, None, (), seen.detail)
    # What nobody can suspend or resume, such as a registry that is only named, does not drift by being out of reach.
    stoppable = spec is not None and spec.can_suspend
    runs = seen.running if stoppable and seen.running is component.suspended else None
    fields = changed_fields(component.config, _real_config(component, seen.fields), spec, spec)
    if runs is None and not fields:
        return None
    return Drift(component, False, runs, fields, seen.detail)


def real(component: AppliedComponent, seen: Observation, spec: FlavorSpec) -> AppliedComponent:
    """The component as it really is, as far as it was seen."""
    config = _real_config(component, seen.fields)
    suspended = component.suspended if seen.running is None or not spec.can_suspend else not seen.running
    return replace(component, config=config, digest=digest(config), suspended=suspended)


def _real_config(component: AppliedComponent, fields: Mapping[str, object]) -> Mapping[str, object]:
    # What was never applied, as after an upgrade that brought a field, has nothing to differ from.
    known = {name: value for name, value in fields.items() if name in component.config}
    if all(canonical(component.config[name]) == canonical(value) for name, value in known.items()):
        return component.config
    return ignoring({**component.config, **known}, component.lifecycle.ignore_changes, component.config)
