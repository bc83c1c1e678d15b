"""What differs between two desired states, and what stands on that."""

from __future__ import annotations

from stackspec.core.address import ComponentAddress
from stackspec.stack.graph import closure, reversed_edges
from stackspec.stack.meaning import component_meaning
from stackspec.stack.model import DesiredState


def differing(before: DesiredState, now: DesiredState) -> set[ComponentAddress]:
    """The components of which something else is wanted, or that only one of the states has."""
    return {
        address
        for address in before.components.keys() | now.components.keys()
        if address not in before.components
        or address not in now.components
        or component_meaning(before.components[address]) != component_meaning(now.components[address])
    }


def with_dependents(changed: set[ComponentAddress], *states: DesiredState) -> set[ComponentAddress]:
    """Components, and all that stands on them in one of the states."""
    found = set(changed)
    for state in states:
        edges = {address: one.depends_on for address, one in state.components.items()}
        found |= closure(changed, reversed_edges(edges))
    return found
