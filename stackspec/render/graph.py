"""Stacks, components and what stands on what, as Mermaid, DOT and JSON; coloured by what a plan does."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stackspec.core.address import ComponentAddress
from stackspec.core.diagnostic import Diagnostic, Span
from stackspec.core.frozen import dataclass
from stackspec.plan.model import Action, Change, Plan
from stackspec.render import FORMAT_VERSION
from stackspec.render.diagnostics import diagnostics_json
from stackspec.render.text import safe, safe_in_xml
from stackspec.stack.graph import closure
from stackspec.stack.model import DesiredState
from stackspec.state.model import AppliedState

MOST_OF_MERMAID = (500, 50_000)
"""Edges and characters after which Mermaid, as forges run it, draws nothing."""

_COLOURS: Mapping[Action, tuple[str, str]] = {
    Action.CREATE: ("#dafbe1", "#1a7f37"),
    Action.UPDATE: ("#fff8c5", "#9a6700"),
    Action.REPLACE: ("#fbefff", "#8250df"),
    Action.DELETE: ("#ffebe9", "#cf222e"),
    Action.SUSPEND: ("#ddf4ff", "#0969da"),
    Action.RESUME: ("#ddf4ff", "#0969da"),
    Action.ADOPT: ("#dafbe1", "#1a7f37"),
    Action.FORGET: ("#ffebe9", "#cf222e"),
    Action.RECOVER: ("#fbefff", "#8250df"),
}
"""Action to the colours of what it is done to: inside and at the edge."""
_PLAIN = ("#f6f8fa", "#59636e")


@dataclass(frozen=True, slots=True)
class Node:
    """A stack, which has no flavor, or a component.

    Attributes:
        address: `stack/NAME` or `type/name`.
        action: What a plan does to it; None of a stack, and where there is no plan.
    """

    address: str
    flavor: str | None
    stacks: tuple[str, ...]
    source: Span | None
    action: Action | None = None

    @property
    def detail(self) -> str:
        """Its flavor, and what is done to it; not before the address, for Mermaid takes a `- ` for a list."""
        changes = self.action is not None and self.action is not Action.NO_OP
        return f"{self.flavor}, {self.action}" if changes else self.flavor or ""


@dataclass(frozen=True, slots=True)
class Edge:
    """From what needs something to that: a stack has a component, or a component stands on another."""

    start: str
    end: str
    kind: str


@dataclass(frozen=True, slots=True)
class Graph:
    """All of one environment, or of one stack; the edges' ends are among the nodes."""

    environment: str
    planned: bool
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def of_stacks(self, names: Iterable[str]) -> Graph:
        """Only some stacks, with what they have and what that stands on, and what goes from them."""
        wanted = set(names)
        after: dict[str, list[str]] = {}
        for edge in self.edges:
            after.setdefault(edge.start, []).append(edge.end)
        roots = [one.address for one in self.nodes if one.flavor is not None and wanted & set(one.stacks)]
        kept = closure([*(f"stack/{name}" for name in wanted), *roots], after)
        nodes = tuple(one for one in self.nodes if one.address in kept)
        edges = tuple(one for one in self.edges if one.start in kept and one.end in kept)
        return Graph(self.environment, self.planned, nodes, edges)


def graph_of(desired: DesiredState, plan: Plan | None = None, applied: AppliedState | None = None) -> Graph:
    """The graph of what is wanted, and of what goes where there is a plan."""
    changes = {one.address: one for one in plan.changes if not one.deposed} if plan else {}
    depends: dict[ComponentAddress, tuple[ComponentAddress, ...]] = {}
    nodes = [Node(f"stack/{name}", None, (name,), one.place()) for name, one in desired.stacks.items()]
    for address, one in desired.components.items():
        nodes.append(_node(address, one.flavor, one.stacks, one.place(), changes.get(address)))
        depends[address] = one.depends_on
    for address, change in changes.items():
        if address not in desired.components:
            nodes.append(_node(address, change.flavor, change.stacks, change.source, change))
            known = applied.known(address) if applied else None
            depends[address] = known.depends_on if known else ()
    there = {one.address for one in nodes}
    edges = [
        Edge(f"stack/{name}", str(address), "has")
        for name, stack in desired.stacks.items()
        for addresses in stack.components.values()
        for address in addresses
    ]
    edges += [Edge(str(address), str(one), "depends_on") for address, ends in depends.items() for one in ends]
    ends = tuple(one for one in edges if one.start in there and one.end in there)
    return Graph(desired.environment.name, plan is not None, tuple(nodes), ends)


