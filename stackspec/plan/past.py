"""What was applied once, as something to come back to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.core.expression import HIDDEN, Deferred, Sealed
from stackspec.core.layout import in_environment
from stackspec.core.values import Value
from stackspec.plan.selection import Reach, Selection
from stackspec.plan.situation import SpecOf
from stackspec.stack.graph import in_dependency_order
from stackspec.stack.model import DesiredComponent, DesiredState, Environment
from stackspec.state.model import AppliedComponent, AppliedState


def desired_then(applied: AppliedState, now: AppliedState, environment: Environment, spec_of: SpecOf) -> DesiredState:
    """The desired state that brings back what a state held: outputs that were read are the values of then.

    Secrets are read anew, as they may be others by now; but where the state is the one as it is, nothing changes.

    Args:
        now: The state as it is. What has another address in it since then moves back, and the lifecycle stays: what
            protects a component is not undone with the rest.

    Raises:
        StackspecError: a component's flavor is not installed, or a component is elsewhere now and cannot come back.
    """
    specs = {one.address: spec_of(one.address.type, one.flavor) for one in applied.components.values()}
    hint = "install what provides the flavor, then try again"
    gone = [one for one in applied.components.values() if specs[one.address] is None]
    if gone:
        message = "{} was of flavor '{}', which is not installed: it cannot be brought back"
        raise StackspecError([Diagnostic("SS0504", message.format(one.address, one.flavor), hint=hint) for one in gone])
    same = {one.identity: one for one in now.components.values()}
    if blocked := list(_blocked(applied, now, same)):
        raise StackspecError(blocked)
    # What a component stood on may have been gone by then.
    edges = {
        one.address: {other: None for other in one.depends_on if other in applied.components}
        for one in applied.components.values()
    }
    order, _ = in_dependency_order(edges)
    components = {}
    for address in order:
        then = applied.components[address]
        wanted = _desired(then, edges[address], same.get(then.identity) or now.components.get(address))
        components[address] = wanted if applied is now else _anew(wanted)
    return DesiredState(environment, components, {})


def with_run_state(
    desired: DesiredState, applied: AppliedState, selection: Selection, *, suspended: bool
) -> DesiredState:
    """A desired state in which what is selected runs, or does not.

    To run, a component needs what it stands on; to be suspended, it must be no other stack's as well.

    Raises:
        StackspecError: the selection names what does not exist.
    """
    problems: list[Diagnostic] = []
    chosen = Reach(selection, desired, applied).selected(problems)
    if problems:
        raise StackspecError(problems)
    if suspended:
        stacks = set(selection.stacks)
        own = {address for address, one in desired.components.items() if stacks.issuperset(one.stacks)}
        chosen = (own if stacks else set()) | set(selection.targets)
    components = {
        address: replace(one, suspended=suspended) if address in chosen else one
        for address, one in desired.components.items()
    }
    return replace(desired, components=components)


def _blocked(then: AppliedState, now: AppliedState, same: Mapping[str, AppliedComponent]) -> Iterator[Diagnostic]:
    """What is wrong with components whose address is another's now: to bring that one back would delete them."""
    for one in then.components.values():
        present = same.get(one.identity)
        if present is not None and present.address != one.address and now.known(one.address) is not None:
            message = f"{one.address} of then is {present.address} now, and {one.address} is another one"
            move = in_environment(f"stackspec state mv {one.address} {one.address.type}/NAME", now.environment)
            hint = f"give that one another address first: {move}"
            yield Diagnostic("SS0508", message, hint=hint)


def _desired(
    component: AppliedComponent, depends_on: Mapping[ComponentAddress, None], now: AppliedComponent | None
) -> DesiredComponent:
    return DesiredComponent(
        component.address,
        component.flavor,
        component.config,
        component.digest,
        tuple(depends_on),
        component.stacks,
        None,
        suspended=component.suspended,
        lifecycle=now.lifecycle if now else component.lifecycle,
        timeouts=component.timeouts,
        variables=component.variables,
        labels=component.labels,
        moved=() if now is None or now.address == component.address else (now.address,),
    )


def _anew(component: DesiredComponent) -> DesiredComponent:
    return replace(component, config=_waiting(component.config), variables=_waiting(component.variables))


def _waiting(value: Value) -> Value:
    """The value with its secrets to be read anew: they may be others by now."""
    if isinstance(value, Sealed):
        return Deferred(value.expression, HIDDEN)
    if isinstance(value, Mapping):
        return {key: _waiting(item) for key, item in value.items()}
    return [_waiting(item) for item in value] if isinstance(value, list) else value
