"""What a plan is limited to, and what that takes with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, did_you_mean
from stackspec.core.frozen import dataclass
from stackspec.plan.model import Decision
from stackspec.plan.order import standing_edges
from stackspec.stack.graph import closure, reversed_edges
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState


@dataclass(frozen=True, slots=True)
class Selection:
    """What a plan is asked for beyond bringing everything to the desired state.

    Attributes:
        stacks: Names of stacks; only what they use is planned.
        targets: Addresses; only they and what they depend on are planned.
        changed: Addresses; only they, as far as they are there, and what they depend on are planned; None: no limit.
        replace: Addresses to replace though nothing changed.
        adopt: Addresses to take over as they exist, nothing being applied there.
        destroy: Whether everything selected is to go.
        force: Whether what carries another state's mark is taken over too.
    """

    stacks: tuple[str, ...] = ()
    targets: tuple[ComponentAddress, ...] = ()
    changed: tuple[ComponentAddress, ...] | None = None
    replace: tuple[ComponentAddress, ...] = ()
    adopt: tuple[ComponentAddress, ...] = ()
    destroy: bool = False
    force: bool = False

    @property
    def is_limited(self) -> bool:
        """Whether it is less than everything."""
        return bool(self.targets or self.stacks or self.changed is not None)


EVERYTHING = Selection()
"""The selection of a plan that was not asked for anything less."""


class Reach:
    """What a selection reaches, given what is wanted and what is applied."""

    def __init__(self, selection: Selection, desired: DesiredState, applied: AppliedState) -> None:
        self._selection = selection
        self._desired = desired
        self._applied = applied

    def selected(self, problems: list[Diagnostic]) -> set[ComponentAddress]:
        """The components that the plan is to decide on; what the selection names and does not exist is a problem."""
        everything = {*self._desired.components, *self._applied.addresses}
        selection = self._selection
        problems += self._unknown((*selection.targets, *selection.replace), everything)
        stacks = {name for component in self._desired.components.values() for name in component.stacks}
        stacks |= {name for component in self._applied.components.values() for name in component.stacks}
        for name in selection.stacks:
            if name not in stacks:
                problems.append(
                    Diagnostic(
                        "SS0502", f"there is no stack '{name}' in this environment", hint=did_you_mean(name, stacks)
                    )
                )
        if not selection.is_limited:
            return everything
        chosen = self._chosen(everything)
        for address in selection.replace:
            if address in everything - chosen:
                hint = "add it to --target, or leave --target and --stack away"
                problems.append(Diagnostic("SS0502", f"{address} is not selected, so it is not replaced", hint=hint))
        return chosen

    def stands_on_replaced(self, decisions: Mapping[ComponentAddress, Decision]) -> set[ComponentAddress]:
        """What has left the manifests and stands on something that is replaced, with all that this takes."""
        replaced = [address for address, one in decisions.items() if one.goes and one.desired is not None]
        if not replaced:
            return set()
        undone = closure(replaced, self._dependents)
        return self._move_off(undone - self._desired_edges.keys())

    def stands_on_deposed(
        self, decisions: Mapping[ComponentAddress, Decision], selected: set[ComponentAddress]
    ) -> set[ComponentAddress]:
        """What has to move off, or to go before, what another takes or has taken the place of; with all it takes."""
        deposed = {address for address, one in decisions.items() if one.beside}
        deposed |= {one.component.address for one in self._applied.deposed.values()} & selected
        moving = {other for address in deposed for other in self._dependents.get(address, ())}
        wanted = self._desired_edges.keys() if not self._selection.destroy else set()
        return closure(moving & wanted, self._desired_edges) | self._move_off(moving - wanted)

    def _chosen(self, everything: set[ComponentAddress]) -> set[ComponentAddress]:
        selection = self._selection
        starts = {*selection.targets, *(everything & {*(selection.changed or ())})}
        for address in everything:
            known = self._desired.components.get(address) or self._applied.known(address)
            # A component that another stack shares is not this stack's to remove.
            if known and (
                set(known.stacks) <= set(selection.stacks)
                if selection.destroy
                else set(known.stacks) & set(selection.stacks)
            ):
                starts.add(address)
        if selection.destroy:
            return closure(starts, self._dependents)
        edges = self._desired_edges
        chosen = closure(starts, edges)
        return chosen | self._move_off(chosen - edges.keys())

    def _move_off(self, gone: set[ComponentAddress]) -> set[ComponentAddress]:
        """What goes, what has to go or to move off it first, and what that stands on then."""
        on_removed = {one: found for one, found in self._dependents.items() if one not in self._desired_edges}
        return closure(closure(gone, on_removed), self._desired_edges)

    @cached_property
    def _desired_edges(self) -> Mapping[ComponentAddress, tuple[ComponentAddress, ...]]:
        return {address: one.depends_on for address, one in self._desired.components.items()}

    @cached_property
    def _dependents(self) -> Mapping[ComponentAddress, list[ComponentAddress]]:
        return reversed_edges(standing_edges(self._applied))

    @staticmethod
    def _unknown(addresses: Iterable[ComponentAddress], known: set[ComponentAddress]) -> list[Diagnostic]:
        return [
            Diagnostic("SS0502", f"there is no component {one}", hint=did_you_mean(str(one), map(str, known)))
            for one in addresses
            if one not in known
        ]
