"""The order of a plan's steps.

Tear down first: replaced components, and removed ones that stand on them, dependents before what they depend on. Then
build in the desired order. Then prune the other removed ones, dependents first, and only once what stays has moved
off them; what is replaced with `create_before_destroy` goes here as well. Last suspend, dependents first: a hook that
builds or removes a component may need what it stands on to run. Phases follow each other; within and across them a
step waits for those whose success it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackspec.core.address import ComponentAddress
from stackspec.plan.model import Decision, Phase, Step, StepKey
from stackspec.stack.graph import closure, in_dependency_order, reversed_edges
from stackspec.state.model import AppliedState, Operation

Waits = dict[StepKey, list[StepKey]]
"""Step to those it waits for."""


def order_steps(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    """Every step of a plan, each after those it waits for; none where nothing is to be done."""
    found = tuple(decisions)
    decided = {decision.change.address: decision for decision in found if not decision.change.deposed}
    deposed = [decision for decision in found if decision.change.deposed]
    if not deposed and not any(decision.goes or decision.comes for decision in decided.values()):
        return {}
    edges = applied_edges(applied)
    dependents = reversed_edges(edges)
    going = _going(decided, deposed, dependents)
    standing: dict[ComponentAddress, list[StepKey]] = {}
    for key, decision in going.items():
        for address in _stands_on(key, decision, edges):
            standing.setdefault(address, []).append(key)
    makes_room: dict[ComponentAddress, list[StepKey]] = {}
    for key in going:
        if key.phase is Phase.TEAR_DOWN:
            makes_room.setdefault(key.address, []).append(key)
    steps: dict[StepKey, Step] = {}
    removal_waits = _removal_waits(going, decided, dependents, standing)
    for key, decision in going.items():
        if key.phase is Phase.TEAR_DOWN:
            _add_removal(steps, key, decision, removal_waits[key])
    for address, decision in decided.items():
        if decision.desired is not None:
            waits = [StepKey(Phase.BUILD, other) for other in decision.desired.depends_on if other in decided]
            waits += makes_room.get(address, ())
            built = tuple(operation for operation in decision.comes if operation is not Operation.SUSPEND)
            _add(steps, Phase.BUILD, decision, built, waits)
    for key, decision in going.items():
        if key.phase is Phase.PRUNE:
            _add_removal(steps, key, decision, removal_waits[key])
    _add_suspends(steps, decided, standing)
    return steps


def _going(
    decided: Mapping[ComponentAddress, Decision],
    deposed: Iterable[Decision],
    dependents: Mapping[ComponentAddress, Iterable[ComponentAddress]],
) -> dict[StepKey, Decision]:
    """The steps that remove something, in the order of decisions."""
    removed = [address for address, decision in decided.items() if decision.goes and decision.desired is None]
    replaced = [address for address, decision in decided.items() if decision.goes and decision.desired is not None]
    early = {one.change.deposed: one for one in deposed if one.early}
    while True:
        undone = closure([*replaced, *(one.change.address for one in early.values())], dependents) & set(removed)
        torn_down = dict.fromkeys([*replaced, *(address for address in removed if address in undone)])
        more = {
            one.change.deposed: one
            for one in deposed
            if one.before is not None and not torn_down.keys().isdisjoint(one.before.depends_on)
        }
        if more.keys() <= early.keys():
            break
        early |= more
    going = {StepKey(Phase.TEAR_DOWN, address): decided[address] for address in torn_down}
    for one in deposed:
        phase = Phase.TEAR_DOWN if one.change.deposed in early else Phase.PRUNE
        going[StepKey(phase, one.change.address, one.change.deposed)] = one
    for address, decision in decided.items():
        if decision.beside and decision.before is not None:
            going[StepKey(Phase.PRUNE, address, decision.before.identity)] = decision
    going |= {StepKey(Phase.PRUNE, address): decided[address] for address in removed if address not in torn_down}
    return going


def _stands_on(
    key: StepKey, decision: Decision, edges: Mapping[ComponentAddress, tuple[ComponentAddress, ...]]
) -> tuple[ComponentAddress, ...]:
    if key.deposed:
        return decision.before.depends_on if decision.before else ()
    return edges.get(key.address, ())


def _removal_waits(
    going: Mapping[StepKey, Decision],
    decided: Mapping[ComponentAddress, Decision],
    dependents: Mapping[ComponentAddress, Iterable[ComponentAddress]],
    standing: Mapping[ComponentAddress, Iterable[StepKey]],
) -> Waits:
    """For what the steps that remove something wait."""
    among: Waits = {}
    for key in going:
        among[key] = [other for other in standing.get(key.address, ()) if other.phase <= key.phase and other != key]
    if any(key.deposed for key in going):
        among = _without_circles(among)
    waits: Waits = {}
    for key, others in among.items():
        waits[key] = list(others)
        if key.phase is Phase.PRUNE:
            built = [key.address] if key.deposed else []
            for other in dict.fromkeys([*built, *dependents.get(key.address, ())]):
                if other in decided and decided[other].desired is not None:
                    waits[key].append(StepKey(Phase.BUILD, other))
    return waits


def _without_circles(waits: Waits) -> Waits:
    """The same without circles, which come of not knowing on which of several under one address something stands.

    What is deposed changes no more. So what is recorded to stand on its address while it stands on that itself has come
    to do so later, and means what has taken its place.
    """
    if not in_dependency_order(waits)[1]:
        return waits
    found = {key: [one for one in others if one.deposed or not key.deposed] for key, others in waits.items()}
    order, cycles = in_dependency_order(found)
    if not cycles:
        return found
    position = {key: index for index, key in enumerate(order)}
    return {key: [one for one in others if position[one] < position[key]] for key, others in found.items()}


def _add_suspends(
    steps: dict[StepKey, Step],
    decided: Mapping[ComponentAddress, Decision],
    standing: Mapping[ComponentAddress, Iterable[StepKey]],
) -> None:
    suspended = dict.fromkeys(address for address, one in decided.items() if Operation.SUSPEND in one.comes)
    if not suspended:
        return
    desired_dependents = reversed_edges(
        {address: one.desired.depends_on for address, one in decided.items() if one.desired is not None}
    )
    for address in suspended:
        waits = [StepKey(Phase.BUILD, address)]
        for other in desired_dependents.get(address, ()):
            waits.append(StepKey(Phase.SUSPEND if other in suspended else Phase.BUILD, other))
        waits += standing.get(address, ())
        _add(steps, Phase.SUSPEND, decided[address], (Operation.SUSPEND,), waits)


def _add(
    steps: dict[StepKey, Step],
    phase: Phase,
    decision: Decision,
    operations: tuple[Operation, ...],
    after: Iterable[StepKey],
) -> None:
    # What was torn down is gone by the time it is built anew, and what is made beside the applied one is another.
    anew = bool(decision.goes) or decision.beside
    identity = decision.identity or (decision.before.identity if decision.before and not anew else None)
    before = None if anew else decision.before
    step = Step(
        phase,
        decision.change.address,
        operations,
        before,
        decision.desired,
        tuple(after),
        identity,
        beside=decision.beside,
    )
    steps[step.key] = step


def _add_removal(steps: dict[StepKey, Step], key: StepKey, decision: Decision, after: Iterable[StepKey]) -> None:
    before = decision.before
    identity = before.identity if before else None
    operations = (Operation.DEPROVISION,) if key.deposed else decision.goes
    steps[key] = Step(key.phase, key.address, operations, before, None, tuple(after), identity, deposed=key.deposed)


def applied_edges(applied: AppliedState) -> dict[ComponentAddress, tuple[ComponentAddress, ...]]:
    """What each component stands on, and may stand on since an operation is in flight; of what is deposed nothing."""
    edges = {address: component.depends_on for address, component in applied.components.items()}
    for address, pending in applied.pending.items():
        edges[address] = tuple(dict.fromkeys((*edges.get(address, ()), *pending.component.depends_on)))
    return edges


def standing_edges(applied: AppliedState) -> dict[ComponentAddress, tuple[ComponentAddress, ...]]:
    """What each component stands on, what is deposed under its address included."""
    edges = applied_edges(applied)
    for removal in applied.deposed.values():
        one = removal.component
        edges[one.address] = tuple(dict.fromkeys((*edges.get(one.address, ()), *one.depends_on)))
    return edges
