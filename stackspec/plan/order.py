"""The order of a plan's steps.

Tear down first: replaced components, and removed ones that stand on them, dependents before what they depend on. Then
build in the desired order. Then prune the other removed ones, dependents first, and only once what stays has moved
off them. Phases follow each other; within and across them a step waits for those whose success it needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stackspec.core.address import ComponentAddress
from stackspec.plan.model import Decision, Phase, Step, StepKey
from stackspec.stack.graph import closure, reversed_edges
from stackspec.state.model import AppliedState


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
        _add(steps, decided[address], Phase.TEAR_DOWN, after)
    for address, decision in decided.items():
        if decision.desired is not None:
            waits: list[StepKey] = [(Phase.BUILD, other) for other in decision.desired.depends_on if other in decided]
            if address in torn_down:
                waits.append((Phase.TEAR_DOWN, address))
            _add(steps, decision, Phase.BUILD, waits)
    for address in removed:
        if address not in torn_down:
            waits = []
            for other in dependents.get(address, ()):
                if other in torn_down:
                    waits.append((Phase.TEAR_DOWN, other))
                if other in decided:
                    waits.append((Phase.PRUNE if decided[other].desired is None else Phase.BUILD, other))
            _add(
                steps,
                decided[address],
                Phase.PRUNE,
                [key for key in waits if key[0] is not Phase.PRUNE or key[1] not in torn_down],
            )
    return steps


def _add(steps: dict[StepKey, Step], decision: Decision, phase: Phase, after: list[StepKey]) -> None:
    building = phase is Phase.BUILD
    steps[phase, decision.change.address] = Step(
        phase,
        decision.change.address,
        decision.comes if building else decision.goes,
        # What was torn down is gone by the time it is built anew.
        None if building and decision.goes else decision.before,
        decision.desired if building else None,
        tuple(after),
        None
        if building and decision.goes
        else decision.identity or (decision.before.identity if decision.before else None),
    )


def applied_edges(applied: AppliedState) -> dict[ComponentAddress, tuple[ComponentAddress, ...]]:
    """What each component stands on, and may stand on since an operation is in flight."""
    edges = {address: component.depends_on for address, component in applied.components.items()}
    for address, pending in applied.pending.items():
        edges[address] = tuple(dict.fromkeys((*edges.get(address, ()), *pending.component.depends_on)))
    return edges
