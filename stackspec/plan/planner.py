"""Desired × applied → plan: one decision for each component, then the order of the steps.

The table of decisions is `_Planner._decide`. What an interrupted apply left pending is decided by the same table: an
operation without a result is taken to have been half done, and hooks converge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

from stackspec.core.address import ComponentAddress, FieldPath, format_path
from stackspec.core.diagnostic import Diagnostic, StackspecError, did_you_mean
from stackspec.core.expression import ComponentOutput, Deferred, ExpressionError, Literal, Scope, reduce
from stackspec.core.values import UNKNOWN, Value, ValueMap, canonical, contains_deferred, digest
from stackspec.flavors.contract import FlavorSpec, Observation
from stackspec.plan.coexist import clash
from stackspec.plan.diff import changed_fields, created_fields
from stackspec.plan.drift import Drift, drift_of, real
from stackspec.plan.ignore import ignoring
from stackspec.plan.model import NOT_APPLIED, NOT_SELECTED, Action, Change, Decision, FieldChange, Found, Plan
from stackspec.plan.order import applied_edges, order_steps, standing_edges
from stackspec.stack.graph import closure, reversed_edges
from stackspec.stack.model import DesiredComponent, DesiredState
from stackspec.state.model import NOT_REACHED, AppliedComponent, AppliedState, Operation, PendingOperation

SpecOf = Callable[[str, str], FlavorSpec | None]
"""Component type and flavor to the flavor's spec, None where this installation has no such flavor."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a plan is asked for beyond bringing everything to the desired state.

    Attributes:
        stacks: Names of stacks; only what they use is planned.
        targets: Addresses; only they and what they depend on are planned.
        replace: Addresses to replace though nothing changed.
        adopt: Addresses to take over as they exist, nothing being applied there.
        destroy: Whether everything selected is to go.
    """

    stacks: tuple[str, ...] = ()
    targets: tuple[ComponentAddress, ...] = ()
    replace: tuple[ComponentAddress, ...] = ()
    adopt: tuple[ComponentAddress, ...] = ()
    destroy: bool = False


EVERYTHING = Selection()
"""The selection of a plan that was not asked for anything less."""


def make_plan(
    desired: DesiredState,
    applied: AppliedState,
    spec_of: SpecOf,
    selection: Selection = EVERYTHING,
    seen: Mapping[ComponentAddress, Observation] | None = None,
    found: Mapping[ComponentAddress, Found] | None = None,
) -> Plan:
    """Decide what happens to every component and in what order.

    Args:
        seen: What components that were looked at really are; the others are taken to be as they were applied.
        found: What exists already and is to be taken over.

    Raises:
        StackspecError: the selection names what does not exist, or a lifecycle rule forbids what would happen.
    """
    return _Planner(desired, applied, spec_of, selection, seen or {}, found or {}).plan()


class _Planner:
    def __init__(
        self,
        desired: DesiredState,
        applied: AppliedState,
        spec_of: SpecOf,
        selection: Selection,
        seen: Mapping[ComponentAddress, Observation],
        found: Mapping[ComponentAddress, Found],
    ) -> None:
        self._desired = desired
        self._applied = applied
        self._spec_of = spec_of
        self._selection = selection
        self._seen = seen
        self._found = found
        self._real: dict[ComponentAddress, AppliedComponent] = {}
        """Components that are not as they were applied, as they really are."""
        self._problems: list[Diagnostic] = []
        self._outputs: dict[ComponentAddress, ValueMap] = {}
        """Outputs that will not change in this plan."""
        self._moving: set[ComponentAddress] = set()
        """Components whose hooks return outputs anew: they may change, but most stay."""
        self._for_others: dict[ComponentAddress, DesiredComponent] = {}
        """Components whose old one must stay until the new one is in use, each with one that stands on it and so needs
        that, though their own lifecycle does not say so."""
        self._in_pieces: set[ComponentAddress] = set()
        """Components that cannot be kept until the new one is there: what they stand on is half removed already."""

    def plan(self) -> Plan:
        wanted = {} if self._selection.destroy else self._desired.components
        selected = self._selected()
        problems = self._problems
        while True:
            self._problems, self._outputs, self._moving = list(problems), {}, set()
            decisions = self._decisions(wanted, selected)
            more = (self._stands_on_replaced(decisions) | self._stands_on_deposed(decisions, selected)) - selected
            if not self._note_kept(decisions) and not more:
                break
            selected |= more
        found = [*decisions.values(), *self._departures(decisions, selected)]
        if self._problems:
            raise StackspecError(list(dict.fromkeys(self._problems)))
        return Plan(
            self._desired.environment,
            self._applied.lineage,
            self._applied.serial,
            tuple(decision.change for decision in found),
            order_steps(found, self._applied),
            self._real,
        )

    def _decisions(
        self, wanted: Mapping[ComponentAddress, DesiredComponent], selected: set[ComponentAddress]
    ) -> dict[ComponentAddress, Decision]:
        decisions: dict[ComponentAddress, Decision] = {}
        for address, component in wanted.items():
            decision = self._decide(component) if address in selected else self._left_alone(address)
            if decision is not None:
                decisions[address] = decision
                self._note_outputs(decision)
        for address in (*self._applied.components, *self._applied.pending):
            if address not in wanted and address not in decisions and address in selected:
                decisions[address] = self._remove(address)
        return decisions

    # --- what is selected

    def _selected(self) -> set[ComponentAddress]:
        everything = {*self._desired.components, *self._applied.addresses}
        selection = self._selection
        self._known_addresses((*selection.targets, *selection.replace), everything)
        stacks = {name for component in self._desired.components.values() for name in component.stacks}
        stacks |= {name for component in self._applied.components.values() for name in component.stacks}
        for name in selection.stacks:
            if name not in stacks:
                self._problems.append(
                    Diagnostic(
                        "SS0502", f"there is no stack '{name}' in this environment", hint=did_you_mean(name, stacks)
                    )
                )
        if not selection.targets and not selection.stacks:
            return everything
        chosen = self._chosen(everything)
        for address in selection.replace:
            if address in everything - chosen:
                hint = "add it to --target, or leave --target and --stack away"
                self._problems.append(
                    Diagnostic("SS0502", f"{address} is not selected, so it is not replaced", hint=hint)
                )
        return chosen

    def _chosen(self, everything: set[ComponentAddress]) -> set[ComponentAddress]:
        selection = self._selection
        starts = set(selection.targets)
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

    @cached_property
    def _desired_edges(self) -> Mapping[ComponentAddress, tuple[ComponentAddress, ...]]:
        return {address: one.depends_on for address, one in self._desired.components.items()}

    @cached_property
    def _dependents(self) -> Mapping[ComponentAddress, list[ComponentAddress]]:
        return reversed_edges(standing_edges(self._applied))

    def _move_off(self, gone: set[ComponentAddress]) -> set[ComponentAddress]:
        """What goes, what has to go or to move off it first, and what that stands on then."""
        on_removed = {one: found for one, found in self._dependents.items() if one not in self._desired_edges}
        return closure(closure(gone, on_removed), self._desired_edges)

    def _stands_on_replaced(self, decisions: Mapping[ComponentAddress, Decision]) -> set[ComponentAddress]:
        """What has left the manifests and stands on something that is replaced, with all that this takes."""
        replaced = [address for address, one in decisions.items() if one.goes and one.desired is not None]
        if not replaced:
            return set()
        undone = closure(replaced, self._dependents)
        return self._move_off(undone - self._desired_edges.keys())

    def _stands_on_deposed(
        self, decisions: Mapping[ComponentAddress, Decision], selected: set[ComponentAddress]
    ) -> set[ComponentAddress]:
        """What has to move off, or to go before, what another takes or has taken the place of; with all it takes."""
        deposed = {address for address, one in decisions.items() if one.beside}
        deposed |= {one.component.address for one in self._applied.deposed.values()} & selected
        moving = {other for address in deposed for other in self._dependents.get(address, ())}
        wanted = self._desired_edges.keys() if not self._selection.destroy else set()
        return closure(moving & wanted, self._desired_edges) | self._move_off(moving - wanted)

    def _note_kept(self, decisions: Mapping[ComponentAddress, Decision]) -> bool:
        """Find what is torn down though something stands on it that must not go before a new one is there.

        Its own old one has to stay too then, as far as it can. Whether more was found, so that all is to be decided
        anew.
        """
        found = False
        edges = applied_edges(self._applied)
        for address, decision in decisions.items():
            below = list(edges.get(address, ())) if decision.beside else []
            for under in below:  # grows while it is walked
                one = decisions.get(under)
                if one is None or not one.goes:
                    continue
                if one.desired is None:
                    below += [other for other in edges.get(under, ()) if other not in below]
                elif under not in self._for_others and decision.desired is not None:
                    self._for_others[under] = decision.desired
                    found = True
                elif address not in self._in_pieces:
                    self._in_pieces.add(address)
                    found = True
        return found

    def _known_addresses(self, addresses: Iterable[ComponentAddress], everything: set[ComponentAddress]) -> None:
        for address in addresses:
            if address not in everything:
                hint = did_you_mean(str(address), [str(known) for known in everything])
                self._problems.append(Diagnostic("SS0502", f"there is no component {address}", hint=hint))

    def _left_alone(self, address: ComponentAddress) -> Decision | None:
        applied, desired = self._applied.components.get(address), self._desired.components[address]
        if applied is None or address in self._applied.pending:
            return None
        change = Change(address, Action.NO_OP, applied.flavor, desired.stacks, None, NOT_SELECTED)
        return Decision(change, applied, desired)

    # --- the table

    def _decide(self, desired: DesiredComponent) -> Decision:
        applied = self._applied.components.get(desired.address)
        begun = self._begun_beside(desired.address)
        pending = None if begun else self._applied.pending.get(desired.address)
        spec = self._spec_of(desired.address.type, desired.flavor)
        assert spec is not None, "the compiler has checked the flavor"
        before = applied or (pending.component if pending else None)
        if applied is None and desired.address in self._found:
            return self._adopted(desired, before, spec)
        if before is None:
            config, _ = self._known(desired)
            reason = (
                f"{NOT_APPLIED}; {_why_run_state(desired)}" if desired.suspended and spec.can_suspend else NOT_APPLIED
            )
            return self._comes(desired, Action.CREATE, reason, created_fields(config, spec))
        recorded = before
        drift = self._drift(before) if pending is None else None
        if drift is not None and not drift.missing:
            before = self._real[before.address] = real(before, self._seen[before.address], spec)
        if desired.lifecycle.ignore_changes:
            config = ignoring(desired.config, desired.lifecycle.ignore_changes, before.config)
            desired = replace(desired, config=config, digest=digest(config))
        config, unknown = self._known(desired)
        if (
            begun
            and not unknown
            and (desired.flavor, digest(config)) == (begun.component.flavor, begun.component.digest)
        ):
            return self._goes_on(desired, before, begun, changed_fields(before.config, config, spec))
        same = not unknown and (desired.digest if config is desired.config else digest(config)) == before.digest
        former = self._spec_of(desired.address.type, before.flavor)
        fields = () if same else changed_fields(before.config, config, spec, former)
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
        if turns:
            action = Action.SUSPEND if desired.suspended else Action.RESUME
            why = drift.reason if drift is not None and by_itself else _why_run_state(desired)
            change = self._change(desired, action, why)
            comes = (*self._moves_off(desired), _run_state(desired))
            return Decision(change, before, desired, comes=comes, identity=before.identity)
        variables = self._evaluated(desired, ("environment",), desired.variables, assume=False)
        differs = _not_recorded(desired, before, variables)
        if recorded.digest != before.digest:
            differs = ("config", *differs)
        reason = f"nothing changed but what is recorded: {', '.join(differs)}" if differs else "nothing changed"
        change = replace(self._change(desired, Action.NO_OP, reason), recorded=differs)
        comes = (Operation.RECORD,) if differs else ()
        return Decision(change, before, desired, comes=comes, identity=before.identity)

    def _adopted(self, desired: DesiredComponent, before: AppliedComponent | None, spec: FlavorSpec) -> Decision:
        found = self._found[desired.address]
        config, _ = self._known(desired)
        known = {name: value for name, value in found.seen.fields.items() if name in config}
        fields = changed_fields({**config, **known}, config, spec)
        adopts = self._comes(desired, Action.ADOPT, f"exists already: {found.seen.detail}", fields)
        # What an earlier attempt to make it left under another identity goes first.
        left = before is not None and found.identity not in (None, before.identity)
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
        created = desired.address not in self._applied.components
        if pending.failure is None:
            action, reason = Action.RECOVER, self._in_flight(pending)
        else:
            action = Action.CREATE if created else Action.REPLACE if replaces else Action.UPDATE
            reason = f"{pending.operation} failed before: {pending.failure}"
        match pending.operation:
            case Operation.UPDATE | Operation.SUSPEND | Operation.RESUME if not replaces:
                decision = self._comes(desired, action, reason, fields, before=before)
                if pending.operation is Operation.UPDATE:
                    # Whatever it has changed by now, nobody knows from which config on an update would have to work.
                    first: tuple[Operation, ...] = (Operation.PROVISION,)
                else:
                    first = (Operation.UPDATE,) if fields else self._moves_off(desired)
                # Whether it runs now nobody has recorded.
                spec = self._spec_of(desired.address.type, desired.flavor)
                return replace(decision, comes=(*first, *((_run_state(desired),) if spec and spec.can_suspend else ())))
            case Operation.PROVISION | Operation.DEPROVISION if not fields and not replaces:
                decision = self._comes(desired, action, reason, fields, before=before)
                return replace(decision, comes=(Operation.PROVISION, *decision.comes[1:]))
            case _:
                return self._replaced(desired, before, action, reason, fields, guard=not created)

    def _drift(self, applied: AppliedComponent) -> Drift | None:
        seen = self._seen.get(applied.address)
        return drift_of(applied, seen, self._spec_of(applied.address.type, applied.flavor)) if seen else None

    def _begun_beside(self, address: ComponentAddress) -> PendingOperation | None:
        """The provisioning of a new one beside the one that is applied, if it has begun and has no good result."""
        pending, applied = self._applied.pending.get(address), self._applied.components.get(address)
        return pending if pending and applied and pending.component.identity != applied.identity else None

    def _goes_on(
        self,
        desired: DesiredComponent,
        before: AppliedComponent,
        begun: PendingOperation,
        fields: tuple[FieldChange, ...],
    ) -> Decision:
        """Go on with a new one that was begun beside the applied one."""
        if desired.lifecycle.prevent_destroy:
            self._forbid(desired.address, "replace", desired)
        self._need_flavor(before)
        action, reason = Action.REPLACE, f"{begun.operation} failed before: {begun.failure}"
        if begun.failure is None:
            action, reason = Action.RECOVER, self._in_flight(begun)
        fresh = self._comes(desired, action, reason, fields)
        change = replace(fresh.change, beside=True)
        return replace(fresh, change=change, before=before, identity=begun.component.identity, beside=True)

    def _moves_off(self, desired: DesiredComponent) -> tuple[Operation, ...]:
        """Record, before what it no longer stands on may go, that a component which only stops has left it."""
        left = set(applied_edges(self._applied)[desired.address]) - set(desired.depends_on)
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
        spec = self._spec_of(desired.address.type, desired.flavor)
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
            self._forbid(desired.address, "replace", desired)
        self._need_flavor(before)
        fresh = self._comes(desired, action, reason, fields)
        if self._is_kept(desired, before):
            return replace(fresh, change=replace(fresh.change, beside=True), before=before, beside=True)
        return replace(fresh, before=before, goes=(Operation.DEPROVISION,))

    def _is_kept(self, desired: DesiredComponent, before: AppliedComponent) -> bool:
        """Whether the old one stays until the new one is there."""
        address = desired.address
        pending = self._applied.pending.get(address)
        half_removed = pending is not None and pending.operation is Operation.DEPROVISION
        needs_it = desired if desired.lifecycle.create_before_destroy else self._for_others.get(address)
        if needs_it is None or half_removed or address in self._in_pieces:
            return False
        if address not in self._applied.components:
            return False  # what was never completed need not stay
        why = self._clash(desired, before)
        if why is not None:
            whose = "" if needs_it is desired else f", as {needs_it.address}, which stands on it, needs"
            message = f"a new {address} cannot be made before the old one is removed{whose}: {why}"
            hint = f"have the two differ in that, or set lifecycle.create_before_destroy of {needs_it.address} to false"
            place = needs_it.place(("lifecycle", "create_before_destroy"))
            self._problems.append(Diagnostic("SS0505", message, place, hint))
        return why is None

    def _clash(self, desired: DesiredComponent, before: AppliedComponent) -> str | None:
        """Why the old one cannot be there together with a new one."""
        new, old = (self._spec_of(desired.address.type, one.flavor) for one in (desired, before))
        if new is None or old is None:
            return None  # reported
        return clash((new, self._known(desired)[0]), (old, before.config))

    # --- what is deposed

    def _departures(
        self, decisions: Mapping[ComponentAddress, Decision], selected: set[ComponentAddress]
    ) -> list[Decision]:
        """The removals that are owed of what another has taken the place of, or that was begun beside it in vain."""
        found: list[Decision] = []
        for address, decision in decisions.items():
            begun = self._begun_beside(address)
            if begun is not None and begun.component.identity != decision.identity:
                found.append(
                    self._departure(begun, "begun to replace the applied one, and no longer wanted", early=True)
                )
        for removal in self._applied.deposed.values():
            if removal.component.address in selected:
                reason = "a new one has taken its place"
                if removal.failure not in (None, NOT_REACHED):
                    reason += f"; {removal.operation} failed before: {removal.failure}"
                decision_there = decisions.get(removal.component.address)
                found.append(self._departure(removal, reason, early=self._is_in_the_way(removal, decision_there)))
        return found

    def _departure(self, owed: PendingOperation, reason: str, *, early: bool) -> Decision:
        one, action = owed.component, Action.DELETE
        self._need_flavor(one)
        if owed.failure is None:
            action, reason = Action.RECOVER, f"{self._in_flight(owed)}; {reason}"
        change = Change(one.address, action, one.flavor, one.stacks, None, reason, deposed=one.identity)
        return Decision(change, one, None, goes=(Operation.DEPROVISION,), identity=one.identity, early=early)

    def _is_in_the_way(self, removal: PendingOperation, decision: Decision | None) -> bool:
        """Whether what is to be made or changed under the address cannot be there together with it."""
        if decision is None or decision.desired is None:
            return False
        if {Operation.PROVISION, Operation.UPDATE}.isdisjoint(decision.comes):
            return False
        return self._clash(decision.desired, removal.component) is not None

    def _remove(self, address: ComponentAddress) -> Decision:
        applied, pending = self._applied.components.get(address), self._applied.pending.get(address)
        pending = None if self._begun_beside(address) else pending
        before = applied or (pending.component if pending else None)
        assert before is not None
        desired = self._desired.components.get(address)
        lifecycle = desired.lifecycle if desired else before.lifecycle
        if applied is None or not lifecycle.retain_on_delete:
            self._need_flavor(before)
        if applied is not None and lifecycle.prevent_destroy:
            self._forbid(address, "delete", desired)
        reason = "everything is to be destroyed" if self._selection.destroy else "no longer declared"
        action, operation = Action.DELETE, Operation.DEPROVISION
        if applied is not None and lifecycle.retain_on_delete:
            action, operation, reason = Action.FORGET, Operation.FORGET, f"{reason}, and retain_on_delete is set"
        elif pending is not None and pending.failure is None:
            action = Action.RECOVER
            reason = f"{self._in_flight(pending)}; {reason}, so it is deleted"
        change = Change(address, action, before.flavor, before.stacks, desired.place() if desired else None, reason)
        return Decision(change, before, None, goes=(operation,), identity=before.identity)

    def _in_flight(self, pending: PendingOperation) -> str:
        if self._applied.writer:
            return f"in {pending.operation} now, by {self._applied.writer}"
        return f"an earlier apply died in {pending.operation}"

    def _need_flavor(self, before: AppliedComponent) -> None:
        if self._spec_of(before.address.type, before.flavor) is None:
            message = f"{before.address} is of flavor '{before.flavor}', which is not installed: it cannot be removed"
            hint = "install what provides the flavor, then apply again"
            self._problems.append(Diagnostic("SS0504", message, hint=hint))

    def _forbid(self, address: ComponentAddress, what: str, desired: DesiredComponent | None) -> None:
        place = desired.place(("lifecycle", "prevent_destroy")) if desired else None
        hint = "set lifecycle.prevent_destroy to false and apply that first"
        if desired is None:
            hint = "declare it again with lifecycle.prevent_destroy false, apply that, and then remove it"
        self._problems.append(
            Diagnostic("SS0501", f"the plan would {what} {address}, which prevent_destroy forbids", place, hint)
        )

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
        if desired.address in self._selection.replace:
            return "asked for by --replace"
        return None

    # --- what is known now

    def _known(self, desired: DesiredComponent) -> tuple[ValueMap, bool]:
        """The config with outputs that stay filled in, `UNKNOWN` for those that may change; whether any is unknown."""
        config = desired.config
        if not contains_deferred(config):
            return config, False
        spec = self._spec_of(desired.address.type, desired.flavor)
        known: dict[str, Value] = {}
        for name, value in config.items():
            # A hook called on what is there keeps most outputs. A field that would force a replacement is taken to
            # stay: tearing down on a mere possibility loses data, and the executor refuses if it changes after all.
            assume = bool(spec and name in spec.replacing)
            known[name] = self._evaluated(desired, ("config", name), value, assume=assume)
        return known, contains_deferred(known)

    def _evaluated(self, desired: DesiredComponent, path: FieldPath, value: Value, *, assume: bool) -> Value:
        try:
            return resolved(value, partial(self._output, assume=assume))
        except ExpressionError as error:
            message = f"with the outputs known now, {error.message}"
            self._problems.append(Diagnostic(error.code, message, desired.place(path), error.hint))
            return UNKNOWN

    def _output(self, reference: ComponentOutput, assume: bool) -> Literal | ComponentOutput:
        address = ComponentAddress.parse(reference.component)
        if address in self._outputs and (assume or address not in self._moving):
            outputs = self._outputs[address]
            if reference.output in outputs:
                return Literal(outputs[reference.output])
        return reference

    def _note_outputs(self, decision: Decision) -> None:
        if decision.before is None or decision.goes or decision.beside:
            return
        self._outputs[decision.change.address] = decision.before.outputs
        if not {Operation.PROVISION, Operation.UPDATE, Operation.RESUME}.isdisjoint(decision.comes):
            self._moving.add(decision.change.address)


def resolved(value: Value, output: Callable[[ComponentOutput], Literal | ComponentOutput]) -> Value:
    """The value with each `Deferred` evaluated by what `output` tells, `UNKNOWN` where that is not enough.

    Raises:
        ExpressionError: a filter cannot take an output.
    """
    if isinstance(value, Deferred):
        result = reduce(value.expression, Scope({}, output, {}))
        return result.value if isinstance(result, Literal) else UNKNOWN
    if isinstance(value, Mapping):
        return {key: resolved(item, output) for key, item in value.items()}
    return [resolved(item, output) for item in value] if isinstance(value, list) else value


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


def _not_recorded(desired: DesiredComponent, before: AppliedComponent, variables: ValueMap) -> tuple[str, ...]:
    """What differs from state that only state needs to know, by its names in manifests."""
    same = {
        "depends_on": desired.depends_on == before.depends_on,
        "stacks": desired.stacks == before.stacks,
        "lifecycle": desired.lifecycle == before.lifecycle,
        "timeouts": desired.timeouts == before.timeouts,
        "labels": desired.labels == before.labels,
        "run_state": desired.suspended == before.suspended,
        "environment": not (variables or before.variables) or canonical(variables) == canonical(before.variables),
    }
    return tuple(name for name, holds in same.items() if not holds)
