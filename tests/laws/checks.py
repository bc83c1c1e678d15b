"""The laws of convergence as checks that raise."""

from __future__ import annotations

from collections.abc import Mapping

from stackspec.apply.executor import ApplyResult
from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import StackspecError
from stackspec.plan.selection import EVERYTHING, Selection
from tests.laws.blueprint import Blueprint, address
from tests.laws.fake_flavors import outputs_of
from tests.laws.lab import DESTROY, Lab
from tests.laws.world import LawBrokenError, Thing


def check_converges(lab: Lab, project: Blueprint, seed: int = 0) -> None:
    """One apply with nothing in the way makes the world as the project says, and leaves nothing to do."""
    project = allowed(lab, project)
    check_ended_well(lab.apply(project, seed=seed))
    check_as_desired(lab, project)


def allowed(lab: Lab, project: Blueprint, selection: Selection = EVERYTHING) -> Blueprint:
    """The project, or where two of one component would have to be there at once that cannot, with one at a time."""
    try:
        lab.plan(project, selection)
    except StackspecError as refusal:
        law_of_refusal(lab, project, refusal)
        return project.at_their_time() if {one.code for one in refusal.diagnostics} == {"SS0505"} else project
    return project


def law_of_refusal(lab: Lab, project: Blueprint, refusal: StackspecError) -> None:
    """A plan is refused for what cannot be there twice only where there is, or was, such a thing."""
    applied = lab.store.read().components.values()
    alone = {part.flavor for part in project.parts.values()} | {one.flavor for one in applied}
    for one in refusal.diagnostics:
        if one.code == "SS0505":
            hurried = [part for part in project.parts.values() if part.ahead]
            alike = "the same config.shape" in one.message  # replaced for another field, and this one has stayed
            law(bool(hurried) and (alike or alone != {"pliant"}), f"refused without a reason: {one.message}")


def check_ended_well(result: ApplyResult) -> None:
    """Nothing failed and nothing was left out."""
    law(not result.failed, f"hooks failed: {[one.message for one in result.failed]}")
    law(not result.skipped, f"components were left alone: {result.skipped}")


def check_as_desired(lab: Lab, project: Blueprint) -> None:
    """World and state are as the project says: nothing orphaned, nothing missing, nothing pending, nothing planned."""
    users = project.users()
    owned = {identity: one for identity, one in lab.world.things.items() if identity not in lab.store.forgotten}
    by_address = {thing.address: (identity, thing) for identity, thing in owned.items()}
    law(len(by_address) == len(owned), f"one component is there twice: {sorted(one.address for one in owned.values())}")
    wanted = {address(name) for name in users}
    law(not by_address.keys() - wanted, f"orphaned: {sorted(by_address.keys() - wanted)}")
    law(not wanted - by_address.keys(), f"missing: {sorted(wanted - by_address.keys())}")
    for name, stacks in users.items():
        _check_thing(lab, project, name, stacks <= project.suspended, by_address)
    state = lab.store.read()
    law(not state.deposed, f"still deposed: {list(state.deposed)}")
    law(not state.pending, f"still pending: {[str(one) for one in state.pending]}")
    recorded = {str(one.address): one.identity for one in state.components.values()}
    law(recorded == {one: identity for one, (identity, _) in by_address.items()}, "state names other identities")
    again = lab.plan(project)
    law(not again.has_changes, f"planned again: {[change for change in again.changes if change.action != 'no-op']}")
    law(not again.has_steps, f"recorded again: {[step.address for step in again.steps.values() if step.operations]}")


def check_every_crash(
    start: Lab, project: Blueprint, meanwhile: Blueprint, seed: int = 0, selection: Selection = EVERYTHING
) -> None:
    """Wherever an apply of the project is killed, the next one converges on what the manifests then say."""
    project = allowed(start, project, selection)
    whole = start.copy()
    check_ended_well(whole.apply(project, selection=selection, seed=seed))
    if not selection.destroy:
        check_as_desired(whole, project)
    for point in range(1, len(whole.world.points.reached) + 1):
        lab = start.copy()
        law(lab.run(lab.plan(project, selection), kill_at=point, seed=seed) is None, "it was not killed")
        check_converges(lab, meanwhile, seed)
        check_destroyed(lab, meanwhile, seed)


def check_destroyed(lab: Lab, project: Blueprint, seed: int = 0) -> None:
    """A destroy leaves nothing but what was to be retained."""
    check_ended_well(lab.apply(project, selection=DESTROY, seed=seed))
    left = [thing.address for identity, thing in lab.world.things.items() if identity not in lab.store.forgotten]
    law(not left, f"orphaned by destroy: {left}")
    law(lab.store.read().is_empty, "the state is not empty after destroy")
    law(not lab.plan(project, DESTROY).has_steps, "destroy is planned again")


def _check_thing(
    lab: Lab, project: Blueprint, name: str, suspended: bool, things: dict[str, tuple[str, Thing]]
) -> None:
    part = project.parts[name]
    _, thing = things[address(name)]
    law(thing.complete, f"{name} is half made")
    running = part.flavor == "rigid" or not suspended
    base = things[address(part.base)][0] if part.base else None
    reads = tuple(_outputs(lab, *things[address(other)])[output] for other, output in part.reads)
    real = (thing.flavor, thing.size, thing.shape, thing.running, thing.base, thing.reads)
    wanted = (part.flavor, part.size, part.shape, running, base, reads)
    law(real == wanted, f"{name} is {real}, not {wanted}")


def _outputs(lab: Lab, identity: str, thing: Thing) -> Mapping[str, str]:
    """What others read: of something suspended, which tells nothing new until it is resumed, what is recorded."""
    return (
        outputs_of(identity, thing)
        if thing.running
        else lab.store.state.components[ComponentAddress.parse(thing.address)].outputs
    )


def law(holds: bool, otherwise: str) -> None:
    """Raise unless it holds."""
    if not holds:
        raise LawBrokenError(otherwise)
