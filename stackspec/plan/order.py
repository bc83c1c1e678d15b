"""The order of a plan's steps.

Tear down first: replaced components, and removed ones that stand on them, dependents before what they depend on. Then
build in the desired order. Then prune the other removed ones, dependents first, and only once what stays has moved
off them. Last suspend, dependents first: a hook that builds or removes a component may need what it stands on to run.
Phases follow each other; within and across them a step waits for those whose success it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackspec.core.address import ComponentAddress
from stackspec.plan.model import Decision, Phase, Step, StepKey
from stackspec.stack.graph import closure, reversed_edges
from stackspec.state.model import AppliedState, Operation


def order_steps(decisions: Iterable[Decision], applied: AppliedState) -> Mapping[StepKey, Step]:
    """Every step of a plan, each after those it waits for; none where nothing is to be done."""
    decided = {decision.change.address: decision for decision in decisions}
    if not any(decision.goes or decision.comes for decision in decided.values()):
        return {}
    removed = [address for address, decision in decided.items() if decision.goes and decision.desired is None]
    replaced = [address for address, decision in decided.items() if decision.goes and decision.desired is not None]
    edges = applied_edges(applied)
    dependents = reversed_edges(edges)
    undone = closure(replaced, dependents) & set(removed)
    torn_down = dict.fromkeys([*replaced, *(address for address in removed if address in undone)])
    steps: dict[StepKey, Step] = {}
    for address in torn_down:
        after = [(Phase.TEAR_DOWN, other) for other in dependents.get(address, ()) if other in torn_down]
        _add(steps, Phase.TEAR_DOWN, decided[address], decided[address].goes, after)
    for address, decision in decided.items():
        if decision.desired is not None:
            waits: list[StepKey] = [(Phase.BUILD, other) for other in decision.desired.depends_on if other in decided]
            if address in torn_down:
                waits.append((Phase.TEAR_DOWN, address))
            built = tuple(operation for operation in decision.comes if operation is not Operation.SUSPEND)
            _add(steps, Phase.BUILD, decision, built, waits)
    for address in removed:
        if address not in torn_down:
            waits = []
            for other in dependents.get(address, ()):
                if other in torn_down:
                    waits.append((Phase.TEAR_DOWN, other))
                if other in decided and decided[other].desired is not None:
                    waits.append((Phase.BUILD, other))
                elif other in decided and other not in torn_down:
                    waits.append((Phase.PRUNE, other))
            _add(steps, Phase.PRUNE, decided[address], decided[address].goes, waits)
    _add_suspends(steps, decided, dependents)
    return steps


def _add_suspends(
    steps: dict[StepKey, Step],
    decided: Mapping[ComponentAddress, Decision],
    dependents: Mapping[ComponentAddress, Iterable[ComponentAddress]],
) -> None:
    suspended = dict.fromkeys(address for address, one in decided.items() if Operation.SUSPEND in one.comes)
    if not suspended:
        return
    standing = {address: one.desired.depends_on for address, one in decided.items() if one.desired is not None}
    desired_dependents = reversed_edges(standing)
    for address in suspended:
        waits: list[StepKey] = [(Phase.BUILD, address)]
        for other in desired_dependents.get(address, ()):
            waits.append((Phase.SUSPEND if other in suspended else Phase.BUILD, other))
        for other in dependents.get(address, ()):
            waits += [key for key in ((Phase.TEAR_DOWN, other), (Phase.PRUNE, other)) if key in steps]
        _add(steps, Phase.SUSPEND, decided[address], (Operation.SUSPEND,), waits)


def _add(
    steps: dict[StepKey, Step],
    phase: Phase,
    decision: Decision,
    operations: tuple[Operation, ...],
    after: Iterable[StepKey],
) -> None:
    goes = phase in (Phase.TEAR_DOWN, Phase.PRUNE)
    # What was torn down is gone by the time it is built anew.
    anew = bool(decision.goes) and not goes
    steps[phase, decision.change.address] = Step(
        phase,
        decision.change.address,
        operations,
        None if anew else decision.before,
        None if goes else decision.desired,
        tuple(after),
        decision.identity or (decision.before.identity if decision.before and not anew else None),
    )


def applied_edges(applied: AppliedState) -> dict[ComponentAddress, tuple[ComponentAddress, ...]]:
    """What each component stands on, and may stand on since an operation is in flight."""
    edges = {address: component.depends_on for address, component in applied.components.items()}
    for address, pending in applied.pending.items():
        edges[address] = tuple(dict.fromkeys((*edges.get(address, ()), *pending.component.depends_on)))
    return edges
