"""What happens to what goes: components that are not wanted, and what others have taken the place of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic
from stackspec.plan.model import Action, Change, Decision
from stackspec.plan.situation import Situation, forbidden
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import NOT_REACHED, AppliedComponent, Operation, PendingOperation

Clash = Callable[[DesiredComponent, AppliedComponent], str | None]
"""Tells why a wanted component cannot be there together with another."""


class Removals:
    """Decides on what goes.

    Args:
        problems: Where what is forbidden is added.
    """

    def __init__(self, situation: Situation, clash: Clash, problems: list[Diagnostic]) -> None:
        self._at = situation
        self._clash = clash
        self._problems = problems

    def remove(self, address: ComponentAddress) -> Decision:
        """What happens to a component that is applied, or was begun, and is not wanted."""
        applied, pending = self._at.applied.components.get(address), self._at.applied.pending.get(address)
        pending = None if self._at.begun_beside(address) else pending
        before = applied or (pending.component if pending else None)
        assert before is not None
        desired = self._at.desired.components.get(address)
        lifecycle = desired.lifecycle if desired else before.lifecycle
        if applied is None or not lifecycle.retain_on_delete:
            self._problems += self._at.lack(before)
        if applied is not None and lifecycle.prevent_destroy:
            self._problems.append(forbidden(address, "delete", desired))
        reason = "everything is to be destroyed" if self._at.selection.destroy else "no longer declared"
        action, operation = Action.DELETE, Operation.DEPROVISION
        if applied is not None and lifecycle.retain_on_delete:
            action, operation, reason = Action.FORGET, Operation.FORGET, f"{reason}, and retain_on_delete is set"
        elif pending is not None and pending.failure is None:
            action = Action.RECOVER
            reason = f"{self._at.in_flight(pending)}; {reason}, so it is deleted"
        change = Change(address, action, before.flavor, before.stacks, desired.place() if desired else None, reason)
        return Decision(change, before, None, goes=(operation,), identity=before.identity)

    def departures(
        self, decisions: Mapping[ComponentAddress, Decision], selected: set[ComponentAddress]
    ) -> list[Decision]:
        """The removals that are owed of what another has taken the place of, or that was begun beside it in vain."""
        found: list[Decision] = []
        for address, decision in decisions.items():
            begun = self._at.begun_beside(address)
            if begun is not None and begun.component.identity != decision.identity:
                found.append(
                    self._departure(begun, "begun to replace the applied one, and no longer wanted", early=True)
                )
        for removal in self._at.applied.deposed.values():
            if removal.component.address in selected:
                reason = "a new one has taken its place"
                if removal.failure not in (None, NOT_REACHED):
                    reason += f"; {removal.operation} failed before: {removal.failure}"
                decision_there = decisions.get(removal.component.address)
                found.append(self._departure(removal, reason, early=self._is_in_the_way(removal, decision_there)))
        return found

    def _departure(self, owed: PendingOperation, reason: str, *, early: bool) -> Decision:
        one, action = owed.component, Action.DELETE
        self._problems += self._at.lack(one)
        if owed.failure is None:
            action, reason = Action.RECOVER, f"{self._at.in_flight(owed)}; {reason}"
        change = Change(one.address, action, one.flavor, one.stacks, None, reason, deposed=one.identity)
        return Decision(change, one, None, goes=(Operation.DEPROVISION,), identity=one.identity, early=early)

    def _is_in_the_way(self, removal: PendingOperation, decision: Decision | None) -> bool:
        """Whether what is to be made or changed under the address cannot be there together with it."""
        if decision is None or decision.desired is None:
            return False
        if {Operation.PROVISION, Operation.UPDATE}.isdisjoint(decision.comes):
            return False
        return self._clash(decision.desired, removal.component) is not None
