"""All that a plan is made from, and what follows from it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.frozen import dataclass
from stackspec.flavors.contract import FlavorSpec, Observation
from stackspec.plan.drift import Drift, drift_of
from stackspec.plan.model import Found
from stackspec.plan.outputs import Seal, unsealable
from stackspec.plan.selection import EVERYTHING, Selection
from stackspec.stack.model import DesiredComponent, DesiredState
from stackspec.state.model import AppliedComponent, AppliedState, PendingOperation

SpecOf = Callable[[str, str], FlavorSpec | None]
"""Component type and flavor to the flavor's spec, None where this installation has no such flavor."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is wanted, what is applied, and what is known beside that.

    Attributes:
        seen: What components that were looked at really are; the others are taken to be as they were applied.
        found: What exists already and is to be taken over.
        seal: Makes of values with secrets in them what a plan may hold.
        lost: Components with secrets in their records, of which nobody can tell any more whether they hold.
    """

    desired: DesiredState
    applied: AppliedState
    spec_of: SpecOf
    selection: Selection = EVERYTHING
    seen: Mapping[ComponentAddress, Observation] = field(default_factory=dict)
    found: Mapping[ComponentAddress, Found] = field(default_factory=dict)
    seal: Seal = unsealable
    lost: frozenset[ComponentAddress] = frozenset()

    def spec(self, component: DesiredComponent | AppliedComponent) -> FlavorSpec | None:
        """The spec of a component's flavor."""
        return self.spec_of(component.address.type, component.flavor)

    def drift(self, applied: AppliedComponent) -> Drift | None:
        """How an applied component differs from what it really is, if it was looked at and does."""
        seen = self.seen.get(applied.address)
        return drift_of(applied, seen, self.spec(applied)) if seen else None

    def begun_beside(self, address: ComponentAddress) -> PendingOperation | None:
        """The provisioning of a new one beside the one that is applied, if it has begun and has no good result."""
        pending, applied = self.applied.pending.get(address), self.applied.components.get(address)
        return pending if pending and applied and pending.component.identity != applied.identity else None

    def in_flight(self, pending: PendingOperation) -> str:
        """What is told of an operation that has no result."""
        return self.applied.in_flight(pending)

    def lack(self, before: AppliedComponent) -> list[Diagnostic]:
        """What is wrong where something is to be removed whose flavor is not installed."""
        if self.spec(before) is not None:
            return []
        message = f"{before.address} is of flavor '{before.flavor}', which is not installed: it cannot be removed"
        return [Diagnostic("SS0504", message, hint="install what provides the flavor, then apply again")]


def forbidden(address: ComponentAddress, what: str, desired: DesiredComponent | None) -> Diagnostic:
    """What is wrong with a plan that would delete or replace a protected component."""
    place = desired.place(("lifecycle", "prevent_destroy")) if desired else None
    hint = "set lifecycle.prevent_destroy to false and apply that first"
    if desired is None:
        hint = "declare it again with lifecycle.prevent_destroy false, apply that, and then remove it"
    return Diagnostic("SS0501", f"the plan would {what} {address}, which prevent_destroy forbids", place, hint)
