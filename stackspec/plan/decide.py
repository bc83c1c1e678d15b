"""The table of decisions: what happens to one component that is wanted.

What an interrupted apply left pending is decided by the same table: an operation without a result is taken to have been
half done, and hooks converge.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from stackspec.core.address import ComponentAddress, format_path
from stackspec.core.diagnostic import Diagnostic
from stackspec.core.values import ValueMap, canonical, contains_sealed, digest, sealed_in
from stackspec.flavors.contract import FlavorSpec
from stackspec.plan.coexist import clash
from stackspec.plan.diff import alike, changed_fields, created_fields
from stackspec.plan.drift import Drift, real
from stackspec.plan.ignore import ignoring
from stackspec.plan.model import NOT_APPLIED, NOT_SELECTED, Action, Change, Decision, FieldChange
from stackspec.plan.order import applied_edges
from stackspec.plan.outputs import Outputs
from stackspec.plan.situation import Situation, forbidden
from stackspec.stack.model import DesiredComponent
from stackspec.state.model import AppliedComponent, Operation, PendingOperation


@dataclass(slots=True)
class Kept:
    """What is known of components whose old one must stay until the new one is there.

    Attributes:
        for_others: Components that must stay so, each with one that stands on it and so needs that, though their own
            lifecycle does not say so.
        in_pieces: Components that cannot be kept so: what they stand on is half removed already.
    """

    for_others: dict[ComponentAddress, DesiredComponent] = field(default_factory=dict)
    in_pieces: set[ComponentAddress] = field(default_factory=set)


class Decider:
    """Decides on components one after another, in dependency order.

    Args:
        problems: Where what is forbidden or fails is added.

    Attributes:
        real: Components that were seen to be other than they were applied, as they really are.
    """

    def __init__(self, situation: Situation, kept: Kept, problems: list[Diagnostic]) -> None:
        self._at = situation
        self._kept = kept
        self._problems = problems
        self._outputs = Outputs(situation.seal, problems)
        self.real: dict[ComponentAddress, AppliedComponent] = {}

    def decide(self, desired: DesiredComponent, *, selected: bool) -> Decision | None:
        """What happens to a component that is wanted; nothing where it is not selected, and nothing known of it."""
        decision = self._decide(desired) if selected else self._left_alone(desired)
        if decision is not None:
            self._outputs.note(decision)
        return decision

    def _decide(self, desired: DesiredComponent) -> Decision:
        applied = self._at.applied.components.get(desired.address)
        begun = self._at.begun_beside(desired.address)
        pending = None if begun else self._at.applied.pending.get(desired.address)
        spec = self._at.spec(desired)
        assert spec is not None, "the compiler has checked the flavor"
        before = applied or (pending.component if pending else None)
        if applied is None and desired.address in self._at.found:
            return self._adopted(desired, before, spec)
        if before is None:
            config, _ = self._outputs.known(desired, self._at.spec(desired))
            reason = (
                f"{NOT_APPLIED}; {_why_run_state(desired)}" if desired.suspended and spec.can_suspend else NOT_APPLIED
            )
            return self._comes(desired, Action.CREATE, reason, created_fields(config, spec))
        recorded = before
        drift = self._at.drift(before) if pending is None else None
        if drift is not None and not drift.missing:
            before = self.real[before.address] = real(before, self._at.seen[before.address], spec)
        if desired.lifecycle.ignore_changes and desired.address not in self._at.lost:
            config = ignoring(desired.config, desired.lifecycle.ignore_changes, before.config)
            desired = replace(desired, config=config, digest=digest(config))
        config, unknown = self._outputs.known(desired, spec, begun.component.identity if begun else before.identity)
        former = self._at.spec(before)
        if (
            begun
            and desired.address not in self._kept.in_pieces
            and not unknown
            and (desired.flavor, digest(config)) == (begun.component.flavor, begun.component.digest)
        ):
            return self._goes_on(desired, before, begun, changed_fields(before.config, config, spec, former))
        if begun:
            config, unknown = self._outputs.known(desired, spec, before.identity)
        # The digest of a record that does not hold is nobody's word.
        same = (
            not unknown
            and desired.address not in self._at.lost
            and (desired.digest if config is desired.config else digest(config)) == before.digest
        )
        seal = partial(self._at.seal, before.identity)
        was = before.config if same else alike(before.config, config, seal)
        fields = () if same else changed_fields(was, config, spec, former)
        replaces = self._why_replaced(desired, before, fields)
        if pending is not None:
            return self._retry(desired, pending, before, fields, replaces)
        if replaces:
            return self._replaced(desired, before, Action.REPLACE, replaces, fields)
        if drift is not None and drift.missing:
            anew = self._comes(desired, Action.CREATE, drift.reason, fields)
            return replace(anew, before=before, identity=before.identity)
        turns = spec.can_suspend and desired.suspended != before.suspended
        by_itself = drift is not None and drift.running is not None
        if fields:
            reason = _why_updated(fields, drift)
            if turns and not by_itself:
                reason += f"; {_why_run_state(desired)}"
            return self._comes(desired, Action.UPDATE, reason, fields, before=before)
        if remade := self._why_remade(before, was, spec):
            anew = self._comes(desired, Action.UPDATE, remade, (), before=before)
            run_state = (_run_state(desired),) if spec.can_suspend else ()
            return replace(anew, comes=(Operation.PROVISION, *run_state))
        if turns:
            action = Action.SUSPEND if desired.suspended else Action.RESUME
            why = drift.reason if drift is not None and by_itself else _why_run_state(desired)
            change = self._change(desired, action, why)
            comes = (*self._moves_off(desired), _run_state(desired))
            return Decision(change, before, desired, comes=comes, identity=before.identity)
        variables = self._outputs.evaluated(desired, ("environment",), desired.variables, before.identity, assume=False)
        differs = _not_recorded(desired, before, config, variables)
        if recorded.digest != before.digest:
            differs = ("config", *differs)
        reason = f"nothing changed but what is recorded: {', '.join(differs)}" if differs else "nothing changed"
        change = self._change(desired, Action.NO_OP, reason)
        if not differs:
            return Decision(change, before, desired, identity=before.identity)
        change = replace(change, recorded=differs)
        return Decision(change, before, desired, comes=(Operation.RECORD,), identity=before.identity)

    def _left_alone(self, desired: DesiredComponent) -> Decision | None:
        applied = self._at.applied.components.get(desired.address)
        if applied is None or desired.address in self._at.applied.pending:
            return None
        change = Change(desired.address, Action.NO_OP, applied.flavor, desired.stacks, None, NOT_SELECTED)
        return Decision(change, applied, desired)

    def _adopted(self, desired: DesiredComponent, before: AppliedComponent | None, spec: FlavorSpec) -> Decision:
        found = self._at.found[desired.address]
        config, _ = self._outputs.known(desired, self._at.spec(desired))
        known = {name: value for name, value in found.seen.fields.items() if name in config}
        fields = changed_fields({**config, **known}, config, spec, spec)
        reason = f"exists already: {found.seen.detail}"
        left = before is not None and found.identity not in (None, before.identity)
        if left:
            reason += "; what an earlier attempt to make it left is removed first"
        adopts = self._comes(desired, Action.ADOPT, reason, fields)
        goes = (Operation.DEPROVISION,) if left else ()
        return replace(adopts, before=before, goes=goes, identity=found.identity)

    def _retry(
        self,
        desired: DesiredComponent,
        pending: PendingOperation,
        before: AppliedComponent,
        fields: tuple[FieldChange, ...],
        replaces: str | None,
    ) -> Decision:
        """Something began and has no good result: finish it where the same is still wanted, else undo and make anew."""
        created = desired.address not in self._at.applied.components
        if pending.failure is None:
            action, reason = Action.RECOVER, self._at.in_flight(pending)
        else:
            action = Action.CREATE if created else Action.REPLACE if replaces else Action.UPDATE
            reason = f"{pending.operation} failed before: {pending.failure}"
        operation = pending.operation
        if operation is Operation.PROVISION and not created:
            operation = Operation.UPDATE  # it was to finish one, or to make anew what had gone
        match operation:
            case Operation.UPDATE | Operation.SUSPEND | Operation.RESUME if not replaces:
                decision = self._comes(desired, action, reason, fields, before=before)
                if operation is Operation.UPDATE:
                    # Whatever it has changed by now, nobody knows from which config on an update would have to work.
                    first: tuple[Operation, ...] = (Operation.PROVISION,)
                else:
                    first = (Operation.UPDATE,) if fields else self._moves_off(desired)
                # Whether it runs now nobody has recorded.
                spec = self._at.spec(desired)
                return replace(decision, comes=(*first, *((_run_state(desired),) if spec and spec.can_suspend else ())))
            case Operation.PROVISION | Operation.DEPROVISION if not fields and not replaces:
                decision = self._comes(desired, action, reason, fields, before=before)
                return replace(decision, comes=(Operation.PROVISION, *decision.comes[1:]))
            case _:
                return self._replaced(desired, before, action, reason, fields, guard=not created)

    def _goes_on(
        self,
        desired: DesiredComponent,
        before: AppliedComponent,
        begun: PendingOperation,
        fields: tuple[FieldChange, ...],
    ) -> Decision:
        """Go on with a new one that was begun beside the applied one."""
        if desired.lifecycle.prevent_destroy:
            self._problems.append(forbidden(desired.address, "replace", desired))
        self._problems += self._at.lack(before)
        action, reason = Action.REPLACE, f"{begun.operation} failed before: {begun.failure}"
        if begun.failure is None:
            action, reason = Action.RECOVER, self._at.in_flight(begun)
        fresh = self._comes(desired, action, reason, fields)
        change = replace(fresh.change, beside=True)
        return replace(fresh, change=change, before=before, identity=begun.component.identity, beside=True)

    def _moves_off(self, desired: DesiredComponent) -> tuple[Operation, ...]:
        """Record, before what it no longer stands on may go, that a component which only stops has left it."""
        left = set(applied_edges(self._at.applied)[desired.address]) - set(desired.depends_on)
        return (Operation.RECORD,) if left else ()

    def _comes(
        self,
        desired: DesiredComponent,
        action: Action,
        reason: str,
        fields: tuple[FieldChange, ...],
        *,
        before: AppliedComponent | None = None,
    ) -> Decision:
        spec = self._at.spec(desired)
        run_state: tuple[Operation, ...] = ()
        if spec is not None and spec.can_suspend:
            run_state = (Operation.SUSPEND,) if desired.suspended else ()
            if before is not None and before.suspended and not desired.suspended:
                run_state = (Operation.RESUME,)
        first = Operation.PROVISION if before is None else Operation.UPDATE
        change = self._change(desired, action, reason, fields)
        identity = before.identity if before else None
        return Decision(change, before, desired, comes=(first, *run_state), identity=identity)

    def _replaced(
        self,
        desired: DesiredComponent,
        before: AppliedComponent,
        action: Action,
        reason: str,
        fields: tuple[FieldChange, ...],
        *,
        guard: bool = True,
    ) -> Decision:
        if guard and desired.lifecycle.prevent_destroy:
            self._problems.append(forbidden(desired.address, "replace", desired))
        self._problems += self._at.lack(before)
        fresh = self._comes(desired, action, reason, fields)
        if self._is_kept(desired, before):
            return replace(fresh, change=replace(fresh.change, beside=True), before=before, beside=True)
        return replace(fresh, before=before, goes=(Operation.DEPROVISION,))

    def _is_kept(self, desired: DesiredComponent, before: AppliedComponent) -> bool:
        """Whether the old one stays until the new one is there."""
        address = desired.address
        pending = self._at.applied.pending.get(address)
        half_removed = pending is not None and pending.operation is Operation.DEPROVISION
        needs_it = desired if desired.lifecycle.create_before_destroy else self._kept.for_others.get(address)
        if needs_it is None or half_removed or address in self._kept.in_pieces:
            return False
        if address not in self._at.applied.components:
            return False  # what was never completed need not stay
        why = self.clash(desired, before)
        if why is not None and needs_it.lifecycle.create_before_destroy:
            whose = "" if needs_it is desired else f", as {needs_it.address}, which stands on it, needs"
            message = f"a new {address} cannot be made before the old one is removed{whose}: {why}"
            hint = f"have the two differ in that, or set lifecycle.create_before_destroy of {needs_it.address} to false"
            place = needs_it.place(("lifecycle", "create_before_destroy"))
            self._problems.append(Diagnostic("SS0505", message, place, hint))
        return why is None

    def clash(self, desired: DesiredComponent, before: AppliedComponent) -> str | None:
        """Why the old one cannot be there together with a new one."""
        new, old = (self._at.spec_of(desired.address.type, one.flavor) for one in (desired, before))
        if new is None or old is None:
            return None  # reported
        return clash((new, self._outputs.known(desired, new, before.identity)[0]), (old, before.config))

    def _change(
        self, desired: DesiredComponent, action: Action, reason: str, fields: tuple[FieldChange, ...] = ()
    ) -> Change:
        place = desired.place() if action is not Action.NO_OP else None
        return Change(desired.address, action, desired.flavor, desired.stacks, place, reason, fields)

    def _why_replaced(
        self, desired: DesiredComponent, before: AppliedComponent, fields: tuple[FieldChange, ...]
    ) -> str | None:
        if desired.flavor != before.flavor:
            return f"the flavor was '{before.flavor}'"
        if replacing := [change for change in fields if change.requires_replacement]:
            names = ", ".join(dict.fromkeys(format_path(change.path[:2]) for change in replacing))
            return f"{names} cannot be changed in place"
        if desired.address in self._at.selection.replace:
            return "asked for by --replace"
        return None

    def _why_remade(self, before: AppliedComponent, was: ValueMap, spec: FlavorSpec) -> str | None:
        """Why the outputs of a component that does not change are to be made anew.

        Args:
            was: Its config as applied, with what is no other value as it is now.
        """
        if before.address in self._at.lost:
            why = "it was recorded under a key of secrets that is lost"
            kept = spec.replacing if spec.can_update else before.config.keys()
            names = [f"config.{name}" for name in sorted(kept) if contains_sealed(before.config.get(name))]
            return f"{why}; if {' and '.join(names)} was another by then, that one is left behind" if names else why
        for name, value in was.items():
            if canonical(value) != canonical(before.config[name]):
                # Its outputs may tell the value, and are kept as the value is.
                how = "as a secret" if contains_sealed(value) else "in plain text"
                return f"config.{name} has the same value, {how}"
        return None


def _why_updated(fields: Iterable[FieldChange], drift: Drift | None) -> str:
    drifted = {change.path[:2] for change in drift.fields} if drift else set()
    names = dict.fromkeys(change.path[:2] for change in fields)
    changed = ", ".join(format_path(name) for name in names if name not in drifted)
    parts = [f"{changed} changed"] if changed else []
    return "; ".join([*parts, *([drift.reason] if drift else [])])


def _run_state(desired: DesiredComponent) -> Operation:
    return Operation.SUSPEND if desired.suspended else Operation.RESUME


def _why_run_state(desired: DesiredComponent) -> str:
    return f"run_state is {'suspended' if desired.suspended else 'running'}"


def _not_recorded(
    desired: DesiredComponent, before: AppliedComponent, config: ValueMap, variables: ValueMap
) -> tuple[str, ...]:
    """What differs from state that only state needs to know, by its names in manifests."""
    same = {
        "secrets": list(sealed_in(config)) == list(sealed_in(before.config)),
        "depends_on": desired.depends_on == before.depends_on,
        "stacks": desired.stacks == before.stacks,
        "lifecycle": desired.lifecycle == before.lifecycle,
        "timeouts": desired.timeouts == before.timeouts,
        "labels": desired.labels == before.labels,
        "run_state": desired.suspended == before.suspended,
        "environment": not (variables or before.variables) or canonical(variables) == canonical(before.variables),
    }
    return tuple(name for name, holds in same.items() if not holds)
