"""What was applied once, as something to come back to."""

from __future__ import annotations

from collections.abc import Mapping

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, StackspecError
from stackspec.plan.situation import SpecOf
from stackspec.stack.graph import in_dependency_order
from stackspec.stack.model import DesiredComponent, DesiredState, Environment
from stackspec.state.model import AppliedComponent, AppliedState


def desired_then(applied: AppliedState, now: AppliedState, environment: Environment, spec_of: SpecOf) -> DesiredState:
    """The desired state that brings back what a state held: outputs that were read are the values of then.

    Args:
        now: The state as it is: what has another address in it since then moves back.

    Raises:
        StackspecError: a component's flavor is not installed.
    """
    specs = {one.address: spec_of(one.address.type, one.flavor) for one in applied.components.values()}
    hint = "install what provides the flavor, then try again"
    gone = [one for one in applied.components.values() if specs[one.address] is None]
    if gone:
        message = "{} was of flavor '{}', which is not installed: it cannot be brought back"
        raise StackspecError([Diagnostic("SS0504", message.format(one.address, one.flavor), hint=hint) for one in gone])
    # What a component stood on may have been gone by then.
    edges = {
        one.address: {other: None for other in one.depends_on if other in applied.components}
        for one in applied.components.values()
    }
    order, _ = in_dependency_order(edges)
    places = {one.identity: one.address for one in now.components.values()}
    components = {
        address: _desired(applied.components[address], edges[address], places.get(applied.components[address].identity))
        for address in order
    }
    return DesiredState(environment, components, {})


def _desired(
    component: AppliedComponent, depends_on: Mapping[ComponentAddress, None], now: ComponentAddress | None
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
        lifecycle=component.lifecycle,
        timeouts=component.timeouts,
        variables=component.variables,
        labels=component.labels,
        moved=() if now in (None, component.address) else (now,),
    )