def _node(
    address: ComponentAddress, flavor: str, stacks: tuple[str, ...], source: Span | None, change: Change | None
) -> Node:
    return Node(str(address), flavor, stacks, source, change.action if change else None)


def _used(graph: Graph) -> list[Action]:
    return [action for action in _COLOURS if any(one.action is action for one in graph.nodes)]


# --- Mermaid


def mermaid(graph: Graph) -> str:
    """A flowchart of Mermaid, as GitHub and GitLab draw one in a fenced block (https://mermaid.js.org)."""
    ids = {node.address: f"n{index}" for index, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        name = ids[node.address]
        if node.flavor is None:
            lines.append(f'  {name}(["{_mermaid(node.address)}"])')
        else:
            style = f":::{node.action.value}" if node.action and node.action in _COLOURS else ""
            lines.append(f'  {name}["{_mermaid(node.address)}<br/>{_mermaid(node.detail)}"]{style}')
    for edge in graph.edges:
        lines.append(f"  {ids[edge.start]} {'-.->' if edge.kind == 'has' else '-->'} {ids[edge.end]}")
    for action in _used(graph):
        inside, edge_colour = _COLOURS[action]
        lines.append(f"  classDef {action.value} fill:{inside},stroke:{edge_colour},color:#1f2328")
    return "\n".join(lines) + "\n"


_NOT_PLAIN = re.compile("[^A-Za-z0-9 /_-]")


def _mermaid(text: str) -> str:
    """A text within quotes; whatever could be syntax, Markdown or HTML there is an entity."""
    return _NOT_PLAIN.sub(lambda match: f"#{ord(match.group())};", safe(text))


def is_too_large_for_mermaid(graph: Graph, text: str) -> bool:
    """Whether a forge would refuse to draw it."""
    edges, characters = MOST_OF_MERMAID
    return len(graph.edges) > edges or len(text) > characters


# --- DOT


def dot(graph: Graph) -> str:
    """A graph in the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""
    return "\n".join(_dot_lines(graph)) + "\n"


def _dot_lines(graph: Graph) -> Iterator[str]:
    yield f"digraph {_quoted('stackspec ' + graph.environment)} {{"
    yield "  rankdir=LR;"
    yield '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11];'
    ids = {node.address: f"n{index}" for index, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        inside, edge_colour = _COLOURS.get(node.action, _PLAIN) if node.action else _PLAIN
        label = _escaped(node.address)
        if node.flavor is None:
            yield f'  {ids[node.address]} [label="{label}", shape=ellipse, fillcolor="#ffffff", color="{edge_colour}"];'
        else:
            label += "\\n" + _escaped(node.detail)
            yield f'  {ids[node.address]} [label="{label}", fillcolor="{inside}", color="{edge_colour}"];'
    for edge in graph.edges:
        style = " [style=dashed]" if edge.kind == "has" else ""
        yield f"  {ids[edge.start]} -> {ids[edge.end]}{style};"
    yield "}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return safe_in_xml(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


# --- JSON


def graph_json(graph: Graph, diagnostics: Iterable[Diagnostic]) -> dict[str, Any]:
    """The graph as a document, with what was found beside it."""
    return {
        "format_version": FORMAT_VERSION,
        "environment": graph.environment,
        "planned": graph.planned,
        "nodes": [
            {
                "address": node.address,
                "kind": "stack" if node.flavor is None else "component",
                "flavor": node.flavor,
                "stacks": list(node.stacks),
                "action": node.action.value if node.action else None,
                "source": node.source.to_json() if node.source else None,
            }
            for node in graph.nodes
        ],
        "edges": [{"from": edge.start, "to": edge.end, "kind": edge.kind} for edge in graph.edges],
        "diagnostics": diagnostics_json(diagnostics),
    }
