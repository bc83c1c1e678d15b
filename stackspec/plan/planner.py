"""Desired × applied → plan: one decision for each component, then the order of the steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from posixpath import normpath

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.core.values import ValueMap
from stackspec.flavors.contract import FlavorSpec
from stackspec.plan.decide import Decider, Kept
from stackspec.plan.model import Decision, Plan
from stackspec.plan.order import applied_edges, order_steps
from stackspec.plan.removals import Removals
from stackspec.plan.selection import Reach
from stackspec.plan.situation import Situation


def make_plan(situation: Situation) -> Plan:
    """Decide what happens to every component and in what order.

    Raises:
        StackspecError: the selection names what does not exist, or a lifecycle rule forbids what would happen.
    """
    desired, applied = situation.desired, situation.applied
    reach, kept, wrong = Reach(situation.selection, desired, applied), Kept(), list[Diagnostic]()
    selected = reach.selected(wrong)
    while True:
        problems = list(wrong)
        decider = Decider(situation, kept, problems)
        removals = Removals(situation, decider.clash, problems)
        decisions = _decisions(situation, selected, decider, removals)
        more = (reach.stands_on_replaced(decisions) | reach.stands_on_deposed(decisions, selected)) - selected
        if not _note_kept(situation, decisions, kept) and not more:
            break
        selected |= more
    problems += _made_where_others_go(situation, decisions)
    found = [*decisions.values(), *removals.departures(decisions, selected)]
    if problems:
        raise StackspecError(list(dict.fromkeys(problems)))
    changes = tuple(decision.change for decision in found)
    steps = order_steps(found, applied)
    protected = desired.environment.settings.protected or applied.protected
    return Plan(desired.environment, applied.lineage, applied.serial, changes, steps, decider.real, protected=protected)


def _decisions(
    situation: Situation, selected: set[ComponentAddress], decider: Decider, removals: Removals
) -> dict[ComponentAddress, Decision]:
    wanted = {} if situation.selection.destroy else situation.desired.components
    decisions: dict[ComponentAddress, Decision] = {}
    for address, component in wanted.items():
        decision = decider.decide(component, selected=address in selected)
        if decision is not None:
            decisions[address] = decision
    # Sorted: which of several was applied first is an accident of their hooks.
    for address in sorted(selected - wanted.keys()):
        if address not in decisions and (
            address in situation.applied.components or address in situation.applied.pending
        ):
            decisions[address] = removals.remove(address)
    return decisions


def _made_where_others_go(situation: Situation, decisions: Mapping[ComponentAddress, Decision]) -> Iterator[Diagnostic]:
    """What is wrong with components that would be made where one is that goes only afterwards: most were renamed."""
    going: dict[str, ComponentAddress] = {}
    for address, decision in decisions.items():
        if decision.desired is None and decision.before is not None:
            going |= dict.fromkeys(_places(situation.spec(decision.before), decision.before.config).values(), address)
    for address, decision in decisions.items() if going else ():
        if decision.desired is None:
            continue
        before = decision.before
        was = _places(situation.spec(before), before.config) if before is not None else {}
        for field, place in _places(situation.spec(decision.desired), decision.desired.config).items():
            other = going.get(place)
            if other is not None and other.type == address.type and was.get(field) != place:
                message = f"{address} would be made where {other} is, which goes only after that"
                hint = f"if it is the same one under another name, add 'moved: [{other}]'; else remove that one first"
                yield Diagnostic("SS0507", message, decision.desired.place(("config", field)), hint)


def _places(spec: FlavorSpec | None, config: ValueMap) -> dict[str, str]:
    """The fields of a config that name files and folders, to these without detours."""
    given = {name: config.get(name) for name in spec.paths} if spec else {}
    return {name: normpath(value) for name, value in given.items() if isinstance(value, str) and value}


def _note_kept(situation: Situation, decisions: Mapping[ComponentAddress, Decision], kept: Kept) -> bool:
    """Find what is torn down though something stands on it that must not go before a new one is there.

    Its own old one has to stay too then, as far as it can. Whether more was found, so that all is to be decided
    anew.
    """
    found = False
    edges = applied_edges(situation.applied)
    for address, decision in decisions.items():
        below = list(edges.get(address, ())) if decision.beside else []
        for under in below:  # grows while it is walked
            one = decisions.get(under)
            if one is None or not one.goes:
                continue
            if one.desired is None:
                below += [other for other in edges.get(under, ()) if other not in below]
            elif under not in kept.for_others and decision.desired is not None:
                kept.for_others[under] = decision.desired
                found = True
            elif address not in kept.in_pieces:
                kept.in_pieces.add(address)
                found = True
    return found
