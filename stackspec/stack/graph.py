"""Order among components."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)

MOST_CYCLES = 20
"""How many cycles are told apart before the rest is left for the next run, and the order with it."""


def in_dependency_order(edges: Mapping[Node, Iterable[Node]]) -> tuple[list[Node], list[list[Node]]]:
    """Every node after those it depends on, and the cycles that stood against it.

    Args:
        edges: Node to the nodes it depends on.

    Returns:
        The order, with one edge of each cycle left out, and each cycle as the nodes in which each depends on the next
        and the last is the first again.
    """
    remaining = {node: list(targets) for node, targets in edges.items()}
    cycles: list[list[Node]] = []
    while True:
        try:
            return list(TopologicalSorter(remaining).static_order()), cycles
        except CycleError as error:
            cycle: list[Node] = error.args[1][::-1]
            cycles.append(cycle)
            if len(cycles) == MOST_CYCLES:
                return list(remaining), cycles
            remaining[cycle[0]] = [node for node in remaining[cycle[0]] if node != cycle[1]]


def closure(starts: Iterable[Node], edges: Mapping[Node, Iterable[Node]]) -> set[Node]:
    """The starts and everything that can be reached from them."""
    reached: set[Node] = set()
    pending = list(starts)
    while pending:
        node = pending.pop()
        if node not in reached:
            reached.add(node)
            pending.extend(edges.get(node, ()))
    return reached


def reversed_edges(edges: Mapping[Node, Iterable[Node]]) -> dict[Node, list[Node]]:
    """Node to the nodes that depend on it."""
    backwards: dict[Node, list[Node]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            backwards.setdefault(target, []).append(node)
    return backwards
