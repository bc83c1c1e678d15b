"""No name breaks out of a graph."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET

import mermaidx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stackspec.plan.model import Action
from stackspec.render.graph import Edge, Graph, Node, dot, mermaid
from stackspec.render.text import safe
from tests.render.reports import texts
from tests.servers import program

hostile = settings(max_examples=100, suppress_health_check=list(HealthCheck))
actions = st.one_of(st.none(), st.sampled_from(Action))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    flavors = st.one_of(st.none(), texts)
    nodes = [
        Node(address, draw(flavors), (), None, draw(actions))
        for address in draw(st.lists(texts, min_size=1, max_size=5, unique=True))
    ]
    ends = st.sampled_from([one.address for one in nodes])
    edges = draw(st.lists(st.builds(Edge, ends, ends, st.sampled_from(["has", "depends_on"])), max_size=4))
    return Graph(draw(texts), True, tuple(nodes), tuple(edges))


_LABEL = r'"(?:[A-Za-z0-9 /_-]|#[0-9]+;|<br/>)*"'
_MERMAID = re.compile(
    rf"flowchart LR|  n[0-9]+(?:\(\[{_LABEL}\]\)|\[{_LABEL}\](?::::[a-z-]+)?)|  n[0-9]+ (?:-\.->|-->) n[0-9]+"
    r"|  classDef [a-z-]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#1f2328"
)


@hostile
@given(graphs())
def test_a_text_of_mermaid_holds_no_syntax(graph: Graph) -> None:
    text = mermaid(graph)
    lines = text.splitlines()
    assert len(lines) == text.count("\n")
    assert all(_MERMAID.fullmatch(line) for line in lines)
    assert len([line for line in lines if re.match(r"  n[0-9]+[(\[]", line)]) == len(graph.nodes)


@pytest.mark.parametrize("name", ["- a", '`a` "] </b> a;b#35; %% ~~~', "1. end é ☃ שלום"])
def test_mermaid_itself_draws_a_name_as_it_is(name: str) -> None:
    nodes = (Node(name, None, (), None), Node(f"t/{name}", name, (), None, Action.REPLACE))
    drawn = mermaidx.render(mermaid(Graph(name, True, nodes, (Edge(name, f"t/{name}", "has"),))))
    texts_ = "".join(ET.fromstring(drawn.svg()).itertext())
    assert "".join(name.split()) in "".join(texts_.split())


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_graphviz_reads_what_was_written(graph: Graph) -> None:
    program("dot", "apt-get install graphviz")
    written = dot(graph).encode()
    done = subprocess.run(["dot", "-Tsvg"], input=written, capture_output=True, check=True, timeout=60)
    root = ET.fromstring(done.stdout)
    drawn = root.findall(".//{http://www.w3.org/2000/svg}g[@class='node']")
    assert len(drawn) == len(graph.nodes)
    shown = {"".join(text.itertext()).replace("\xa0", " ").strip() for one in drawn for text in one if text.text}
    for node in graph.nodes:
        wanted = " ".join(safe(node.address).replace("\t", " ").split())
        if wanted and wanted.isascii():
            assert wanted in {" ".join(one.split()) for one in shown}
